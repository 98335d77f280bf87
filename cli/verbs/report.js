'use strict'
// faultless report: a page to look at, in one file.

const fs = require('node:fs/promises')
const path = require('node:path')
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
The map shows what was in memory before that.

Examples:
  faultless report data.bin                     makes report.html
  faultless report --no-bench -o map.html data.bin
`)

/** Under another name first, so that nobody finds half a page. */
async function write(page, html) {
  const draft = `${page}.${process.pid}.tmp`
  try {
    await fs.writeFile(draft, html)
    await fs.rename(draft, page)
  } catch (error) {
    await fs.rm(draft, { force: true })
    throw Object.assign(error, { path: page })
  }
}

/** The page must not replace what it is about. That it cannot be written shall be known before anything is measured. */
async function checkOutput(file, page) {
  const [of, into] = await Promise.all([file, page].map((name) => fs.realpath(name).catch(() => path.resolve(name))))
  if (of === into) throw usageError(`${printable(page)} is the file itself: give another name by --output`)
  await fs.access(path.dirname(into), fs.constants.W_OK).catch((error) => {
    throw Object.assign(error, { path: page })
  })
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
  await write(options.output, html)
  return { ...json, output: options.output, outputBytes: Buffer.byteLength(html) }
}

async function run([file], options, session) {
  const { output, signal } = session
  try {
    await checkOutput(file, options.output)
    const made = await make(file, options, session)
    output.result(made)
    output.line(`${printable(made.output)}: ${bytes(made.outputBytes)}, open it in a browser`)
  } catch (error) {
    if (error.code === 'ERR_USAGE') throw error
    if (!signal.aborted) output.fail(error.path === undefined || error.path === file ? file : error.path, error)
  }
}

module.exports = { define, run }
