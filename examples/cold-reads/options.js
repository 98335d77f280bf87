'use strict'
// The command line: what may be asked for, the defaults, and the help.

const { parseArgs } = require('node:util')
const { randomInt } = require('node:crypto')
const usageError = require('../../cli/usage-error')

const DEFAULT_READS = 16000
const DEFAULT_CONCURRENCY = 64
const SEED_MAX = 2 ** 32 - 1

const HELP = `Usage: npm start -- [PATH] [--reads N] [--concurrency N] [--seed N]

Reads random 4 KiB blocks of a cold file three ways, each in a process of its
own: straight from a mapping on the main thread, with fs.promises.read, and with
faultless. Prints what each of them cost.

  PATH             the file to read; it is never written to, but dropped from
                   the page cache (without PATH: a file of 256 MiB, made in the
                   temporary folder and removed again)
  --reads N        how many blocks, each of them once (default ${DEFAULT_READS},
                   fewer where the disk is slow)
  --concurrency N  how many reads are in flight at a time (default ${DEFAULT_CONCURRENCY})
  --seed N         choose the blocks of an earlier run; every run prints its seed
  --help           this text`

module.exports = function parseOptions(args) {
  const { values, positionals } = parse(args)
  if (values.help) {
    console.log(HELP)
    process.exit(0)
  }
  if (positionals.length > 1) throw usageError(`one PATH at most, not ${positionals.length} (try --help)`)
  return {
    path: positionals[0],
    reads: integer('reads', values.reads, 1, Number.MAX_SAFE_INTEGER) ?? DEFAULT_READS,
    readsGiven: values.reads !== undefined,
    concurrency: integer('concurrency', values.concurrency, 1, 1024) ?? DEFAULT_CONCURRENCY,
    seed: integer('seed', values.seed, 0, SEED_MAX) ?? randomInt(SEED_MAX + 1)
  }
}

function parse(args) {
  const string = { type: 'string' }
  const options = { reads: string, concurrency: string, seed: string, help: { type: 'boolean', short: 'h' } }
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    throw usageError(`${error.message} (try --help)`)
  }
}

function integer(name, text, min, max) {
  if (text === undefined) return undefined
  const value = /^\d+$/.test(text) ? Number(text) : NaN
  if (value >= min && value <= max) return value
  throw usageError(`--${name} takes an integer from ${min} to ${max}, not '${text}'`)
}
