'use strict'
// Breaks a paragraph into lines that fit a terminal of 80 columns.

const COLUMNS = 79

module.exports = function wrap(paragraph) {
  const lines = ['']
  for (const word of paragraph.split(' ')) {
    const line = lines.at(-1)
    if (line !== '' && line.length + 1 + word.length > COLUMNS) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines.join('\n')
}
