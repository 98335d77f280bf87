'use strict'
// Reads of what is in memory, one after the other: at once, by a promise, and by a thread.

const { view, read, fileHandle, fsRead } = require('./contenders')
const { BUFFER } = require('./reasons')

const tryView = { name: 'faultless tryView()', reader: 'faultlessTryView', ours: true }
// A processor knows by heart where some thousand pages are, and looks the others up, in a virtual machine twice.
const tryViewLarge = {
  name: 'faultless tryView(), in pages of 2 MiB (advice hugepage)', reader: 'faultlessTryViewLarge', ours: true, aside: true
}
const bareView = { name: 'a Buffer over the mapping, unasked', reader: 'bareView', aside: true }
const bareViewAwaited = { name: 'a Buffer over the mapping, unasked but awaited', reader: 'bareViewAwaited', aside: true }
const inC = { name: 'its threads, in C', runtime: 'limit', reader: 'answer', aside: true }
const readSync = { name: 'fs.readSync', reader: 'readSync' }

const shared = {
  work: 'hot-reads',
  hot: true,
  files: (files, mode) => files.content(mode.hotBytes)
}

const inMiB = (bytes) => `${bytes / 2 ** 20} MiB`

const hotSync = {
  ...shared,
  name: 'hot-sync',
  about: (mode) => `Random 4 KiB blocks of ${inMiB(mode.hotBytes)} in memory, synchronously`,
  parameters: (mode) => ({ reads: mode.hotSyncReads, synchronous: true }),
  contenders: [tryView, readSync, bareView, tryViewLarge],
  figures: ['readsPerSecond', 'microsecondsPerRead', 'misses', 'majorFaults'],
  bars: [{ figure: 'readsPerSecond', of: tryView, against: readSync, limit: bareView, atLeast: 8, because: BUFFER }]
}

// Of less memory than the processor's caches hold: what the calls themselves cost, without waiting for memory.
const hotSyncNear = {
  ...hotSync,
  name: 'hot-sync-near',
  about: (mode) => `The same of ${inMiB(mode.nearBytes)}`,
  files: (files, mode) => files.content(mode.nearBytes)
}

const hotAsync = {
  ...shared,
  name: 'hot-async',
  about: 'Random 4 KiB blocks of a file in memory, each awaited before the next is asked for',
  parameters: (mode) => ({ reads: mode.hotAsyncReads }),
  contenders: [view, fileHandle, { ...fsRead, aside: true }, bareViewAwaited],
  figures: ['readsPerSecond', 'microsecondsPerRead', 'cpuSeconds', 'majorFaults'],
  bars: [{ figure: 'readsPerSecond', of: view, against: fileHandle, limit: bareViewAwaited, atLeast: 50 }]
}

const singleRead = {
  ...shared,
  name: 'single-read',
  about: 'A copy of 64 bytes in memory, made by a thread, with nothing else in flight',
  parameters: (mode) => ({ reads: mode.singleReads, length: 64 }),
  contenders: [read, fsRead, { ...fileHandle, aside: true }, inC],
  figures: ['microsecondsPerRead', 'cpuSeconds', 'majorFaults'],
  bars: [{ figure: 'microsecondsPerRead', of: read, against: fsRead, limit: inC, atMost: 0.3 }]
}

module.exports = { hotSync, hotSyncNear, hotAsync, singleRead }
