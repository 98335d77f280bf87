'use strict'
// Contenders that several trials have. `reader` names a way in readers.js or in the trial's work; `peer` the package
// that it needs; `aside` says that it stands in no bar and is run less often.

const THREADS = '32'

// It takes sizes as signed 32-bit numbers: of a larger file the first part is read.
const MMAP_IO_MAX = 2 ** 31 - 4096

module.exports = {
  view: { name: 'faultless view()', reader: 'faultlessView', ours: true },
  read: { name: 'faultless read()', reader: 'faultlessRead', ours: true },
  fileHandle: { name: 'fs.promises.read', reader: 'fileHandle' },
  fsRead: { name: 'fs.read', reader: 'fsRead' },
  fsRead32: { name: 'fs.read, 32 threads', reader: 'fsRead', env: { UV_THREADPOOL_SIZE: THREADS } },
  readSync: { name: 'fs.readSync', reader: 'readSyncInTurns', aside: true },
  mapping: { name: 'direct loads from a mapping', reader: 'mapping', aside: true },
  mmapIo: {
    name: 'direct loads, @riaskov/mmap-io',
    reader: 'mmapIo',
    peer: '@riaskov/mmap-io',
    aside: true,
    async files(files, mode) {
      const bytes = Math.min(mode.fileBytes, MMAP_IO_MAX)
      const warm = await files.warm(mode.warmBytes, bytes)
      return { bytes, warmPath: warm.path, warmBytes: warm.bytes, warmFrom: warm.from }
    }
  },
  bunMmap: { name: 'direct loads, Bun.mmap', reader: 'bunMmap', peer: 'bun', runtime: 'bun', aside: true },
  fio: { name: 'fio (direct I/O)', runtime: 'fio' },
  limit: { name: 'its two threads, in C', runtime: 'limit', reader: 'told', aside: true },
  wokenLoop: { name: 'a loop that they only wake', runtime: 'limit', reader: 'toldLoop', aside: true },
  systemCalls: { name: 'its system calls, in C', runtime: 'limit', reader: 'touches', aside: true },
  fioBuffered: { name: 'fio through the page cache', runtime: 'fio', buffered: true, aside: true }
}
