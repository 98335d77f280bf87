'use strict'
// faultless touch: reads files into memory.

const { bytes, duration, many, rate } = require('../format')
const { eachFile } = require('../each-file')
const { walk } = require('../files')
const { withAll } = require('../options')
const { Progress } = require('../progress')
const { heatOf, look, toJson } = require('../residency')
const { CELLS, Table, share, size } = require('../table')
const { Totals } = require('../totals')

const define = (command) => withAll(command)
  .addHelpText('after', `
What is in memory already is not read again. The kernel may drop pages whenever
it needs memory: to keep them, see faultless pin. Ctrl-C stops after the part
that is being read; what was read by then stays.

Examples:
  faultless touch data.bin                            all of it
  faultless touch --offset 1G --length 64M data.bin   a part of it
  faultless touch -I '*.idx' /var/lib/data            the indexes in a folder
`)

/** Known beforehand, so that the bar knows what is left. */
const bytesToTouch = ({ status }, { offset, length = Infinity }) =>
  status === undefined ? 0 : Math.max(0, Math.min(length, Number(status.size) - offset))

async function touch(file, { offset, length }, signal, progress) {
  let told = 0
  const onProgress = (touched) => {
    progress.add(touched - told)
    told = touched
  }
  try {
    // Where the file system takes no prefetch, as a busy one in user space, a page fault shall not read its page alone.
    await file.advise('sequential', offset, length)
    await file.touch(offset, length, { signal, onProgress })
    onProgress(length)
    return { touched: length, interrupted: false }
  } catch (error) {
    if (error.code === 'ABORT_ERR') return { touched: told, interrupted: true }
    onProgress(length) // it is done with
    throw error
  }
}

async function touchFile(file, range, entry, { signal, progress }) {
  const began = performance.now()
  const before = await look(file, range)
  const outcome = await touch(file, range, signal, progress)
  const found = await look(file, range)
  const json = {
    ...toJson(entry.path, file, range, found),
    before: before.resident,
    ...outcome,
    milliseconds: Math.round(performance.now() - began)
  }
  return { json, row: { ...json, path: entry.path, heat: heatOf(found, CELLS) } }
}

const columns = [
  size,
  ['before', ({ pages, before }) => share({ pages, resident: before })],
  ['now', share]
]

async function run(names, options, session) {
  const { output, signal } = session
  const entries = []
  for await (const entry of walk(names[0], options)) entries.push(entry)

  const progress = new Progress(output, entries.reduce((sum, entry) => sum + bytesToTouch(entry, options), 0))
  const began = performance.now()
  const totals = new Totals()
  const table = new Table(output, columns)
  let touched = 0
  try {
    const use = (file, range, entry) => touchFile(file, range, entry, { signal, progress })
    await eachFile(entries, options, session, use, (_, { json, row }) => {
      output.result(json)
      totals.add(row)
      touched += row.touched
      table.add(row)
    })
  } finally {
    progress.stop()
  }
  const ms = performance.now() - began
  totals.tell(output)
  const brought = totals.resident - totals.before
  if (brought > 0) output.line(`${many(brought, 'page')} came in, ${bytes(touched)} touched in ${duration(ms)} (${rate(touched, ms)})`)
  if (signal.aborted) output.note(undefined, `interrupted: ${bytes(touched)} were touched`)
}

module.exports = { define, run }
