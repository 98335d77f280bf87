'use strict'
// What a reader must know before believing the figures: wrong data, a file that was not cold, too few reads.

const os = require('node:os')
const contenders = require('./contenders')
const { integer, percent, mib, bytesAsked } = require('./numbers')

// Some pages may come back by themselves between the drop and the first read; more is a drop that did not take.
const RESIDENT_SHARE_MAX = 0.01

// Less of what was asked for than this, and the device was not what was measured.
const DEVICE_SHARE_MIN = 0.95

const FEW_READS = 2000

// A larger part of all cores than this in other programs' hands, and none of the ways had what it could use.
const BUSY_SHARE_MAX = 0.2

module.exports = function reservations(plan, options, results) {
  return [wrong, shortened, few, busy, cold, unknown].flatMap((check) => check(plan, options, results) ?? [])
}

function wrong(plan, options, results) {
  const bad = results.filter(({ wrongBlocks }) => wrongBlocks.length > 0)
  if (bad.length === 0) return null
  const list = bad.map(({ contender, wrongBlocks }) =>
    `${label(contender)}: ${integer(wrongBlocks.length)} of them, the first is block ${wrongBlocks[0]}`)
  const excuse = plan.sample ? '' : ' Unless somebody wrote to the file meanwhile, this is a bug.'
  return `WRONG DATA. Blocks were read that differ from what the file holds. ${list.join('; ')}.${excuse}`
}

function shortened(plan, options, results) {
  const reads = results.at(-1).reads
  if (reads < plan.reads) {
    return `The disk is slow: the first way read only ${integer(reads)} of ${integer(plan.reads)} blocks in ` +
      `${plan.deadlineMs / 1000} seconds, so the others were given the same ${integer(reads)}. --reads sets a number.`
  }
  if (options.readsGiven && plan.reads < options.reads) {
    return `The file has only ${integer(plan.blocks)} blocks; each of them was read once.`
  }
  return null
}

function few(plan, options, results) {
  const reads = results.at(-1).reads
  return reads < FEW_READS ? `With only ${integer(reads)} reads the figures say little.` : null
}

function busy(plan, options, results) {
  const shares = results.map(({ cpuSeconds, machineCpuSeconds, seconds }) =>
    (machineCpuSeconds - cpuSeconds) / seconds / os.cpus().length)
  const most = Math.max(...shares)
  if (most <= BUSY_SHARE_MAX) return null
  return `The machine was busy: meanwhile other programs used up to ${percent(most)} of its CPUs, which shows in all ` +
    'figures of time.'
}

function cold(plan, options, results) {
  const shares = results.map(({ residentShare }) => residentShare)
  const most = Math.max(...shares) // null counts as 0
  if (most > RESIDENT_SHARE_MAX) {
    return `NOT COLD: ${percent(most)} of the file was still in memory after it had been dropped from the page ` +
      'cache. Its filesystem lives in memory, or another process has it mapped or locked.'
  }
  return fromDevice(results)
}

function fromDevice(results) {
  const short = results.filter((result) =>
    result.deviceBytes !== null && result.deviceBytes < DEVICE_SHARE_MIN * bytesAsked(result))
  if (short.length === 0) return null
  const list = short.map(({ contender, deviceBytes }) => `${label(contender)} ${mib(deviceBytes).toFixed(1)} MiB`)
  return `NOT ALL FROM A DISK: each way asked for ${mib(bytesAsked(short[0])).toFixed(1)} MiB, but only a part came ` +
    `from a device of this machine (${list.join(', ')}). The file has holes, comes over a network, or was not cold.`
}

function unknown(plan, options, results) {
  if (results.every(({ residentShare }) => residentShare !== null)) return null
  if (process.platform === 'win32') {
    return 'NOT COLD: Windows drops no file from its cache, so this was read from memory, or from the device as far as ' +
      'nobody had read it before.'
  }
  return 'The kernel does not say whether the file was in memory, since you neither own it nor may write to it; ' +
    'only what came from the device tells.'
}

function label(contender) {
  return contenders.find(({ name }) => name === contender).label
}
