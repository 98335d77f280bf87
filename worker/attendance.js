'use strict'
// Which file each thread of a pool works on, by way of whichever of its mappings: they are never all on one, so that a file
// whose device hangs leaves one to the others.

const { Control, isFree, fileWord } = require('./layout')

class Attendance {
  #control
  #thread
  #maxThreads
  #mostOnOne
  #allowed = 0 // the file that begin() or mayBegin() has allowed last, since end()

  /** Whether mayBegin() has refused any since this was last set to false. */
  refused = false

  /** @param {Int32Array} control the pool's @param {number} thread this thread's number @param {number} maxThreads */
  constructor(control, thread, maxThreads) {
    this.#control = control
    this.#thread = thread
    this.#maxThreads = maxThreads
    this.#mostOnOne = Math.max(1, maxThreads - 1)
  }

  begin(file) {
    this.#allowed = file // it is on it, however many others are
    this.#say(fileWord(file))
  }

  end() {
    this.#say(0)
    this.#allowed = 0
  }

  /**
   * Whether this thread may work on a file. A thread says what it is about to work on before it counts, so of two that
   * come at once both may stand back: each then looks again after a time of its own (main.js).
   */
  mayBegin(file) {
    if (this.#maxThreads === 1 || file === this.#allowed) return true
    if (this.isFull(file)) return false // and nothing was said, which would keep others from it
    this.#say(fileWord(file))
    if (!this.isFull(file)) {
      this.#allowed = file
      return true
    }
    this.end()
    return false
  }

  /** Whether so many other threads are on a file that this one may not begin it, as far as can be told without saying that it does. */
  isFull(file) {
    if (this.#maxThreads === 1 || file === this.#allowed) return false
    const isFull = this.#countOthers(fileWord(file)) >= this.#mostOnOne
    this.refused ||= isFull
    return isFull
  }

  #countOthers(word) {
    let threads = 0
    for (let i = 0; i < this.#maxThreads; i++) {
      const isOn = i !== this.#thread && Atomics.load(this.#control, Control.WORKS_ON + i) === word
      if (isOn && this.#isThere(i)) threads++
    }
    return threads
  }

  #say(word) {
    Atomics.store(this.#control, Control.WORKS_ON + this.#thread, word)
  }

  /** A thread that died has left word of what it worked on. */
  #isThere(thread) {
    return !isFree(Atomics.load(this.#control, Control.STATUS + thread))
  }
}

module.exports = { Attendance }
