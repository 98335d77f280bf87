'use strict'
// How late the event loop was over the course of a run, for a picture: a timer of 1 ms, and the worst in each interval.
// The percentiles of the tables come from perf_hooks; this keeps the order in time, which a histogram does not.

const TICK_MS = 1
const INTERVALS = 100

module.exports = class DelayTimeline {
  #start = performance.now()
  #samples = []
  #timer

  constructor() {
    this.#next()
  }

  #next() {
    const asked = performance.now()
    this.#timer = setTimeout(() => {
      const now = performance.now()
      this.#samples.push([now - this.#start, Math.max(0, now - asked - TICK_MS)])
      this.#next()
    }, TICK_MS)
  }

  stop() {
    clearTimeout(this.#timer)
  }

  /** @returns {Array<[number, number]>} ms since the start, and ms late at worst, one pair an interval */
  points() {
    const end = this.#samples.at(-1)?.[0] ?? 0
    const worst = new Map()
    for (const [at, late] of this.#samples) {
      const interval = Math.floor(at / end * INTERVALS)
      worst.set(interval, Math.max(late, worst.get(interval) ?? 0))
    }
    return [...worst].map(([interval, late]) => [round(interval * end / INTERVALS), round(late)])
  }
}

const round = (ms) => Math.round(ms * 100) / 100
