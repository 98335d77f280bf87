'use strict'
// What has to be done whatever becomes of the pool: by its threads, else by those of the default pool, else by this thread.

const native = require('../native/binding')
const { Op } = require('../worker/layout')
const { getDefaultPool } = require('./pool')
const { Request } = require('./request')

/**
 * @param {import('./pool-client').PoolClient} pool
 * @param {object} about what a Request is told
 * @param {() => number | void} lastResort does it on this thread
 * @returns {Promise<number>} the sum of the results, or what `lastResort` returned
 */
async function runSurely(pool, about, lastResort) {
  return runOn(pool, about)
    .catch(() => runOn(getDefaultPool(), about)) // its own has been closed, or was while it waited
    .catch(lastResort) // no thread can be had at all
}

async function runOn(pool, about) {
  return pool.submit(new Request(about), true).promise
}

/**
 * Makes a range resident, for nobody who would hear of a refusal: neither a full queue nor a pool that has ended is one.
 * @param {import('./pool-client').PoolClient} pool
 * @param {import('./mapping').Mapping} mapping
 * @returns {Promise<void>} rejected as MappedFile.touch() is where the range cannot be loaded, or no thread can be had
 */
async function touchSurely(pool, mapping, offset, length) {
  const about = { op: Op.TOUCH, mapping, parts: [{ offset, length }], syscall: 'madvise' }
  try {
    await runOn(pool, about)
  } catch (error) {
    if (mapping.file.closed || !pool.closed) throw error
    await runOn(getDefaultPool(), about)
  }
}

/**
 * Waits for slices that are under way, and always closes. Giving back GiBs of pages takes tens of ms.
 * @param {import('./pool-client').PoolClient} pool
 * @param {object} mapping a Mapping, or the overlay of a lease
 * @returns {Promise<number>} 0, or a negative result of the core
 */
async function closeMapping(pool, mapping) {
  const about = { op: Op.CLOSE, mapping, parts: [{ offset: 0, length: 0 }], syscall: 'mmap' }
  return runSurely(pool, about, () => native.close(mapping.id))
}

module.exports = { closeMapping, runSurely, touchSurely }
