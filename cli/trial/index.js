'use strict'
// A small comparison of direct mapping, node:fs and faultless on one file, cold before each run. What the device read
// shows whether it was.

const { fork } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs/promises')
const path = require('node:path')
const { open } = require('../../lib/index')
const { kindOf, notAFile } = require('../files')

const READERS = [
  { name: 'direct', title: 'direct mapping' },
  { name: 'fs', title: 'node:fs' },
  { name: 'faultless', title: 'faultless' }
]
const WORKS = ['random', 'scan']

const LEAST_BYTES = 1 << 20
const MOST_SCANNED = 1 << 30
const LANES = 64

// Of what was asked for, the device must have read so much, or some of it was in memory.
const COLD = 0.95

/** Writes back what is dirty, drops the file from memory, and tells how much stayed nevertheless; null: unknown. */
async function makeCold(file) {
  if (process.platform === 'win32') return null // it drops no file
  const handle = await fs.open(file)
  try {
    await handle.sync() // a dirty page stays
  } finally {
    await handle.close()
  }
  const mapping = await open(file, { freshness: 0 })
  try {
    await mapping.evict()
    const { resident } = await mapping.residency()
    return resident
  } finally {
    await mapping.close() // and so does one that is mapped
  }
}

async function runChild(task, signal) {
  const child = fork(path.join(__dirname, 'child.js'), [JSON.stringify(task)], {
    execArgv: [], signal, killSignal: 'SIGKILL', stdio: ['ignore', 'ignore', 'inherit', 'ipc']
  })
  let message
  child.on('message', (value) => (message = value))
  // Not 'exit': the last messages may come after it (seen under Wine), and by then nothing else keeps this process alive.
  const keepAlive = setInterval(() => {}, 1 << 30)
  const [code, killedBy] = await once(child, 'close').finally(() => clearInterval(keepAlive))
  if (message === undefined) throw new Error(`the process that measures ended with ${killedBy ?? code}`)
  if (message.error !== undefined) throw Object.assign(new Error(message.error.message), message.error)
  return message.figures
}

/** Whether the file was cold: null where nothing can be said. */
function wasCold({ bytes, deviceBytes }) {
  if (deviceBytes === null) return null
  return deviceBytes >= COLD * bytes
}

const perSecond = (value, { milliseconds }) => value / milliseconds * 1000

async function runOne(task, signal) {
  const stayed = await makeCold(task.path)
  const figures = await runChild(task, signal)
  const { sum, complete, ...rest } = figures
  return {
    checksum: complete ? sum : null,
    run: {
      reader: task.reader,
      ...rest,
      readsPerSecond: task.work === 'random' ? perSecond(figures.reads, figures) : null,
      bytesPerSecond: perSecond(figures.bytes, figures),
      pagesBefore: stayed,
      cold: wasCold(figures)
    }
  }
}

function checkSame(work, checksums) {
  const known = checksums.filter((sum) => sum !== null)
  if (known.some((sum) => sum !== known[0])) {
    throw Object.assign(new Error(`the ways to read found different bytes (${work}): is it being written to?`), { code: 'ERR_DIFFERENT_BYTES' })
  }
}

/**
 * @param {string} file
 * @param {{reads: number, milliseconds: number}} limits of each run of random reads
 * @param {AbortSignal} signal
 * @param {(title: string) => void} onRun before each run
 * @returns {Promise<{size: number, lanes: number, scanBytes: number, random: object[], scan: object[]}>}
 */
async function compare(file, { reads, milliseconds }, signal, onRun) {
  const status = await fs.stat(file)
  if (!status.isFile()) throw notAFile(kindOf(status))
  const { size } = status
  if (size < LEAST_BYTES) {
    throw Object.assign(new Error(`too small to compare anything: ${size} bytes, at least ${LEAST_BYTES} are needed`), { code: 'ERR_OUT_OF_RANGE' })
  }
  const task = { path: path.resolve(file), size, reads, milliseconds, lanes: LANES, scanBytes: Math.min(size, MOST_SCANNED) }
  const result = { size, lanes: LANES, scanBytes: task.scanBytes, random: [], scan: [] }
  for (const work of WORKS) {
    const checksums = []
    for (const { name, title } of READERS) {
      signal.throwIfAborted()
      onRun(`${work}: ${title}`)
      const { run, checksum } = await runOne({ ...task, work, reader: name }, signal)
      result[work].push(run)
      checksums.push(checksum)
    }
    checkSame(work, checksums)
  }
  return result
}

module.exports = { READERS, compare }
