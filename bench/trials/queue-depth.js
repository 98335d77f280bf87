'use strict'
// How throughput grows with the number of reads in flight.

const { view, fileHandle, fsRead32, fio } = require('./contenders')
const { files } = require('./cold-random')

module.exports = {
  name: 'queue-depth',
  about: 'Random 4 KiB blocks of a cold file, each once, by the number in flight',
  work: 'random-reads',
  cold: true,
  files,
  parameters: () => ({}),
  points: (mode) => mode.depths.map((depth) => ({ inFlight: depth, reads: mode.depthReads(depth) })),
  pointName: ({ inFlight }) => `${inFlight} in flight`,
  contenders: [view, fileHandle, fsRead32, fio].map((contender) => ({ ...contender, aside: true })),
  figures: ['readsPerSecond', 'cpuSeconds', 'delayP99Ms'],
  bars: []
}
