'use strict'
// What the data files hold: each 32-bit word is a hash of its place. So any word of any read can be checked by itself,
// nothing in the file repeats or compresses, and parent and children agree without passing data.

const fs = require('node:fs')
const mix = require('../cli/trial/mix')

const BLOCK_SIZE = 4096
const WORD = 4
const CHUNK = 8 << 20

const wordAt = (offset) => mix(offset / WORD) | 0

/**
 * Checks the first and the last word of a range, which loads from both of its ends: the same work for every contender.
 * @param {Buffer} bytes what was read
 * @param {number} offset where in the file; a multiple of 4, as is the length
 */
function check(bytes, offset) {
  const last = bytes.length - WORD
  if (bytes.readInt32LE(0) === wordAt(offset) && bytes.readInt32LE(last) === wordAt(offset + last)) return
  throw new Error(`wrong bytes at ${offset}`)
}

/**
 * Checks one word of each block of a longer range.
 * @param {Buffer} bytes
 * @param {number} offset where in the file; a multiple of the block size
 */
function checkBlocks(bytes, offset) {
  for (let at = 0; at < bytes.length; at += BLOCK_SIZE) {
    if (bytes.readInt32LE(at) !== wordAt(offset + at)) throw new Error(`wrong bytes at ${offset + at}`)
  }
}

/** Writes a file of this content, down to the device. Before byte `from`, a multiple of the block size, it is a hole. */
async function writeContent(path, size, from = 0) {
  const handle = await fs.promises.open(path, 'wx', 0o600)
  try {
    const words = new Int32Array(CHUNK / WORD)
    for (let start = from; start < size; start += CHUNK) {
      for (let i = 0; i < words.length; i++) words[i] = mix(start / WORD + i)
      await writeAll(handle, Buffer.from(words.buffer, 0, Math.min(CHUNK, size - start)), start)
    }
    // Dirty pages cannot be dropped from the page cache; and a full disk may only be noticed here.
    await handle.datasync()
  } finally {
    await handle.close()
  }
}

async function writeAll(handle, bytes, at) {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done)
    done += bytesWritten
  }
}

module.exports = { BLOCK_SIZE, check, checkBlocks, writeContent }
