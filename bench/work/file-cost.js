'use strict'
// What a file costs by its size: the time to open it and to read some of its blocks at random, and the memory that the
// process holds then. The file is sparse and in no cache, so that sizes beyond any memory can be had, and no device is
// part of the figure.

const fs = require('node:fs')
const { BLOCK_SIZE } = require('../content')
const { xoshiro128 } = require('../common/random')
const measure = require('../common/measure')
const readers = require('../readers')
const { freeMemory } = require('../machine')

const IN_FLIGHT = 64

// fs.readFile takes no more on any Node that this runs on.
const READ_FILE_MAX = 2 ** 31 - 1

async function readFile(path) {
  const bytes = await fs.promises.readFile(path)
  return { read: (offset) => bytes.subarray(offset, offset + BLOCK_SIZE), close() {} }
}

module.exports = async function fileCost(task) {
  if (task.reader === 'readFile') {
    if (task.bytes > READ_FILE_MAX) return { skipped: 'fs.readFile reads at most 2 GiB' }
    if (task.bytes > freeMemory()) return { skipped: 'not enough memory' }
  }
  require('faultless')
  const openReader = { ...readers, readFile }[task.reader]
  const before = residentBytes()
  let way
  const { seconds, cpuSeconds, machineCpuSeconds, majorFaults } = await measure(async () => {
    way = await openReader(task.path, { lanes: IN_FLIGHT, length: BLOCK_SIZE })
    await readAll(way, task)
  })
  const rssBytes = residentBytes() - before
  await way.close()
  return { seconds, cpuSeconds, machineCpuSeconds, majorFaults, milliseconds: seconds * 1e3, rssBytes }
}

async function readAll(way, { seed, reads, bytes }) {
  const word = xoshiro128(seed, 0)
  const blocks = bytes / BLOCK_SIZE
  let left = reads
  async function runLane(lane) {
    while (left-- > 0) {
      const block = await way.read(word() % blocks * BLOCK_SIZE, lane)
      if (block.readInt32LE(0) !== 0) throw new Error('a hole does not read as zeros')
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, (_, lane) => runLane(lane)))
}

const residentBytes = () => process.memoryUsage.rss()
