'use strict'
// The same with far less memory than the file is large: what is read ahead for nothing pushes out what is needed.

const { view, read, fileHandle, fsRead, limit, wokenLoop, systemCalls } = require('./contenders')
const { files } = require('./cold-random')
const { DEVICE, LONGEST, LOOP } = require('./reasons')

module.exports = {
  name: 'memory-limit',
  about: (mode) => 'Random 4 KiB blocks, each once, 64 in flight, by a process that may have ' +
    `${mode.limitBytes / 2 ** 20} MiB of memory`,
  work: 'random-reads',
  cold: true,
  pressured: true,
  files,
  parameters: (mode) => ({ reads: Math.min(mode.limitedReads, mode.fileBytes / 4096), inFlight: 64 }),
  limitBytes: (mode) => mode.limitBytes,
  contenders: [view, fsRead, { ...read, aside: true }, { ...fileHandle, aside: true }, limit, wokenLoop, systemCalls],
  figures: ['readsPerSecond', 'deviceReadsPerRead', 'cpuSeconds', 'delayP99Ms', 'delayMaxMs', 'majorFaults'],
  bars: [
    { figure: 'readsPerSecond', of: view, against: fsRead, limit, atLeast: 2.3, because: DEVICE },
    { figure: 'deviceReadsPerRead', of: view, atMost: 1.05 },
    { figure: 'delayP99Ms', of: view, against: fileHandle, limit: wokenLoop, atMost: 1, because: LOOP },
    { figure: 'delayMaxMs', of: view, against: fileHandle, limit: wokenLoop, atMost: 1, because: LONGEST }
  ]
}
