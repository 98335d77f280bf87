'use strict'
// Writes to overlapping ranges land in the order of their calls: each begins when those before it that it overlaps are
// over, whatever threads take them. The rest run at the same time.
//
// Of each byte only the last write that was asked for matters: whoever comes next waits for that one, which has waited
// for the one before it. So what is kept are pieces that do not overlap, sorted, each with its last write.

class WriteOrder {
  #pieces = [] // { start, end, write }, in bytes
  #count = 0 // of writes
  #writes = new Set() // that are not over, in the order of their calls
  #waits = new Map() // for all writes up to one, by its number: { promise, resolve }; the numbers ascend

  /**
   * @template T
   * @param {number} offset bytes, as is the next; not 0, or nothing is in its way
   * @param {number} length
   * @param {(leave: () => void, turn?: Promise<unknown>) => T} begin is called at once. It does nothing to the range before
   *   `turn` resolves, which is undefined where nothing is in its way, and calls `leave` when nothing of it runs any more,
   *   also if it never ran. What it throws does so, too
   * @returns {T} as `begin` does
   */
  run(offset, length, begin) {
    const write = { number: ++this.#count, over: undefined, leave: undefined }
    write.over = new Promise((resolve) => (write.leave = resolve))
    this.#writes.add(write)
    const piece = { start: offset, end: offset + length, write }
    const before = this.#replace(piece)
    const turn = before.length === 0 ? undefined : Promise.all(before)
    const end = () => {
      this.#remove(piece)
      this.#writes.delete(write)
      write.leave()
      this.#endWaits()
    }
    // One that is given up before its turn still stands for those before it, which its piece has taken the place of.
    const leave = turn === undefined ? end : () => void turn.then(end)
    try {
      return begin(leave, turn)
    } catch (error) {
      leave()
      throw error
    }
  }

  /** Resolves when the writes to a range that have been asked for are over; undefined where there are none. */
  after(offset, length) {
    const { first, last } = this.#find(offset, offset + length)
    if (first === last) return undefined
    if (first === 0 && last === this.#pieces.length) return this.#afterAll()
    return Promise.all(this.#pieces.slice(first, last).map(({ write }) => write.over))
  }

  /** Waits for no write by itself: who flushes a file after each of thousands of writes would wait for as many each time. */
  #afterAll() {
    const known = this.#waits.get(this.#count)
    if (known !== undefined) return known.promise
    const wait = { promise: undefined, resolve: undefined }
    wait.promise = new Promise((resolve) => (wait.resolve = resolve))
    this.#waits.set(this.#count, wait)
    return wait.promise
  }

  #endWaits() {
    if (this.#waits.size === 0) return
    const [oldest] = this.#writes
    for (const [number, { resolve }] of this.#waits) {
      if (number >= oldest?.number) return
      this.#waits.delete(number)
      resolve()
    }
  }

  /** Puts a piece in the place of what it overlaps. @returns {Promise<void>[]} the ends of the writes that were there */
  #replace(piece) {
    const { start, end, write } = piece
    const { first, last } = this.#find(start, end)
    const before = this.#pieces.slice(first, last)
    const left = before.filter((other) => other.start < start).map((other) => ({ ...other, end: start }))
    const right = before.filter((other) => other.end > end).map((other) => ({ ...other, start: end }))
    this.#pieces.splice(first, last - first, ...left, { start, end, write }, ...right)
    return [...new Set(before.map((other) => other.write.over))]
  }

  /** A write is over: what is left of its pieces lies within its range. */
  #remove({ start, end, write }) {
    const { first, last } = this.#find(start, end)
    const others = this.#pieces.slice(first, last).filter((other) => other.write !== write)
    this.#pieces.splice(first, last - first, ...others)
  }

  /** The pieces that overlap a range: from `first` to before `last`. */
  #find(start, end) {
    const first = this.#firstWhere((piece) => piece.end > start)
    return { first, last: Math.max(first, this.#firstWhere((piece) => piece.start >= end)) }
  }

  /** By halves: `isPast` is false for some first pieces and true for the others. */
  #firstWhere(isPast) {
    let [low, high] = [0, this.#pieces.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (isPast(this.#pieces[middle])) high = middle
      else low = middle + 1
    }
    return low
  }
}

module.exports = { WriteOrder }
