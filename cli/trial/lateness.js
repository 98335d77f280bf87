'use strict'
// How late the event loop was, over the course of a run: a timer of 1 ms that notes by how much it was missed.

const TICK_MS = 1

const round = (value) => Math.round(value * 1000) / 1000

module.exports = class Lateness {
  #intervals
  #start = performance.now()
  #samples = []
  #timer

  /** @param {number} [intervals] so many points at most are kept of the course of it */
  constructor(intervals = 400) {
    this.#intervals = intervals
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

  /** Resolves when one more tick has come, or a delay that lasted until the end would not be counted. */
  async stop() {
    await new Promise((resolve) => setTimeout(resolve, 2 * TICK_MS))
    clearTimeout(this.#timer)
  }

  /** ms late: half of the ticks, all but one in a hundred, all. */
  summary() {
    const sorted = this.#samples.map(([, late]) => late).sort((a, b) => a - b)
    const at = (share) => round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0)
    return { p50: at(0.5), p99: at(0.99), max: at(1) }
  }

  /** @returns {Array<[number, number]>} ms since the start, and ms late at worst, a pair an interval */
  timeline() {
    const end = this.#samples.at(-1)?.[0] ?? 0
    const worst = new Map()
    for (const sample of this.#samples) {
      const interval = Math.min(this.#intervals - 1, Math.floor(sample[0] / end * this.#intervals))
      if (sample[1] >= (worst.get(interval)?.[1] ?? 0)) worst.set(interval, sample)
    }
    return [...worst.values()].map(([at, late]) => [round(at), round(late)])
  }
}
