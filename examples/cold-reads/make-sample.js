'use strict'
// Makes the file that is read when the reader names none, and sees to it that it goes again, whatever ends the run.

const fs = require('node:fs')
const { BLOCK_SIZE, fillBlock } = require('./blocks')

const CHUNK_BLOCKS = 256

module.exports = async function makeSample({ path, blocks, seed }, progress) {
  const report = progress.stage('making the file', blocks)
  createAndRemember(path)
  const handle = await fs.promises.open(path, 'r+')
  try {
    await fill(handle, blocks, seed, report)
    // Dirty pages cannot be dropped from the page cache; and a full disk may only be noticed here.
    await handle.datasync()
  } finally {
    await handle.close()
  }
}

// Synchronous, so that no signal comes between. 'wx': what has this name already is not ours to overwrite or remove.
function createAndRemember(path) {
  fs.closeSync(fs.openSync(path, 'wx', 0o600))
  process.once('exit', () => fs.rmSync(path, { force: true }))
}

async function fill(handle, blocks, seed, report) {
  for (let first = 0; first < blocks; first += CHUNK_BLOCKS) {
    const count = Math.min(CHUNK_BLOCKS, blocks - first)
    const chunk = Buffer.allocUnsafeSlow(count * BLOCK_SIZE)
    for (let i = 0; i < count; i++) {
      fillBlock(new Int32Array(chunk.buffer, i * BLOCK_SIZE, BLOCK_SIZE / 4), seed, first + i)
    }
    // In order and to the last byte; FileHandle.write might stop short.
    await handle.writeFile(chunk)
    report(first + count)
  }
}
