'use strict'
// How much of a slot a pool thread does at a time, before others get their turn, and what it notes when that is done.

const native = require('../native/binding')
const operations = require('./operations')
const { Flag, Op, State } = require('./layout')
const { intoPage } = require('./pages')

const SHORT = 64 << 10 // bytes

// Of a slice so much is done at a time while short slots come between, which wait for it: a device may take ms for a slice. Beside
// a scan four random reads in flight were waited for 0.4 ms at p50 and 2 ms at p99, and 1.7 and 10 ms with whole slices.
const STEP = 256 << 10 // bytes

const isCancelled = (channel, slot) => (Atomics.load(channel.flags, slot) & Flag.CANCELLED) !== 0

/** Whether a slot's next slice is its last, and a short one. */
function isShort(channel, slot) {
  const { readsPages, isQuick } = operations[channel.op[slot]]
  return (readsPages || isQuick) && channel.length[slot] - channel.done[slot] <= SHORT
}

/**
 * Notes that a slice of a slot is done.
 * @param {import('./layout').ChannelMemory} channel
 * @param {number} slot
 * @param {number} result of its operation: negative where it failed, or was cancelled
 * @param {number} length bytes of the slice
 * @param {number} worked ns: what it took
 * @param {number} ended ns: when
 * @returns {boolean} whether the caller wants to know
 */
function settle(channel, slot, result, length, worked, ended) {
  channel.worked[slot] += worked
  channel.ended[slot] = ended
  // One without the other would count a slice twice or skip it; V8 ends a thread at calls and loops, not in here.
  channel.done[slot] += result < 0 ? 0 : length
  channel.result[slot] = result < 0 ? result : channel.result[slot] + result

  const over = result < 0 || channel.done[slot] === channel.length[slot]
  const wake = over || (Atomics.load(channel.flags, slot) & Flag.PROGRESS) !== 0
  Atomics.store(channel.state, slot, over ? State.DONE : State.PREFETCHED)
  return wake
}

/** How far a slot's range begins into its first page. */
const startOf = (channel, slot) => intoPage(channel.offset[slot], channel.lead[slot])

/** Bytes from `done` to the end of a piece of `size`, or of the range; of operations that are quick a piece has more. */
function restOf(size, channel, slot, done) {
  const rest = channel.length[slot] - done
  const most = size * operations[channel.op[slot]].sliceFactor
  if (most === 0 || (done === 0 && rest <= most)) return rest
  return Math.min(rest, most - ((done + startOf(channel, slot)) % most))
}

class Slices {
  #size

  /** @param {number} size bytes that a touch or a read may work on before others get their turn */
  constructor(size) {
    this.#size = Math.floor(size / native.pageSize) * native.pageSize
  }

  /** Bytes from `done` to the end of the slice. Slices of a long range end on page boundaries as far as the mapping does. */
  lengthOf(channel, slot, done) {
    return restOf(this.#size, channel, slot, done)
  }

  /** … of them that are done at a time while short slots come between. */
  stepOf(channel, slot, done) {
    const length = this.lengthOf(channel, slot, done)
    const isCut = operations[channel.op[slot]].readsPages && length > STEP && !native.readsBlocks(channel.mapping[slot])
    return isCut ? Math.min(length, restOf(STEP, channel, slot, done)) : length
  }

  /** Whether a slice begins at `done`, and not just a step of one. */
  isStart(channel, slot, done) {
    const most = this.#size * operations[channel.op[slot]].sliceFactor
    return done === 0 || (most > 0 && (done + startOf(channel, slot)) % most === 0)
  }

  /** Whether all that is left of a slot is to make a few pages resident, for loads. */
  isPlainTouch(channel, slot) {
    if (channel.op[slot] !== Op.TOUCH || channel.argument[slot] !== 0 || isCancelled(channel, slot)) return false
    const done = channel.done[slot]
    return this.lengthOf(channel, slot, done) === channel.length[slot] - done
  }
}

module.exports = { Slices, isCancelled, isShort, settle }
