'use strict'
// A cgroup with a memory limit, of whichever version the system has, and a process started inside it.

const fs = require('node:fs')
const path = require('node:path')

const V1 = '/sys/fs/cgroup/memory'
const V2 = '/sys/fs/cgroup'

// A process that was killed leaves its cgroup a moment later.
const REMOVE_ATTEMPTS = 50
const REMOVE_PAUSE_MS = 20

const isV1 = () => fs.existsSync(path.join(V1, 'memory.limit_in_bytes'))

/**
 * @param {number} limit bytes
 * @returns {string} the cgroup's folder
 * @throws the system's errors, where the user may not or the system cannot
 */
function makeCgroup(limit) {
  const v1 = isV1()
  const folder = path.join(v1 ? V1 : V2, `faultless-${process.pid}`)
  if (!v1) fs.writeFileSync(path.join(V2, 'cgroup.subtree_control'), '+memory')
  fs.mkdirSync(folder)
  try {
    fs.writeFileSync(path.join(folder, v1 ? 'memory.limit_in_bytes' : 'memory.max'), String(limit))
  } catch (error) {
    fs.rmdirSync(folder)
    throw error
  }
  return folder
}

/** Synchronous, so that it can run while the process exits. */
function removeCgroup(folder) {
  for (let attempt = 1; ; attempt++) {
    try {
      return fs.rmdirSync(folder)
    } catch (error) {
      if (error.code !== 'EBUSY' || attempt === REMOVE_ATTEMPTS) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, REMOVE_PAUSE_MS)
    }
  }
}

/** @returns {[string, string[]]} a command that enters the cgroup and then becomes another */
function commandInside(folder, command, args) {
  return ['sh', ['-c', 'echo $$ > "$1/cgroup.procs" && shift && exec "$@"', 'sh', folder, command, ...args]]
}

module.exports = { makeCgroup, removeCgroup, commandInside }
