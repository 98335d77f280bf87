'use strict'
// Several threads that each want the whole of one file.

const faultless = { name: 'faultless view()', reader: 'faultless', ours: true }
const readFile = { name: 'fs.promises.readFile', reader: 'readFile' }

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
  bars: [{ figure: 'pssBytes', of: faultless, against: readFile, atMost: 0.15 }]
}
