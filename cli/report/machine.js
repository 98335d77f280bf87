'use strict'
// On what the figures were taken.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

/** The type of the file system, by the mount that is the deepest above the file. */
function fileSystemOf(file) {
  try {
    const folder = path.dirname(fs.realpathSync(file))
    const mounts = fs.readFileSync('/proc/self/mounts', 'latin1').split('\n').map((line) => line.split(' '))
    const isAbove = ([, point]) => point === '/' || folder === point || folder.startsWith(`${point}/`)
    // Of several on one point the last is on top.
    return mounts.filter(isAbove).reduce((best, mount) => (mount[1].length >= best[1].length ? mount : best))[2]
  } catch {
    return 'unknown'
  }
}

const describeMachine = (file) => ({
  processors: `${os.availableParallelism()} × ${os.cpus()[0]?.model.trim() ?? 'unknown'}`,
  memory: os.totalmem(),
  system: `${os.type()} ${os.release()}`,
  fileSystem: fileSystemOf(file),
  node: process.version
})

module.exports = { describeMachine }
