'use strict'
// What the first of all reads takes, before which no thread of a pool is there, nor code compiled.

const contenders = [
  { name: 'faultless view()', reader: 'view', ours: true },
  { name: 'faultless view(), where a pool thread is there', reader: 'viewByThread', ours: true },
  { name: 'fs.promises.read', reader: 'fileHandle' },
  { name: 'fs.read', reader: 'fsRead' }
]

module.exports = {
  name: 'first-read',
  about: 'Open a cold file and read 4 KiB of it, in a process that has just begun; how long it takes to load faultless before',
  work: 'first-read',
  cold: true,
  often: (mode) => mode.oftenShort,
  async files(files, mode) {
    const [file, warm] = [await files.content(mode.fileBytes), await files.warm(mode.warmBytes, mode.fileBytes)]
    return { ...file, warmPath: warm.path, warmFrom: warm.from }
  },
  contenders: contenders.map((contender) => ({ ...contender, aside: true })),
  figures: ['milliseconds', 'loadMs', 'cpuSeconds', 'majorFaults'],
  bars: []
}
