'use strict'
// Reads a file from its first byte to its last, and loads one word of each block.

const fs = require('node:fs')
const { BLOCK_SIZE, checkBlocks } = require('../content')
const measure = require('../common/measure')

const CHUNK_BYTES = 1 << 20

const openers = {
  chunks: async (path) => {
    const file = await require('faultless').open(path)
    if (typeof file.chunks !== 'function') return undefined
    return { chunks: () => file.chunks({ chunkSize: CHUNK_BYTES }), close: () => file.close() }
  },
  // For a faultless without chunks(), and to see what they add: touch one chunk, look at it, touch the next.
  views: async (path) => {
    const file = await require('faultless').open(path)
    return { chunks: () => viewsOf(file), close: () => file.close() }
  },
  stream: (path) => ({ chunks: () => fs.createReadStream(path, { highWaterMark: CHUNK_BYTES }), close() {} }),
  fileHandle: async (path) => {
    const handle = await fs.promises.open(path)
    return { chunks: () => readsOf(handle), close: () => handle.close() }
  }
}

async function * viewsOf(file) {
  for (let at = 0; at < file.byteLength; at += CHUNK_BYTES) {
    yield file.view(at, Math.min(CHUNK_BYTES, file.byteLength - at))
  }
}

async function * readsOf(handle) {
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  for (let at = 0; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, at)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
    at += bytesRead
  }
}

module.exports = async function scan(task) {
  await readAll(task.reader, task.warmPath)
  const { result: bytes, seconds, ...counts } = await measure(() => readAll(task.reader, task.path))
  if (bytes === undefined) return { skipped: 'no chunks() in this build' }
  if (bytes !== task.bytes) throw new Error(`${bytes} of ${task.bytes} bytes came`)
  return {
    ...counts,
    delayMs: undefined,
    delayP99Ms: counts.delayMs.p99,
    delayMaxMs: counts.delayMs.max,
    seconds,
    reads: bytes / BLOCK_SIZE,
    bytesPerSecond: bytes / seconds
  }
}

/** @returns {Promise<number | undefined>} the bytes that came; undefined where this way is not there */
async function readAll(name, path) {
  const way = await openers[name](path)
  if (way === undefined) return undefined
  let at = 0
  for await (const chunk of way.chunks()) {
    checkBlocks(chunk, at)
    at += chunk.length
  }
  await way.close()
  return at
}
