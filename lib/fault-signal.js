'use strict'
// Keeps the core's handler of faults before Node's: process.on('SIGBUS') puts libuv's there, which returns to the load that
// failed, for ever; and who takes the last listener away leaves none at all.

const process = require('node:process')
const { isMainThread } = require('node:worker_threads')
const native = require('../native/binding')

// This module may be loaded several times, and other copies of the package have cores of their own.
const WATCHED = Symbol.for(`faultless.watchesFaultSignal ${__dirname}`)

// Test runners make realms of their own, which are to be collected: nothing of the process's may hold what is made there.
const isOfRealm = !(process.nextTick instanceof Function)

/**
 * Listeners of these events come after Node's own, which have set the system's handler by then: at the first listener and at the
 * last, in between nothing is set.
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

/**
 * For a realm: while it has files open.
 * @param {FinalizationRegistry | undefined} collected tells when files are collected, if it is held itself; undefined for none
 */
function noteFiles(collected) {
  if (!isMainThread || !isOfRealm) return
  standFirst.holds = collected
  if (collected !== undefined) watch()
  else unwatch()
}

module.exports = { noteFiles }
