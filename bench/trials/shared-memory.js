'use strict'
// Several threads that each want the whole of one file.

const faultless = { name: 'faultless view()', reader: 'faultless', ours: true }
const readFile = { name: 'fs.promises.readFile', reader: 'readFile' }

// What eight threads need by themselves, some 100 MiB, is a tenth of a file of 1 GiB, and as much as a small one.
const figureOf = ({ sharedBytes }) => sharedBytes < 2 ** 30 ? 'pssOfFileBytes' : 'pssBytes'

module.exports = {
  name: 'shared-memory',
  about: (mode) => `${mode.workers} worker threads that each hold a file of ${mode.sharedBytes / 2 ** 20} MiB`,
  work: 'shared-memory',
  hot: true,
  exact: true,
  files: (files, mode) => files.content(mode.sharedBytes),
  parameters: (mode) => ({ workers: mode.workers }),
  contenders: [faultless, readFile],
  figures: ['pssBytes', 'pssOfFileBytes', 'seconds'],
  bars: (mode) => [{ figure: figureOf(mode), of: faultless, against: readFile, atMost: 0.15 }]
}
