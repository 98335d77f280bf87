'use strict'
// Every figure that is reported: what it is called, how it is written, whether more of it is better, and whether it is a sum
// over all that was done.

const MIB = 2 ** 20

// Three digits that count, whatever the size.
const short = (value) => value.toLocaleString('en-US', { maximumSignificantDigits: 3 })

const integer = (value) => Math.round(value).toLocaleString('en-US')

module.exports = {
  readsPerSecond: { label: 'reads/s', write: integer, more: true },
  bytesPerSecond: { label: 'MiB/s', write: (value) => integer(value / MIB), more: true },
  microsecondsPerRead: { label: 'µs a read', write: short },
  microsecondsPerRound: { label: 'µs a round', write: short },
  milliseconds: { label: 'ms', write: short },
  loadMs: { label: 'loading it, ms', write: short },
  seconds: { label: 's', write: short },
  cpuSeconds: { label: 'CPU s', write: short, isSum: true },
  delayP50Ms: { label: 'loop delay p50, ms', write: (value) => value.toFixed(1) },
  delayP99Ms: { label: 'loop delay p99, ms', write: (value) => value.toFixed(1) },
  delayMaxMs: { label: 'loop delay max, ms', write: (value) => value.toFixed(1) },
  answerP50Ms: { label: 'answers p50, ms', write: (value) => value.toFixed(3) },
  answerP99Ms: { label: 'answers p99, ms', write: (value) => value.toFixed(2) },
  answerMaxMs: { label: 'answers max, ms', write: (value) => value.toFixed(1) },
  majorFaults: { label: 'major faults, main thread', write: integer },
  misses: { label: 'not known to be resident', write: integer },
  deviceReadsPerRead: { label: 'device reads a read', write: (value) => value.toFixed(3) },
  waitP50Ms: { label: 'a read p50, ms', write: (value) => value.toFixed(2) },
  waitP99Ms: { label: 'a read p99, ms', write: (value) => value.toFixed(2) },
  pssBytes: { label: 'PSS of the process, MiB', write: (value) => integer(value / MIB) },
  pssOfFileBytes: { label: 'PSS of the files, MiB', write: (value) => integer(value / MIB) },
  rssBytes: { label: 'RSS added, MiB', write: (value) => integer(value / MIB) },
  heldMs: { label: 'held, ms', write: short },
  synchronousMs: { label: 'of it the call itself, ms', write: short },
  idleGapMs: { label: 'gap of an idle loop, ms', write: short }
}
