'use strict'
// The thread that asks: see answer-times.js.

const { workerData } = require('node:worker_threads')
const { ANSWERED, ASKED, NAP, STAMP, now } = require('../answer-times')

const words = new Int32Array(workerData)
const doubles = new Float64Array(workerData)

for (;;) {
  Atomics.wait(words, NAP, 0, 1)
  if (Atomics.load(words, ASKED) !== Atomics.load(words, ANSWERED)) continue
  doubles[STAMP] = now()
  Atomics.add(words, ASKED, 1)
  Atomics.notify(words, ASKED)
}
