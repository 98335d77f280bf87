'use strict'
// Sizes and durations as people write them on a command line.

const { InvalidArgumentError } = require('commander')

const POWERS = { '': 0, k: 1, m: 2, g: 3, t: 4 }
const MS = { ms: 1, s: 1000, '': 1000, m: 60_000, min: 60_000, h: 3_600_000 }

// A timer takes no more.
const MOST_MS = 2 ** 31 - 1

/** 4096, 4k, 1.5G, 64MiB: units are powers of 1024. @returns {number} bytes */
function size(text) {
  const match = /^(\d+(?:\.\d+)?) ?([kmgt]?)(?:i?b)?$/i.exec(text)
  const value = match === null ? NaN : Math.round(Number(match[1]) * 1024 ** POWERS[match[2].toLowerCase()])
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('A size is bytes, or such as 4k, 1.5M, 2GiB.')
  return value
}

/** 10, 10s, 500ms, 2m, 1h. @returns {number} ms */
function duration(text) {
  const match = /^(\d+(?:\.\d+)?) ?(ms|s|m|min|h|)$/i.exec(text)
  const value = match === null ? NaN : Math.round(Number(match[1]) * MS[match[2].toLowerCase()])
  if (!(value <= MOST_MS)) throw new InvalidArgumentError('A duration is seconds, or such as 500ms, 10s, 2m, 1h.')
  return value
}

const positive = (parse) => (text) => {
  const value = parse(text)
  if (value === 0) throw new InvalidArgumentError('It must be more than 0.')
  return value
}

function integer(text) {
  const value = /^\d+$/.test(text) ? Number(text) : NaN
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('It must be a whole number.')
  return value
}

module.exports = { duration, integer, positive, size }
