'use strict'
// How figures are derived and written.

const { BLOCK_SIZE } = require('./blocks')

const integer = (value) => Math.round(value).toLocaleString('en-US')
const fixed = (digits) => (value) => value.toFixed(digits)
const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)}%`
const mib = (bytes) => bytes / 2 ** 20

// Two runs of the same code differ by about this share.
const NOISE = 0.1

// -1, 0 or 1: less than, about the same as, more than
function compare(value, other) {
  return Math.abs(value - other) <= NOISE * other ? 0 : Math.sign(value - other)
}

function times(value, other) {
  const ratio = value / other
  return `${ratio.toFixed(ratio < 10 ? 1 : 0)} times`
}

const readsPerSecond = ({ reads, seconds }) => reads / seconds
const bytesAsked = ({ reads }) => reads * BLOCK_SIZE

module.exports = { integer, fixed, percent, mib, compare, times, readsPerSecond, bytesAsked }
