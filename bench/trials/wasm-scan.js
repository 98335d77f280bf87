'use strict'
// WebAssembly that goes once through a file. In the page cache, or the device would hide what a copy costs. No bar: entering
// pages in the page table costs about as much as copying them once.

module.exports = {
  name: 'wasm-scan',
  about: (mode) => `A byte counted by WebAssembly in ${mode.sharedBytes / 2 ** 20} MiB that are in the page cache`,
  work: 'wasm-scan',
  hot: true,
  async files(files, mode) {
    const [file, warm] = [await files.content(mode.sharedBytes), await files.warm(mode.warmBytes)]
    return { ...file, warmPath: warm.path, warmBytes: warm.bytes }
  },
  parameters: () => ({}),
  contenders: [
    { name: 'faultless mapInto()', reader: 'mapInto', ours: true },
    { name: 'fs.promises.read into the memory', reader: 'fileHandle' },
    { name: 'faultless view(), copied into the memory', reader: 'view', ours: true, aside: true }
  ],
  figures: ['bytesPerSecond', 'cpuSeconds', 'delayMaxMs', 'majorFaults'],
  bars: []
}
