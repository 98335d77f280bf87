'use strict'
// faultless evict: drops files from memory.

const { many } = require('../format')
const { eachFile } = require('../each-file')
const { walk } = require('../files')
const { withAll } = require('../options')
const { heatOf, look, toJson } = require('../residency')
const { CELLS, Table, share, size } = require('../table')
const { Totals } = require('../totals')

const define = (command) => withAll(command)
  .addHelpText('after', `
Changes that are not on the device yet are written to it first; nothing is lost.
Pages that a program has mapped or locked stay, and so does what lies on a file
system in memory, such as tmpfs.

Examples:
  faultless evict data.bin             the next read finds it cold
  faultless evict --offset 1G data.bin all but its first GiB
`)

const STAYED = 'stayed in memory: mapped or locked by a program, or the file system keeps them there'

async function evictFile(file, range, entry) {
  const before = await look(file, range)
  await file.evict(range.offset, range.length)
  const found = await look(file, range)
  const json = { ...toJson(entry.path, file, range, found), before: before.resident }
  return { json, row: { ...json, path: entry.path, heat: heatOf(found, CELLS) } }
}

const columns = [
  size,
  ['before', ({ pages, before }) => share({ pages, resident: before })],
  ['now', share]
]

async function run(names, options, session) {
  const { output } = session
  const totals = new Totals()
  const table = new Table(output, columns)
  await eachFile(walk(names[0], options), options, session, evictFile, (entry, { json, row }) => {
    output.result(json)
    totals.add(row)
    table.add(row)
    if (row.resident > 0) output.note(entry.path, `${many(row.resident, 'page')} ${STAYED}`)
  })
  totals.tell(output)
  const gone = totals.before - totals.resident
  if (gone > 0) output.line(`${many(gone, 'page')} dropped`)
}

module.exports = { define, run }
