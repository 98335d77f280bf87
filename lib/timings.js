'use strict'
// Where the time of requests went, which is measured by the stamps of three moments: the call, a pool thread that takes
// it up, the end of its last slice. What is left is the calling thread's: it hears of the end when its loop gets to it.

const { createHistogram } = require('node:perf_hooks')

// To a hundredth, up to an hour: some tens of KiB each, and not the 350 of the default.
const newHistogram = () => createHistogram({ lowest: 1, highest: 3600e9, figures: 2 })

/** Histograms of the requests that succeeded, in ns. */
class Timings {
  waitNs = newHistogram()
  runNs = newHistogram()
  deliveryNs = newHistogram()

  /** @param {import('./request').Request} request that has succeeded */
  record(request) {
    const { submittedAt, collectedAt } = request
    // Stamps are for figures alone, and not synchronized (worker/layout.js): none must make a time negative.
    const takenAt = Math.max(request.takenAt, submittedAt)
    const endedAt = Math.max(request.endedAt, takenAt)
    this.waitNs.record(Math.max(takenAt - submittedAt, 1)) // a histogram knows no 0
    this.runNs.record(Math.max(endedAt - takenAt, 1))
    this.deliveryNs.record(Math.max(collectedAt - endedAt, 1))
  }
}

/**
 * The same times of one request, in ms, up to `at`; those that it did not come to are undefined.
 * @param {import('./request').Request} request that is settled
 * @param {number} at ns of worker/clock.js
 */
function timesOf(request, at) {
  const ms = (from, to) => Math.max(to - from, 0) / 1e6
  const { submittedAt, ended } = request
  const durationMs = ms(submittedAt, at)
  if (ended === 0) return { durationMs }
  const takenAt = Math.max(request.takenAt, submittedAt)
  const endedAt = Math.max(request.endedAt, takenAt)
  return {
    durationMs,
    waitMs: ms(submittedAt, takenAt),
    runMs: ms(takenAt, endedAt),
    workedMs: request.workedNs / 1e6,
    deliveryMs: ms(endedAt, at)
  }
}

module.exports = { Timings, timesOf }
