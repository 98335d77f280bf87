'use strict'
// Numbers and names as people read them.

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** Three digits at least, and no more than four: 4 KiB, 1.25 GiB, 1023 MiB. */
function bytes(value) {
  const power = value < 1024 ? 0 : Math.min(Math.floor(Math.log2(value) / 10), UNITS.length - 1)
  if (power === 0) return value === 1 ? '1 byte' : `${value} bytes`
  const scaled = value / 1024 ** power
  const decimals = scaled < 10 ? 2 : scaled < 100 ? 1 : 0
  return `${Number(scaled.toFixed(decimals))} ${UNITS[power]}`
}

const count = (value) => Math.round(value).toLocaleString('en-US')

/** How many of what: 1 page, 2 pages. */
const many = (value, word, plural = `${word}s`) => `${count(value)} ${value === 1 ? word : plural}`

/** Never 0 % for some, and never 100 % for less than all. */
function percent(part, whole) {
  if (whole === 0) return '-'
  const tenths = Math.round(part / whole * 1000)
  const honest = part === 0 ? 0 : part === whole ? 1000 : Math.min(Math.max(tenths, 1), 999)
  return `${(honest / 10).toFixed(1)} %`
}

/** 850 µs, 12 ms, 3.4 s, 2 min 5 s, 1 h 2 min. */
function duration(ms) {
  if (ms < 1) return `${Math.round(ms * 1000)} µs`
  if (ms < 10) return `${ms.toFixed(1)} ms`
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  const minutes = Math.round(ms / 60_000)
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

const rate = (value, ms) => `${bytes(Math.round(value / Math.max(ms, 0.001) * 1000))}/s`

const ESCAPES = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** A name may hold anything, also what a terminal would obey. */
function printable(text) {
  // eslint-disable-next-line no-control-regex -- these are what it is about
  return String(text).replace(/[\x00-\x1f\x7f-\x9f]/g,
    (character) => ESCAPES[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

module.exports = { bytes, count, duration, many, percent, printable, rate }
