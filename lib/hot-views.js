'use strict'
// Buffers over mapped memory, and the fast path: those that can be had at once and without a system call.

const { Buffer } = require('node:buffer')
const native = require('../native/binding')
const { Known, ResidencyMirror } = require('./residency-mirror')
const { SeenEnds } = require('./seen-ends')
const { intoPage, pageEnd } = require('../worker/pages')

// The class whose instances Buffers are. Buffer.from() makes the same of its arguments, after many checks.
const Species = Buffer[Symbol.species]
const hasSpecies = typeof Species === 'function' && Object.getPrototypeOf(new Species(1)) === Buffer.prototype

const { PAGES, SHOWN } = native.mirrorLayout
const TAIL = 64 // bytes after a range's end that may vouch for it

class HotViews {
  #id
  #buffer
  #mirror
  #seenEnds
  #lead
  #header // of the mirror; undefined once it says that memory was shown, and of an empty file

  /** @param {object} mapping the core's @param {number} lead bytes from a page boundary to its start */
  constructor(mapping, buffer, lead) {
    this.#id = mapping.id
    this.#buffer = buffer
    this.#lead = lead
    this.#mirror = new ResidencyMirror(mapping, lead, buffer.byteLength)
    this.#seenEnds = new SeenEnds(buffer, this.#mirror, lead)
    this.#header = mapping.mirror && new Uint8Array(mapping.mirror, 0, PAGES)
  }

  /**
   * Before anybody gets hold of memory that can be stored to: until then what the mapping holds is what the file holds, and
   * copies are made past it.
   */
  show() {
    if (this.#header !== undefined) Atomics.store(this.#header, SHOWN, 1)
    this.#header = undefined
  }

  /** A Buffer over a range, whatever is known of it. */
  make(offset, length) {
    if (this.#header !== undefined) this.show()
    return hasSpecies ? new Species(this.#buffer, offset, length) : Buffer.from(this.#buffer, offset, length)
  }

  /**
   * The same, or undefined unless the range is known to be resident and in the file. Makes no system call where that is
   * known as of late; where the news is old the kernel is asked, and so it is with `mayAsk` where there is none.
   */
  get(offset, length, mayAsk) {
    if (length === 0) return this.make(offset, length)
    const known = this.#mirror.look(offset, length)
    if (known < Known.RESIDENT) {
      const isResident = (mayAsk || known === Known.STALE) && this.#ask(offset, length)
      return isResident ? this.make(offset, length) : undefined
    }
    return this.#makeIfThere(offset, length)
  }

  /** The same for a range of any length all of which is pinned: it needs to be asked about no more than the above. */
  getPinned(offset, length) {
    return this.#mirror.isPinned(offset, length) ? this.#makeIfThere(offset, length) : undefined
  }

  #makeIfThere(offset, length) {
    const view = this.make(offset, length)
    // Who cuts a file off leaves zeros up to the end of the page: a byte that is none has not been cut off. The load
    // costs nothing, as the reader is about to make it; should the page be lost by now, it gives zero.
    if (view[length - 1] !== 0 || this.#isThere(offset, length)) return view
    return undefined
  }

  /** The kernel's word: whether a range is resident and in the file. One system call or two, some microseconds. */
  #ask(offset, length) {
    return native.isResident(this.#id, offset, length) === 1
  }

  /** Whether a range that ends with a zero byte was not cut off: seldom more than a look at what follows it. */
  #isThere(offset, length) {
    const end = offset + length
    return this.#isFollowedByData(end) || this.#seenEnds.has(end) || this.#confirm(offset, length)
  }

  #isFollowedByData(end) {
    const restOfPage = intoPage(end, this.#lead) === 0 ? 0 : pageEnd(end, this.#lead) - end
    const rest = Math.min(restOfPage, TAIL, this.#buffer.byteLength - end)
    return new Uint8Array(this.#buffer, end, rest).some((byte) => byte !== 0)
  }

  #confirm(offset, length) {
    return this.#seenEnds.confirm(offset + length, () => native.isIntact(this.#id, offset, length) === 1)
  }
}

module.exports = { HotViews }
