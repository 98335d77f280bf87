// Why: arm64 orders memory otherwise than x64 and is what many servers have. Builds core and addon with the cross compiler
// and runs both under qemu-user: the C tests, then the jest suite on a Node for arm64, in a copy of the checkout.
//
//   node scripts/platforms/linux-arm64.js [LINE] [-- JEST_ARGUMENT ...]   LINE is a line of Node, 24 without one
//   node scripts/platforms/linux-arm64.js -- test/abort.test.js           one file, in about a minute
//
// Debian: apt-get install g++-aarch64-linux-gnu qemu-user make. The whole takes far more than ten minutes: CI does not run
// it. What is left out is named below, with the reason. Exit code 1 when anything else failed.
'use strict'

const fsp = require('node:fs/promises')
const path = require('node:path')
const { CHECKOUT, copyCheckout, crossBuildAddon } = require('../checkout')
const { NODE_CACHE, newestVersion, nodeBinary, prepareCache, provideNode } = require('../nodes')
const { capture, run } = require('../processes')
const { CROSS, whatIsMissing } = require('../tools')

const ARCH = 'arm64'
const { prefix, packages } = CROSS[ARCH]
const QEMU = ['qemu-aarch64', '-L', '/usr/aarch64-linux-gnu']
const C_TESTS = path.join(CHECKOUT, 'test', 'native')

// What qemu-user 7.2 does not do. Its madvise does nothing, so what was evicted stays in memory.
const LEFT_OUT_C = {
  test_mapping: 'its /proc/self/maps is a regular file',
  test_mirror: 'residency, and the memory of qemu itself is counted',
  test_pins: 'it has no mlock2',
  test_residency: 'residency',
  test_waiter: 'it has no futex_waitv'
}
const LEFT_OUT = {
  bench: 'residency',
  chunks: 'page faults are counted, and those of qemu are among them: not tried',
  cli: 'residency',
  'cli-report': 'residency',
  'cli-slow': 'residency',
  'full-disk': 'not tried: it mounts file systems',
  fuzz: 'not tried: too slow',
  libraries: 'not tried: too slow',
  lifetimes: 'the memory of qemu itself is counted',
  'main-thread-faults': 'page faults are counted, and those of qemu are among them: not tried',
  mirror: 'residency',
  package: 'the packed file is for the machine that packs it',
  pin: 'it has no mlock2',
  'pool-faults': 'page faults are counted, and those of qemu are among them: not tried',
  processes: 'not tried: too slow',
  residency: 'residency',
  service: 'not tried: too slow',
  'slow-device': 'not tried: it mounts file systems',
  storm: 'not tried: too slow',
  'stray-stores': 'residency',
  wait: 'it has no futex_waitv',
  'write-faults': 'page faults are counted, and those of qemu are among them: not tried'
}

async function main() {
  const missing = whatIsMissing([[`${prefix}g++`, packages], [QEMU[0], 'qemu-user'], ['make', 'make']])
  if (missing) {
    console.log(`skipped: ${missing}`)
    return
  }
  const { line, jestArguments } = readArguments(process.argv.slice(2))
  await prepareCache()
  const folder = await fsp.mkdtemp(path.join(NODE_CACHE, '.work-arm64-'))
  try {
    const inC = await runCoreTests(path.join(folder, 'core'))
    const inJavaScript = await runSuite(folder, line, jestArguments)
    process.exitCode = inC && inJavaScript ? 0 : 1
  } finally {
    await fsp.rm(folder, { recursive: true, force: true })
  }
}

function readArguments(argv) {
  const end = argv.indexOf('--')
  const own = end < 0 ? argv : argv.slice(0, end)
  return { line: own[0] ?? '24', jestArguments: end < 0 ? [] : argv.slice(end + 1) }
}

async function runCoreTests(out) {
  const names = (await fsp.readdir(C_TESTS)).filter((name) => /^test_\w+\.c$/.test(name)).map((name) => name.slice(0, -2))
  let good = true
  for (const name of names) {
    if (name in LEFT_OUT_C) {
      console.log(`${name}: left out: ${LEFT_OUT_C[name]}`)
      continue
    }
    const binary = path.join(out, 'plain', name)
    await capture('make', ['-s', '-C', C_TESTS, `CC=${prefix}gcc`, `OUT=${out}`, binary])
    const code = await run(QEMU[0], [...QEMU.slice(1), binary], { stdio: ['ignore', 'ignore', 'inherit'] })
    console.log(`${name}: ${code === 0 ? 'passed' : `FAILED (${code})`}`)
    good &&= code === 0
  }
  return good
}

async function runSuite(folder, line, jestArguments) {
  const version = await newestVersion(line, ARCH)
  const nodeDir = await provideNode(version, ARCH)
  const copy = path.join(folder, 'checkout')
  await copyCheckout(copy)
  await crossBuildAddon(copy, nodeDir, ARCH, prefix)
  for (const [name, why] of Object.entries(LEFT_OUT)) console.log(`test/${name}.test.js: left out: ${why}`)
  console.log(`node ${version} (${ARCH}): testing`)
  const env = await environment(folder, nodeDir)
  const argv = [path.join(copy, 'node_modules', 'jest', 'bin', 'jest.js'), '--testTimeout=300000',
    `--testPathIgnorePatterns=/test/(${Object.keys(LEFT_OUT).join('|')})\\.test\\.js$`,
    `--cacheDirectory=${path.join(folder, 'jest-cache')}`, ...jestArguments]
  return await run(env.FAULTLESS_QEMU_NODE, argv, { cwd: copy, env, stdio: ['ignore', 'inherit', 'inherit'] }) === 0
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
    NAPI_RS_NATIVE_LIBRARY_PATH: await provideResolver(folder),
    FAULTLESS_QEMU_NODE: node
  }
}

// jest's resolver is a binary too, and npm installs the one for this machine alone.
async function provideResolver(folder) {
  const { version } = require('unrs-resolver/package.json')
  const own = path.join(folder, 'resolver')
  await fsp.mkdir(own)
  await capture('npm', ['pack', `@unrs/resolver-binding-linux-arm64-gnu@${version}`, '--json=false', '--dry-run=false'], { cwd: own })
  const [archive] = await fsp.readdir(own)
  await capture('tar', ['-xzf', archive], { cwd: own })
  return path.join(own, 'package', 'resolver.linux-arm64-gnu.node')
}

main().catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
