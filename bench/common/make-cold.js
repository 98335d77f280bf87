'use strict'
// Drops one file from the page cache. Not all caches: that would evict node's own code as well, and the faults counted
// afterwards would be node's.

const fs = require('node:fs/promises')

// Resolves with the part of the file that is in memory nevertheless (0 to 1), or null where the kernel will not say: on
// Windows, where no file can be dropped from its cache.
module.exports = async function makeCold(path) {
  if (process.platform === 'win32') return null
  const { open } = require('faultless')
  await sync(path)
  const file = await open(path)
  try {
    await file.evict()
    const { resident, pages } = await file.residency()
    return resident === null ? null : resident / pages
  } finally {
    // A page that somebody has mapped stays: the trial must find no mapping of ours.
    await file.close()
  }
}

// Dirty pages stay as well. A descriptor open for reading is enough, and nothing of the reader's is changed.
async function sync(path) {
  const handle = await fs.open(path)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
