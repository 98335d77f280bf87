'use strict'
// A channel as one pool thread serves it: what this thread alone knows of it, and how it takes slots from one state to the next.

const { SLOTS, Owner, ChannelMemory, GONE, State, statusOf } = require('./layout')

/** Counts what a thread does for slots, so that it knows for which it has done nothing for longest. */
class Turns {
  last = 0

  next() {
    return ++this.last
  }
}

class ServedChannel extends ChannelMemory {
  turns = new Float64Array(SLOTS) // the last turn of each slot
  longTurn = 0 // the last of a slot with much to do
  cursor = 0 // the slot at which the sweep goes on
  isSwept = false // it has come to the end once
  lookBegan = 0 // ns: when this thread last began to look for waiting slots

  /** Whether there may be work: it has an owner, who has put something into its slots. */
  get isInUse() {
    const { header } = this
    if (Atomics.load(header, ChannelMemory.USED) === 0) return false
    const owner = Atomics.load(header, ChannelMemory.OWNER)
    return statusOf(owner) === Owner.TAKEN && (owner & GONE) === 0
  }

  /** From the first slot on again. */
  startSweep() {
    this.cursor = 0
    this.isSwept = false
  }

  /**
   * Moves slots that this thread may take from one state to the next, from slot `start` on until `act` returns false. Most are
   * in another state: so first a plain load, as each Atomics.load is a call of 5 ns. What that misses is found by the look
   * after the bell.
   * @param {number} start
   * @param {number} from a state
   * @param {number} to a state
   * @param {(channel: ServedChannel, slot: number) => boolean} mayTake
   * @param {(channel: ServedChannel, slot: number) => boolean} act
   * @returns {number} the slot at which to go on, or 0 at the end
   */
  takeSlots(start, from, to, mayTake, act) {
    const end = Atomics.load(this.header, ChannelMemory.HIGH_WATER)
    for (let slot = start; slot < end; slot++) {
      if (this.state[slot] !== from || Atomics.load(this.state, slot) !== from) continue
      if (!mayTake(this, slot)) continue
      // First: by the time that anybody finds the slot taken, it says since when.
      if (from === State.WAITING) this.taken[slot] = this.lookBegan
      if (Atomics.compareExchange(this.state, slot, from, to) !== from) continue
      if (!act(this, slot)) return slot + 1
    }
    return 0
  }
}

module.exports = { ServedChannel, Turns }
