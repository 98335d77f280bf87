'use strict'
// What stands above the figures, and the table of them.

const Table = require('cli-table3')
const contenders = require('./contenders')
const { BLOCK_SIZE } = require('./blocks')
const { integer, fixed, mib, readsPerSecond } = require('./numbers')

function introduction({ path, blocks, sample, reads, concurrency, seed }) {
  const size = mib(blocks * BLOCK_SIZE)
  const file = `${path} (${size < 10 ? size.toFixed(1) : integer(size)} MiB${sample ? ', made for this' : ''})`
  return `Reading ${integer(reads)} random 4 KiB blocks of ${file} three ways, cold each time, ` +
    `${concurrency} in flight. Seed ${seed}.`
}

const ROWS = [
  ['reads per second', integer, readsPerSecond],
  ['event-loop delay p50, ms', fixed(1), ({ delayMs }) => delayMs.p50],
  ['event-loop delay p99, ms', fixed(1), ({ delayMs }) => delayMs.p99],
  ['event-loop delay max, ms', fixed(1), ({ delayMs }) => delayMs.max],
  ['major faults, main thread', integer, ({ majorFaults }) => majorFaults],
  ['CPU seconds, all threads', fixed(2), ({ cpuSeconds }) => cpuSeconds],
  ['MiB read from the device', fixed(1), ({ deviceBytes }) => deviceBytes === null ? null : mib(deviceBytes)]
]

const LEGEND = 'Event-loop delay: how late a timer of 1 ms was, all through the run.'

function table(results) {
  const grid = new Table({
    head: ['', ...results.map(heading)],
    colAligns: ['left', ...results.map(() => 'right')],
    style: { head: [], border: [], compact: true }
  })
  for (const [name, format, figure] of ROWS) {
    grid.push([name, ...results.map(figure).map((value) => value === null ? 'unknown' : format(value))])
  }
  return grid.toString()
}

function heading({ contender }) {
  return contenders.find(({ name }) => name === contender).heading
}

module.exports = { introduction, table, LEGEND }
