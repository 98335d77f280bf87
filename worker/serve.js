'use strict'
// Serves the slots of channels on one pool thread: all that waits is taken up and prefetched (intake.js), then completed one
// slice at a time. Channels take turns.

const native = require('../native/binding')
const { Attendance } = require('./attendance')
const { now } = require('./clock')
const { Courtesy } = require('./courtesy')
const { Group, MOST_IN_GROUP, SLOW_NS } = require('./group')
const { Intake } = require('./intake')
const operations = require('./operations')
const { State, ChannelMemory, Control, generationOf, running } = require('./layout')
const { Round } = require('./round')
const { Turns } = require('./served-channel')
const { Slices, isCancelled, isShort, settle } = require('./slices')

// What took longer is told of at once, and not at the end of its group.
const WAITED_NS = 50e3 // a few resident pages take less

const CANCELLED = -1 // any negative result will do: the caller has already told its user why

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
    this.control = pool.control
    this.running = running(thread, generationOf(word))
    this.slices = new Slices(sliceSize)
    this.attendance = new Attendance(pool.control, thread, maxThreads)
    this.courtesy = new Courtesy()
    this.group = new Group(spin > 0) // of slots that this thread has claimed
    this.turns = new Turns()
    this.intake = new Intake(pool, this, spin)
    this.channels = this.intake.channels
    this.parts = new Float64Array(3 * MOST_IN_GROUP) // those of a group that is touched at once, as native takes them
    this.results = new Float64Array(MOST_IN_GROUP)
    this.found = false // a slot to complete, since it was last looked for any
    this.left = 0 // slots that the channel which has its turn may still have completed
    this.next = undefined // the slot with much to do whose turn it is
    this.sliceBegan = 0 // ns: when the slice before it in the group ended
    this.hasShort = false // in the group: a slot that was short from its beginning
    this.round = new Round()
  }

  /**
   * Serves until a look at every slot finds nothing to do.
   * @returns {boolean} whether it left slots alone that wait, since enough other threads are on their file
   */
  serve() {
    do {
      this.attendance.refused = false
      this.intake.takeBurst()
    } while (this.completePrefetched())
    return this.attendance.refused
  }

  /**
   * Every slot that has little left, then a slice of one that has much: so that small requests beside a scan wait for no
   * more than a slice of it. @returns {boolean} whether there was any
   */
  completePrefetched() {
    this.round.begin()
    this.next = undefined
    this.found = false
    for (const channel of this.channels) channel.startSweep()
    while (this.sweepEach());
    this.completeGroup()
    this.attendance.end()
    if (this.next === undefined) return this.found
    this.round.beginLong(now())
    while (this.completeNext() && !this.round.isOver(now()) && (this.isNextLong || this.findLong()));
    return true
  }

  get isNextLong() {
    const { channel, slot } = this.next
    return Atomics.load(channel.state, slot) === State.PREFETCHED && !isShort(channel, slot)
  }

  /** @returns {boolean} whether there is another with much to do */
  findLong() {
    this.next = undefined
    for (const channel of this.channels) {
      if (channel.isInUse) channel.takeSlots(0, State.PREFETCHED, this.running, this.waitIfLong)
    }
    return this.next !== undefined
  }

  /** One of a file that others fill has waited longest, and may not be begun. */
  waitIfLong = (channel, slot) => {
    if (!this.attendance.isFull(channel.file[slot])) this.isForNow(channel, slot)
    return false
  }

  /**
   * A few slots of each channel: what one caller asks for waits for so few of any other's, however much that asks for. A
   * sweep that is over begins again for as long as another is not. @returns {boolean} whether any is not over
   */
  sweepEach() {
    let goesOn = false
    for (let i = 0; i < this.channels.length; i++) { // which may become more meanwhile
      const channel = this.channels[i]
      if (channel.isInUse) this.sweep(channel)
      else channel.isSwept = true
      goesOn ||= !channel.isSwept
    }
    return goesOn
  }

  sweep(channel) {
    this.left = this.group.most
    channel.cursor = channel.takeSlots(channel.cursor, State.PREFETCHED, this.running, this.mayJoin, this.joinFew)
    channel.isSwept ||= channel.cursor === 0
  }

  mayBegin = (channel, slot) => this.attendance.mayBegin(channel.file[slot])

  /**
   * What is in hand is completed before a slot of another file is claimed: its file may hang, and what this thread has claimed no
   * other can take.
   */
  mayJoin = (channel, slot) => {
    const { group } = this
    if (group.slots.length > 0) {
      if (group.suits(channel, slot)) return this.isForNow(channel, slot)
      if (this.attendance.isFull(channel.file[slot]) || !this.isForNow(channel, slot)) return false
      this.completeGroup()
    }
    return this.mayBegin(channel, slot) && this.isForNow(channel, slot)
  }

  joinFew = (channel, slot) => {
    this.found = true
    // Between the look and the claim others may have completed it, and its caller have filled it with something else.
    if (this.group.suits(channel, slot) && isShort(channel, slot) && this.mayBegin(channel, slot)) {
      this.hasShort ||= channel.done[slot] === 0
      this.join(channel, slot)
    } else {
      Atomics.store(channel.state, slot, State.PREFETCHED)
    }
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

  /** @returns {boolean} whether it was completed, or got on */
  completeNext() {
    const { channel, slot } = this.next
    let isMine = this.mayBegin(channel, slot) && // else others have come to its file since, and the next sweep finds another
      Atomics.compareExchange(channel.state, slot, State.PREFETCHED, this.running) === State.PREFETCHED
    if (isMine && !this.mayBegin(channel, slot)) { // it was filled anew
      Atomics.store(channel.state, slot, State.PREFETCHED)
      isMine = false
    }
    if (isMine) {
      channel.longTurn = this.turns.next()
      this.join(channel, slot)
      this.completeGroup()
    }
    this.attendance.end()
    return isMine
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
      if (this.hasShort) this.round.noteShort(took, this.sliceBegan)
      // What came without a wait is told of once, at the end; unless what comes before that may block.
      if (slots.length === 0 || took > WAITED_NS || this.intake.isBlocked) untold = this.tell(channel, untold)
      if (slots.length === 0) this.attendance.end()
      this.intake.takeNew()
    }
    this.hasShort = false
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
   * Completes plain touches of a group by one call, the youngest first, `most` of them or as many as come without a wait.
   * @returns {number} slots that have ended
   */
  touchTogether(channel, slots, most) {
    const wanted = Math.min(most, slots.length)
    if (wanted < 1) return 0
    for (const slot of slots) if (!this.slices.isPlainTouch(channel, slot)) return 0
    const { parts } = this
    for (let i = 1, at = 0; i <= wanted; i++) {
      const slot = slots[slots.length - i]
      const done = channel.done[slot]
      channel.turns[slot] = this.turns.next()
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
      settle(channel, slot, this.results[i], channel.length[slot] - channel.done[slot], worked, ended)
    }
    return count
  }

  /** @returns {boolean} whether the caller wants to know of it */
  runSlice(channel, slot) {
    channel.turns[slot] = this.turns.next()
    const done = channel.done[slot]
    const length = this.round.isCut ? this.slices.stepOf(channel, slot, done) : this.slices.lengthOf(channel, slot, done)
    if (isCancelled(channel, slot)) return this.settleAlone(channel, slot, CANCELLED, length)
    if (this.slices.isStart(channel, slot, done)) this.intake.prefetchNext(channel, slot, done)
    const result = operations[channel.op[slot]].run(channel, slot, channel.offset[slot] + done, length, done)
    Atomics.add(this.control, Control.STEPS, 1)
    return this.settleAlone(channel, slot, result, length)
  }

  settleAlone(channel, slot, result, length) {
    const ended = now()
    const worked = ended - this.sliceBegan
    this.sliceBegan = ended
    return settle(channel, slot, result, length, worked, ended)
  }
}

module.exports = { Server }
