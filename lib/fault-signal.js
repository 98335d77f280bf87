'use strict'
// Keeps the core's handler of faults before Node's. process.on('SIGBUS') makes libuv install its own, which returns to the load that
// failed, and that fails again, for ever; removing the last listener installs the default, which ends the process. So the core's
// is put back both times.

const process = require('node:process')
const { isMainThread } = require('node:worker_threads')
const native = require('../native/binding')

// This module may be loaded several times, and other copies of the package have cores of their own.
const WATCHED = Symbol.for(`faultless.watchesFaultSignal ${__dirname}`)

// Test runners make realms of their own, which are to be collected: nothing of the process's may hold what is made there.
const isOfRealm = !(process.nextTick instanceof Function)

/**
 * For 'newListener' and 'removeListener'. Node's own listeners of these come first, and have changed the system's handler by then;
 * which they do for the first listener of a signal and for the last.
 */
function standFirst(name) {
  if (name === 'SIGBUS' && process.listenerCount('SIGBUS') === 0) native.standFirst()
}

function watch() {
  process.on('newListener', standFirst)
  process.on('removeListener', standFirst)
  if (process.listenerCount('SIGBUS') > 0) native.standFirst() // they may have come after a mapping of a worker's
}

function unwatch() {
  process.off('newListener', standFirst)
  process.off('removeListener', standFirst)
}

// From when the package is loaded, as workers may open files; in workers nobody can listen to signals.
if (isMainThread && !isOfRealm && process[WATCHED] !== true) {
  Object.defineProperty(process, WATCHED, { value: true })
  watch()
}

/** For a realm, whether it has files open: only then may anything of the process's hold what is made there. */
function noteFiles(hasAny) {
  if (!isMainThread || !isOfRealm) return
  if (hasAny) watch()
  else unwatch()
}

module.exports = { noteFiles }
