'use strict'
// How late the event loop answers another thread, which asks about once a millisecond. A timer of the loop's own counts whole
// milliseconds: it fires up to one late where the loop wakes for something else now and then, and not where the loop
// does nothing or never sleeps. This has no such steps.

const path = require('node:path')
const { Worker } = require('node:worker_threads')

const ASKED = 0
const ANSWERED = 1
const NAP = 2 // nobody wakes who sleeps on it
const STAMP = 2 // of doubles: when it was last asked, in ms
const BYTES = 32

class AnswerTimes {
  #words
  #doubles
  #worker
  #times = []
  #isOver = false

  /** Resolves when the other thread asks. */
  static async start() {
    const memory = new SharedArrayBuffer(BYTES)
    const times = new AnswerTimes(memory)
    await times.#answer()
    times.#times.length = 0
    void times.#answerAll()
    return times
  }

  constructor(memory) {
    this.#words = new Int32Array(memory)
    this.#doubles = new Float64Array(memory)
    this.#worker = new Worker(path.join(__dirname, 'work', 'answer-times-thread.js'), { workerData: memory })
  }

  async #answerAll() {
    while (!this.#isOver) await this.#answer()
  }

  async #answer() {
    const answered = Atomics.load(this.#words, ANSWERED)
    const { async, value } = Atomics.waitAsync(this.#words, ASKED, answered)
    // A turn in any case, or a thread that asks often would hold the loop.
    await (async ? value : new Promise(setImmediate))
    const asked = Atomics.load(this.#words, ASKED)
    if (asked === answered) return
    this.#times.push(now() - this.#doubles[STAMP])
    Atomics.store(this.#words, ANSWERED, asked)
  }

  /** @returns {Promise<{p50: number, p99: number, max: number}>} ms */
  async stop() {
    this.#isOver = true
    await this.#worker.terminate()
    const sorted = this.#times.sort((a, b) => a - b)
    const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
    return { p50: at(0.5), p99: at(0.99), max: sorted.at(-1) }
  }
}

/** The clock that both threads have: ms. */
function now() {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}

module.exports = { ANSWERED, ASKED, AnswerTimes, NAP, STAMP, now }
