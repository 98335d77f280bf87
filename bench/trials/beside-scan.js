'use strict'
// Random reads of a file while all of it that they leave is scanned: what a scan costs those who want a block.

const IN_FLIGHT = 4

const ours = { reader: 'faultless', ours: true, aside: true }
const fs = { reader: 'fs', aside: true }

module.exports = {
  name: 'beside-scan',
  about: `Random 4 KiB blocks of one half of a cold file, ${IN_FLIGHT} in flight, while the other half is scanned in chunks of 1 MiB`,
  work: 'beside-scan',
  cold: true,
  async files(files, mode) {
    const [file, warm] = [await files.content(mode.fileBytes), await files.warm(mode.warmBytes)]
    return { ...file, warmPath: warm.path, warmBytes: warm.bytes }
  },
  parameters: (mode) => ({ inFlight: IN_FLIGHT, reads: mode.readsInTurn }),
  contenders: [
    { ...ours, name: 'faultless view() beside chunks()', scans: true },
    { ...fs, name: 'fs.promises.read beside fs.createReadStream', scans: true },
    { ...ours, name: 'faultless view() alone', scans: false },
    { ...fs, name: 'fs.promises.read alone', scans: false }
  ],
  figures: ['waitP50Ms', 'waitP99Ms', 'readsPerSecond', 'bytesPerSecond', 'delayP99Ms', 'majorFaults'],
  bars: []
}
