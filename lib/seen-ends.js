'use strict'
// Which ranges that end with zeros lie in the file. Truncating a file fills the rest of its last page with zeros, so a range that
// ends with zeros may have been cut off. For each page this remembers how far the kernel has confirmed that the file reaches,
// until the file is seen to change.

const native = require('../native/binding')

const PAGE_SIZE = native.pageSize
const BLOCK_PAGES = 512 // whose ends are remembered together: 8 bytes each

class SeenEnds {
  #buffer // Node 20 has no array over one of more than 4 GiB
  #mirror
  #lead
  #blocks = new Map() // by number: files may have millions of pages, of which few are asked for

  /**
   * @param {SharedArrayBuffer} buffer the mapping
   * @param {import('./residency-mirror').ResidencyMirror} mirror
   * @param {number} lead bytes from a page boundary to the start of the mapping
   */
  constructor(buffer, mirror, lead) {
    this.#buffer = buffer
    this.#mirror = mirror
    this.#lead = lead
  }

  /**
   * Whether the file is known to reach to byte `end` of the mapping: confirm() was called for it or a byte behind it, the file has
   * not been seen to change since, and the last byte of the page that was no zero is none yet: a cut that nobody has seen yet
   * would have made it one, unless somebody has stored to it since. All without a system call.
   */
  has(end) {
    const last = this.#lead + end - 1
    const page = Math.floor(last / PAGE_SIZE)
    const block = this.#blocks.get(Math.floor(page / BLOCK_PAGES))
    if (block === undefined) return false
    const at = page % BLOCK_PAGES
    const zeros = block.zeros[at]
    const witness = page * PAGE_SIZE + zeros - 1 - this.#lead // the last byte that was none of them, if that is on this page
    if (zeros > 0 && witness >= 0 && new Uint8Array(this.#buffer, witness, 1)[0] === 0) return false
    const isWithin = last % PAGE_SIZE < Math.max(zeros, block.ends[at] + 1)
    return isWithin && this.#mirror.watches(page) && block.seenAt[at] === this.#mirror.changes
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
    const block = this.#blockOf(page)
    const at = page % BLOCK_PAGES
    const isSame = block.seenAt[at] === changes && block.zeros[at] === zeros
    block.ends[at] = isSame ? Math.max(block.ends[at], last % PAGE_SIZE) : last % PAGE_SIZE
    block.zeros[at] = zeros
    block.seenAt[at] = changes
    return true
  }

  #blockOf(page) {
    const number = Math.floor(page / BLOCK_PAGES)
    let block = this.#blocks.get(number)
    if (block === undefined) this.#blocks.set(number, (block = makeBlock()))
    return block
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
}

/** Of each page, as offsets within it; the file was seen to reach to `ends`. */
const makeBlock = () => ({
  zeros: new Uint16Array(BLOCK_PAGES), // where the zeros began that were at its end, whatever its last byte was
  ends: new Uint16Array(BLOCK_PAGES),
  seenAt: new Uint32Array(BLOCK_PAGES) // the count of changes at which that was; 0: never
})

module.exports = { SeenEnds }
