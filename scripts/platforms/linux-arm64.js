// Why: arm64 is what many servers have. Builds core and addon with the cross compiler and runs both under qemu-user: the C
// tests, then the jest suite on a Node for arm64, in a copy of the checkout. What arm64 orders otherwise than x64 does not
// show where the emulator itself runs on an x64.
//
//   node scripts/platforms/linux-arm64.js                     all of it, on Node 24
//   node scripts/platforms/linux-arm64.js --node 22 abort     test/abort.test.js alone, on another Node
//
// Debian: apt-get install g++-aarch64-linux-gnu make. The emulator is Debian 13's, as that of Debian 12 lacks much of
// madvise, and comes into ~/.cache/faultless; FAULTLESS_QEMU names another. It takes hours: CI does not run it. What is left
// out is named in linux-arm64-left-out.js, with the reason. Exit code 1 when anything else failed.
'use strict'

const fsp = require('node:fs/promises')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { copyCheckout, crossBuildAddon } = require('../checkout')
const { NODE_CACHE, newestVersion, nodeBinary, prepareCache, provideNode } = require('../nodes')
const { CROSS, whatIsMissing } = require('../tools')
const { buildCoreTests, unpackResolver } = require('./arm64')
const { runCoreTests } = require('./core-tests')
const { provideDebianPackage } = require('./debian')
const { leftOutCore, leftOutFile, leftOutTests } = require('./linux-arm64-left-out')
const { runSuite } = require('./suite')

const ARCH = 'arm64'
const { prefix, packages } = CROSS[ARCH]
const NEEDED = [[`${prefix}g++`, packages], ['make', 'make'], ['apt-get', 'apt'], ['dpkg-deb', 'dpkg']]
const DEBIAN_ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' }
const SECONDS_MAX = 1200 // for one file of the suite

async function main() {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { node: { type: 'string', default: '24' } } })
  const missing = whatIsMissing(NEEDED)
  if (missing) {
    console.log(`skipped: ${missing}`)
    return
  }
  await prepareCache()
  const qemu = [await provideQemu(), '-L', '/usr/aarch64-linux-gnu']
  const workDir = await fsp.mkdtemp(path.join(NODE_CACHE, '.work-arm64-'))
  try {
    const inC = positionals.length > 0 || await runCore(path.join(workDir, 'core'), qemu)
    const inJavaScript = await runFiles(workDir, values.node, qemu, positionals)
    process.exitCode = inC && inJavaScript ? 0 : 1
  } finally {
    await fsp.rm(workDir, { recursive: true, force: true })
  }
}

async function provideQemu() {
  if (process.env.FAULTLESS_QEMU) return process.env.FAULTLESS_QEMU
  const folder = await provideDebianPackage(`qemu-user:${DEBIAN_ARCHITECTURES[process.arch]}`)
  return path.join(folder, 'usr', 'bin', 'qemu-aarch64')
}

async function runCore(out, qemu) {
  await buildCoreTests(out)
  const { failed } = await runCoreTests(path.join(out, 'plain'), { command: qemu, leftOut: leftOutCore })
  return failed === 0
}

async function runFiles(workDir, line, qemu, chosen) {
  const version = await newestVersion(line, ARCH)
  const nodeDir = await provideNode(version, ARCH)
  const checkout = path.join(workDir, 'checkout')
  await copyCheckout(checkout)
  await crossBuildAddon(checkout, nodeDir, ARCH, prefix)
  const env = await environment(workDir, nodeBinary(nodeDir), qemu)
  const jest = path.join(checkout, 'node_modules', 'jest', 'bin', 'jest.js')
  const { passed, failed } = await runSuite({
    title: `node ${version} (${ARCH})`,
    checkout,
    workDir,
    command: [env.FAULTLESS_QEMU_NODE, jest],
    jestArguments: ['--testTimeout=600000', `--cacheDirectory=${path.join(workDir, 'jest-cache')}`],
    env: () => env,
    seconds_max: SECONDS_MAX,
    leftOutFile,
    leftOutTests
  }, chosen)
  return failed === 0 && passed > 0
}

// `node` and process.execPath are a script that starts the binary under qemu, for the children of tests. It is as long as
// examples expect, which map it since everybody has it.
async function environment(workDir, binary, qemu) {
  const bin = path.join(workDir, 'bin')
  const node = path.join(bin, 'node')
  await fsp.mkdir(bin)
  await fsp.writeFile(node, `#!/bin/sh\nexec ${qemu.map((part) => `'${part}'`).join(' ')} '${binary}' "$@"\n`.padEnd(1 << 16, '#'), { mode: 0o755 })
  const kept = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name) && name !== 'NODE')
  return {
    ...Object.fromEntries(kept),
    PATH: `${bin}${path.delimiter}${process.env.PATH}`,
    NODE_OPTIONS: `--require ${path.join(__dirname, 'qemu-node.js')}`,
    NAPI_RS_NATIVE_LIBRARY_PATH: await unpackResolver(workDir),
    FAULTLESS_QEMU_NODE: node,
    FAULTLESS_TEST_PATIENCE: '10'
  }
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
