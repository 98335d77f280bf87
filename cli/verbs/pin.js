'use strict'
// faultless pin: keeps files in memory as long as it runs.

const { setTimeout: sleep } = require('node:timers/promises')
const { open } = require('../../lib/index')
const { bytes, duration } = require('../format')
const { clip, complain } = require('../each-file')
const { walk } = require('../files')
const { withAll } = require('../options')
const parse = require('../parse')
const { heatOf, look, toJson } = require('../residency')
const { CELLS, Table, share, size } = require('../table')
const { Totals } = require('../totals')

const FOREVER = 2 ** 31 - 1 // ms, of one timer

const define = (command) => withAll(command)
  .option('--for <duration>', 'end by itself after so long', parse.positive(parse.duration))
  .addHelpText('after', `
The files are read into memory and locked there, for all programs, as long as
this one runs: until ctrl-C, or --for. How much may be locked is limited for all
but root: see ulimit -l.

Examples:
  faultless pin data.bin               until ctrl-C
  faultless pin --for 1h *.idx         for an hour
  faultless pin --quiet data.bin &     behind the shell
`)

async function pinFile(entry, options, signal) {
  const file = await open(entry.path, { freshness: 0 })
  try {
    const range = clip(options, file.byteLength)
    const pin = range.length === 0 ? undefined : await file.pin(range.offset, range.length, { signal })
    const found = await look(file, range)
    return { file, pin, range, found }
  } catch (error) {
    await file.close()
    throw error
  }
}

/**
 * One after the other: all of them share one limit, and whoever is named first gets his.
 * @returns {Promise<{held: object[], isAll: boolean}>} `isAll`: whether no signal came before the last of them
 */
async function pinAll(names, options, { output, signal }, tell) {
  const held = []
  for await (const entry of walk(names[0], options)) {
    if (signal.aborted) return { held, isAll: false }
    if (entry.status === undefined) {
      complain(output, entry)
      continue
    }
    try {
      held.push(await pinFile(entry, options, signal))
      tell(entry, held.at(-1))
    } catch (error) {
      if (error.code === 'ABORT_ERR') return { held, isAll: false }
      complain(output, { ...entry, error })
    }
  }
  return { held, isAll: true }
}

async function waitFor(ms = Infinity, signal) {
  try {
    for (let left = ms; left > 0; left -= FOREVER) await sleep(Math.min(left, FOREVER), undefined, { signal })
  } catch (error) {
    if (error.code !== 'ABORT_ERR') throw error
  }
}

async function run(names, options, session) {
  const { output, signal } = session
  const totals = new Totals()
  const table = new Table(output, [size, ['in memory', share]])
  const { held, isAll } = await pinAll(names, options, session, (entry, { file, range, found }) => {
    const json = { ...toJson(entry.path, file, range, found), pinned: range.length }
    output.result(json)
    totals.add(json)
    table.add({ ...json, path: entry.path, heat: heatOf(found, CELLS) })
  })
  totals.tell(output)
  if (!isAll) {
    output.note(undefined, `interrupted: ${bytes(totals.length)} were pinned`)
  } else if (held.some(({ pin }) => pin !== undefined)) {
    output.line(`pinned ${bytes(totals.length)}, ${options.for === undefined ? 'until ctrl-C' : `for ${duration(options.for)}`}`)
    await waitFor(options.for, signal)
  }
  for (const { file, pin } of held) {
    pin?.release()
    await file.close()
  }
  return isAll
}

module.exports = { define, run, endsWhenInterrupted: true }
