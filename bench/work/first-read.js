'use strict'
// Reads one block of a cold file in a process that has just begun: what a program that starts for one request waits for, and
// a server's first request. How long faultless takes to load before that is a figure of its own.

const { BLOCK_SIZE, check } = require('../content')
const { chooseBlocks } = require('../common/random')
const measure = require('../common/measure')
const { faultlessView, fileHandle, fsRead } = require('../readers')

const ways = {
  view: { open: faultlessView, prepare: loadPackage },
  viewByThread: { open: faultlessView, prepare: startThread },
  fileHandle: { open: fileHandle },
  fsRead: { open: fsRead }
}

function loadPackage() {
  const start = performance.now()
  require('faultless')
  return { loadMs: performance.now() - start, end() {} }
}

/** Another file is open, of which a page was touched: the pool has a thread that waits for work. */
async function startThread({ warmPath, warmFrom }) {
  const { loadMs } = loadPackage()
  const file = await require('faultless').open(warmPath)
  await file.touch(warmFrom, BLOCK_SIZE)
  return { loadMs, end: () => file.close() }
}

module.exports = async function firstRead(task) {
  const { open, prepare } = ways[task.reader]
  const prepared = await prepare?.(task)
  const [block] = chooseBlocks(task.seed, 1, Math.floor(task.bytes / BLOCK_SIZE))
  const offset = block * BLOCK_SIZE
  let way
  const { seconds, cpuSeconds, machineCpuSeconds, majorFaults, deviceBytes } = await measure(async () => {
    way = await open(task.path, { lanes: 1, length: BLOCK_SIZE })
    check(await way.read(offset, 0), offset)
  })
  await way.close()
  await prepared?.end()
  const loadMs = prepared?.loadMs
  return { seconds, milliseconds: seconds * 1e3, cpuSeconds, machineCpuSeconds, majorFaults, deviceBytes, reads: 1, loadMs }
}
