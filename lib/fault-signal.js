'use strict'
// Keeps the core's handler of faults before Node's: process.on('SIGBUS') puts libuv's there, which returns to the load that
// failed, for ever; and who takes the last listener away leaves none at all.

const process = require('node:process')
const native = require('../native/binding')

const WATCHED = Symbol.for('faultless.watchesFaultSignal') // another copy of this module may have the same process

/** Listeners of these events come after Node's own, which have set the system's handler by then. */
function standFirst(name) {
  if (name === 'SIGBUS') native.standFirst()
}

/** For the main thread, from the first mapping on: in others nobody can listen to signals. */
function watchFaultSignal() {
  if (process[WATCHED] === true) return
  Object.defineProperty(process, WATCHED, { value: true })
  process.on('newListener', standFirst)
  process.on('removeListener', standFirst)
}

module.exports = { watchFaultSignal }
