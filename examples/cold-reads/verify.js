'use strict'
// Was every block read right? Compares with what the sample file must hold, or with what fs.readSync gives for the
// reader's own file. Done after the measurement, so that it costs nobody anything.

const fs = require('node:fs')
const { BLOCK_SIZE, fillBlock, checksum } = require('./blocks')

// Gives the numbers of the blocks that were wrong.
module.exports = function verify({ path, seed, sample }, blocks, sums) {
  const expected = Buffer.alloc(BLOCK_SIZE)
  const words = new Int32Array(expected.buffer, expected.byteOffset, BLOCK_SIZE / 4)
  const fd = fs.openSync(path)
  try {
    return blocks.slice(0, sums.length).filter((block, i) => {
      if (sample) fillBlock(words, seed, block)
      else fs.readSync(fd, expected, 0, BLOCK_SIZE, block * BLOCK_SIZE)
      return checksum(expected) !== sums[i]
    })
  } finally {
    fs.closeSync(fd)
  }
}
