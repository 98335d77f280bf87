'use strict'
// What is known of which pages of a file are in memory, as every verb tells it.

const { shares } = require('./heat-strip')

const HEAT_CELLS = 64 // of the JSON

const HIDDEN = process.platform === 'win32'
  ? 'unknown (Windows does not tell what it has in memory)'
  : 'unknown (the kernel hides the residency of files that you neither own nor may write)'

/** @returns {Promise<{pages: number, resident: number | null, bitmap: Uint8Array}>} */
const look = (file, { offset, length }) => file.residency(offset, length)

/** The shares of so many cells; null where the kernel does not tell. */
const heatOf = ({ resident, bitmap }, cells) => (resident === null ? null : shares(bitmap, cells))

/** What all verbs have in common in their JSON. */
function toJson(path, file, { offset, length }, found) {
  const heat = heatOf(found, HEAT_CELLS)
  return {
    path: String(path),
    size: file.byteLength,
    offset,
    length,
    pageSize: file.pageSize,
    pages: found.pages,
    resident: found.resident,
    heat: heat === null ? null : heat.map((share) => Math.round(share * 1000) / 1000)
  }
}

module.exports = { HIDDEN, heatOf, look, toJson }
