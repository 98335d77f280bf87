'use strict'
// One run of one way to read, in a process of its own: no run inherits another's threads, compiled code or mapping. The
// task comes as an argument, the figures go back as a message.

const fs = require('node:fs')
const Lateness = require('./lateness')
const { shuffled } = require('./shuffled')
const readers = require('./readers')

const { BLOCK } = readers

// What is read beforehand, so that threads have started and code is compiled: the program that runs, which is in memory. Some
// Nodes are small, with all else in a library, or a script that starts one: then the same blocks are read again, if it has any.
const WARM_PATH = process.execPath
const WARM_BLOCKS = 512

const IS_WINDOWS = process.platform === 'win32' // which counts neither

/** What the device had to read for this process; null where the kernel does not count it. */
function deviceBytes() {
  if (IS_WINDOWS) return null
  try {
    return Number(/^read_bytes: (\d+)$/m.exec(fs.readFileSync('/proc/self/io', 'latin1'))[1])
  } catch {
    return null
  }
}

/** Page faults of the main thread that waited for a device: proc(5), field 12; the second, the name, may hold spaces. Or null. */
function majorFaults() {
  if (IS_WINDOWS) return null
  const stat = fs.readFileSync(`/proc/self/task/${process.pid}/stat`, 'latin1')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[9])
}

const counters = () => ({ device: deviceBytes(), faults: majorFaults() })

/** Loads from each page of it, none of which is smaller than a block: where there is a page fault to be had, it comes. */
function sumOf(bytes) {
  let sum = 0
  for (let at = 0; at < bytes.length; at += BLOCK) sum += bytes[at]
  return sum + bytes[bytes.length - 1]
}

/** So many lanes, each of which reads one block after the other, until all are read or the time is over. */
async function readBlocks(way, blocks, lanes, deadline) {
  let begun = 0
  let sum = 0
  async function runLane(lane) {
    while (begun < blocks.length && performance.now() < deadline) {
      const block = await way.read(blocks[begun++] * BLOCK, lane)
      sum += sumOf(block)
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, lane) => runLane(lane)))
  return { reads: begun, bytes: begun * BLOCK, sum, complete: begun === blocks.length }
}

async function scan(way, end) {
  let bytes = 0
  let sum = 0
  await way.scan(end, (chunk) => {
    bytes += chunk.length
    sum += sumOf(chunk)
  })
  return { reads: 0, bytes, sum, complete: true }
}

const WORKS = {
  random: (way, { size, reads, lanes, milliseconds }) => {
    const blocks = shuffled(Math.floor(size / BLOCK), reads)
    return () => readBlocks(way, blocks, lanes, performance.now() + milliseconds)
  },
  scan: (way, { scanBytes }) => () => scan(way, scanBytes)
}

async function warmUp(task) {
  const count = Math.min(WARM_BLOCKS, Math.floor(fs.statSync(WARM_PATH).size / BLOCK))
  if (count === 0) return
  const way = await readers[task.reader](WARM_PATH, task.lanes)
  const blocks = shuffled(WARM_BLOCKS, WARM_BLOCKS).map((block) => block % count)
  await readBlocks(way, blocks, task.lanes, Infinity)
  await scan(way, count * BLOCK)
  await way.close()
}

async function run(task) {
  await warmUp(task)
  const way = await readers[task.reader](task.path, task.lanes)
  const work = WORKS[task.work](way, task)
  const lateness = new Lateness()
  const before = counters()
  const began = performance.now()
  const done = await work()
  const milliseconds = performance.now() - began
  const after = counters()
  await lateness.stop()
  await way.close()
  return {
    ...done,
    milliseconds,
    deviceBytes: before.device === null ? null : after.device - before.device,
    mainThreadFaults: before.faults === null ? null : after.faults - before.faults,
    late: lateness.summary(),
    timeline: lateness.timeline()
  }
}

run(JSON.parse(process.argv[2])).then(
  (figures) => process.send({ figures }),
  ({ message, code, errno, syscall }) => process.send({ error: { message, code, errno, syscall } })
).then(() => process.disconnect())
