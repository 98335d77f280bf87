'use strict'
// What `npm start` runs: random 4 KiB blocks of a cold file, read three ways, and what became of the event loop.
//
// This file is only the order of events. Each way runs in a process of its own (cold-reads/trial.js), so that none
// inherits another's threads, heap, compiled code or mapping.

const os = require('node:os')
const parseOptions = require('./cold-reads/options')
const chooseFile = require('./cold-reads/choose-file')
const makeSample = require('./cold-reads/make-sample')
const contenders = require('./cold-reads/contenders')
const runTrial = require('./cold-reads/run-trial')
const Progress = require('../bench/common/progress')
const { introduction, table, LEGEND } = require('./cold-reads/report')
const reservations = require('./cold-reads/reservations')
const findings = require('./cold-reads/findings')
const usageError = require('../cli/usage-error')
const wrap = require('../bench/common/wrap')

// On a slow disk the first way stops here, and the others are given as many blocks as it got through: the whole run
// stays under a minute, and the three still read the same blocks. Whoever sets --reads gets them all.
const DEADLINE_MS = 10000

async function main() {
  exitInOrder()
  const options = parseOptions(process.argv.slice(2))
  checkBuilt()
  const file = await chooseFile(options.path)
  const plan = {
    ...file,
    seed: options.seed,
    reads: Math.min(options.reads, file.blocks),
    concurrency: options.concurrency,
    deadlineMs: options.readsGiven ? Infinity : DEADLINE_MS
  }
  console.log(wrap(introduction(plan)))

  const results = await run(plan)
  console.log(table(results))
  console.log(LEGEND)
  for (const paragraph of [...reservations(plan, options, results), ...findings(results)]) {
    console.log('\n' + wrap(paragraph))
  }
  if (results.some((result) => result.wrongBlocks.length > 0)) process.exitCode = 1
}

// Before a file is made for nothing.
function checkBuilt() {
  try {
    require('faultless')
  } catch (error) {
    throw usageError(`faultless cannot be loaded; npm install builds it (${error.message.split('\n')[0]})`)
  }
}

async function run(plan) {
  const progress = new Progress(contenders.length + (plan.sample ? 1 : 0))
  try {
    if (plan.sample) await makeSample(plan, progress)
    return await runTrials(plan, progress)
  } finally {
    progress.stop()
  }
}

// One after the other: two at a time would share the disk, the cores and the page cache.
async function runTrials(plan, progress) {
  const results = []
  let { reads } = plan
  for (const { name, label } of contenders) {
    const result = await runTrial({ ...plan, contender: name, reads }, progress.stage(label, reads))
    reads = result.reads
    results.push(result)
  }
  return results
}

// The file and the bar are removed on 'exit', an event that a signal which nobody handles does not bring about. Nobody
// reads on where standard output is closed (`| head`).
function exitInOrder() {
  process.stdout.once('error', () => process.exit(1))
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(name, () => process.exit(128 + os.constants.signals[name]))
  }
}

// What a person can put right (a missing file, a full disk) has a code and needs no stack trace; a bug has none.
main().catch((error) => {
  console.error(error.code ? wrap(`cold-reads: ${error.message}`) : error)
  process.exitCode = 1
})
