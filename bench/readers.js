'use strict'
// The ways to read a range of a file, all of one shape: open(path, { lanes, length, bytes }) gives read(offset, lane),
// which gives a Buffer of `length` bytes or a promise of one, and close(). Nothing is read past the first `bytes`. A
// lane has one read in flight at a time, so those that copy do it into one buffer a lane, made beforehand.

const fs = require('node:fs')
const peer = require('./peers')

const buffersFor = ({ lanes, length }) => Array.from({ length: lanes }, () => Buffer.allocUnsafeSlow(length))
const turnOfTheLoop = () => new Promise((resolve) => setImmediate(resolve))

function whole(bytesRead, buffer) {
  if (bytesRead === buffer.length) return buffer
  throw new Error(`read ${bytesRead} of ${buffer.length} bytes`)
}

async function faultlessView(path, { length }) {
  const file = await require('faultless').open(path)
  return { read: (offset) => file.view(offset, length), close: () => file.close() }
}

async function faultlessRead(path, { length }) {
  const file = await require('faultless').open(path)
  return { read: (offset) => file.read(offset, length), close: () => file.close() }
}

/** Synchronous, and undefined where the range is not known to be in memory. */
function triedViews(file, length) {
  return {
    read: (offset) => file.tryView(offset, length),
    readMissing: (offset) => file.view(offset, length),
    close: () => file.close()
  }
}

async function faultlessTryView(path, { length }) {
  const file = await require('faultless').open(path)
  await file.touch()
  return triedViews(file, length)
}

// Read anew, as what is in the page cache stays there in the pages that it came in.
async function faultlessTryViewLarge(path, { length }) {
  const file = await require('faultless').open(path, { advice: 'hugepage' })
  await file.evict()
  await file.touch()
  return triedViews(file, length)
}

// What any way to hot memory costs: a Buffer over it, of which nobody asks whether it is resident.
async function bareView(path, { length }) {
  const file = await require('faultless').open(path)
  await file.touch()
  return { read: (offset) => Buffer.from(file.buffer, offset, length), close: () => file.close() }
}

/** The same by an async function, the least that gives a promise. */
async function bareViewAwaited(path, options) {
  const { read, close } = await bareView(path, options)
  return { read: async (offset) => read(offset), close }
}

// What a mapping is without faultless: memory, and whoever loads from it first waits for the disk. The turn of the loop
// before each load is what a server has between two requests.
async function mapping(path, { length }) {
  const file = await require('faultless').open(path)
  return {
    async read(offset) {
      await turnOfTheLoop()
      return Buffer.from(file.buffer, offset, length)
    },
    close: () => file.close()
  }
}

/** A mapping made by another library, on the main thread as well. */
function loads(bytes, length) {
  return {
    async read(offset) {
      await turnOfTheLoop()
      return Buffer.from(bytes.buffer, bytes.byteOffset + offset, length)
    },
    close() {}
  }
}

async function mmapIo(path, { length, bytes: size }) {
  const mmap = peer.load('@riaskov/mmap-io')
  const fd = fs.openSync(path)
  const bytes = mmap.map(size ?? fs.fstatSync(fd).size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0, mmap.MADV_RANDOM)
  fs.closeSync(fd)
  return loads(bytes, length)
}

// eslint-disable-next-line no-undef -- this one runs in Bun
const bunMmap = async (path, { length }) => loads(Bun.mmap(path), length)

async function fileHandle(path, options) {
  const handle = await fs.promises.open(path)
  const buffers = buffersFor(options)
  return {
    async read(offset, lane) {
      const { bytesRead } = await handle.read(buffers[lane], 0, options.length, offset)
      return whole(bytesRead, buffers[lane])
    },
    close: () => handle.close()
  }
}

async function fsRead(path, options) {
  const fd = fs.openSync(path)
  const buffers = buffersFor(options)
  const read = (offset, lane) => new Promise((resolve, reject) => {
    fs.read(fd, buffers[lane], 0, options.length, offset, (error, bytesRead) => {
      if (error) reject(error)
      else resolve(whole(bytesRead, buffers[lane]))
    })
  })
  return { read, close: () => fs.closeSync(fd) }
}

/** On the main thread, which waits. */
async function readSync(path, options) {
  const fd = fs.openSync(path)
  const [buffer] = buffersFor(options)
  return {
    read: (offset) => whole(fs.readSync(fd, buffer, 0, options.length, offset), buffer),
    close: () => fs.closeSync(fd)
  }
}

/** The same among other work of the loop. */
async function readSyncInTurns(path, options) {
  const { read, close } = await readSync(path, options)
  return { read: (offset) => turnOfTheLoop().then(() => read(offset)), close }
}

// One key a block of the file: prefetch() has a thread touch the pages, then the value is got without waiting. The
// values are copied into a buffer of lmdb's own. Its read-ahead stays on: without it (noReadAhead) the pages of the
// values were not prefetched, and the main thread faulted on nearly every one.
async function lmdbPrefetch(path) {
  const options = { noSubdir: true, readOnly: true, encoding: 'binary', keyEncoding: 'uint32' }
  const database = peer.load('lmdb').open({ path, ...options })
  return {
    async read(offset) {
      const key = offset / 4096
      await database.prefetch([key])
      return database.getBinaryFast(key)
    },
    close: () => database.close()
  }
}

module.exports = {
  faultlessView, faultlessRead, faultlessTryView, faultlessTryViewLarge, bareView, bareViewAwaited, mapping, mmapIo, bunMmap, fileHandle, fsRead,
  readSync, readSyncInTurns, lmdbPrefetch
}
