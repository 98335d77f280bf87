// Why: some arm64 systems have pages of 16 KiB, and whoever takes 4096 for a page is wrong there. Boots an emulated arm64 with
// Debian 13's kernel for them and runs in it, on Node, the C tests and the checks of test/fixtures/runtime.js, or files of
// the suite that are named. As it is a kernel of its own, eviction, locked memory and waits are real there.
//
//   node scripts/platforms/linux-arm64-16k.js                       C tests and checks, with pages of 16 KiB
//   node scripts/platforms/linux-arm64-16k.js pin wait              test/pin.test.js and wait.test.js
//   node scripts/platforms/linux-arm64-16k.js --pages 4             all that with pages of 4 KiB
//
// Debian: apt-get install g++-aarch64-linux-gnu qemu-system-arm make cpio xz-utils e2fsprogs. The kernel (90 MB) and Node come
// into ~/.cache/faultless. No root, no KVM. The last line is `N passed, N failed`; exit code 1 when anything failed.
'use strict'

const fsp = require('node:fs/promises')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { CHECKOUT, copyCheckout, crossBuildAddon } = require('../checkout')
const { NODE_CACHE, newestVersion, nodeBinary, prepareCache, provideNode } = require('../nodes')
const { capture } = require('../processes')
const { CROSS, whatIsMissing } = require('../tools')
const { buildCoreTests, unpackResolver } = require('./arm64')
const { prepareMachine, runMachine } = require('./emulated-machine')

const ARCH = 'arm64'
const { prefix, packages } = CROSS[ARCH]
const NEEDED = [[`${prefix}g++`, packages], ['qemu-system-aarch64', 'qemu-system-arm'], ['make', 'make'], ['cpio', 'cpio'],
  ['xz', 'xz-utils'], ['mkfs.ext4', 'e2fsprogs'], ['apt-get', 'apt']]

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { pages: { type: 'string', default: '16' }, node: { type: 'string', default: '24' }, minutes: { type: 'string', default: '60' } }
  })
  const missing = whatIsMissing(NEEDED)
  if (missing) {
    console.log(`skipped: ${missing}`)
    return
  }
  await prepareCache()
  const workDir = await fsp.mkdtemp(path.join(NODE_CACHE, '.work-arm64-'))
  try {
    const machine = await prepareMachine(workDir, Number(values.pages))
    await furnish(machine, values.node, positionals)
    process.exitCode = await runTests(machine, Number(values.minutes) * 60) ? 0 : 1
  } finally {
    await fsp.rm(workDir, { recursive: true, force: true })
  }
}

// The first program of the machine, and the last one.
const START = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/sbin HOME=/root TMPDIR=/tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/shm && mount -t tmpfs shm /dev/shm
ip link set lo up
cd /checkout
node scripts/platforms/in-machine.js "$@"
poweroff -f
`

/** Puts onto its disk what is to run there. */
async function furnish({ root, workDir }, line, files) {
  const nodeDir = await provideNode(await newestVersion(line, ARCH), ARCH)
  await fsp.copyFile(nodeBinary(nodeDir), path.join(root, 'bin', 'node'))
  const copy = path.join(root, 'checkout')
  await copyCheckout(copy)
  await crossBuildAddon(copy, nodeDir, ARCH, prefix)
  await fsp.rm(path.join(copy, 'node_modules')) // a link to a folder that is not there
  if (files.length > 0) {
    await capture('cp', ['-a', path.join(CHECKOUT, 'node_modules'), copy])
    await fsp.cp(await unpackResolver(workDir), path.join(root, 'resolver.node'))
  } else {
    await fsp.mkdir(path.join(copy, 'node_modules'))
    await fsp.cp(path.join(CHECKOUT, 'node_modules', 'node-gyp-build'), path.join(copy, 'node_modules', 'node-gyp-build'), { recursive: true })
  }
  await buildCoreTests(path.join(root, 'core'), { isStatic: true })
  await fsp.writeFile(path.join(root, 'start'), START.replace('"$@"', files.join(' ')), { mode: 0o755 })
}

async function runTests(machine, seconds_max) {
  let result
  const hasEnded = await runMachine(machine, seconds_max, (text) => {
    const found = /^RESULT (.*)$/.exec(text)
    if (found) result = JSON.parse(found[1])
    else console.log(text)
  })
  if (!hasEnded || result === undefined) console.log(`FAILED: the machine ${hasEnded ? 'ended' : 'was stopped'} without a result`)
  const { passed, failed } = hasEnded && result ? result : { passed: 0, failed: 1 }
  console.log(`\n${passed} passed, ${failed} failed`)
  return failed === 0 && passed > 0
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
