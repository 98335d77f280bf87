'use strict'
// Where a file can be put that is to be read from a disk: many systems keep /tmp in memory, and /var/tmp on a disk.

const fs = require('node:fs')
const os = require('node:os')

// Filesystems that live in memory, from linux/magic.h: nothing on them is ever cold.
const IN_MEMORY = new Set([0x01021994 /* tmpfs */, 0x858458f6 /* ramfs */])

function temporaryFolder() {
  const candidates = [os.tmpdir(), '/var/tmp']
  return candidates.find(isWritableDisk) ?? candidates[0]
}

function isWritableDisk(folder) {
  try {
    fs.accessSync(folder, fs.constants.W_OK)
    return !isInMemory(folder)
  } catch {
    return false
  }
}

function isInMemory(folder) {
  return IN_MEMORY.has(fs.statfsSync(folder).type)
}

module.exports = { temporaryFolder, isInMemory }
