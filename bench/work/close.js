'use strict'
// How long close() holds the calling thread: the longest gap between two turns of the event loop from before the call
// until the file is closed. setImmediate turns it without pause, so that the gaps are known to some microseconds; those
// of a loop that closes nothing are given beside.

const { mappingOf } = require('../../lib/mapped-file')
const native = require('../../native/binding')

const IDLE_MS = 100

const closers = {
  faultless: (file) => file.close(),
  // What it would cost without a thread: the core's own function, on the thread that called.
  inline: async (file) => {
    native.close(mappingOf(file).id)
    await file.close()
  }
}

module.exports = async function close(task) {
  const before = native.threadUsage().majorFaults
  const file = await require('faultless').open(task.path)
  if (task.reader === 'inline' && native.close === undefined) {
    return { skipped: 'this build has no close() that the main thread could call' }
  }
  await file.touch()
  const idle = await longestGap(() => new Promise((resolve) => setTimeout(resolve, IDLE_MS)))
  const start = performance.now()
  let synchronousMs
  const heldMs = await longestGap(() => {
    const called = performance.now()
    const closed = closers[task.reader](file)
    synchronousMs = performance.now() - called
    return closed
  })
  const seconds = (performance.now() - start) / 1e3
  return { heldMs, synchronousMs, idleGapMs: idle, seconds, majorFaults: native.threadUsage().majorFaults - before }
}

/** @returns {Promise<number>} ms of the longest gap while `run` is under way */
async function longestGap(run) {
  let longest = 0
  let last = performance.now()
  let ended = false
  const turn = () => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
    if (!ended) setImmediate(turn)
  }
  setImmediate(turn)
  await run()
  ended = true
  await new Promise((resolve) => setImmediate(resolve))
  return longest
}
