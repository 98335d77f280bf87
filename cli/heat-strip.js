'use strict'
// Which parts of a file are in memory, as a row of characters: one cell stands for so many pages.

// Empty and full are characters of their own, so that neither can be mistaken for almost.
const UNICODE = { none: '·', some: ['▁', '▂', '▃', '▄', '▅', '▆', '▇'], all: '█', hidden: '?' }
const ASCII = { none: '.', some: ['1', '2', '3', '4', '5', '6', '7', '8', '9'], all: '#', hidden: '?' }

/**
 * What share of each of `cells` equal parts of the file is resident. With fewer pages than cells a page takes several.
 * @param {Uint8Array} bitmap one byte a page: 1 or 0
 * @returns {number[]} 0 to 1 each; empty for an empty file
 */
function shares(bitmap, cells) {
  const pages = bitmap.length
  if (pages === 0) return []
  return Array.from({ length: cells }, (_, i) => {
    const first = Math.floor(i * pages / cells)
    const end = Math.max(Math.floor((i + 1) * pages / cells), first + 1)
    let resident = 0
    for (let page = first; page < end; page++) resident += bitmap[page]
    return resident / (end - first)
  })
}

function styleOf(share) {
  if (share === 1) return 'green'
  return share === 0 ? 'gray' : 'yellow'
}

function characterOf(share, { none, some, all }) {
  if (share === 0) return none
  return share === 1 ? all : some[Math.min(Math.floor(share * some.length), some.length - 1)]
}

/** @param {number[] | null} heat shares, or null where the kernel does not tell */
function strip(heat, cells, terminal) {
  const characters = terminal.hasUnicode ? UNICODE : ASCII
  if (heat === null) return terminal.paint('gray', characters.hidden.repeat(cells))
  if (heat.length === 0) return ' '.repeat(cells)
  let text = ''
  for (let i = 0; i < heat.length;) {
    const style = styleOf(heat[i])
    let run = ''
    for (; i < heat.length && styleOf(heat[i]) === style; i++) run += characterOf(heat[i], characters)
    text += terminal.paint(style, run)
  }
  return text
}

/** What the characters mean, in a line. */
function legend(terminal) {
  const { none, some, all } = terminal.hasUnicode ? UNICODE : ASCII
  return `${all} all in memory   ${some[0]} to ${some.at(-1)} some of it   ${none} none`
}

module.exports = { legend, shares, strip }
