'use strict'
// When a pool thread lets others go first. Who was just told of an answer may be waiting for this thread's processor, and else
// waits for the rest of its time slice, some milliseconds. But where somebody runs who never sleeps, such as an event loop with
// work all the time, or programs on a machine that has more of them than processors, who goes last waits for a whole slice of
// theirs: a thread that always did would answer once in some milliseconds.

const native = require('../native/binding')
const { now } = require('./clock')

const LONG_NS = 1e6 // nobody who was only told of answers is at work for so long
const PAUSE_NS = 20e6

class Courtesy {
  #yield
  #clock
  #resumes = 0

  /** @param {() => void} [act] yields @param {() => number} [clock] ns: both for tests alone */
  constructor(act = native.yield, clock = now) {
    this.#yield = act
    this.#clock = clock
  }

  /** Lets others go first, unless that has lately taken long. */
  yield() {
    const before = this.#clock()
    if (before < this.#resumes) return
    this.#yield()
    const after = this.#clock()
    if (after - before > LONG_NS) this.#resumes = after + PAUSE_NS
  }
}

module.exports = { Courtesy }
