'use strict'
// Reads blocks of a file in random order, each once, a number of them in flight at a time.

const { BLOCK_SIZE, check } = require('../content')
const { chooseBlocks } = require('../common/random')
const measure = require('../common/measure')
const readers = require('../readers')
const { AnswerTimes } = require('../answer-times')
const Lateness = require('../../cli/trial/lateness')

const INTERVALS = 100 // of the picture of how late the event loop was: the percentiles of the tables come from measure()

module.exports = async function randomReads(task) {
  const { path, reads, inFlight, blockBytes = BLOCK_SIZE } = task
  const openReader = (file, bytes) => readers[task.reader](file, { lanes: inFlight, length: blockBytes, bytes })
  await warmUp(openReader, task)

  const blocks = chooseBlocks(task.seed, reads, Math.floor(task.bytes / BLOCK_SIZE))
  const way = await openReader(path, task.bytes)
  const lateness = task.timeline ? new Lateness(INTERVALS) : undefined
  const answers = task.answers ? await AnswerTimes.start() : undefined
  const { seconds, deviceBytes, delayMs, ...counts } = await measure(() => readAll(way, blocks, inFlight))
  await lateness?.stop()
  const answered = await answers?.stop()
  await way.close()
  return {
    ...counts,
    seconds,
    deviceBytes,
    reads,
    readsPerSecond: reads / seconds,
    deviceReadsPerRead: deviceBytes === null ? null : deviceBytes / BLOCK_SIZE / reads,
    delayP50Ms: delayMs?.p50 ?? null,
    delayP99Ms: delayMs?.p99 ?? null,
    delayMaxMs: delayMs?.max ?? null,
    answerP50Ms: answered?.p50,
    answerP99Ms: answered?.p99,
    answerMaxMs: answered?.max,
    timeline: lateness?.timeline()
  }
}

// Threads start and code is compiled with the first reads. A server pays for that once; it is not what a read costs. On
// another file, of the same content and length, so that the one that is measured stays cold; it is cold as well, and
// each block is read once, since a block that is in memory may take another way. In two rounds: what a second file and
// the end of a first do to compiled code belongs here too.
async function warmUp(openReader, { warmPath, warmBytes, warmFrom, inFlight }) {
  const first = warmFrom / BLOCK_SIZE
  const blocks = Array.from({ length: Math.floor(warmBytes / BLOCK_SIZE) - first }, (_, i) => first + i)
  const middle = Math.floor(blocks.length / 2)
  for (const round of [blocks.slice(0, middle), blocks.slice(middle)]) {
    const way = await openReader(warmPath, warmBytes)
    await readAll(way, round, inFlight)
    await way.close()
  }
}

async function readAll(way, blocks, inFlight) {
  let begun = 0
  async function runLane(lane) {
    while (begun < blocks.length) {
      const offset = blocks[begun++] * BLOCK_SIZE
      check(await way.read(offset, lane), offset)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, (_, lane) => runLane(lane)))
}
