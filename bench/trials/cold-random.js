'use strict'
// The question that the project comes from: many random reads of a file that is not in memory.

const {
  view, read, fileHandle, fsRead, fsRead32, readSync, mapping, mmapIo, bunMmap, fio, fioBuffered, limit, wokenLoop, systemCalls
} = require('./contenders')
const { DEVICE, LONGEST, LOOP } = require('./reasons')

const IN_FLIGHT = 64

const lmdb = {
  name: 'lmdb, prefetch() and get',
  reader: 'lmdbPrefetch',
  peer: 'lmdb',
  aside: true,
  blockBytes: 4080,
  // A database of its own, smaller, and as many reads as it has values at most.
  async files(files, mode) {
    const { path, bytes } = await files.lmdb(mode.lmdbBytes)
    const warm = await files.lmdb(mode.warmBytes)
    return { path, bytes, warmPath: warm.path, warmBytes: warm.bytes, warmFrom: 0, reads: Math.min(mode.coldReads, bytes / 4096) }
  }
}

// One after the other on the main thread: what a read takes, and how late the loop is, shows in fewer of them.
const inTurn = (contender) => ({
  ...contender,
  files: async (files, mode) => ({ ...await contender.files?.(files, mode), reads: mode.readsInTurn })
})

module.exports = {
  name: 'cold-random',
  about: `Random 4 KiB blocks of a cold file, each once, ${IN_FLIGHT} in flight; fewer blocks where they are read one after the other, ` +
    'of which the CPU time is as well',
  work: 'random-reads',
  cold: true,
  often: (mode) => mode.oftenCold, // one run differs from the next by a tenth and more, as it needs both processors and the device
  async files(files, mode) {
    const [file, warm] = [await files.content(mode.fileBytes), await files.warm(mode.warmBytes, mode.fileBytes)]
    return { ...file, warmPath: warm.path, warmBytes: warm.bytes, warmFrom: warm.from }
  },
  parameters: (mode) => ({ reads: mode.coldReads, inFlight: IN_FLIGHT, timeline: true }),
  contenders: [
    view, read, fileHandle, fsRead, fsRead32, fio, fioBuffered, limit, wokenLoop, systemCalls, ...[readSync, mapping, mmapIo, bunMmap].map(inTurn), lmdb
  ],
  figures: [
    'readsPerSecond', 'cpuSeconds', 'delayP50Ms', 'delayP99Ms', 'delayMaxMs', 'majorFaults', 'deviceReadsPerRead'
  ],
  bars: [
    { figure: 'readsPerSecond', of: view, against: fileHandle, limit, atLeast: 2, because: DEVICE },
    { figure: 'readsPerSecond', of: view, against: fsRead32, limit, atLeast: 1.1, because: DEVICE },
    { figure: 'readsPerSecond', of: view, against: fio, limit, atLeast: 0.9, because: DEVICE },
    { figure: 'readsPerSecond', of: view, against: fioBuffered, limit, atLeast: 0.9, because: DEVICE },
    { figure: 'cpuSeconds', of: view, against: fileHandle, limit, atMost: 0.5 },
    { figure: 'delayP99Ms', of: view, against: fileHandle, limit: wokenLoop, atMost: 1, because: LOOP },
    { figure: 'delayMaxMs', of: view, against: fileHandle, limit: wokenLoop, atMost: 1, because: LONGEST }
  ]
}
