'use strict'
// Reads random blocks of the second half of a cold file, a few in flight, for as long as somebody scans the first half; or,
// without a scan, as many blocks as that would take. What is reported is how long a read was waited for.

const { performance, createHistogram } = require('node:perf_hooks')
const fs = require('node:fs')
const { BLOCK_SIZE, check, checkBlocks } = require('../content')
const { chooseBlocks } = require('../common/random')
const measure = require('../common/measure')

const CHUNK_BYTES = 1 << 20

const openers = {
  faultless: async (path) => {
    const file = await require('faultless').open(path)
    return {
      read: (offset) => file.view(offset, BLOCK_SIZE),
      scan: (end) => file.chunks({ end, chunkSize: CHUNK_BYTES }),
      close: () => file.close()
    }
  },
  fs: async (path, lanes) => {
    const handle = await fs.promises.open(path)
    const buffers = Array.from({ length: lanes }, () => Buffer.allocUnsafeSlow(BLOCK_SIZE))
    return {
      read: async (offset, lane) => (await handle.read(buffers[lane], 0, BLOCK_SIZE, offset)).buffer,
      scan: (end) => fs.createReadStream(path, { end: end - 1, highWaterMark: CHUNK_BYTES }),
      close: () => handle.close()
    }
  }
}

module.exports = async function besideScan(task) {
  await run(task, task.warmPath, task.warmBytes, task.seed ^ 1)
  let waits
  const { result: scanned, seconds, cpuSeconds, majorFaults, deviceBytes, delayMs } = await measure(async () => {
    const { scannedBytes, histogram } = await run(task, task.path, task.bytes, task.seed)
    waits = histogram
    return scannedBytes
  })
  return {
    seconds,
    cpuSeconds,
    majorFaults,
    deviceBytes,
    reads: waits.count + scanned / BLOCK_SIZE,
    waitP50Ms: waits.percentile(50) / 1e6,
    waitP99Ms: waits.percentile(99) / 1e6,
    readsPerSecond: waits.count / seconds,
    bytesPerSecond: task.scans ? scanned / seconds : undefined,
    delayP99Ms: delayMs.p99
  }
}

async function run({ reader, scans, inFlight, reads }, path, bytes, seed) {
  const way = await openers[reader](path, inFlight)
  const half = bytes / 2
  const all = half / BLOCK_SIZE
  const blocks = chooseBlocks(seed, scans ? all : Math.min(reads, all), all)
  const histogram = createHistogram()
  let next = 0
  let isOver = false

  async function lane(number) {
    while (!isOver && next < blocks.length) {
      const offset = half + blocks[next++] * BLOCK_SIZE
      const began = performance.now()
      const block = await way.read(offset, number)
      histogram.record(Math.max(1, Math.round((performance.now() - began) * 1e6)))
      check(block, offset)
    }
  }

  async function scan() {
    let at = 0
    for await (const chunk of way.scan(half)) {
      checkBlocks(chunk, at)
      at += chunk.length
    }
    isOver = true
    return at
  }

  const lanes = Array.from({ length: inFlight }, (_, number) => lane(number))
  const scannedBytes = scans ? await scan() : 0
  await Promise.all(lanes)
  await way.close()
  return { scannedBytes, histogram }
}
