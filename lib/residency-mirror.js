'use strict'
// What is known of a mapping's pages without a system call: the reading side of the core's mirror (native/mirror.c).

const { constants: { MAX_LENGTH } } = require('node:buffer')
const native = require('../native/binding')

const { EPOCH, AWAKE, CHANGES, PAGES, EPOCHS, PINNED, BLOCK, USED } = native.mirrorLayout
const PINNED_WORD = new Int32Array(new Uint8Array(4).fill(PINNED).buffer)[0] // the entries of four pages
const PAGE_SIZE = native.pageSize

const Known = Object.freeze({
  NOTHING: 0,
  STALE: 1, // it was resident some seconds ago
  RESIDENT: 2
})

class ResidencyMirror {
  #id
  #bytes // undefined of an empty file, and of one that is too large
  #words // the same, four at a time
  #changes
  #lead
  #believed
  #pages

  /**
   * @param {object} mapping the core's
   * @param {number} lead bytes from a page boundary to the start of the mapping
   * @param {number} byteLength of the mapping
   */
  constructor({ id, mirror: memory, believed }, lead, byteLength) {
    // Typed arrays of Node 20 stop at 4 GiB: of 16 TiB and more nothing is known there.
    const mirror = memory?.byteLength <= MAX_LENGTH ? memory : undefined
    this.#id = id
    this.#bytes = mirror && new Uint8Array(mirror, 0, mirror.byteLength)
    this.#words = mirror && new Int32Array(mirror, 0, mirror.byteLength / 4)
    this.#changes = mirror && new Uint32Array(mirror, CHANGES, 1)
    this.#lead = lead
    this.#believed = believed
    this.#pages = Math.ceil((lead + byteLength) / PAGE_SIZE)
  }

  /**
   * What is known of the pages of a range that is not empty: the least of what is known of each.
   *
   * One Atomics.load, of the epoch: that comes after the mirror was found awake, as waking it makes all that it knew old. The
   * other loads are plain: each Atomics.load is a call of 5 ns; bytes cannot tear, and what is read may be old by then anyway.
   */
  look(offset, length) {
    const bytes = this.#bytes
    if (bytes === undefined) return Known.NOTHING
    const first = Math.floor((this.#lead + offset) / PAGE_SIZE)
    const last = Math.floor((this.#lead + offset + length - 1) / PAGE_SIZE)
    // Nobody keeps an eye on pages of which nothing is known, or cold random traffic would have all of a file watched.
    const firstEntry = bytes[PAGES + first]
    if (firstEntry === 0) return Known.NOTHING
    if (firstEntry === PINNED && this.#arePinned(first, last)) return Known.RESIDENT // until it is unpinned: asks nobody
    if (!this.#watch(first, last)) return Known.NOTHING
    const now = Atomics.load(bytes, EPOCH)
    let known = Known.RESIDENT
    for (let at = PAGES + first; at <= PAGES + last; at++) {
      const entry = bytes[at]
      if (entry === 0) return Known.NOTHING
      if (entry === PINNED) continue
      const age = now - entry + (now < entry ? EPOCHS : 0)
      if (age >= this.#believed) known = Known.STALE
    }
    return known
  }

  /** Whether all pages of a range that is not empty are pinned, however long it is: it takes 0.2 ms a GiB. */
  isPinned(offset, length) {
    if (this.#bytes === undefined) return false
    const start = this.#lead + offset
    return this.#arePinned(Math.floor(start / PAGE_SIZE), Math.floor((start + length - 1) / PAGE_SIZE))
  }

  // Plain loads: whatever is done without the news of another thread might have been done before it.
  #arePinned(first, last) {
    const bytes = this.#bytes
    const end = PAGES + last + 1
    let at = PAGES + first
    while (at < end && at % 4 !== 0) if (bytes[at++] !== PINNED) return false
    for (; at + 4 <= end; at += 4) if (this.#words[at / 4] !== PINNED_WORD) return false
    while (at < end) if (bytes[at++] !== PINNED) return false
    return true
  }

  /**
   * Has the mirrors' thread look at these pages, and at the file's size. First the mark, then the look whether anybody sees
   * it: native/mirror_thread.c does it the other way round. A mark that is there already keeps that thread awake for some
   * sweeps, and any load will do. @returns {boolean} false where nobody does
   */
  #watch(first, last) {
    const bytes = this.#bytes
    const blocks = PAGES + this.#pages
    let isNews = false
    for (let at = blocks + Math.floor(first / BLOCK); at <= blocks + Math.floor(last / BLOCK); at++) {
      if (bytes[at] >= USED) continue
      Atomics.store(bytes, at, USED)
      isNews = true
    }
    const isAwake = isNews ? Atomics.load(bytes, AWAKE) : bytes[AWAKE]
    return isAwake === 1 || this.#wake()
  }

  /** False where no thread can be had to look after it: then nothing in it grows old. */
  #wake() {
    native.wakeMirror(this.#id)
    return Atomics.load(this.#bytes, AWAKE) === 1
  }

  /**
   * Whether somebody looks after a page, and after the file's size. The page has been loaded from by now: if that met one that is
   * lost, the fault guard has forgotten its entry.
   */
  watches(page) {
    if (this.#bytes === undefined || this.#believed === 0) return false
    if (!this.#watch(page, page)) return false // a range that is pinned is not watched otherwise
    return Atomics.load(this.#bytes, PAGES + page) !== 0
  }

  /** How often the file has been seen to change, plus one. */
  get changes() {
    return Atomics.load(this.#changes, 0)
  }
}

module.exports = { Known, ResidencyMirror }
