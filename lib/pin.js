'use strict'
// A lease on a range that the kernel may not evict: how it is taken, and what becomes of it.

const native = require('../native/binding')
const { Op } = require('../worker/layout')
const { fromCore, mapClosed, pinLimit } = require('./errors')

// Pages stay locked as long as anybody has the file, the pin or its view: a variable that nobody uses any more is
// collected at any moment, and a pin that goes with it while the file is still read from would be no use.
const locksOf = new WeakMap() // of a mapping, which its file has: a Set
const lockOf = new WeakMap() // of a view

const NOTHING_LOCKED = Promise.resolve() // what release() gives for an empty range

/** The core's pin: its pages are unlocked by release(), by close(), or when the collector finds nobody as above. */
class Lock {
  #id
  #part
  #mapping // and its file are not collected while pages are locked
  #runSurely
  #released

  constructor({ id, lease }, { part, mapping, runSurely }) {
    this.#id = id
    this.lease = lease // the core ends the pin when this is collected, or its thread ends
    this.#part = part
    this.#mapping = mapping
    this.#runSurely = runSurely
  }

  get released() {
    return this.#released !== undefined || this.#mapping.file.closed
  }

  #hold() {
    let locks = locksOf.get(this.#mapping)
    if (locks === undefined) locksOf.set(this.#mapping, (locks = new Set()))
    locks.add(this)
  }

  /** Never rejects: where no thread can be had, this one does it. */
  release() {
    const { file } = this.#mapping
    locksOf.get(this.#mapping)?.delete(this)
    this.#released ??= file.closed ? file.close().catch(() => {}) : this.#unlock()
    return this.#released
  }

  /** For a handle that is being closed while others keep the mapping. */
  unlock() {
    this.#released ??= this.#unlock()
    return this.#released
  }

  async #unlock() {
    const parts = [this.#part]
    const about = { op: Op.UNPIN, mapping: this.#mapping, parts, argument: this.#id, syscall: 'munlock' }
    await this.#runSurely(about, () => native.dropPin(this.#id, this.#part.length))
  }

  /** Locks the range and makes it resident. Where that fails, what was locked of it is unlocked again. */
  async acquire(run) {
    const { offset, length } = this.#part
    const { file } = this.#mapping
    let locked
    this.#hold() // from now on: a handle may be closed before anybody hears that the pages are locked
    try {
      locked = run({ op: Op.PIN, mapping: this.#mapping, parts: [this.#part], argument: this.#id, syscall: 'mlock2' })
    } catch (error) {
      locksOf.get(this.#mapping).delete(this)
      native.dropPin(this.#id, length) // nobody has begun with it: nothing is locked
      throw error
    }
    try {
      await locked
      if (file.closed) throw mapClosed(file.path)
    } catch (error) {
      const unlocked = this.release()
      if (error?.name !== 'AbortError' && !file.closed) await unlocked // who gives up does not want to wait
      // Made anew, with what is locked by now, and the user's range in place of the slice that failed.
      throw error?.code === 'ERR_MAP_PIN_LIMIT' ? pinLimit(file.path, offset, length) : error
    }
  }
}

class Pin {
  #lock // undefined for an empty range
  #view
  #part
  #released = false

  /** Made by MappedFile.pin(). */
  constructor(lock, view, part) {
    this.#lock = lock
    this.#view = view
    this.#part = part
    if (lock !== undefined) lockOf.set(view, lock)
  }

  get view() {
    return this.#view
  }

  get offset() {
    return this.#part.offset
  }

  get length() {
    return this.#part.length
  }

  get released() {
    return this.#released || (this.#lock?.released ?? false)
  }

  release() {
    this.#released = true
    return this.#lock?.release() ?? NOTHING_LOCKED
  }

  [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
    if (!(#part in this)) return '[Pin]'
    const { offset, length, released } = this
    return depth < 0 ? '[Pin]' : `Pin ${inspect({ offset, length, released }, options)}`
  }

  [Symbol.dispose]() {
    void this.release()
  }

  [Symbol.asyncDispose]() {
    return this.release()
  }
}

/**
 * @param {object} about
 * @param {import('./mapping').Mapping} about.mapping
 * @param {{offset: number, length: number}} about.part
 * @param {(about: object) => Promise<unknown>} about.run
 * @param {(about: object, lastResort: () => void) => Promise<unknown>} about.runSurely
 * @param {() => Buffer} about.makeView
 */
async function pin({ mapping, part, run, runSurely, makeView }) {
  if (part.length === 0) {
    await run({ op: Op.PIN, mapping, parts: [], syscall: 'mlock2' }) // for the checks
    return new Pin(undefined, makeView(), part)
  }
  const made = native.createPin(mapping.id, part.offset, part.length)
  if (typeof made === 'number') throw fromCore(made, 'mlock2', mapping.path, part.offset, part.length)
  const lock = new Lock(made, { part, mapping, runSurely })
  await lock.acquire(run)
  return new Pin(lock, makeView(), part)
}

/** Unlocks all that was pinned of a mapping by way of one handle. */
async function releasePins(mapping) {
  await Promise.all([...locksOf.get(mapping) ?? []].map((lock) => lock.unlock()))
}

module.exports = { Pin, pin, releasePins }
