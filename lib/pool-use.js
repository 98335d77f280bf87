'use strict'
// A file's use of a pool: of the one that it was given, or of the default pool once it has anything to do. It knows nothing of
// the file, so that a file which was collected can be taken off its pool.

const { getDefaultPool } = require('./pool')

class PoolUse {
  #pool

  /** @param {import('./pool-client').PoolClient} [pool] */
  constructor(pool) {
    this.#pool = pool
    pool?.enter()
  }

  get pool() {
    if (this.#pool === undefined) {
      this.#pool = getDefaultPool()
      this.#pool.enter()
    }
    return this.#pool
  }

  /** Whether the pool has ended. */
  get isOver() {
    return this.#pool !== undefined && this.#pool.closed
  }

  /** The file was closed, or collected. */
  leave = () => this.#pool?.leave()
}

module.exports = { PoolUse }
