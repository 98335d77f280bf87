'use strict'
// A round of a pool thread: all short slots, then the turn of a long one, or of more where short ones are slow. For how long that
// is, and whether their slices are cut into steps between which short ones are looked for.

const { SLOW_NS } = require('./group')

// The part of the time that short slots of a slow device have taken for which long ones then have their turn: with a step for each
// of theirs, all that was read beside four reads from one that takes 5 ms was 50 MiB a second. A quick one is asked soon enough again.
const LONG_SHARE = 1 / 2

// For so long after a short slot another is expected: no turn of a long one lasts longer.
const SHORT_COMES_NS = 10e6

class Round {
  #hasShort = false
  #shortAt = -Infinity // ns: when short slots were completed last
  #slowNs = 0 // that they took, where their device was slow
  #until = 0 // ns

  /** Whether long slots are done a step at a time in this turn, and not a slice, since short ones come. */
  isCut = false

  begin() {
    this.#hasShort = false
    this.#slowNs = 0
  }

  /** @param {number} took ns: the time of some short slots, one after the other  @param {number} at ns: when they were completed */
  noteShort(took, at) {
    this.#hasShort = true
    this.#shortAt = at
    if (took > SLOW_NS) this.#slowNs += took // else they are just many
  }

  /** @param {number} at ns: no short one is left */
  beginLong(at) {
    this.isCut = this.#hasShort || at - this.#shortAt < SHORT_COMES_NS
    this.#until = at + Math.min(this.#slowNs * LONG_SHARE, SHORT_COMES_NS)
  }

  /** Whether the turn of the long ones is over. */
  isOver(at) {
    return at >= this.#until
  }
}

module.exports = { Round }
