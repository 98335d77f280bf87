'use strict'
// Runs one trial: each contender as often as the mode says, in rounds, so that what changes on the machine meanwhile meets
// all of them. What cannot run says why; the others still do.

const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { isInMemory } = require('../cli/trial/temporary-folder')
const makeCold = require('./common/make-cold')
const { BLOCK_SIZE } = require('./content')
const { makeCgroup, removeCgroup } = require('./memory-limit')
const { shuffle } = require('./common/random')
const { freeMemory } = require('./machine')
const peers = require('./peers')
const runChild = require('./run-child')
const runFio = require('./run-fio')
const runLimit = require('./run-limit')
const { summarize } = require('./statistics')

// Some pages may come back by themselves between the drop and the first read; more is a drop that did not take.
const RESIDENT_SHARE_MAX = 0.01

const HOT_CHUNK = 1 << 20

// By a contender's runtime: what is not Node's.
const OTHER_PROGRAMS = { fio: runFio, limit: runLimit }

/**
 * @param {object} trial see trials/index.js
 * @param {object} context { mode, files, folder, progress, nextSeed(), peerProblem(name) }
 * @returns {Promise<object>} { name, about, skipped?, failed?, points: [{ label, parameters, contenders }] }
 */
module.exports = async function runTrial(trial, context) {
  const { mode } = context
  const about = typeof trial.about === 'function' ? trial.about(mode) : trial.about
  const result = { name: trial.name, about, figures: trial.figures, pressured: trial.pressured === true }
  let cgroup
  try {
    const skipped = whyNot(trial, context)
    if (skipped !== undefined) return { ...result, skipped, points: [] }
    cgroup = limitMemory(trial, mode)
    if (cgroup?.skipped) return { ...result, skipped: cgroup.skipped, points: [] }
    return { ...result, points: await runPoints(trial, { ...context, cgroup: cgroup?.folder }) }
  } catch (error) {
    // A full disk, say: the other trials may have room, and what was measured before is not lost.
    return { ...result, failed: error.message, points: [] }
  } finally {
    cgroup?.remove?.()
  }
}

function whyNot(trial, { mode, folder, peerProblem }) {
  if (trial.cold && !mode.anyMachine && isInMemory(folder)) {
    return `${folder} lives in memory, so that nothing in it is ever cold; --folder names another`
  }
  if (trial.memoryBytes?.(mode) > freeMemory()) return 'not enough free memory'
  const problems = trial.contenders.map((contender) => problemOf(contender, peerProblem))
  return problems.every(Boolean) ? problems[0] : undefined
}

const problemOf = ({ peer, peers: several = [peer] }, peerProblem) =>
  several.filter(Boolean).map(peerProblem).find(Boolean)

function limitMemory(trial, mode) {
  if (trial.limitBytes === undefined) return undefined
  try {
    const folder = makeCgroup(trial.limitBytes(mode))
    const removeAtExit = () => removeCgroup(folder)
    process.once('exit', removeAtExit)
    const remove = () => {
      process.off('exit', removeAtExit)
      removeCgroup(folder)
    }
    return { folder, remove }
  } catch (error) {
    return { skipped: `no cgroup with a memory limit can be made here, which needs root (${error.code})` }
  }
}

async function runPoints(trial, context) {
  const points = []
  for (const { files, ...parameters } of trial.points?.(context.mode) ?? [{}]) {
    const label = trial.pointName?.(parameters)
    context.progress(`${trial.name}: its data`)
    const { work } = trial
    const its = await trial.files(context.files, context.mode)
    const own = await files?.(context.files, context.mode)
    const task = { work, ...trial.parameters?.(context.mode), ...its, ...own, ...parameters }
    const contenders = await runContenders(trial, task, context, label)
    points.push({ label, parameters, contenders })
  }
  return points
}

async function runContenders(trial, task, context, label) {
  const { mode } = context
  const results = trial.contenders.map((contender) => ({
    contender,
    runs: [],
    skipped: problemOf(contender, context.peerProblem)
  }))
  const rounds = Math.max(...trial.contenders.map((contender) => repetitionsOf(trial, contender, mode)))
  for (let round = 0; round < rounds; round++) {
    // What ran before changes what a run meets: where a hypervisor takes back the memory that was freed (free page reporting
    // of virtio-balloon), the next to use it waits 10 us a page. In a fixed order that were always the same contender.
    for (const result of shuffle(context.nextSeed(), results)) {
      const { contender } = result
      if (result.skipped ?? result.failed) continue
      if (round >= repetitionsOf(trial, contender, mode)) continue
      context.progress([trial.name, label, contender.name, round + 1].filter(Boolean).join(', '))
      await runOnce(trial, result, task, context)
    }
  }
  return results.map(({ contender: { name, ours = false }, skipped, isBroken, failed, runs }) =>
    ({ name, ours, skipped: skipped ?? whyNothing(runs), isBroken, failed, runs, summary: summarize(runs, trial.figures) }))
}

/** How often one contender of a trial runs. */
function repetitionsOf({ exact, often = 1 }, { aside }, mode) {
  const times = typeof often === 'function' ? often(mode) : often
  return times * (aside || exact ? mode.repetitionsAside : mode.repetitions)
}

function whyNothing(runs) {
  return runs.length > 0 && runs.every(({ invalid }) => invalid) ? runs[0].invalid : undefined
}

/** One run; what came of it is added to the contender's result. */
async function runOnce(trial, result, shared, context) {
  const { contender } = result
  try {
    const own = await contender.files?.(context.files, context.mode)
    const seed = context.nextSeed()
    const { reader, blockBytes, buffered, scans } = contender
    const task = { ...shared, ...own, reader, blockBytes, buffered, scans, seed }
    const residentShare = await prepare(trial, task)
    const runOther = OTHER_PROGRAMS[contender.runtime]
    const outcome = await (runOther ?? runChild)(task, howToRun(contender, context))
    record(result, outcome, (figures) => ({
      seed,
      ...figures,
      othersShare: shareOfOthers(figures),
      invalid: trial.cold ? whyNotCold(figures, residentShare, context.mode) : undefined
    }))
  } catch (error) {
    record(result, { error: error.message })
  }
}

/** @returns {Promise<number | null | undefined>} the part of the file that is in memory though it was dropped */
async function prepare({ cold, evicted, hot }, { path: file, warmPath }) {
  if (cold && warmPath !== undefined) await makeCold(warmPath)
  if (cold || evicted) return makeCold(file)
  // Into the page cache; the chunks are of no use.
  if (hot) await once(fs.createReadStream(file, { highWaterMark: HOT_CHUNK }).resume(), 'end')
  return undefined
}

function howToRun({ runtime, execArgv, env }, { cgroup }) {
  return { binary: runtime === 'bun' ? path.resolve(peers.bunBinary()) : process.execPath, execArgv, env, cgroup }
}

function record(result, { figures, skipped, error }, toRun) {
  const { peer, aside } = result.contender
  if (figures !== undefined) result.runs.push(toRun(figures))
  else if (skipped !== undefined) result.skipped = skipped
  // What others' code does is no fault of ours.
  else if (peer !== undefined && aside) Object.assign(result, { skipped: error, isBroken: true })
  else result.failed = error
}

function whyNotCold({ deviceBytes, reads }, residentShare, { anyMachine }) {
  if (anyMachine) return undefined
  if (residentShare > RESIDENT_SHARE_MAX) return `not cold: ${(100 * residentShare).toFixed(1)}% was in memory`
  if (deviceBytes === null) return 'not proved cold: the kernel does not count what the device reads'
  if (deviceBytes >= reads * BLOCK_SIZE) return undefined
  return `not cold: ${deviceBytes} bytes came from the device for ${reads * BLOCK_SIZE} asked`
}

/** @returns {number | undefined} the part of all cores that other programs used meanwhile */
function shareOfOthers({ machineCpuSeconds, cpuSeconds, seconds }) {
  if (machineCpuSeconds === undefined || cpuSeconds === undefined) return undefined
  const share = (machineCpuSeconds - cpuSeconds) / seconds / os.cpus().length
  return Math.max(0, Math.round(share * 100) / 100)
}

module.exports.repetitionsOf = repetitionsOf
