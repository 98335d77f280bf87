'use strict'
// What a pool thread takes up, and asks the device for: all that waits before the first of it is completed, so that the device
// sees every request at once. Channels take turns.

const { now } = require('./clock')
const operations = require('./operations')
const { Prefetch } = require('./prefetch')
const { SLOTS, State, Control } = require('./layout')
const { ServedChannel } = require('./served-channel')
const { isCancelled } = require('./slices')

// A caller that is told of several answers at once asks for as many again, some us apart. A thread that waited for the first of
// these would have the others reach the device only when it has answered that one.
const MOST_PAUSE_NS = 5e3

class Intake {
  /** Of the pool, as far as this thread has looked. @type {ServedChannel[]} */
  channels = []
  /** Slots that were taken up since the last burst began. */
  came = 0
  #pool
  #control
  #group
  #attendance
  #slices
  #turns
  #prefetches = new Prefetch((file) => this.#mayAsk(file)) // a prefetch may hang as well
  #pauseNs
  #first = 0 // the channel whose turn it is
  #heard = 0 // the doorbell, as it was before the last look
  #expected = 0 // how many come in a burst, as far as those before tell
  #lookTurn = 0 // the last one before the last look

  /**
   * @param {import('./layout').PoolMemory} pool
   * @param {object} thread what this thread has
   * @param {import('./group').Group} thread.group in hand
   * @param {import('./attendance').Attendance} thread.attendance
   * @param {import('./slices').Slices} thread.slices
   * @param {import('./served-channel').Turns} thread.turns
   * @param {number} spin microseconds, the most that it may wait for anything without sleeping
   */
  constructor(pool, { group, attendance, slices, turns }, spin) {
    this.#pool = pool
    this.#control = pool.control
    this.#group = group
    this.#attendance = attendance
    this.#slices = slices
    this.#turns = turns
    this.#pauseNs = Math.min(MOST_PAUSE_NS, spin * 1e3)
  }

  /** The device's queue was full at the last look, or at a prefetch since: what it has can be completed first. */
  get isBlocked() {
    return this.#prefetches.isBlocked
  }

  /** All that waits; where any does, also what its callers go on to ask for at once, if they did in the bursts before. */
  takeBurst() {
    if (this.came > 0) this.#expected = Math.max(this.came, this.#expected - 1)
    this.came = 0
    this.takeWaiting()
    let end = now() + this.#pauseNs
    while (this.came > 0 && this.came < this.#expected && !this.isBlocked && now() < end) {
      if (!this.#isRung) continue
      const { came } = this
      this.takeWaiting()
      if (this.came > came) end = now() + this.#pauseNs // what rings for others is nothing to wait for
    }
  }

  takeWaiting() {
    this.#heard = Atomics.load(this.#control, Control.DOORBELL)
    this.#findChannels()
    this.#takeWhere(this.#mayBegin)
  }

  /**
   * New requests reach the device before the next page is waited for. In the midst of a group only those of its file: what
   * this thread has claimed must not wait for a file that hangs, as no other thread can take it.
   */
  takeNew() {
    if (!this.#isRung) return
    const { channel, slots } = this.#group
    if (slots.length === 0) return this.takeWaiting()
    const file = channel.file[slots[0]]
    this.#takeWhere((other, slot) => other.file[slot] === file)
  }

  /** The device reads the next slice while this one is entered in the page table. */
  prefetchNext(channel, slot, done) {
    this.#prefetch(channel, slot, done + this.#slices.lengthOf(channel, slot, done))
    this.#prefetches.flush()
  }

  get #isRung() {
    return Atomics.load(this.#control, Control.DOORBELL) !== this.#heard
  }

  /** Those that have come into use since the last look as well. */
  #findChannels() {
    const count = Atomics.load(this.#control, Control.CHANNELS)
    while (this.channels.length < count) this.channels.push(this.#pool.channel(this.channels.length, ServedChannel))
  }

  #mayBegin = (channel, slot) => this.#attendance.mayBegin(channel.file[slot])

  /** Until a prefetch blocks. The next time another channel begins. */
  #takeWhere(mayTake) {
    const began = now() // for all slots: a look is short, as it ends where the device's queue is full
    this.#prefetches.start()
    this.#lookTurn = this.#turns.last
    const { length } = this.channels
    let number = this.#first
    for (let i = 0; i < length && !this.isBlocked; i++) {
      const channel = this.channels[number]
      number = (number + 1) % length
      if (!channel.isInUse) continue
      channel.lookBegan = began
      channel.takeSlots(0, State.WAITING, State.PREFETCHED, mayTake, this.#prefetchFirst)
    }
    this.#prefetches.flush()
    if (this.isBlocked) this.#first = number
    if (this.#group.slots.length === 0) this.#attendance.end()
  }

  #prefetchFirst = (channel, slot) => {
    channel.turns[slot] = this.#turns.next()
    this.came++
    this.#prefetch(channel, slot, 0)
    return !this.isBlocked
  }

  // Another thread may run the slot meanwhile and move `done` on: prefetching the wrong slice is harmless.
  #prefetch(channel, slot, done) {
    if (!operations[channel.op[slot]].readsPages || isCancelled(channel, slot)) return
    const length = this.#slices.lengthOf(channel, slot, done)
    if (length <= 0) return
    this.#prefetches.add(channel.mapping[slot], channel.file[slot], channel.lead[slot], channel.offset[slot] + done, length)
  }

  /** Others may have come to its file since its slots were taken. Then these wait again, or they would be read page by page. */
  #mayAsk(file) {
    const { channel, slots } = this.#group
    const may = slots.length > 0 ? file === channel.file[slots[0]] : this.#attendance.mayBegin(file)
    if (!may) this.#putBack(file)
    return may
  }

  /** What was taken of a file since the look began; and rings, as who came to it may have found nothing there and be about to sleep. */
  #putBack(file) {
    let count = 0
    for (const { file: files, state, turns } of this.channels) {
      for (let slot = 0; slot < SLOTS; slot++) {
        if (turns[slot] <= this.#lookTurn || files[slot] !== file) continue
        if (Atomics.compareExchange(state, slot, State.PREFETCHED, State.WAITING) === State.PREFETCHED) count++
      }
    }
    this.came -= count
    if (count > 0) Atomics.add(this.#control, Control.DOORBELL, 1)
  }
}

module.exports = { Intake }
