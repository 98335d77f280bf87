'use strict'
// Everything random: which blocks are read, and what a block of the sample file holds. Both follow from the seed alone,
// so parent and children agree without passing data, and any one block can be checked without its neighbours.

const { xoshiro128, chooseBlocks } = require('../../bench/common/random')

const BLOCK_SIZE = 4096
const WORDS = BLOCK_SIZE / 4

// words: an Int32Array of one block
function fillBlock(words, seed, block) {
  const word = xoshiro128(seed, block)
  for (let i = 0; i < WORDS; i++) words[i] = word()
}

// FNV-1a by words. Written in JavaScript so that the bytes are loaded by JavaScript, as a program would that uses them.
function checksum(buffer) {
  const words = new Int32Array(buffer.buffer, buffer.byteOffset, WORDS)
  let sum = 0x811c9dc5
  for (let i = 0; i < WORDS; i++) sum = Math.imul(sum ^ words[i], 0x01000193)
  return sum >>> 0
}

module.exports = { BLOCK_SIZE, fillBlock, checksum, chooseBlocks }
