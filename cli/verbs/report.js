'use strict'
// faultless report: a page to look at, in one file.

const { fstat } = require('node:fs')
const fs = require('node:fs/promises')
const path = require('node:path')
const { promisify } = require('node:util')
const { withFile } = require('../each-file')
const { bytes, printable } = require('../format')
const { withOutput } = require('../options')
const { look, toJson } = require('../residency')
const usageError = require('../usage-error')
const { measure, verdict, withLimits } = require('./bench')

const define = (command) => withOutput(withLimits(command.argument('<file>', 'one file')))
  .option('-o, --output <page>', 'where to write the page', 'report.html')
  .option('--no-bench', 'only the map of what is in memory; drops nothing')
  .addHelpText('after', `
The page is one file that opens without a network. Unless --no-bench is given,
THE FILE IS DROPPED FROM MEMORY before each of six runs, as by faultless bench.
The map shows what was in memory before that. A page that is no regular file, as
a FIFO or /dev/stdout, is written to, and not replaced.

Examples:
  faultless report data.bin                     makes report.html
  faultless report --no-bench -o map.html data.bin
`)

const STDOUT = 1

const missing = () => undefined

/** Whether a page is where all else goes that is said. It need not have a name that can be opened: of sockets there is none. */
async function isStdout(page) {
  const [there, stdout] = await Promise.all([
    fs.stat(page, { bigint: true }).catch(missing),
    promisify(fstat)(STDOUT, { bigint: true }).catch(missing)
  ])
  return there !== undefined && stdout !== undefined && there.dev === stdout.dev && there.ino === stdout.ino
}

/**
 * The name that a page can be moved to: that of a regular file, to which links may lead, or a new one. A device or a FIFO would
 * be gone after that, and so would a link that leads nowhere. @returns {Promise<string | undefined>}
 */
async function placeOf(page) {
  if (await fs.lstat(page).catch(missing) === undefined) return path.resolve(page)
  const place = await fs.realpath(page).catch(missing) // of a pipe in /proc there is none
  return place !== undefined && (await fs.stat(place)).isFile() ? place : undefined
}

async function write(page, html) {
  try {
    const place = await placeOf(page)
    if (place === undefined) await fs.writeFile(page, html)
    else await replace(place, html)
  } catch (error) {
    throw Object.assign(error, { path: page })
  }
}

/** Under another name first, so that nobody finds half a page. */
async function replace(place, html) {
  const draft = `${place}.${process.pid}.tmp`
  try {
    await fs.writeFile(draft, html)
    await fs.rename(draft, place)
  } catch (error) {
    await fs.rm(draft, { force: true })
    throw error
  }
}

/** The page must not replace what it is about. That it cannot be written shall be known before anything is measured. */
async function checkOutput(file, page) {
  const [of, into] = await Promise.all([file, page].map((name) => fs.realpath(name).catch(() => path.resolve(name))))
  if (of === into) throw usageError(`${printable(page)} is the file itself: give another name by --output`)
  if (await isStdout(page)) return
  try {
    const place = await placeOf(page)
    await fs.access(place === undefined ? page : path.dirname(place), fs.constants.W_OK)
  } catch (error) {
    throw Object.assign(error, { path: page })
  }
}

async function make(file, options, session) {
  const { page } = require('../report/index')
  const { describeMachine } = require('../report/machine')
  const { found, size, pageSize, json } = await withFile(file, { offset: 0 }, async (mapped, range) => {
    const residency = await look(mapped, range)
    return { found: residency, size: mapped.byteLength, pageSize: mapped.pageSize, json: toJson(file, mapped, range, residency) }
  })
  const result = options.bench ? await measure(file, options, session) : undefined
  const html = page({
    path: file, size, pageSize, found, result, machine: describeMachine(file), date: new Date(),
    verdict: result && verdict(result)
  })
  const isSaid = await isStdout(options.output)
  if (isSaid) process.stdout.write(html)
  else await write(options.output, html)
  return { isSaid, made: { ...json, output: options.output, outputBytes: Buffer.byteLength(html) } }
}

async function run([file], options, session) {
  const { output, signal } = session
  try {
    await checkOutput(file, options.output)
    const { isSaid, made } = await make(file, options, session)
    output.result(made)
    if (!isSaid) output.line(`${printable(made.output)}: ${bytes(made.outputBytes)}, open it in a browser`)
  } catch (error) {
    if (error.code === 'ERR_USAGE') throw error
    if (!signal.aborted) output.fail(error.path === undefined || error.path === file ? file : error.path, error)
  }
}

module.exports = { define, run }
