'use strict'
// Reads random blocks of a file that is in memory, one after the other. A way that is synchronous is not awaited: that
// alone would cost more than its read. Where it has nothing to give, which tryView() may say at any time, it is asked
// for a promise, as a program would do; how often is a figure as well.

const { BLOCK_SIZE, check } = require('../content')
const { xoshiro128 } = require('../common/random')
const measure = require('../common/measure')
const readers = require('../readers')

// V8 compiles for the first thousands of them, on a processor that both sides of a read want.
const warmUpOf = (reads) => Math.max(Math.ceil(reads / 10), Math.min(reads, 10_000))

module.exports = async function hotReads(task) {
  const { path, bytes, reads, length = BLOCK_SIZE } = task
  const way = await readers[task.reader](path, { lanes: 1, length })
  const offsets = chooseOffsets(task.seed, reads, bytes)
  const readAll = task.synchronous ? readAllAtOnce : readAllInTurn
  await readAll(way, offsets.subarray(0, warmUpOf(reads)))
  const { result: misses, seconds, cpuSeconds, majorFaults, machineCpuSeconds } =
    await measure(() => readAll(way, offsets))
  await way.close()
  return {
    cpuSeconds,
    majorFaults,
    machineCpuSeconds,
    seconds,
    reads,
    misses,
    readsPerSecond: reads / seconds,
    microsecondsPerRead: seconds / reads * 1e6
  }
}

// Drawn beforehand, so that only reads are measured; one may come twice, here all are hot.
function chooseOffsets(seed, count, bytes) {
  const word = xoshiro128(seed, 0)
  const blocks = Math.floor(bytes / BLOCK_SIZE)
  return Float64Array.from({ length: count }, () => word() % blocks * BLOCK_SIZE)
}

async function readAllAtOnce(way, offsets) {
  let misses = 0
  for (const offset of offsets) {
    let bytes = way.read(offset, 0)
    if (bytes === undefined) {
      misses++
      bytes = await way.readMissing(offset)
    }
    check(bytes, offset)
  }
  return misses
}

async function readAllInTurn(way, offsets) {
  for (const offset of offsets) check(await way.read(offset, 0), offset)
  return undefined
}
