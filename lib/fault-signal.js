'use strict'
// Keeps the core's handler of faults before Node's: process.on('SIGBUS') puts libuv's there, which returns to the load that
// failed, for ever; and who takes the last listener away leaves none at all.

const process = require('node:process')
const native = require('../native/binding')

// This module may be loaded several times, as test runners do, and other copies of the package have cores of their own.
const WATCHED = Symbol.for(`faultless.watchesFaultSignal ${__dirname}`)

/**
 * Listeners of these events come after Node's own, which have set the system's handler by then. At the first listener
 * alone and at the last: in between nothing was set, and whoever stands before us may be one who passes on to us.
 */
function standFirst(name) {
  if (name === 'SIGBUS' && process.listenerCount('SIGBUS') === 0) native.standFirst()
}

/** For the main thread, as soon as the package is loaded: in others nobody can listen to signals, and they may open files. */
function watchFaultSignal() {
  if (process[WATCHED] === true) return
  Object.defineProperty(process, WATCHED, { value: true })
  process.on('newListener', standFirst)
  process.on('removeListener', standFirst)
  if (process.listenerCount('SIGBUS') > 0) native.standFirst() // they may have come after a mapping of a worker's
}

module.exports = { watchFaultSignal }
