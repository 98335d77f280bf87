'use strict'
// What a file costs as it grows, when only some of it is read.

const { view, fsRead } = require('./contenders')

const readFile = { name: 'fs.promises.readFile', reader: 'readFile' }

module.exports = {
  name: 'file-size',
  about: (mode) =>
    `Open a sparse file that is in no cache, and read ${mode.sizeReads} random 4 KiB blocks, by its size`,
  work: 'file-cost',
  evicted: true, // no device is asked, since there is nothing on it
  files: () => ({}),
  parameters: (mode) => ({ reads: mode.sizeReads }),
  points: (mode) => mode.sizes.map((bytes) => ({ bytes, files: (files) => files.sparse(bytes) })),
  pointName: ({ bytes }) => bytes < 2 ** 30 ? `${bytes / 2 ** 20} MiB` : `${bytes / 2 ** 30} GiB`,
  contenders: [view, fsRead, readFile].map((contender) => ({ ...contender, aside: true })),
  figures: ['milliseconds', 'rssBytes'],
  bars: []
}
