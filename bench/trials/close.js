'use strict'
// The end of a mapping whose pages are all there.

const faultless = { name: 'faultless close()', reader: 'faultless', ours: true }
const inline = { name: 'the same on the main thread', reader: 'inline', aside: true }

// What the call takes where there is nothing to give back: code that runs for the first time in this process.
const ofOnePage = {
  name: 'faultless close() of a page', reader: 'faultless', ours: true, aside: true, files: (files) => files.sparse(4096)
}

module.exports = {
  name: 'close',
  about: (mode) => `How long close() of ${mode.closeBytes / 2 ** 20} MiB, all of them in memory, holds the main thread`,
  work: 'close',
  memoryBytes: (mode) => mode.closeBytes,
  files: (files, mode) => files.sparse(mode.closeBytes),
  parameters: () => ({}),
  contenders: [faultless, inline, ofOnePage],
  figures: ['heldMs', 'synchronousMs', 'idleGapMs'],
  // Not the gaps: those of a loop that closes nothing are as long, where there are fewer processors than threads.
  bars: [{ figure: 'synchronousMs', of: faultless, limit: ofOnePage, atMost: 1 }]
}
