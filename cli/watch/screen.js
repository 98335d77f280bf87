'use strict'
// The picture of one look: a map of the file, how much is in memory, what came and went, and how it was before. Without
// a terminal it is a line.

const { bytes, duration, percent, printable } = require('../format')
const { legend, shares, strip } = require('../heat-strip')
const { HIDDEN } = require('../residency')

const MOST_ROWS = 12 // of the map
const OTHER_ROWS = 8 // lines around it
const LINE_CELLS = 32

const UP = (lines) => (lines === 0 ? '' : `\x1b[${lines}A`)
const CLEAR_LINE = '\x1b[K'
const CLEAR_BELOW = '\x1b[J'
// DECAWM of the VT100: what is too long for a line is cut off by the terminal, which alone knows how wide a name is.
const CUT = '\x1b[?7l'
const WRAP = '\x1b[?7h'

class Screen {
  #terminal
  #isTTY
  #lines = 0 // drawn last
  #history = [] // shares
  #last // bitmap

  constructor(terminal, isTTY) {
    this.#terminal = terminal
    this.#isTTY = isTTY
  }

  /** @returns {string} what to write */
  draw(view) {
    const { found } = view
    const change = this.#changeSince(found)
    if (found.resident !== null) this.#history.push(found.pages === 0 ? 0 : found.resident / found.pages)
    if (!this.#isTTY) return `${this.#line(view, change)}\n`
    const lines = this.#picture(view, change)
    const text = UP(this.#lines) + CUT + lines.map((line) => `${line}${CLEAR_LINE}\n`).join('') + WRAP + CLEAR_BELOW
    this.#lines = lines.length
    return text
  }

  /** Pages that came and went since the last look. */
  #changeSince({ bitmap }) {
    const last = this.#last
    this.#last = bitmap
    const change = { came: 0, went: 0 }
    for (let i = 0; last !== undefined && i < bitmap.length; i++) {
      if (bitmap[i] > last[i]) change.came++
      else if (bitmap[i] < last[i]) change.went++
    }
    return change
  }

  #line({ file, found, ms }, { came, went }) {
    const share = found.resident === null ? 'unknown' : percent(found.resident, found.pages)
    const resident = found.resident === null ? '' : bytes(found.resident * file.pageSize)
    const heat = found.resident === null ? null : shares(found.bitmap, LINE_CELLS)
    const changes = `+${bytes(came * file.pageSize)} -${bytes(went * file.pageSize)}`
    return `${duration(ms).padStart(8)}  ${resident.padStart(9)} ${share.padStart(8)}  ${strip(heat, LINE_CELLS, this.#terminal)}  ${changes}`
  }

  #picture(view, { came, went }) {
    const { path, file, range, found, ms, columns } = view
    const paint = (style, text) => this.#terminal.paint(style, text)
    const head = ` ${printable(path)}`
    if (found.resident === null) return [paint('bold', head), ` ${HIDDEN}`]
    const size = (pages) => bytes(pages * file.pageSize)
    return [
      paint('bold', head),
      ` ${size(found.resident)} of ${bytes(range.length)} in memory (${percent(found.resident, found.pages)})   +${size(came)}  -${size(went)}   ${duration(ms)}`,
      '',
      ...this.#map(view),
      '',
      ` ${legend(this.#terminal)}`,
      ` ${this.#past(columns)}`
    ]
  }

  /** The file row by row, each with the offset at which it begins. */
  #map({ range, found, columns, rows }) {
    const label = 10
    const width = columns - label - 3
    const most = Math.min(MOST_ROWS, Math.max(1, rows - OTHER_ROWS))
    const count = Math.max(1, Math.min(most, Math.ceil(found.pages / width)))
    const heat = shares(found.bitmap, count * width)
    return Array.from({ length: heat.length === 0 ? 0 : count }, (_, i) => {
      const offset = bytes(Math.round(range.offset + range.length * i / count)).padStart(label)
      return `${offset}  ${strip(heat.slice(i * width, (i + 1) * width), width, this.#terminal)}`
    })
  }

  /** How much was in memory at each look, the latest at the right. */
  #past(columns) {
    const title = 'so far '
    this.#history = this.#history.slice(-(columns - title.length - 3))
    return title + strip(this.#history, this.#history.length, this.#terminal)
  }
}

module.exports = { Screen }
