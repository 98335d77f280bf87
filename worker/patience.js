'use strict'
// Whether listening for a moment is worth it: it spares both sides a system call and the scheduler's delay when the other
// answers at once, and is wasted when it does not. So it is bounded, and given up while it comes to nothing.

const MOST_CREDIT = 8
const TRY_AGAIN = 32 // without credit, one time in so many is tried all the same

class Patience {
  #credit = MOST_CREDIT
  #skipped = 0

  /** Whether to listen this time. */
  get isWorthIt() {
    if (this.#credit > 0) return true
    this.#skipped = (this.#skipped + 1) % TRY_AGAIN
    return this.#skipped === 0
  }

  /** @param {boolean} succeeded whether the answer came while one listened */
  note(succeeded) {
    this.#credit = succeeded ? Math.min(this.#credit + 2, MOST_CREDIT) : Math.max(this.#credit - 1, 0)
  }
}

module.exports = { Patience }
