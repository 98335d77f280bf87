'use strict'
// A cold file from its first byte to its last, in chunks of 1 MiB.

const { FOLIOS, LONGEST, LOOP } = require('./reasons')

const limit = { name: 'its system calls, in C', runtime: 'limit', reader: 'scan', aside: true }
const wokenLoop = { name: 'a loop that is woken for each chunk', runtime: 'limit', reader: 'scanLoop', aside: true }
const chunks = { name: 'faultless chunks()', reader: 'chunks', ours: true }
const stream = { name: 'fs.createReadStream', reader: 'stream' }
const fileHandle = { name: 'fs.promises.read, chunk by chunk', reader: 'fileHandle', aside: true }

module.exports = {
  name: 'scan',
  about: 'A cold file from end to end, in chunks of 1 MiB',
  work: 'scan',
  cold: true,
  async files(files, mode) {
    const [file, warm] = [await files.content(mode.fileBytes), await files.warm(mode.warmBytes)]
    return { ...file, warmPath: warm.path }
  },
  parameters: (mode) => ({ reads: mode.fileBytes / 4096 }),
  contenders: [
    chunks,
    stream,
    { name: 'faultless view(), chunk by chunk', reader: 'views', ours: true, aside: true },
    fileHandle,
    limit,
    wokenLoop
  ],
  figures: ['bytesPerSecond', 'cpuSeconds', 'delayP99Ms', 'delayMaxMs', 'majorFaults'],
  bars: [
    { figure: 'bytesPerSecond', of: chunks, against: stream, limit, atLeast: 1.3 },
    { figure: 'cpuSeconds', of: chunks, against: stream, limit, atMost: 0.5, because: FOLIOS },
    { figure: 'delayP99Ms', of: chunks, against: fileHandle, limit: wokenLoop, atMost: 1, because: LOOP },
    { figure: 'delayMaxMs', of: chunks, against: fileHandle, limit: wokenLoop, atMost: 1, because: LONGEST }
  ]
}
