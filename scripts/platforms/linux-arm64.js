// Why: arm64 orders memory otherwise than x64 and is what many servers have. Builds core and addon with the cross compiler
// and runs both under qemu-user: the C tests, then the jest suite on a Node for arm64, in a copy of the checkout.
//
//   node scripts/platforms/linux-arm64.js                    C tests and suite, on Node 24
//   node scripts/platforms/linux-arm64.js --node 22 abort    test/abort.test.js alone, on another Node
//
// Debian: apt-get install g++-aarch64-linux-gnu qemu-user make. The whole takes far more than ten minutes: CI does not run
// it. What is left out is named in linux-arm64-left-out.js, with the reason. Exit code 1 when anything else failed.
'use strict'

const fsp = require('node:fs/promises')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { copyCheckout, crossBuildAddon } = require('../checkout')
const { NODE_CACHE, newestVersion, nodeBinary, prepareCache, provideNode } = require('../nodes')
const { run } = require('../processes')
const { CROSS, whatIsMissing } = require('../tools')
const { buildCoreTests, unpackResolver } = require('./arm64')
const { leftOutCoreTest, leftOutFile, leftOutTests } = require('./linux-arm64-left-out')
const { runSuite } = require('./suite')

const ARCH = 'arm64'
const { prefix, packages } = CROSS[ARCH]
const QEMU = ['qemu-aarch64', '-L', '/usr/aarch64-linux-gnu']
const SECONDS_MAX = 900 // for one file of tests

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { node: { type: 'string', default: '24' } }
  })
  const missing = whatIsMissing([[`${prefix}g++`, packages], [QEMU[0], 'qemu-user'], ['make', 'make']])
  if (missing) {
    console.log(`skipped: ${missing}`)
    return
  }
  await prepareCache()
  const folder = await fsp.mkdtemp(path.join(NODE_CACHE, '.work-arm64-'))
  try {
    const inC = positionals.length > 0 ? { passed: 0, failed: 0 } : await runCoreTests(path.join(folder, 'core'))
    const inJavaScript = await runFiles(folder, values.node, positionals)
    const [passed, failed] = ['passed', 'failed'].map((key) => inC[key] + inJavaScript[key])
    console.log(`\n${passed} passed, ${failed} failed`)
    process.exitCode = failed === 0 && passed > 0 ? 0 : 1
  } finally {
    await fsp.rm(folder, { recursive: true, force: true })
  }
}

async function runCoreTests(out) {
  const counts = { passed: 0, failed: 0 }
  for (const name of await buildCoreTests(out)) {
    const reason = leftOutCoreTest(name)
    if (reason !== undefined) {
      console.log(`${name}: left out: ${reason}`)
      continue
    }
    const code = await run(QEMU[0], [...QEMU.slice(1), path.join(out, 'plain', name)], { stdio: ['ignore', 'ignore', 'inherit'] })
    counts[code === 0 ? 'passed' : 'failed']++
    console.log(`${name}: ${code === 0 ? 'passed' : `FAILED (${code})`}`)
  }
  return counts
}

async function runFiles(folder, line, names) {
  const version = await newestVersion(line, ARCH)
  const nodeDir = await provideNode(version, ARCH)
  const checkout = path.join(folder, 'checkout')
  await copyCheckout(checkout)
  await crossBuildAddon(checkout, nodeDir, ARCH, prefix)
  console.log(`node ${version} (${ARCH}): testing`)
  const env = await environment(folder, nodeDir)
  const jest = path.join(checkout, 'node_modules', 'jest', 'bin', 'jest.js')
  return runSuite({
    title: `Linux arm64 under qemu-user, Node ${version}`,
    checkout,
    workDir: folder,
    command: [env.FAULTLESS_QEMU_NODE, jest, `--cacheDirectory=${path.join(folder, 'jest-cache')}`],
    env,
    seconds_max: SECONDS_MAX,
    leftOutFile,
    leftOutTests
  }, names)
}

// `node` and process.execPath are a script that starts the binary under qemu, for jest's workers and for children of tests.
async function environment(folder, nodeDir) {
  const bin = path.join(folder, 'bin')
  const node = path.join(bin, 'node')
  await fsp.mkdir(bin)
  await fsp.writeFile(node, `#!/bin/sh\nexec ${QEMU.join(' ')} '${nodeBinary(nodeDir)}' "$@"\n`, { mode: 0o755 })
  const kept = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name) && name !== 'NODE')
  return {
    ...Object.fromEntries(kept),
    PATH: `${bin}${path.delimiter}${process.env.PATH}`,
    NODE_OPTIONS: `--require ${path.join(__dirname, 'qemu-node.js')}`,
    NAPI_RS_NATIVE_LIBRARY_PATH: await unpackResolver(folder),
    FAULTLESS_QEMU_NODE: node,
    FAULTLESS_TEST_PATIENCE: '10'
  }
}

main().catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
