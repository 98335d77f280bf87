'use strict'
// One line a file within 80 columns, for the verbs that take many. The name comes last: it may be as long as it likes.

const { bytes, percent, printable } = require('./format')
const { strip } = require('./heat-strip')

const CELLS = 24
const WIDTH = 9

const share = ({ pages, resident }) => (resident === null ? 'unknown' : percent(resident, pages))

const pad = (text) => text.padStart(WIDTH)

class Table {
  #output
  #figures
  #hasHeading = false

  /** @param {Array<[string, (row: object) => string]>} figures heading and text of the columns before the strip */
  constructor(output, figures) {
    this.#output = output
    this.#figures = figures
  }

  /** @param {{path: string | Buffer, heat: number[] | null}} row */
  add(row) {
    if (!this.#hasHeading) this.#addHeading()
    const cells = strip(row.heat?.length === 0 ? [] : row.heat, CELLS, this.#output.terminal)
    const figures = this.#figures.map(([, text]) => pad(text(row)))
    this.#output.line(`${figures.join(' ')}  ${cells}  ${printable(row.path)}`)
  }

  #addHeading() {
    this.#hasHeading = true
    const names = this.#figures.map(([name]) => pad(name)).join(' ')
    const heading = `${names}  ${'in memory'.padEnd(CELLS)}  file`
    this.#output.line(this.#output.terminal.paint('bold', heading))
  }
}

const size = ['size', (row) => bytes(row.length)]

module.exports = { CELLS, Table, share, size }
