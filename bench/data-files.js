'use strict'
// The files that are read: made when a trial first asks for them, in a folder that is gone when the process is.

const fs = require('node:fs')
const path = require('node:path')
const { writeContent } = require('./content')
const writeDatabase = require('./geoip-database')
const peers = require('./peers')

const PREFIX = 'faultless-bench-'
const DAY_MS = 86_400_000

const LMDB_VALUE = 4080 // with lmdb's header of 16 bytes it fills one page

module.exports = class DataFiles {
  #folder
  #made = new Map()

  constructor(parent) {
    clearLeftovers(parent)
    this.#folder = fs.mkdtempSync(path.join(parent, PREFIX))
    process.once('exit', () => fs.rmSync(this.#folder, { recursive: true, force: true }))
  }

  /**
   * To get going with: `bytes` of the same content as the others have, at the end of a file that is as long as the one that
   * is measured. V8 compiles code for the numbers that it has seen, and for larger ones once more.
   */
  async warm(bytes, length = bytes) {
    const from = length - bytes
    const file = await this.#once(`warm-${length}`, length, (name) => writeContent(name, length, from))
    return { ...file, from }
  }

  content(bytes) {
    return this.#once(`content-${bytes}`, bytes, (name) => writeContent(name, bytes))
  }

  /** Of holes alone: takes no space, and reads as zeros. */
  sparse(bytes) {
    return this.#once(`sparse-${bytes}`, bytes, async (name) => {
      fs.writeFileSync(name, '', { flag: 'wx' })
      fs.truncateSync(name, bytes)
    })
  }

  database(records) {
    return this.#once(`geoip-${records}`, undefined, async (name) => writeDatabase(name, records))
  }

  /** The first blocks of the content, one a value. */
  lmdb(bytes) {
    return this.#once(`lmdb-${bytes}`, bytes, (name) => writeLmdb(name, bytes))
  }

  /** @returns {Promise<{path: string, bytes: number}>} */
  #once(name, bytes, make) {
    if (!this.#made.has(name)) this.#made.set(name, this.#make(path.join(this.#folder, name), bytes, make))
    return this.#made.get(name)
  }

  async #make(name, bytes, make) {
    await make(name)
    return { path: name, bytes: bytes ?? fs.statSync(name).size }
  }
}

// GiBs that a run left which was killed outright. No run takes a day.
function clearLeftovers(parent) {
  for (const name of fs.readdirSync(parent).filter((entry) => entry.startsWith(PREFIX))) {
    const folder = path.join(parent, name)
    const status = fs.statSync(folder, { throwIfNoEntry: false })
    const isForgotten = status?.uid === process.getuid() && Date.now() - status.mtimeMs > DAY_MS
    if (isForgotten) fs.rmSync(folder, { recursive: true, force: true })
  }
}

async function writeLmdb(name, bytes) {
  const source = `${name}.content`
  await writeContent(source, bytes)
  const database = peers.load('lmdb').open({ path: name, noSubdir: true, encoding: 'binary', keyEncoding: 'uint32' })
  const content = fs.readFileSync(source)
  for (let at = 0; at < bytes; at += 4096) void database.put(at / 4096, content.subarray(at, at + LMDB_VALUE))
  await database.flushed
  await database.close()
  fs.rmSync(source)
  fs.rmSync(`${name}-lock`, { force: true })
}
