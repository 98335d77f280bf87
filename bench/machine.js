'use strict'
// On what the figures were taken.

const fs = require('node:fs')
const os = require('node:os')

/** @returns {number} bytes that a process may take without pushing others out */
function freeMemory() {
  const found = /^MemAvailable:\s+(\d+) kB$/m.exec(fs.readFileSync('/proc/meminfo', 'latin1'))
  return found ? Number(found[1]) * 1024 : os.freemem()
}

function describeMachine(folder) {
  return {
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.cpus().length,
    memoryBytes: os.totalmem(),
    kernel: `${os.type()} ${os.release()} ${os.arch()}`,
    filesystem: filesystemOf(folder),
    node: process.version
  }
}

// By the mount that the folder is on; statfs(2) has one number for ext2, ext3 and ext4.
function filesystemOf(folder) {
  const mounts = fs.readFileSync('/proc/self/mounts', 'latin1').split('\n').map((line) => line.split(' '))
  const isAbove = ([, point]) => point === '/' || folder === point || folder.startsWith(`${point}/`)
  // The deepest; of several on one point the last is on top.
  const found = mounts.filter(isAbove).reduce((best, mount) => mount[1].length >= best[1].length ? mount : best)
  return found[2]
}

module.exports = { freeMemory, describeMachine }
