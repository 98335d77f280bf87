'use strict'
// What `npm run bench` runs: every trial, one after the other, and what came of them as a table, as JSON and as a page.
// This file is only the order of events.

const fs = require('node:fs')
const os = require('node:os')
const Progress = require('./common/progress')
const usageError = require('../cli/usage-error')
const wrap = require('./common/wrap')
const parseOptions = require('./options')
const DataFiles = require('./data-files')
const { describeMachine } = require('./machine')
const peers = require('./peers')
const { version: fioVersion } = require('./run-fio')
const runTrial = require('./run-trial')
const allTrials = require('./trials')
const { judgeTrial, judgeFaults } = require('./statistics')
const { barsTable, trialTable, why } = require('./results-table')

// More than this share of all cores in other programs' hands, and figures of time say little.
const BUSY_SHARE_MAX = 0.1

async function main() {
  exitInOrder()
  const options = parseOptions(process.argv.slice(2))
  checkBuilt()
  checkSpace(options)
  const results = await run(options)
  print(results)
  if (options.json) fs.writeFileSync(options.json, JSON.stringify(results, null, 1) + '\n')
  if (options.docs) require('./report').write(results)
  for (const { name, failed } of failures(results)) console.error(`bench: ${name} failed: ${failed}`)
  if (failures(results).length > 0) process.exitCode = 1
}

// Before files are made for nothing.
function checkBuilt() {
  try {
    require('faultless')
  } catch (error) {
    throw usageError(`faultless cannot be loaded; npm install builds it (${error.message.split('\n')[0]})`)
  }
}

// Twice the file: the others, a database and its content among them, are smaller.
function checkSpace({ folder, mode }) {
  const { bavail, bsize } = fs.statfsSync(folder)
  const needed = 2 * mode.fileBytes
  if (bavail * bsize >= needed) return
  const gib = (bytes) => (bytes / 2 ** 30).toFixed(1)
  throw usageError(`${folder} has ${gib(bavail * bsize)} GiB free, and ${gib(needed)} are needed; ` +
    '--folder names another, --quick needs less')
}

async function run(options) {
  const { mode, seed, folder } = options
  const started = Date.now()
  const installs = wantsPeers(options) && !peers.isInstalled()
  const bar = new Progress(options.trials.reduce((sum, trial) => sum + stagesOf(trial, mode), installs ? 1 : 0))
  const peerProblem = providePeers(options, installs, bar)
  let runs = 0
  const context = {
    mode,
    folder,
    files: new DataFiles(folder),
    progress: (label) => bar.stage(label, 1),
    nextSeed: () => (seed + runs++) % 2 ** 32,
    peerProblem
  }
  const trials = []
  try {
    for (const trial of options.trials) trials.push(await runTrial(trial, context))
  } finally {
    bar.stop()
  }
  return {
    command: commandLine(options),
    date: new Date(started).toISOString(),
    seconds: Math.round((Date.now() - started) / 1e3),
    mode: mode.name,
    sizes: mode,
    seed,
    machine: describeMachine(folder),
    faultless: require('../package.json').version,
    peers: wantsPeers(options) ? peers.versions() : {},
    fio: fioVersion(),
    notes: reservations(trials, mode.name),
    bars: [...trials.flatMap((trial, i) => judgeTrial(trial, barsOf(options.trials[i], mode))), judgeFaults(trials)],
    trials
  }
}

// What was measured, without where it was put: that says nothing to others.
function commandLine({ mode, trials, withPeers, seed }) {
  const flags = [
    mode.name === 'full' ? [] : [`--${mode.name}`],
    mode.times === 1 ? [] : ['--repeat', mode.times],
    trials.length === allTrials.length ? [] : ['--only', trials.map(({ name }) => name).join(',')],
    withPeers ? [] : ['--no-peers'],
    ['--seed', seed]
  ]
  return ['npm run bench --', ...flags.flat()].join(' ')
}

const barsOf = ({ bars }, mode) => typeof bars === 'function' ? bars(mode) : bars

function stagesOf(trial, mode) {
  const runs = trial.contenders.reduce((sum, contender) => sum + runTrial.repetitionsOf(trial, contender, mode), 0)
  return (trial.points?.(mode).length ?? 1) * (1 + runs)
}

const wantsPeers = ({ withPeers, trials }) =>
  withPeers && trials.some(({ contenders }) => contenders.some(({ peer }) => peer !== undefined))

/** @returns {(name: string) => string | undefined} why a package beside us is not there */
function providePeers(options, installs, bar) {
  if (!options.withPeers) return () => 'run with --no-peers'
  if (installs) bar.stage('installing the packages to compare with', 1)
  const problem = wantsPeers(options) ? peers.install() : undefined
  return (name) => problem ?? (peers.folderOf(name) ? undefined : `${name} could not be installed or built here, for Node ${process.version}`)
}

function print({ trials, bars, notes, seconds, seed, mode }) {
  for (const trial of trials) {
    console.log(`\n${trial.name}: ${trial.about}`)
    console.log(trial.points.length > 0 ? trialTable(trial) : why(trial.skipped, trial.failed))
  }
  console.log('\nThe bars, by medians')
  console.log(barsTable(bars))
  console.log(wrap([`Took ${seconds} seconds, mode ${mode}, seed ${seed}.`, ...notes].join(' ')))
}

function reservations(trials, mode) {
  const runs = allContenders(trials).flatMap((contender) => contender.runs)
  const invalid = runs.filter((one) => one.invalid !== undefined)
  const busy = runs.filter(({ othersShare }) => othersShare > BUSY_SHARE_MAX)
  const broken = allContenders(trials).filter(({ isBroken }) => isBroken)
  return [
    mode === 'tiny' && 'The figures of --tiny mean nothing.',
    ...broken.map(({ name, skipped }) => `There is no figure of ${name}, which is there, but failed: ${skipped}.`),
    invalid.length > 0 && `${invalid.length} of ${runs.length} runs do not count (the first: ${invalid[0].invalid}).`,
    busy.length > 0 && `In ${busy.length} of ${runs.length} runs other programs used more than ` +
      `${100 * BUSY_SHARE_MAX}% of the CPUs, which shows in all figures of time.`
  ].filter(Boolean)
}

const allContenders = (trials) => trials.flatMap(({ points }) => points.flatMap(({ contenders }) => contenders))
const failures = ({ trials }) => [...trials, ...allContenders(trials)].filter(({ failed }) => failed !== undefined)

// Files, cgroup and children go on 'exit', an event that a signal which nobody handles does not bring about. Nobody
// reads on where standard output is closed (`| head`).
function exitInOrder() {
  process.stdout.once('error', () => process.exit(1))
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(name, () => process.exit(128 + os.constants.signals[name]))
  }
}

main().catch((error) => {
  if (error.code === 'ERR_USAGE') console.error(wrap(`bench: ${error.message}`))
  else console.error(error)
  // Synchronous, so that a run under way ends as well.
  process.exit(error.code === 'ERR_USAGE' ? 2 : 1)
})
