'use strict'
// Reads a list of blocks one way, a number of them in flight at a time, and gives their checksums in order.

const { BLOCK_SIZE, checksum } = require('./blocks')

const PROGRESS_STEPS = 20

// Blocks are begun in the order of the list, so a deadline leaves the sums of its first blocks without a gap.
module.exports = async function readAll(way, blocks, { concurrency, deadlineMs, progress }) {
  const sums = new Uint32Array(blocks.length)
  const deadline = performance.now() + deadlineMs
  const step = Math.ceil(blocks.length / PROGRESS_STEPS)
  let begun = 0
  let done = 0

  async function lane() {
    while (begun < blocks.length && performance.now() < deadline) {
      const i = begun++
      // The same checksum for all three, so what it costs is the same too; it is also the load that can fault.
      sums[i] = checksum(await way.read(blocks[i] * BLOCK_SIZE))
      if (++done % step === 0) progress(done)
    }
  }

  await Promise.all(Array.from({ length: concurrency }, lane))
  return sums.subarray(0, begun)
}
