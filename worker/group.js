'use strict'
// The slots that a pool thread has claimed to complete one after the other before it tells their caller, and how many may be.

const { FEW_SLOTS, ChannelMemory } = require('./layout')

// Slots of one mapping whose slices are short are completed in groups, the youngest first: when the device has answered
// that one it has, as a rule, answered the older ones, so the thread sleeps and tells of it once a group and not once a
// slot. To wake a caller who sleeps costs 15 us, where a resident page costs 2. Small enough for the device's queue to
// stay filled meanwhile: with 64 in flight, groups of sixteen read 10% less a second where the device was waited for.
const MOST_AWAITED = 8

// Where it need not be waited for, as this thread is slower than the device, its queue is not what counts, but what each part
// of a group costs. Where a host keeps the page tables by software entering a page takes 25 us; with groups of 16 that are
// completed by one call the same reads were 45,000 a second, with 30,000 before.
const MOST_IN_GROUP = 16

// Slots of a group between which new requests are looked for, as a device whose queue has run dry waits for them. Told of at
// once when they had to be waited for: the caller wakes, and what it submits is there when the next few are done.
const FEW = 4

// So many parts in a row came without a wait: the device is ahead of this thread.
const AHEAD_AFTER = 4

// The part of a caller's slots that may be in a group where few are in use: the device would run dry while the caller waits for
// them, and as it looks by itself it need not be waked. With 8 and 16 in flight: 12% more reads a second, 3% more CPU time a read.
const SHARE = 1 / 8

// Part of a group that takes longer comes from a slow device, which is not to hold the rest up.
const SLOW_NS = 1e6

class Group {
  channel = undefined
  slots = []
  #callersLook
  #most = 1 // that a device as quick as this one has shown itself may be given
  #unawaited = 0 // parts in a row for which this thread has not slept

  /** @param {boolean} callersLook whether callers with few slots in use look for answers without being waked */
  constructor(callersLook) {
    this.#callersLook = callersLook
  }

  /** Whether a slot may be added: all of a group are of one channel and one mapping. */
  suits(channel, slot) {
    const [first] = this.slots
    return first === undefined || (this.channel === channel && channel.mapping[first] === channel.mapping[slot])
  }

  add(channel, slot) {
    this.channel = channel
    this.slots.push(slot)
  }

  get #isDeviceAhead() {
    return this.#unawaited >= AHEAD_AFTER
  }

  /** How many slots may be completed before new requests are looked for. */
  get few() {
    return this.#isDeviceAhead ? MOST_IN_GROUP : FEW
  }

  /** How many of them may be touched by one system call, during which nobody can be told of any, nor close their file. */
  get together() {
    return this.#isDeviceAhead ? MOST_IN_GROUP : 1
  }

  /** How many there may be. */
  get most() {
    return Math.min(this.#isDeviceAhead ? MOST_IN_GROUP : MOST_AWAITED, this.#most)
  }

  /** Whether it is worth knowing of a group if it is waited for: that it is not, or not any more. */
  get isTelling() {
    return this.slots.length >= (this.#isDeviceAhead ? 2 : FEW)
  }

  get isFull() {
    const used = Atomics.load(this.channel.header, ChannelMemory.USED)
    const most = this.#callersLook && used <= FEW_SLOTS ? used * SHARE : MOST_IN_GROUP
    return this.slots.length >= Math.min(most, this.most)
  }

  /**
   * @param {number} took ns: the time of some of its slots, one after the other
   * @param {boolean} [hasSlept] whether this thread has meanwhile; undefined: not known
   */
  note(took, hasSlept) {
    this.#most = took > SLOW_NS ? 1 : Math.min(2 * this.#most, MOST_IN_GROUP)
    if (hasSlept !== undefined) this.#unawaited = hasSlept ? 0 : this.#unawaited + 1
  }
}

module.exports = { Group, MOST_IN_GROUP, SLOW_NS }
