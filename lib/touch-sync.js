'use strict'
// Makes ranges resident on the calling thread itself, for threads that may wait for a device.

const native = require('../native/binding')
const { throwIfAborted } = require('./abort')
const { fromCore } = require('./errors')

/**
 * @param {import('./mapping').Mapping} mapping
 * @param {import('./request').Part[]} parts
 * @param {number} sliceSize bytes that a call of the core works on at most
 * @param {{signal?: AbortSignal, onProgress?: (touched: number, total: number) => void, write: boolean}} options
 */
function touchSync(mapping, parts, sliceSize, { signal, onProgress, write }) {
  const populate = write ? native.populateForWriting : native.populate
  const total = parts.reduce((sum, part) => sum + part.length, 0)
  const prefetch = (offset, length) => length > 0 && native.prefetch(mapping.id, offset, Math.min(length, sliceSize))
  throwIfAborted(signal)
  for (const { offset, length } of parts) prefetch(offset, length)
  let touched = 0
  for (const { offset, length } of parts) {
    for (let done = 0; done < length;) {
      throwIfAborted(signal)
      const step = Math.min(sliceSize, length - done)
      // The device reads the next slice while this one is entered in the page table.
      prefetch(offset + done + step, length - done - step)
      const result = populate(mapping.id, offset + done, step)
      if (result < 0) throw fromCore(result, 'madvise', mapping.path, offset, length)
      done += step
      touched += step
      onProgress?.(touched, total)
    }
  }
}

module.exports = { touchSync }
