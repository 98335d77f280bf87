'use strict'
// Asks the device for many ranges at once: those of a mapping that touch or overlap become one call, so that what was
// asked for in pieces is read in one piece, and nothing twice.

const native = require('../native/binding')
const { pageEnd } = require('./pages')

const BLOCKED_MS = 1 // asking takes microseconds where nothing is in its way
const MOST_WAITING = 64 << 10 // bytes of a range that may wait for others; a long one is not worth it
const MOST = native.partsMax // ranges that wait
const STRIDE = 5 // numbers of each

class Prefetch {
  #ranges = new Float64Array(STRIDE * MOST) // those that wait, by mapping and offset: id, lead, offset, end and file of each
  #count = 0
  #parts = new Float64Array(3 * MOST)
  #isBlocked = false
  #together = 1 // ranges that one system call may ask for: it waits for room for each where the queue is full
  #mayAsk

  /** @param {(file: number) => boolean} mayAsk of a file, whose device may hang: called right before it is asked for ranges of that */
  constructor(mayAsk) {
    this.#mayAsk = mayAsk
  }

  /** Since start(), a call has taken so long that the device's queue must be full: no more should be taken up. */
  get isBlocked() {
    return this.#isBlocked
  }

  start() {
    this.#isBlocked = false
  }

  /**
   * @param {number} id the mapping's
   * @param {number} file
   * @param {number} lead bytes from a page boundary to the start of the mapping; so that ranges on one page are seen to touch
   * @param {number} offset
   * @param {number} length
   */
  add(id, file, lead, offset, length) {
    const isLong = length > MOST_WAITING
    if (isLong) this.flush() // it goes alone: the core leaves out of it what it reads in blocks, later
    const at = this.#makeRoom(id, offset)
    this.#ranges[at] = id
    this.#ranges[at + 1] = lead
    this.#ranges[at + 2] = offset
    this.#ranges[at + 3] = offset + length
    this.#ranges[at + 4] = file
    if (isLong || this.#count === MOST) this.flush()
  }

  /** @returns {number} where a range goes: what comes after it has been moved on by one place */
  #makeRoom(id, offset) {
    const ranges = this.#ranges
    const end = STRIDE * this.#count++
    let at = end
    // The same id makes the first difference 0, which counts as false: then the offsets tell.
    while (at > 0 && (ranges[at - STRIDE] - id || ranges[at - STRIDE + 2] - offset) > 0) at -= STRIDE
    if (at < end) ranges.copyWithin(at + STRIDE, at, end)
    return at
  }

  /**
   * Asks for all that wait, a file after the other; also where the queue is full, as what a thread has taken up and nobody has asked
   * for is read page by page.
   */
  flush() {
    const last = STRIDE * this.#count
    this.#count = 0
    for (let at = 0; at < last;) at = this.#askForFile(at, last)
  }

  /** @returns {number} where the next file begins */
  #askForFile(first, last) {
    const ranges = this.#ranges
    const parts = this.#parts
    const file = ranges[first + 4]
    let filled = 0
    let at = first
    do {
      const id = ranges[at]
      const lead = ranges[at + 1]
      const offset = ranges[at + 2]
      let end = ranges[at + 3]
      for (at += STRIDE; at < last && ranges[at] === id && ranges[at + 2] < pageEnd(end, lead); at += STRIDE) {
        end = Math.max(end, ranges[at + 3])
      }
      parts[filled++] = id
      parts[filled++] = offset
      parts[filled++] = end - offset
    } while (at < last && ranges[at + 4] === file)
    if (this.#mayAsk(file)) this.#ask(parts, filled / 3)
    return at
  }

  /** A call ends with what has blocked: before the next the thread can be ended, however slow the device is. */
  #ask(parts, count) {
    while (count > 0) {
      const asked = native.prefetchEach(parts, count, BLOCKED_MS, this.#together)
      const isBlocked = asked < 0
      const done = Math.abs(asked)
      this.#isBlocked ||= isBlocked
      this.#together = isBlocked ? 1 : Math.min(2 * this.#together, MOST)
      count -= done
      if (count > 0) parts = parts.subarray(3 * done)
    }
  }
}

module.exports = { Prefetch }
