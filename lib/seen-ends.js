'use strict'
// Which ranges that end with zeros lie in the file. Truncating a file fills the rest of its last page with zeros, so a range that
// ends with zeros may have been cut off. For each page this remembers how far the kernel has confirmed that the file reaches,
// until the file is seen to change.

const native = require('../native/binding')

const PAGE_SIZE = native.pageSize
const FIRST_PAGES = 4096

class SeenEnds {
  #buffer // Node 20 has no array over one of more than 4 GiB
  #mirror
  #lead
  #pages
  // Of each page, for as many as were needed, as offsets within it; the file was seen to reach to `ends`:
  #zeros // where the zeros began that were at its end, whatever its last byte was
  #ends
  #seenAt // the count of changes at which that was

  /**
   * @param {SharedArrayBuffer} buffer the mapping
   * @param {import('./residency-mirror').ResidencyMirror} mirror
   * @param {number} lead bytes from a page boundary to the start of the mapping
   */
  constructor(buffer, mirror, lead) {
    this.#buffer = buffer
    this.#mirror = mirror
    this.#lead = lead
    this.#pages = Math.ceil((lead + buffer.byteLength) / PAGE_SIZE)
  }

  /**
   * Whether the file is known to reach to byte `end` of the mapping: confirm() was called for it or a byte behind it, the file has
   * not been seen to change since, and the last byte of the page that was no zero is none yet: a cut that nobody has seen yet
   * would have made it one, unless somebody has stored to it since. All without a system call.
   */
  has(end) {
    const last = this.#lead + end - 1
    const page = Math.floor(last / PAGE_SIZE)
    if (!(page < this.#ends?.length)) return false
    const zeros = this.#zeros[page]
    const witness = page * PAGE_SIZE + zeros - 1 - this.#lead // the last byte that was none of them, if that is on this page
    if (zeros > 0 && witness >= 0 && new Uint8Array(this.#buffer, witness, 1)[0] === 0) return false
    const isWithin = last % PAGE_SIZE < Math.max(zeros, this.#ends[page] + 1)
    return isWithin && this.#mirror.watches(page) && this.#seenAt[page] === this.#mirror.changes
  }

  /**
   * Remembers the page in which a range ends if the file reaches there.
   * @param {() => boolean} reaches asks the kernel
   * @returns {boolean} what that said
   */
  confirm(end, reaches) {
    const last = this.#lead + end - 1
    const page = Math.floor(last / PAGE_SIZE)
    const { changes } = this.#mirror
    const zeros = this.#zerosOf(page) // before the question, which vouches for what was there then
    if (!reaches()) return false
    if (!(page < this.#ends?.length)) this.#makeRoom(page)
    const isSame = this.#seenAt[page] === changes && this.#zeros[page] === zeros
    this.#ends[page] = isSame ? Math.max(this.#ends[page], last % PAGE_SIZE) : last % PAGE_SIZE
    this.#zeros[page] = zeros
    this.#seenAt[page] = changes
    return true
  }

  /** The last byte of a page is not looked at: behind it there is none, and 65,536 would not fit. */
  #zerosOf(page) {
    const start = Math.max(page * PAGE_SIZE - this.#lead, 0)
    const end = Math.min((page + 1) * PAGE_SIZE - this.#lead - 1, this.#buffer.byteLength)
    const bytes = new Uint8Array(this.#buffer, start, end - start)
    let zeros = bytes.length
    while (zeros > 0 && bytes[zeros - 1] === 0) zeros--
    return this.#lead + start + zeros - page * PAGE_SIZE
  }

  /** Not for all pages at once: most of them may be reserve that the file never grows into. */
  #makeRoom(page) {
    const length = Math.min(Math.max(2 * page, FIRST_PAGES), this.#pages)
    const [zeros, ends, seenAt] = [new Uint16Array(length), new Uint16Array(length), new Uint32Array(length)]
    if (this.#ends !== undefined) {
      zeros.set(this.#zeros)
      ends.set(this.#ends)
      seenAt.set(this.#seenAt)
    }
    this.#zeros = zeros
    this.#ends = ends
    this.#seenAt = seenAt
  }
}

module.exports = { SeenEnds }
