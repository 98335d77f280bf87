'use strict'
// Serves the slots of channels on one pool thread: all that waits is prefetched before the first of it is completed,
// so that the device sees every request at once; then slots are completed one slice at a time. Channels take turns.

const native = require('../native/binding')
const { Attendance } = require('./attendance')
const { now } = require('./clock')
const { Courtesy } = require('./courtesy')
const { Group, MOST_IN_GROUP, SLOW_NS } = require('./group')
const operations = require('./operations')
const { Prefetch } = require('./prefetch')
const {
  SLOTS, State, Flag, Op, Owner, ChannelMemory, Control, GONE, generationOf, running, statusOf
} = require('./layout')

// What took longer is told of at once, and not at the end of its group.
const WAITED_NS = 50e3 // a few resident pages take less
// A caller that is told of several answers at once asks for as many again, some us apart. A thread that waited for the first of
// these would have the others reach the device only when it has answered that one.
const MOST_PAUSE_NS = 5e3
const SHORT = 64 << 10 // bytes

const CANCELLED = -1 // any negative result will do: the caller has already told its user why

const isCancelled = (channel, slot) => (Atomics.load(channel.flags, slot) & Flag.CANCELLED) !== 0

/** Whether there may be work in a channel: it has an owner, who has put something into its slots. */
function isInUse({ header }) {
  if (Atomics.load(header, ChannelMemory.USED) === 0) return false
  const owner = Atomics.load(header, ChannelMemory.OWNER)
  return statusOf(owner) === Owner.TAKEN && (owner & GONE) === 0
}

/** Whether a slot's next slice is its last, and a short one. */
function isShort(channel, slot) {
  const { readsPages, isQuick } = operations[channel.op[slot]]
  return (readsPages || isQuick) && channel.length[slot] - channel.done[slot] <= SHORT
}

/** A channel, and what this thread alone knows of it. */
class ServedChannel extends ChannelMemory {
  turns = new Float64Array(SLOTS) // when this thread last did something for each slot
  longTurn = 0 // when this thread last did something for a slot with much to do
  cursor = 0 // the slot at which the sweep goes on
  isSwept = false // it has come to the end once
}

class Server {
  /**
   * @param {import('./layout').PoolMemory} pool
   * @param {number} thread this thread's number
   * @param {number} word as it holds that number
   * @param {object} options the pool's
   * @param {number} options.sliceSize bytes that a touch or a read may work on before others get their turn
   * @param {number} options.maxThreads
   * @param {number} options.spin microseconds, the most that it may wait for anything without sleeping
   */
  constructor(pool, thread, word, { sliceSize, maxThreads, spin }) {
    this.pool = pool
    this.control = pool.control
    this.running = running(thread, generationOf(word))
    this.sliceSize = Math.floor(sliceSize / native.pageSize) * native.pageSize
    this.attendance = new Attendance(pool.control, thread, maxThreads)
    this.courtesy = new Courtesy()
    this.channels = []
    this.firstToPrefetch = 0 // the channel whose turn it is
    this.prefetches = new Prefetch()
    this.pauseNs = Math.min(MOST_PAUSE_NS, spin * 1e3)
    this.heard = 0 // the doorbell, as it was before the last look for waiting slots
    this.came = 0 // slots that were prefetched since the round began
    this.expected = 0 // how many come in a round, as far as the rounds before tell
    this.group = new Group(spin > 0) // of slots that this thread has claimed
    this.parts = new Float64Array(3 * MOST_IN_GROUP) // those of a group that is touched at once, as native takes them
    this.results = new Float64Array(MOST_IN_GROUP)
    this.found = false // a slot to complete, since it was last looked for any
    this.left = 0 // slots that the channel which has its turn may still have completed
    this.next = undefined // the slot with much to do whose turn it is
    this.turn = 0 // of a slot of this thread's; turns are counted
    this.sweepBegan = 0 // ns: when it last began to look for waiting slots
    this.sliceBegan = 0 // ns: when the slice before it in the group ended
  }

  /** Those that have come into use since the last look as well. */
  findChannels() {
    const count = Atomics.load(this.control, Control.CHANNELS)
    while (this.channels.length < count) {
      this.channels.push(this.pool.channel(this.channels.length, ServedChannel))
    }
  }

  /**
   * Serves until a look at every slot finds nothing to do.
   * @returns {boolean} whether it left slots alone that wait, since enough other threads are on their file
   */
  serve() {
    do {
      this.attendance.refused = false
      this.prefetchBurst()
    } while (this.completePrefetched())
    return this.attendance.refused
  }

  /** All that waits; where any does, also what its callers go on to ask for at once, if they did in the rounds before. */
  prefetchBurst() {
    if (this.came > 0) this.expected = Math.max(this.came, this.expected - 1)
    this.came = 0
    this.prefetchWaiting()
    let end = now() + this.pauseNs
    while (this.came > 0 && this.came < this.expected && !this.prefetches.isBlocked && now() < end) {
      if (Atomics.load(this.control, Control.DOORBELL) === this.heard) continue
      const { came } = this
      this.prefetchWaiting()
      if (this.came > came) end = now() + this.pauseNs // what rings for others is nothing to wait for
    }
  }

  prefetchWaiting() {
    this.heard = Atomics.load(this.control, Control.DOORBELL)
    this.findChannels()
    this.prefetchWhere(this.mayBegin)
  }

  /**
   * Stops at a prefetch that blocks: the device's queue is full, and what is in it can be completed meanwhile. The next
   * time another channel comes first.
   */
  prefetchWhere(mayTake) {
    this.sweepBegan = now() // for all slots: a sweep is short, as it ends where the device's queue is full
    this.prefetches.start()
    const { length } = this.channels
    let number = this.firstToPrefetch
    for (let i = 0; i < length && !this.prefetches.isBlocked; i++) {
      const channel = this.channels[number]
      number = (number + 1) % length
      if (isInUse(channel)) this.forEachSlot(channel, 0, State.WAITING, State.PREFETCHED, mayTake, this.prefetchFirst)
    }
    this.prefetches.flush()
    if (this.prefetches.isBlocked) this.firstToPrefetch = number
    if (this.group.slots.length === 0) this.attendance.end()
  }

  prefetchFirst = (channel, slot) => {
    channel.turns[slot] = ++this.turn
    this.came++
    this.prefetch(channel, slot, 0)
    return !this.prefetches.isBlocked
  }

  /**
   * Every slot that has little left, then a slice of one that has much: so that small requests beside a scan wait for no
   * more than a slice of it. @returns {boolean} whether there was any
   */
  completePrefetched() {
    this.next = undefined
    this.found = false
    for (const channel of this.channels) Object.assign(channel, { cursor: 0, isSwept: false })
    while (this.sweepEach());
    this.completeGroup()
    this.attendance.end()
    return this.completeNext() || this.found
  }

  /**
   * A few slots of each channel: what one caller asks for waits for so few of any other's, however much that asks for. A
   * sweep that is over begins again for as long as another is not. @returns {boolean} whether any is not over
   */
  sweepEach() {
    let goesOn = false
    for (let i = 0; i < this.channels.length; i++) { // which may become more meanwhile
      const channel = this.channels[i]
      if (isInUse(channel)) this.sweep(channel)
      else channel.isSwept = true
      goesOn ||= !channel.isSwept
    }
    return goesOn
  }

  sweep(channel) {
    this.left = this.group.most
    channel.cursor = this.forEachSlot(channel, channel.cursor, State.PREFETCHED, this.running, this.mayJoin, this.joinFew)
    channel.isSwept ||= channel.cursor === 0
  }

  mayBegin = (channel, slot) => this.attendance.mayBegin(channel.file[slot])

  /**
   * What is in hand is completed before a slot of another file is claimed: its file may hang, and what this thread has claimed no
   * other can take.
   */
  mayJoin = (channel, slot) => {
    if (!this.group.suits(channel, slot)) this.completeGroup()
    return this.mayBegin(channel, slot) && this.isForNow(channel, slot)
  }

  joinFew = (channel, slot) => {
    this.found = true
    this.join(channel, slot)
    return --this.left > 0
  }

  /** A slot with much to do waits. */
  isForNow = (channel, slot) => {
    if (isShort(channel, slot)) return true
    this.wait(channel, slot)
    return false
  }

  /** Channels take turns, and so do their slots with much to do: next is the one that has waited longest. */
  wait(channel, slot) {
    const { next } = this
    const isLater = next !== undefined && (next.channel === channel
      ? next.channel.turns[next.slot] <= channel.turns[slot]
      : next.channel.longTurn <= channel.longTurn)
    if (!isLater) this.next = { channel, slot }
  }

  completeNext() {
    if (this.next === undefined) return false
    const { channel, slot } = this.next
    if (!this.mayBegin(channel, slot)) { // others have come to its file since
      this.attendance.end()
      return false
    }
    if (Atomics.compareExchange(channel.state, slot, State.PREFETCHED, this.running) === State.PREFETCHED) {
      channel.longTurn = ++this.turn
      this.join(channel, slot)
      this.completeGroup()
    }
    this.attendance.end()
    return true
  }

  /** Puts a claimed slot into the group, to which it suits, and which is completed when it is full. */
  join(channel, slot) {
    const { group } = this
    group.add(channel, slot)
    if (group.isFull) this.completeGroup()
  }

  completeGroup() {
    const { channel, slots } = this.group
    let untold = 0
    let sleeps = this.group.isTelling ? native.threadSleeps() : -1
    while (slots.length > 0) {
      this.attendance.begin(channel.file[slots[0]])
      const before = this.sliceBegan = now()
      untold += this.completeTogether(channel, slots) || this.completeInTurn(channel, slots)
      const took = this.sliceBegan - before
      const slept = sleeps
      if (slept >= 0) sleeps = native.threadSleeps()
      this.group.note(took, slept < 0 ? undefined : slept !== sleeps)
      // What came without a wait is told of once, at the end; unless what comes before that may block.
      if (slots.length === 0 || took > WAITED_NS || this.prefetches.isBlocked) untold = this.tell(channel, untold)
      if (slots.length === 0) this.attendance.end()
      if (Atomics.load(this.control, Control.DOORBELL) !== this.heard) this.prefetchNew()
    }
  }

  /**
   * New requests reach the device before the next page is waited for. In the midst of a group only those of its file: what
   * this thread has claimed must not wait for a file that hangs, as no other thread can take it.
   */
  prefetchNew() {
    const { channel, slots } = this.group
    if (slots.length === 0) return this.prefetchWaiting()
    const file = channel.file[slots[0]]
    this.prefetchWhere((other, slot) => other.file[slot] === file && this.mayBegin(other, slot))
  }

  /** @returns {number} 0: what is left to tell */
  tell(channel, news) {
    if (news === 0) return 0
    Atomics.add(channel.header, ChannelMemory.COMPLETIONS, news)
    Atomics.notify(channel.header, ChannelMemory.COMPLETIONS)
    this.courtesy.yield()
    return 0
  }

  /** A few of a group of plain touches, by a call or two. @returns {number} slots that have ended */
  completeTogether(channel, slots) {
    if (slots.length < 2) return 0
    const before = this.sliceBegan
    const { few } = this.group
    const ended = this.touchTogether(channel, slots, few)
    const took = this.sliceBegan - before
    if (took <= WAITED_NS || took > SLOW_NS) return ended
    return ended + this.touchTogether(channel, slots, few - ended)
  }

  /** @returns {number} news for the caller: slots that have ended or got on, until the device turned out to be slow */
  completeInTurn(channel, slots) {
    const before = this.sliceBegan
    let news = 0
    while (slots.length > 0 && this.sliceBegan - before <= SLOW_NS) if (this.runSlice(channel, slots.pop())) news++
    return news
  }

  /**
   * Moves slots of a channel that this thread may take from one state to the next, from slot `start` on until `act` returns
   * false. Most are in another state: so first a plain load, as each Atomics.load is a call of 5 ns. What
   * that misses is found by the look after the bell. @returns {number} the slot at which to go on, or 0 at the end
   */
  forEachSlot(channel, start, from, to, mayTake, act) {
    const end = Atomics.load(channel.header, ChannelMemory.HIGH_WATER)
    for (let slot = start; slot < end; slot++) {
      if (channel.state[slot] !== from || Atomics.load(channel.state, slot) !== from) continue
      if (!mayTake(channel, slot)) continue
      // First: by the time that anybody finds the slot taken, it says since when.
      if (from === State.WAITING) channel.taken[slot] = this.sweepBegan
      if (Atomics.compareExchange(channel.state, slot, from, to) !== from) continue
      if (!act(channel, slot)) return slot + 1
    }
    return 0
  }

  /** Bytes of the slot's next slice. Slices of a long range end on page boundaries as far as the mapping does. */
  sliceLength(channel, slot, done) {
    const rest = channel.length[slot] - done
    const most = this.sliceSize * operations[channel.op[slot]].sliceFactor
    if (most === 0 || rest <= most) return rest
    return most - ((channel.offset[slot] + channel.lead[slot] + done) % native.pageSize)
  }

  // Another thread may run the slot meanwhile and move `done` on: prefetching the wrong slice is harmless.
  prefetch(channel, slot, done) {
    if (!operations[channel.op[slot]].readsPages || isCancelled(channel, slot)) return
    const length = this.sliceLength(channel, slot, done)
    if (length > 0) this.prefetches.add(channel.mapping[slot], channel.lead[slot], channel.offset[slot] + done, length)
  }

  /** Whether all that is left of a slot is to make a few pages resident, for loads. */
  isPlainTouch(channel, slot) {
    if (channel.op[slot] !== Op.TOUCH || channel.argument[slot] !== 0 || isCancelled(channel, slot)) return false
    const done = channel.done[slot]
    return this.sliceLength(channel, slot, done) === channel.length[slot] - done
  }

  /**
   * Completes plain touches of a group by one call, the youngest first, `most` of them or as many as come without a wait.
   * @returns {number} slots that have ended
   */
  touchTogether(channel, slots, most) {
    const wanted = Math.min(most, slots.length)
    if (wanted < 1) return 0
    for (const slot of slots) if (!this.isPlainTouch(channel, slot)) return 0
    const { parts } = this
    for (let i = 1, at = 0; i <= wanted; i++) {
      const slot = slots[slots.length - i]
      const done = channel.done[slot]
      channel.turns[slot] = ++this.turn
      parts[at++] = channel.mapping[slot]
      parts[at++] = channel.offset[slot] + done
      parts[at++] = channel.length[slot] - done
    }
    const count = native.populateEach(parts, wanted, WAITED_NS / 1e6, this.results, this.group.together)
    Atomics.add(this.control, Control.STEPS, count)
    const ended = now()
    const worked = (ended - this.sliceBegan) / count
    this.sliceBegan = ended
    for (let i = 0; i < count; i++) {
      const slot = slots.pop()
      this.settle(channel, slot, this.results[i], channel.length[slot] - channel.done[slot], worked, ended)
    }
    return count
  }

  /** @returns {boolean} whether the caller wants to know of it */
  runSlice(channel, slot) {
    channel.turns[slot] = ++this.turn
    const done = channel.done[slot]
    const length = this.sliceLength(channel, slot, done)
    if (isCancelled(channel, slot)) return this.settleAlone(channel, slot, CANCELLED, length)
    // The device reads the next slice while this one is entered in the page table; also where a prefetch before has blocked,
    // or else that slice would be read page by page.
    this.prefetches.start()
    this.prefetch(channel, slot, done + length)
    this.prefetches.flush()
    const result = operations[channel.op[slot]].run(channel, slot, channel.offset[slot] + done, length, done)
    Atomics.add(this.control, Control.STEPS, 1)
    return this.settleAlone(channel, slot, result, length)
  }

  settleAlone(channel, slot, result, length) {
    const ended = now()
    const worked = ended - this.sliceBegan
    this.sliceBegan = ended
    return this.settle(channel, slot, result, length, worked, ended)
  }

  /** @returns {boolean} whether the caller wants to know */
  settle(channel, slot, result, length, worked, ended) {
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
}

module.exports = { Server }
