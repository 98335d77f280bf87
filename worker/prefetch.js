'use strict'
// Asks the device for many ranges at once: those of a mapping that touch or overlap become one call, so that what was
// asked for in pieces is read in one piece, and nothing twice.

const native = require('../native/binding')

const BLOCKED_MS = 1 // asking takes microseconds where nothing is in its way
const MOST_WAITING = 64 << 10 // bytes of a range that may wait for others; a long one is not worth it
const MOST = native.partsMax // ranges that wait

class Prefetch {
  #ranges = []
  #parts = new Float64Array(3 * MOST)
  #isBlocked = false

  /** Since start(), a call has taken so long that the device's queue must be full. */
  get isBlocked() {
    return this.#isBlocked
  }

  start() {
    this.#isBlocked = false
  }

  /** `lead`: bytes from a page boundary to the start of the mapping; so that ranges on one page are seen to touch. */
  add(id, lead, offset, length) {
    const isLong = length > MOST_WAITING
    if (isLong) this.flush() // it goes alone: the core leaves out of it what it reads in blocks, later
    this.#ranges.push({ id, lead, offset, end: offset + length })
    if (isLong || this.#ranges.length >= MOST) this.flush()
  }

  flush() {
    const ranges = this.#ranges
    if (ranges.length > 1) ranges.sort((a, b) => a.id - b.id || a.offset - b.offset)
    let at = 0
    for (let i = 0; i < ranges.length;) {
      const { id, lead, offset } = ranges[i]
      let { end } = ranges[i]
      for (i++; i < ranges.length && ranges[i].id === id && ranges[i].offset < pageEnd(lead, end); i++) {
        end = Math.max(end, ranges[i].end)
      }
      this.#parts[at++] = id
      this.#parts[at++] = offset
      this.#parts[at++] = end - offset
    }
    ranges.length = 0
    if (at > 0 && !this.#isBlocked) this.#isBlocked = native.prefetchEach(this.#parts, at / 3, BLOCKED_MS)
  }
}

/** The first byte past the page that byte `end` lies on: a range that starts before it touches one that ends at `end`. */
const pageEnd = (lead, end) => end - ((lead + end) % native.pageSize) + native.pageSize

module.exports = { Prefetch }
