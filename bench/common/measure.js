'use strict'
// The figures of one run: time, delay of the event loop, major faults of this thread, CPU, and what the device read.

const fs = require('node:fs')
const os = require('node:os')
const { monitorEventLoopDelay } = require('node:perf_hooks')
const { setTimeout: sleep } = require('node:timers/promises')

const TICK_MS = 1

// Bun has process.versions.node as well, but not our addon, and its monitor counts something else.
const IS_BUN = process.versions.bun !== undefined

module.exports = async function measure(run) {
  const delay = IS_BUN ? null : monitorEventLoopDelay({ resolution: TICK_MS })
  delay?.enable()
  // The first interval begins with the first tick: without a tick before the run, the run's first delay would be lost.
  await sleep(5 * TICK_MS)
  delay?.reset()

  const before = counters()
  const start = performance.now()
  const result = await run()
  // Innermost, since reading the other counters takes part of a millisecond, and a run may be as short.
  const seconds = (performance.now() - start) / 1e3
  const after = counters()

  // One more tick, or a delay that lasted until the end would not be counted.
  await sleep(2 * TICK_MS)
  delay?.disable()
  return { result, seconds, ...difference(before, after), delayMs: delay && lateness(delay) }
}

function counters() {
  const { user, system } = process.cpuUsage()
  return {
    majorFaults: majorFaults(),
    cpuSeconds: (user + system) / 1e6,
    machineCpuSeconds: machineCpuSeconds(),
    deviceBytes: deviceBytes()
  }
}

function difference(before, after) {
  const entries = Object.keys(before).map((key) => [key, before[key] === null ? null : after[key] - before[key]])
  return Object.fromEntries(entries)
}

// Of the main thread alone; null where the kernel does not count them by thread.
function majorFaults() {
  if (process.platform === 'win32') return null
  if (!IS_BUN) return require('../../native/binding').threadUsage().majorFaults
  const stat = fs.readFileSync(`/proc/self/task/${process.pid}/stat`, 'latin1')
  // proc(5): majflt is field 12; the second, the name, is in parentheses and may hold spaces.
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[9])
}

// What all programs have used on all cores, in steps of 10 ms: tells whether this one had the machine to itself.
function machineCpuSeconds() {
  const busyMs = os.cpus().map(({ times: { user, nice, sys } }) => user + nice + sys)
  return busyMs.reduce((sum, ms) => sum + ms, 0) / 1e3
}

// What this process made the device read, all its threads together; null where the kernel does not count it.
function deviceBytes() {
  try {
    return Number(/^read_bytes: (\d+)$/m.exec(fs.readFileSync('/proc/self/io', 'latin1'))[1])
  } catch {
    return null
  }
}

// The histogram holds the time from tick to tick, which is one tick where nothing is late.
function lateness(delay) {
  const late = (ns) => Math.max(0, ns / 1e6 - TICK_MS)
  return { p50: late(delay.percentile(50)), p99: late(delay.percentile(99)), max: late(delay.max) }
}
