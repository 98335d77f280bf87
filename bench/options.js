'use strict'
// The command line of the benchmarks.

const fs = require('node:fs')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { randomInt } = require('node:crypto')
const usageError = require('../cli/usage-error')
const { temporaryFolder } = require('../cli/trial/temporary-folder')
const modes = require('./modes')
const trials = require('./trials')

const SEED_MAX = 2 ** 32 - 1
const REPEAT_MAX = 100

const HELP = `Usage: npm run bench -- [--quick | --tiny] [--only NAME[,NAME…]] [options]

Runs every trial, each contender of it several times and in a process of its
own, and prints what was reached beside the bars.

  --quick        smaller files and fewer repetitions: about 2 minutes
  --tiny         a few seconds on any machine; shows only that it still runs
  --repeat N     each contender N times as often
  --only NAMES   these trials alone, separated by commas
  --list         the names of the trials
  --folder DIR   where the data files go, and are removed again
                 (${temporaryFolder()})
  --json FILE    write every run, with the machine and the verdicts
  --docs         write docs/performance.md and its pictures as well
  --no-peers     do not install other packages to compare with (bench/peers)
  --seed N       the seed of an earlier run
  --help         this text

Exit code: 0 when all that could run did, also where a bar was missed; 1 when
something failed; 2 for wrong arguments.`

const OPTIONS = {
  quick: { type: 'boolean' },
  tiny: { type: 'boolean' },
  repeat: { type: 'string' },
  only: { type: 'string' },
  list: { type: 'boolean' },
  folder: { type: 'string' },
  json: { type: 'string' },
  docs: { type: 'boolean' },
  'no-peers': { type: 'boolean' },
  seed: { type: 'string' },
  help: { type: 'boolean', short: 'h' }
}

/** @returns {object} the options; ends the process where only text was asked for */
module.exports = function parseOptions(args) {
  const values = parse(args)
  if (values.help) print(HELP)
  if (values.list) print(trials.map(({ name }) => name).join('\n'))
  if (values.quick && values.tiny) throw usageError('--quick and --tiny exclude each other')
  return {
    mode: repeat(modes[values.quick ? 'quick' : values.tiny ? 'tiny' : 'full'], checkRepeat(values.repeat)),
    trials: chooseTrials(values.only),
    folder: checkFolder(values.folder ?? temporaryFolder()),
    json: checkTarget(values.json),
    docs: values.docs === true,
    withPeers: !values['no-peers'],
    seed: checkSeed(values.seed) ?? randomInt(SEED_MAX + 1)
  }
}

function parse(args) {
  try {
    return parseArgs({ args, options: OPTIONS }).values
  } catch (error) {
    throw usageError(`${error.message} (try --help)`)
  }
}

function print(text) {
  console.log(text)
  process.exit(0)
}

function checkRepeat(text = '1') {
  const times = /^\d+$/.test(text) ? Number(text) : NaN
  if (times >= 1 && times <= REPEAT_MAX) return times
  throw usageError(`--repeat takes an integer from 1 to ${REPEAT_MAX}, not '${text}'`)
}

const repeat = (mode, times) =>
  ({ ...mode, times, repetitions: mode.repetitions * times, repetitionsAside: mode.repetitionsAside * times })

function chooseTrials(only) {
  if (only === undefined) return trials
  const names = only.split(',')
  const unknown = names.find((name) => !trials.some((trial) => trial.name === name))
  if (unknown !== undefined) throw usageError(`there is no trial '${unknown}' (try --list)`)
  return trials.filter(({ name }) => names.includes(name))
}

function checkFolder(folder) {
  const found = path.resolve(folder)
  if (!fs.statSync(found, { throwIfNoEntry: false })?.isDirectory()) throw usageError(`--folder: ${found} is no folder`)
  return found
}

// Now, and not after half an hour.
function checkTarget(file) {
  if (file === undefined) return undefined
  const found = path.resolve(file)
  try {
    fs.closeSync(fs.openSync(found, 'a'))
  } catch (error) {
    throw usageError(`--json: ${found} cannot be written (${error.code})`)
  }
  return found
}

function checkSeed(text) {
  if (text === undefined) return undefined
  const value = /^\d+$/.test(text) ? Number(text) : NaN
  if (value <= SEED_MAX) return value
  throw usageError(`--seed takes an integer from 0 to ${SEED_MAX}, not '${text}'`)
}
