'use strict'
// fio on the same file: what the device gives to a program that goes past the page cache (direct I/O) and keeps its
// queue full. It is the limit, and no peer: nothing ends up in memory that others could use. Through the page cache it
// shows what io_uring gives to those who want it there.

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { BLOCK_SIZE } = require('./content')
const { run } = require('./run-child')

const ENGINES = ['io_uring', 'libaio']

// Its report goes where the figures of a child go, and then what the device has read: proc(5) adds that of a child which
// was waited for to its parent's. fio itself only says what it has asked for.
const SCRIPT = 'fio "$@" >&3 || exit; sed -n "s/^read_bytes: //p" "/proc/$$/io" >&3 || true'

module.exports = async function runFio(task) {
  if (!isInstalled()) return { skipped: 'fio is not installed' }
  let outcome
  for (const engine of ENGINES) {
    outcome = await runWith(engine, task)
    if (outcome.figures !== undefined) break
  }
  return outcome
}

/** @returns {string | undefined} as it says it: 'fio-3.33' */
module.exports.version = () => {
  const { stdout } = spawnSync('fio', ['--version'], { encoding: 'utf8' })
  return stdout?.trim() || undefined
}

function isInstalled() {
  return process.env.PATH.split(path.delimiter).some((folder) => fs.existsSync(path.join(folder, 'fio')))
}

async function runWith(engine, { path: file, reads, inFlight, seed, bytes, buffered }) {
  const options = {
    name: 'random-reads', filename: file, readonly: undefined, rw: 'randread', bs: BLOCK_SIZE, size: bytes,
    direct: buffered ? 0 : 1,
    ioengine: engine, iodepth: inFlight, io_size: reads * BLOCK_SIZE, randseed: seed, 'output-format': 'json'
  }
  const args = Object.entries(options).map(([key, value]) => value === undefined ? `--${key}` : `--${key}=${value}`)
  const { code, output, complaint } = await run('sh', ['-c', SCRIPT, 'sh', ...args], {})
  if (code !== 0) return { skipped: `fio failed: ${complaint.trim().split('\n')[0]}` }
  const end = output.lastIndexOf('}') + 1
  const deviceBytes = Number(output.slice(end).trim() || NaN)
  return { figures: figuresOf(JSON.parse(output.slice(output.indexOf('{'), end)).jobs[0], deviceBytes) }
}

function figuresOf(job, deviceBytes) {
  const seconds = job.read.runtime / 1e3
  const isKnown = Number.isFinite(deviceBytes)
  return {
    seconds,
    cpuSeconds: (job.usr_cpu + job.sys_cpu) / 100 * seconds,
    reads: job.read.total_ios,
    readsPerSecond: job.read.iops,
    deviceBytes: isKnown ? deviceBytes : null,
    deviceReadsPerRead: isKnown ? deviceBytes / BLOCK_SIZE / job.read.total_ios : null
  }
}
