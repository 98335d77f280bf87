'use strict'
// Ranges that touch or overlap become one: what a list asks for in pieces is then one request to the device.

const { pageEnd } = require('../worker/pages')

/**
 * @param {Array<{offset: number, length: number}>} ranges in any order; stays as it is
 * @param {number} lead bytes from a page boundary to the start of the mapping: ranges on one page touch
 * @returns {Array<{offset: number, length: number}>} in the order of their offsets
 */
function mergeRanges(ranges, lead) {
  const merged = []
  let last // of the merged
  for (const { offset, length } of ranges.toSorted((a, b) => a.offset - b.offset)) {
    if (length === 0) continue
    if (last !== undefined && offset < pageEnd(last.offset + last.length, lead)) {
      last.length = Math.max(last.length, offset + length - last.offset)
    } else {
      merged.push((last = { offset, length }))
    }
  }
  return merged
}

module.exports = { mergeRanges }
