'use strict'
// faultless stat: which parts of files are in memory. Reads nothing of them.

const { bytes, count, many, percent, printable } = require('../format')
const { eachFile } = require('../each-file')
const { walk } = require('../files')
const { legend, strip } = require('../heat-strip')
const { withAll } = require('../options')
const { HIDDEN, heatOf, look, toJson } = require('../residency')
const { CELLS, Table, share, size } = require('../table')
const { Totals } = require('../totals')

const BLOCK = 512 // bytes, of st_blocks

const define = (command) => withAll(command)
  .addHelpText('after', `
Nothing of the files is read. The strip shows a file from its first byte to its
last. Of one file it is as wide as the terminal.

Examples:
  faultless stat data.bin              one file, at length
  faultless stat /var/lib/data         every file in a folder, a line each
  faultless stat --json *.db | jq '.[] | [.path, .resident / .pages]'
  find . -name '*.idx' -print0 | faultless stat -0 -b -
`)

/** One file has room for more. */
function describeOne(output, row) {
  const { terminal } = output
  const exact = row.size < 1024 ? [] : [many(row.size, 'byte')]
  const hole = row.allocated < row.size ? [`${bytes(row.allocated)} on the device: it has holes`] : []
  const more = [...exact, ...hole].join(', ')
  output.line(terminal.paint('bold', printable(row.path)))
  output.line(`  size      ${bytes(row.size)}${more === '' ? '' : ` (${more})`}`)
  if (row.length < row.size) output.line(`  range     ${bytes(row.length)} from byte ${count(row.offset)} on`)
  output.line(`  pages     ${count(row.pages)} of ${bytes(row.pageSize)}`)
  output.line(`  resident  ${row.resident === null ? HIDDEN : residentText(row)}`)
  if (row.pages > 0 && row.resident !== null) drawMap(output, row)
}

const residentText = ({ pages, resident, pageSize }) =>
  pages === 0 ? 'nothing: it is empty' : `${many(resident, 'page')}, ${bytes(resident * pageSize)} (${percent(resident, pages)})`

function drawMap(output, row) {
  const { terminal } = output
  const width = row.wide.length
  const [first, last] = [bytes(row.offset), bytes(row.offset + row.length)]
  output.line()
  output.line(`  ${strip(row.wide, width, terminal)}`)
  output.line(`  ${first}${last.padStart(width - first.length)}`)
  output.line(`  ${legend(terminal)}`)
}

async function run(names, options, session) {
  const { output, terminal } = session
  const table = new Table(output, [size, ['resident', ({ resident, pageSize }) => (resident === null ? 'unknown' : bytes(resident * pageSize))], ['', share]])
  const totals = new Totals()
  let first // held until it is known whether it is the only one

  const use = async (file, range, entry) => {
    const found = await look(file, range)
    const allocated = Number(entry.status.blocks) * BLOCK
    const json = { ...toJson(entry.path, file, range, found), allocated }
    return { json, row: { ...json, path: entry.path, heat: heatOf(found, CELLS), wide: heatOf(found, terminal.columns - 4) } }
  }

  await eachFile(walk(names[0], options), options, session, use, (_, { json, row }) => {
    output.result(json)
    totals.add(row)
    if (totals.files === 1) {
      first = row
      return
    }
    if (totals.files === 2) table.add(first)
    table.add(row)
  })
  if (totals.files === 1) describeOne(output, first)
  else totals.tell(output)
}

module.exports = { define, run }
