'use strict'
// The one clock that all threads of the process share: performance.now() counts from the start of its own thread.

const { hrtime } = require('node:process') // each look at the global one is a call

/** Nanoseconds since some moment before the process began; no system call. Whole, but for the rounding of large doubles. */
function now() {
  const [seconds, nanoseconds] = hrtime()
  return seconds * 1e9 + nanoseconds
}

module.exports = { now }
