'use strict'
// The residency map as SVG: row by row from the first byte to the last, a cell for so many pages.

const { bytes } = require('../format')
const { shares } = require('../heat-strip')

const COLUMNS = 64
const MOST_ROWS = 16
const CELL = { width: 12, height: 14, gap: 1 }
const LABEL = 76 // units, to the left
const LEVELS = 5 // of partly resident cells

/** none, 1 … LEVELS, all: the classes of page.css. */
function levelOf(share) {
  if (share === 0) return 'none'
  return share === 1 ? 'all' : `some${Math.min(LEVELS, 1 + Math.floor(share * LEVELS))}`
}

/** Cells of one level side by side are one rectangle. */
function row(heat, y) {
  let text = ''
  for (let i = 0; i < heat.length;) {
    const first = i
    const level = levelOf(heat[i])
    while (i < heat.length && levelOf(heat[i]) === level) i++
    const width = (i - first) * CELL.width - CELL.gap
    text += `<rect class="${level}" x="${LABEL + first * CELL.width}" y="${y}" width="${width}" height="${CELL.height}"/>`
  }
  return text
}

/** @param {{bitmap: Uint8Array}} found @param {number} size bytes of the file */
function residencyMap({ bitmap }, size) {
  const rows = Math.max(1, Math.min(MOST_ROWS, Math.ceil(bitmap.length / COLUMNS)))
  const heat = shares(bitmap, rows * COLUMNS)
  const pitch = CELL.height + CELL.gap
  const lines = Array.from({ length: heat.length === 0 ? 0 : rows }, (_, i) => {
    const label = `<text x="${LABEL - 8}" y="${i * pitch + 11}">${bytes(Math.round(size * i / rows))}</text>`
    return label + row(heat.slice(i * COLUMNS, (i + 1) * COLUMNS), i * pitch)
  })
  return `<svg class="map" role="img" aria-label="Residency map" viewBox="0 0 ${LABEL + COLUMNS * CELL.width} ${rows * pitch}">${lines.join('')}</svg>`
}

/** How many pages a cell of the map stands for. */
const pagesPerCell = (pages) => pages / (COLUMNS * Math.max(1, Math.min(MOST_ROWS, Math.ceil(pages / COLUMNS))))

module.exports = { LEVELS, pagesPerCell, residencyMap }
