// Why: emulating a program (qemu-user) gives it the kernel of this machine, as far as the emulator passes its calls on. This
// boots a whole arm64 machine instead, with a kernel of Debian 13: real page cache, real faults, and pages of 4 or 16 KiB. It
// is slow, as each instruction is translated, and needs neither root nor KVM.
'use strict'

const fsp = require('node:fs/promises')
const path = require('node:path')
const { capture, run } = require('../processes')
const { dependenciesOf, provideDebianPackage } = require('./debian')

const METAPACKAGES = { 4: 'linux-image-arm64:arm64', 16: 'linux-image-arm64-16k:arm64' } // by KiB of a page
const LIBRARIES = '/usr/aarch64-linux-gnu/lib' // of the cross compiler: the C library, and what Node needs beside it
const LOADED = /\/(ld-linux-aarch64|lib(c|m|dl|pthread|rt|gcc_s|stdc\+\+|atomic))\.so(\.\d+)*$/
// What tests start and busybox has not.
const PROGRAMS = [['libc-bin:arm64', 'usr/bin/getconf', 'getconf'], ['bash-static:arm64', 'usr/bin/bash-static', 'bash']]
// In an order in which each finds what it needs.
const MODULES = ['lib/crc16', 'crypto/crc32c_generic', 'fs/mbcache', 'fs/jbd2/jbd2', 'fs/ext4/ext4', 'drivers/block/virtio_blk']
const PROCESSOR = 'neoverse-n1' // has pages of 16 KiB, and no pointer authentication, whose emulation is slow
const DISK = '3G'
const MEMORY = '3G'

/**
 * A machine that has not started. Its disk is what lies in `root`, which the caller adds to, with `/start` among it: a
 * script of busybox that runs first and last.
 * @param {string} workDir
 * @param {4 | 16} kib of a page
 */
async function prepareMachine(workDir, kib) {
  const root = path.join(workDir, 'root')
  const busybox = path.join(await provideDebianPackage('busybox-static:arm64'), 'usr', 'bin', 'busybox')
  const [image] = await dependenciesOf(METAPACKAGES[kib])
  const kernel = await provideDebianPackage(`${image}:arm64`)
  for (const folder of ['bin', 'dev', 'proc', 'sys', 'tmp', 'var/tmp', 'etc', 'lib', 'root']) {
    await fsp.mkdir(path.join(root, folder), { recursive: true })
  }
  await fsp.copyFile(busybox, path.join(root, 'bin', 'busybox'))
  for (const [name, file, own] of PROGRAMS) {
    await fsp.copyFile(path.join(await provideDebianPackage(name), file), path.join(root, 'bin', own))
  }
  for (const name of await fsp.readdir(LIBRARIES)) {
    const file = path.join(LIBRARIES, name)
    if (LOADED.test(file)) await fsp.cp(file, path.join(root, 'lib', name), { verbatimSymlinks: true })
  }
  await fsp.writeFile(path.join(root, 'etc', 'passwd'), 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n')
  await fsp.writeFile(path.join(root, 'etc', 'hosts'), '127.0.0.1 localhost\n')
  const [vmlinuz] = (await fsp.readdir(path.join(kernel, 'boot'))).filter((name) => name.startsWith('vmlinuz'))
  const initramfs = await makeInitramfs(workDir, kernel, busybox)
  return { root, workDir, initramfs, vmlinuz: path.join(kernel, 'boot', vmlinuz) }
}

// Drivers of the disk and its file system are modules, so they have to lie beside the kernel.
const INIT = `#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in /modules/*; do /bin/busybox insmod $module; done
/bin/busybox mount -t ext4 /dev/vda /root
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /start
`

async function makeInitramfs(workDir, kernel, busybox) {
  const tree = path.join(workDir, 'initramfs')
  for (const folder of ['bin', 'dev', 'modules', 'root']) await fsp.mkdir(path.join(tree, folder), { recursive: true })
  await fsp.copyFile(busybox, path.join(tree, 'bin', 'busybox'))
  await fsp.writeFile(path.join(tree, 'init'), INIT, { mode: 0o755 })
  const modules = path.join(kernel, 'usr', 'lib', 'modules')
  const [release] = await fsp.readdir(modules)
  for (const [i, name] of MODULES.entries()) {
    const target = path.join(tree, 'modules', `${i}-${path.basename(name)}.ko`)
    await capture('sh', ['-c', 'xz -dc "$0" > "$1"', path.join(modules, release, 'kernel', `${name}.ko.xz`), target])
  }
  await capture('sh', ['-c', 'find . | cpio -o -H newc --quiet > ../initramfs.cpio'], { cwd: tree })
  return path.join(workDir, 'initramfs.cpio')
}

/** Runs it until it powers itself off, and passes on what it writes on its console. @returns whether it did */
async function runMachine({ root, workDir, initramfs, vmlinuz }, seconds_max, onLine) {
  const disk = path.join(workDir, 'disk')
  await capture('truncate', ['-s', DISK, disk])
  await capture('mkfs.ext4', ['-q', '-F', '-d', root, disk])
  let timer
  let rest = ''
  const argv = ['-M', 'virt', '-cpu', PROCESSOR, '-smp', '2', '-m', MEMORY, '-nodefaults', '-nographic', '-no-reboot',
    '-serial', 'stdio', '-kernel', vmlinuz, '-initrd', initramfs, '-append', 'console=ttyAMA0 quiet panic=-1',
    '-drive', `file=${disk},format=raw,if=none,id=disk`, '-device', 'virtio-blk-pci,drive=disk']
  const code = await run('qemu-system-aarch64', argv, {
    stdio: ['ignore', 'pipe', 'inherit'],
    onSpawn(child) {
      timer = setTimeout(() => child.kill('SIGKILL'), seconds_max * 1000)
      child.stdout.setEncoding('utf8').on('data', (text) => {
        const lines = (rest + text).split(/\r?\n/)
        rest = lines.pop()
        lines.forEach(onLine)
      })
    }
  })
  clearTimeout(timer)
  return code === 0
}

module.exports = { prepareMachine, runMachine }
