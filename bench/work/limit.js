'use strict'
// Runs a program of limit/. A loop that is woken by it does nothing else: how late it is nevertheless is what the machine makes
// of it, and its timers. Beside other programs this loop sleeps: where a host keeps the page tables by software they take twice as
// long beside a process that wakes every millisecond.

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const { text } = require('node:stream/consumers')
const { AnswerTimes } = require('../answer-times')
const measure = require('../common/measure')
const { BLOCK_SIZE } = require('../content')

const LISTENER = 3 // the descriptor, as in limit/figures.h

module.exports = async function limit({ file, argv, hasListener, answers }) {
  const times = answers ? await AnswerTimes.start() : undefined
  const { result, delayMs, majorFaults } = hasListener ? await measure(() => run(file, argv)) : { result: await run(file, argv) }
  const answered = await times?.stop()
  if (result.code !== 0) return { skipped: `needs a newer Linux: ended with ${result.code} ${result.complaint.trim()}`.trim() }
  const { seconds, reads, deviceBytes, cpuSeconds } = JSON.parse(result.output)
  const microseconds = seconds / reads * 1e6
  const known = deviceBytes < 0 ? null : deviceBytes
  return {
    seconds,
    reads,
    cpuSeconds,
    majorFaults,
    deviceBytes: known,
    readsPerSecond: reads / seconds,
    bytesPerSecond: reads * BLOCK_SIZE / seconds,
    microsecondsPerRead: microseconds,
    microsecondsPerRound: microseconds,
    wakesPerSecond: result.wakes / seconds,
    deviceReadsPerRead: known === null ? null : known / BLOCK_SIZE / reads,
    delayP50Ms: delayMs?.p50,
    delayP99Ms: delayMs?.p99,
    delayMaxMs: delayMs?.max,
    answerP50Ms: answered?.p50,
    answerP99Ms: answered?.p99,
    answerMaxMs: answered?.max
  }
}

async function run(file, argv) {
  const child = spawn(file, argv, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] })
  let wakes = 0
  child.stdio[LISTENER].on('data', () => wakes++)
  const closed = once(child, 'close') // rejects where it cannot be started
  const [output, complaint, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed])
  return { code, output, complaint, wakes }
}
