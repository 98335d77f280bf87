'use strict'
// fio on the same file: what the device gives to a program that goes past the page cache (direct I/O) and keeps its
// queue full. It is the limit, and no peer: nothing ends up in memory that others could use. Through the page cache it
// shows what that way can give, to a program that does nothing else.

const fs = require('node:fs')
const path = require('node:path')
const { run } = require('./run-child')

const ENGINES = ['io_uring', 'libaio']

module.exports = async function runFio(task) {
  if (!isInstalled()) return { skipped: 'fio is not installed' }
  let outcome
  for (const engine of ENGINES) {
    outcome = await runWith(engine, task)
    if (outcome.figures !== undefined) break
  }
  return outcome
}

function isInstalled() {
  return process.env.PATH.split(path.delimiter).some((folder) => fs.existsSync(path.join(folder, 'fio')))
}

async function runWith(engine, { path: file, reads, inFlight, seed, bytes, buffered }) {
  const options = {
    name: 'random-reads', filename: file, readonly: undefined, rw: 'randread', bs: 4096, size: bytes,
    direct: buffered ? 0 : 1,
    ioengine: engine, iodepth: inFlight, io_size: reads * 4096, randseed: seed, 'output-format': 'json'
  }
  const args = Object.entries(options).map(([key, value]) => value === undefined ? `--${key}` : `--${key}=${value}`)
  // Its report goes where the figures of a child go.
  const { code, output, complaint } = await run('sh', ['-c', 'exec fio "$@" >&3', 'sh', ...args], {})
  if (code !== 0) return { skipped: `fio failed: ${complaint.trim().split('\n')[0]}` }
  return { figures: figuresOf(JSON.parse(output.slice(output.indexOf('{'))).jobs[0]) }
}

function figuresOf(job) {
  const seconds = job.read.runtime / 1e3
  return {
    seconds,
    cpuSeconds: (job.usr_cpu + job.sys_cpu) / 100 * seconds,
    reads: job.read.total_ios,
    readsPerSecond: job.read.iops,
    deviceBytes: job.read.io_bytes
  }
}
