'use strict'
// How often a page that was touched, or is believed to be resident, is gone before it is used: random 4 KiB views of a
// file many times larger than the memory that the process may have. Needs root, for the cgroup. Prints one line of JSON.
//
//   node bench/eviction.js [--file PATH] [--size MiB] [--limit MiB] [--reads N] [--in-flight N]
//                          [--freshness ms|Infinity] [--try]     (by tryView() first, and view() where that has none)

const { spawnSync } = require('node:child_process')
const crypto = require('node:crypto')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { makeCgroup, removeCgroup, commandInside } = require('./memory-limit')

const MIB = 1 << 20
const BLOCK = 4096

const number = (value) => ({ type: 'string', default: String(value) })
const { values } = parseArgs({
  options: {
    file: { type: 'string' },
    size: number(4096),
    limit: number(256),
    reads: number(200_000),
    'in-flight': number(64),
    freshness: { type: 'string' }, // the library's default
    try: { type: 'boolean', default: false },
    inside: { type: 'boolean', default: false } // set by itself: this process is in the cgroup
  }
})

/** Random bytes, so that no file system makes holes or compresses. */
function makeFile(name, size) {
  const fd = fs.openSync(name, 'w')
  const chunk = Buffer.alloc(8 * MIB)
  for (let at = 0; at < size; at += chunk.length) fs.writeSync(fd, crypto.randomFillSync(chunk), 0, chunk.length, at)
  fs.fsyncSync(fd)
  fs.closeSync(fd)
}

function runInside(folder, file) {
  const args = [__filename, '--inside', '--file', file, '--reads', values.reads, '--in-flight', values['in-flight']]
  if (values.freshness !== undefined) args.push('--freshness', values.freshness)
  if (values.try) args.push('--try')
  const [command, itsArgs] = commandInside(folder, process.execPath, args)
  const { status } = spawnSync(command, itsArgs, { stdio: 'inherit' })
  process.exitCode = status ?? 1
}

function outside() {
  const file = values.file ?? path.join(os.tmpdir(), `faultless-eviction-${process.pid}`)
  if (values.file === undefined) makeFile(file, Number(values.size) * MIB)
  const folder = makeCgroup(Number(values.limit) * MIB)
  try {
    runInside(folder, file)
  } finally {
    removeCgroup(folder)
    if (values.file === undefined) fs.rmSync(file)
  }
}

const deviceReads = () => Number(/read_bytes: (\d+)/.exec(fs.readFileSync('/proc/self/io', 'utf8'))[1]) / BLOCK

/** Views random blocks; loads from each as soon as its promise has resolved. @returns {Promise<{hot: number, sum: number}>} */
async function readAll(file, reads) {
  let left = reads
  let hot = 0 // had at once
  let sum = 0
  const blocks = Math.floor(file.byteLength / BLOCK)
  const one = async () => {
    while (left-- > 0) {
      const offset = crypto.randomInt(blocks) * BLOCK
      const tried = values.try ? file.tryView(offset, BLOCK) : undefined
      const view = tried ?? await file.view(offset, BLOCK)
      if (tried !== undefined) hot++
      sum += view[0] + view[BLOCK - 1]
    }
  }
  await Promise.all(Array.from({ length: Number(values['in-flight']) }, one))
  return { hot, sum }
}

async function inside() {
  const { open } = require('faultless')
  const native = require('../native/binding')
  const freshness = values.freshness === undefined ? undefined : Number(values.freshness)
  const file = await open(values.file, { freshness })
  await file.evict() // what is in memory now counts against whoever read it, and is not limited
  await readAll(file, 5000) // the code itself is in memory then
  const before = { faults: native.threadUsage().majorFaults, device: deviceReads(), time: process.hrtime.bigint() }
  const reads = Number(values.reads)
  const { hot } = await readAll(file, reads)
  const seconds = Number(process.hrtime.bigint() - before.time) / 1e9
  console.log(JSON.stringify({
    reads,
    ...(values.try && { hot }),
    mainThreadMajorFaults: native.threadUsage().majorFaults - before.faults,
    deviceReadsPerRead: Number(((deviceReads() - before.device) / reads).toFixed(3)),
    readsPerSecond: Math.round(reads / seconds)
  }))
  await file.close()
}

if (values.inside) void inside()
else outside()
