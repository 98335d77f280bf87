'use strict'
// Tells the files of this thread that loads have met pages which are lost: the event 'damage'.

const native = require('../native/binding')
const { noteFiles } = require('./fault-signal')

const files = new Set() // WeakRefs of what is open, so that a forgotten file is not held
const collected = new FinalizationRegistry(({ reference, onCollected }) => {
  forget(reference)
  onCollected()
})
const listenedTo = new Set() // files with listeners: nobody else may hold a file whose news somebody waits for

/**
 * Has a file hear of damage. While it has listeners it is not collected: minor collections clear weak references as well
 * on Node 26, and one that came between a load and the event would lose the event.
 * @param {import('node:events').EventEmitter & {emitDamage: () => void, closed: boolean}} file
 * @param {() => void} onCollected called when it was collected, unless it was forgotten before; does not hold it
 * @returns {() => void} forgets the file again
 */
function watch(file, onCollected) {
  const reference = new WeakRef(file)
  if (files.size === 0) listen()
  files.add(reference)
  collected.register(file, { reference, onCollected }, reference)
  file.on('removeListener', release).on('newListener', hold) // it has neither yet, so nothing is searched for
  return () => {
    collected.unregister(reference)
    forget(reference)
    listenedTo.delete(file)
  }
}

function listen() {
  native.onDamage(tellAll)
  noteFiles(true)
}

/** Where no file is left nothing of the process's holds this module, which may be of a realm that is to be collected. */
function forget(reference) {
  if (!files.delete(reference) || files.size > 0) return
  native.offDamage(tellAll)
  noteFiles(false)
}

/** Also for a file that has just lost listeners without being asked which. */
function watchListeners(file) {
  for (const [name, listener] of [['newListener', hold], ['removeListener', release]]) {
    if (!file.listeners(name).includes(listener)) file.on(name, listener)
  }
}

/** @this {import('./mapped-file').MappedFile} */
function hold(name) {
  if (name === 'damage' && !this.closed) listenedTo.add(this)
}

/** @this {import('./mapped-file').MappedFile} */
function release(name) {
  if (name === 'damage' && this.listenerCount('damage') === 0) listenedTo.delete(this)
}

function tellAll() {
  for (const reference of [...files]) reference.deref()?.emitDamage()
}

/** Remembers which pages of a mapping have been told of. */
class DamageReport {
  #id
  #seen
  #refreshes

  constructor(id, byteLength) {
    this.#id = id
    this.#refreshes = native.refreshCount(id)
    this.#seen = new BigUint64Array(native.damageWords(byteLength))
  }

  /** @returns {Array<{offset: number, length: number}>} ranges of pages that were lost since the last call, in bytes */
  news() {
    // What any thread had mapped again may be lost once more, and is told of again then.
    const refreshes = native.refreshCount(this.#id)
    if (refreshes !== this.#refreshes) this.#seen.fill(0n)
    this.#refreshes = refreshes
    const ranges = []
    // Each from where the last one ends: what is lost meanwhile before that is told of by a signal of its own.
    for (let from = 0, range; (range = native.nextDamage(this.#id, this.#seen, from)) !== undefined; from = range.offset + range.length) {
      ranges.push(range)
    }
    return ranges
  }
}

module.exports = { DamageReport, watch, watchListeners }
