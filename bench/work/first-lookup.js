'use strict'
// Opens a GeoIP database (MaxMind DB format) that is in the page cache, and looks one address up: what a command-line
// tool or a function that starts for one request waits for. All modules are loaded
// before: first-read.js tells how long that takes.

const fs = require('node:fs')
const { promisify } = require('node:util')
const measure = require('../common/measure')
const peer = require('../peers')
const { DEFAULT_FRESHNESS } = require('../../lib/options')
const native = require('../../native/binding')

const openers = {
  // Loads straight from the mapping: the database is in the page cache, so that a load waits for no device.
  mapping: async (path) => {
    const file = await require('faultless').open(path)
    return { bytes: Buffer.from(file.buffer), close: () => file.close() }
  },
  // Touches everything first, as one must where the database may be cold and no load may wait.
  view: async (path) => {
    const file = await require('faultless').open(path)
    return { bytes: await file.view(), close: () => file.close() }
  },
  // The call of node-mmap, which waits for nobody.
  map: async (path) => {
    const { map, PROT_READ, MAP_SHARED } = require('faultless')
    const fd = fs.openSync(path)
    const file = map(fs.fstatSync(fd).size, PROT_READ, MAP_SHARED, fd)
    fs.closeSync(fd)
    return { bytes: Buffer.from(file.buffer), close: () => file.close() }
  },
  // Where it can: on kernels and file systems that open nothing at once, fs.open does that.
  addon: async (path) => {
    const cached = native.openCached(path)
    const fd = cached < 0 ? await promisify(fs.open)(path) : cached
    const mapping = native.map(fd, 0, native.describe(fd).size, native.modes.copyOnWrite, DEFAULT_FRESHNESS, true)
    if (cached < 0) fs.closeSync(fd)
    else native.closeCached(fd)
    return { bytes: Buffer.from(mapping.buffer), close: () => native.close(mapping.id) }
  },
  openAlone: async (path, known) => {
    const fd = await promisify(fs.open)(path)
    fs.closeSync(fd)
    return { bytes: known, close() {} }
  },
  readFile: async (path) => ({ bytes: await fs.promises.readFile(path), close() {} }),
  readFileSync: async (path) => ({ bytes: fs.readFileSync(path), close() {} })
}

module.exports = async function firstLookup(task) {
  const { Reader } = peer.load('mmdb-lib')
  require('faultless')
  const known = task.reader === 'openAlone' ? fs.readFileSync(task.path) : undefined
  let opened
  const { result, seconds, majorFaults, cpuSeconds } = await measure(async () => {
    opened = await openers[task.reader](task.path, known)
    return new Reader(opened.bytes).get(task.address)
  })
  await opened.close()
  if (result === null) throw new Error(`${task.address} is not in the database`)
  if (task.country !== undefined && result.country !== task.country) throw new Error(`found ${JSON.stringify(result)}`)
  return { seconds, milliseconds: seconds * 1e3, majorFaults, cpuSeconds }
}
