'use strict'
// The calling thread's end of a channel: gives requests slots, and hears by one Atomics.waitAsync that they are done.

const { performance } = require('node:perf_hooks')
const { setImmediate } = require('node:timers')
const { Answers } = require('./answers')
const { KeepAlive } = require('./keep-alive')
const { Queue } = require('./queue')
const { now } = require('../worker/clock')
const { Patience } = require('../worker/patience')
const { SLOTS, FEW_SLOTS, State, Flag, ChannelMemory, isRunning } = require('../worker/layout')

// A slot whose thread died is given to another thread once; a request that kills two threads has itself to blame. Those of
// other JavaScript threads are killed by the end of these as well, so they weigh less.
const MOST_BLAME = 8
const BLAME = Object.freeze({ OWN: 4, OTHERS: 1 })

// A device takes up to 200 us to answer a few requests, where a caller's next one comes at once or not at all. A thread of a
// virtual machine that sleeps meanwhile takes half as long again to wake.
const SPINS = 10

// Answers that are told of at once: timers and sockets wait for whatever is done with all of them. With 64 cold reads in
// flight the wait of others was 0.30 ms at p99 and not 0.36, with 256 0.49 and not 0.75, at the same reads a second.
const MOST_AT_ONCE = 16

class Channel {
  #place // in the pool's memory
  #memory
  // What each slot carries; columns, since an object for each would be the collector's.
  #requests = new Array(SLOTS).fill(undefined)
  #parts = new Array(SLOTS).fill(undefined)
  #reported = new Float64Array(SLOTS) // bytes that its request has been told of
  #blame = new Uint8Array(SLOTS) // for threads that died with it in hand
  #free = Array.from({ length: SLOTS }, (_, i) => SLOTS - 1 - i) // lowest on top: scans stay short
  #answers = new Answers()
  #early = new Set() // requests whose turn has not come
  #queue = new Queue() // requests with parts that have no slot yet
  #inFlight = 0 // requests that have not been settled
  #used = 0 // slots that carry something
  #isRetired = false
  #listening = false
  #seen = 0 // the count of completions before the last look at the slots
  #next = 0 // the slot at which that look stopped, as it had found enough
  #hasMore = false
  #keepAlive = new KeepAlive()
  #patience = new Patience()
  #spin
  #ring
  #onSettled
  #onGivenBack

  /**
   * @param {object} about
   * @param {import('./place').Place} about.place of which it is the owner now
   * @param {number} about.spin the pool's, in microseconds
   * @param {() => void} about.ring called when slots wait that did not wait before
   * @param {(request: import('./request').Request) => void} about.onSettled called when a request has been settled
   * @param {(channel: Channel) => void} about.onGivenBack called when it is over: after retire(), or abandon()
   */
  constructor({ place, spin, ring, onSettled, onGivenBack }) {
    this.#place = place
    this.#memory = place.memory
    this.#seen = Atomics.load(this.#memory.header, ChannelMemory.COMPLETIONS) // of whoever had it before
    this.#spin = spin
    this.#ring = ring
    this.#onSettled = onSettled
    this.#onGivenBack = onGivenBack
  }

  /** Requests whose promise is pending. */
  get inFlight() {
    return this.#inFlight
  }

  /** Whether a slot waits for a thread. */
  get hasUnclaimed() {
    return this.#slotsIn(State.WAITING, State.PREFETCHED) > 0
  }

  /** Parts that no thread has taken up yet, with a slot or without. */
  get queued() {
    return this.#queue.requests.reduce((sum, request) => sum + request.partsLeft, this.#slotsIn(State.WAITING))
  }

  #slotsIn(...states) {
    return this.#usedSlots().filter((slot) => states.includes(Atomics.load(this.#memory.state, slot))).length
  }

  /** Whether there is anything left for a thread to do. */
  get needsThreads() {
    return this.#used > 0 || this.#queue.requests.length > 0
  }

  /** Takes a request in: from here on it settles whatever happens, and keeps the process alive until then. */
  submit(request) {
    if (this.#inFlight++ === 0) {
      Atomics.store(this.#memory.header, ChannelMemory.BUSY, 1)
      this.#keepAlive.ref()
    }
    request.mapping.requests.count++
    request.channel = this
    if (request.turn === undefined && request.onTurn === undefined) this.#enqueue(request)
    else this.#postpone(request)
  }

  #enqueue(request) {
    this.#queue.add(request)
    this.#fillSlots()
    this.#listen()
  }

  #postpone(request) {
    this.#early.add(request)
    if (request.turn === undefined) this.#begin(request)
    else void request.turn.then(() => this.#begin(request))
  }

  #begin(request) {
    if (!request.settled) request.begin()
    this.#early.delete(request)
    if (!request.settled) this.#enqueue(request) // else the channel may be another's by now
  }

  /** For Request: it has been settled. */
  forget(request) {
    if (request.partsLeft > 0 && !this.#early.has(request)) this.#queue.drop(request)
    request.mapping.requests.count--
    if (--this.#inFlight === 0) {
      Atomics.store(this.#memory.header, ChannelMemory.BUSY, 0)
      this.#keepAlive.unref()
    }
    this.#onSettled(request)
  }

  /** Rejects a request now; slots that carry parts of it end at their next slice. */
  cancel(request, error) {
    request.fail(error)
    this.#flagCancelled()
  }

  /**
   * Rejects what pends on a file. Not all that pends is looked through: whoever closes thousands of files at once has as many
   * requests that close them.
   * @param {object} mapping one of the file's, or of a lease
   * @param {() => Error} makeError called where there is any: an error takes 0.5 ms the first time, for its stack
   */
  cancelFile({ file, fileId, requests }, makeError) {
    if (requests.count === 0) return
    let error
    for (const request of this.#pendingIn(this.#queue.requestsOf(fileId))) {
      if (request.mapping.file === file) request.fail((error ??= makeError()))
    }
    this.#flagCancelled()
  }

  /** Rejects everything that pends. */
  cancelAll(error) {
    for (const request of this.#pendingIn(this.#queue.requests)) request.fail(error)
    this.#flagCancelled()
  }

  /**
   * Threads have died: what they had in hand goes to others, or back to the caller when it has been there before.
   * @param {(state: number) => boolean} isLost whether a running slot is in the hand of one of them
   * @param {number} blame of BLAME, what each such slot is to blame
   * @param {() => Error} makeError called for each request that is given up
   * @returns {boolean} whether they had anything in hand
   */
  reclaim(isLost, blame, makeError) {
    let found = false
    for (const slot of this.#usedSlots()) {
      const state = Atomics.load(this.#memory.state, slot)
      if (!isRunning(state) || !isLost(state)) continue
      found = true
      const request = this.#requests[slot]
      this.#blame[slot] += blame
      if (this.#blame[slot] >= MOST_BLAME) request.fail(makeError())
      if (request.settled) this.#release(slot)
      else Atomics.store(this.#memory.state, slot, State.WAITING)
    }
    if (found || !this.#isToWake) this.#collect(Infinity) // what they finished without having told so
    else Atomics.notify(this.#memory.header, ChannelMemory.COMPLETIONS) // or told so, and waked nobody
    return found
  }

  /** No thread is there or can be had, and everything has been cancelled: no thread is to take up what none has taken up so far. */
  giveUp() {
    const { state } = this.#memory
    for (const slot of this.#usedSlots()) {
      if (!this.#requests[slot].settled) continue // of a request that somebody has made because he heard of that
      for (const unclaimed of [State.WAITING, State.PREFETCHED]) Atomics.compareExchange(state, slot, unclaimed, State.DONE)
    }
    this.#collect(Infinity)
  }

  /** Gives the place back as soon as no thread has anything of it in hand: nothing will be asked for any more. */
  retire() {
    this.#isRetired = true
    if (this.#used === 0) this.#giveBack()
  }

  #giveBack() {
    this.#isRetired = false // it is over
    this.#answers.close()
    this.#keepAlive.close()
    this.#place.giveBack()
    this.#onGivenBack(this)
  }

  /** No thread will ever serve this channel again, and everything has been cancelled: lets go of what is left. */
  abandon() {
    this.#queue.clear()
    for (const slot of this.#usedSlots()) this.#release(slot)
    this.#giveBack()
  }

  /** Whatever has not been settled waits for its turn, or in the queue, or has a slot: all of them, but of the queue only those given. */
  #pendingIn(queued) {
    return new Set([...this.#early, ...queued, ...this.#usedSlots().map((slot) => this.#requests[slot])])
  }

  #usedSlots() {
    const used = []
    const end = this.#memory.header[ChannelMemory.HIGH_WATER]
    for (let slot = 0; slot < end; slot++) if (this.#requests[slot] !== undefined) used.push(slot)
    return used
  }

  #flagCancelled() {
    for (const slot of this.#usedSlots()) {
      if (this.#requests[slot].settled) Atomics.or(this.#memory.flags, slot, Flag.CANCELLED)
    }
  }

  #fillSlots() {
    let filled = false
    while (this.#free.length > 0) {
      const request = this.#queue.next()
      if (request === undefined) break
      this.#fill(this.#free.pop(), request, request.nextPart())
      filled = true
    }
    if (filled) this.#ring()
  }

  #fill(slot, request, part) {
    const memory = this.#memory
    const transfer = this.#answers.begin(slot, part)
    this.#requests[slot] = request
    this.#parts[slot] = part
    this.#reported[slot] = 0
    this.#blame[slot] = 0
    memory.header[ChannelMemory.USED] = ++this.#used
    memory.op[slot] = request.op
    memory.mapping[slot] = request.mapping.id
    memory.file[slot] = request.mapping.fileId
    memory.lead[slot] = request.mapping.lead
    memory.offset[slot] = part.offset
    memory.length[slot] = part.length
    memory.argument[slot] = transfer === 0 ? request.argument : transfer
    memory.at[slot] = this.#answers.placeOf(slot, part)
    memory.done[slot] = 0
    memory.worked[slot] = 0
    memory.result[slot] = Math.min(transfer, 0)
    memory.flags[slot] = request.onProgress === undefined ? 0 : Flag.PROGRESS
    if (slot >= memory.header[ChannelMemory.HIGH_WATER]) {
      Atomics.store(memory.header, ChannelMemory.HIGH_WATER, slot + 1)
    }
    // Last: from here on the slot is the pool's, unless there is nothing for it to write to.
    Atomics.store(memory.state, slot, transfer < 0 ? State.DONE : State.WAITING)
    if (transfer < 0) this.#announce()
  }

  /** As a pool thread does when a slot is done. */
  #announce() {
    Atomics.add(this.#memory.header, ChannelMemory.COMPLETIONS, 1)
    Atomics.notify(this.#memory.header, ChannelMemory.COMPLETIONS)
  }

  /** Starts to wait for news, unless it does already or there are none to come. */
  #listen() {
    if (this.#listening || this.#used === 0) return
    this.#listening = true
    if (this.#hasMore) setImmediate(this.#wake)
    else if (this.#spin > 0 && this.#used <= FEW_SLOTS && this.#patience.isWorthIt) this.#poll(performance.now() + SPINS * this.#spin / 1000)
    else this.#wait()
  }

  /** Looks once a turn of the event loop, which goes on meanwhile: an answer that comes at once is not slept for. */
  #poll(until) {
    setImmediate(() => {
      const hasNews = this.#hasNews
      const areFew = this.#used > 0 && this.#used <= FEW_SLOTS // whoever was answered before has asked for more by now
      if (!hasNews && areFew && performance.now() < until) return this.#poll(until)
      if (areFew) this.#patience.note(hasNews)
      if (hasNews) this.#wake()
      else this.#wait()
    })
  }

  /** Arms the one Atomics.waitAsync of this channel. */
  #wait() {
    const { async, value } = Atomics.waitAsync(this.#memory.header, ChannelMemory.COMPLETIONS, this.#seen)
    // Something came since the last look: collected on the next turn of the event loop and not as a microtask, or a
    // pool that keeps pace with its caller would hold the loop for ever.
    if (async) void value.then(this.#wake)
    else setImmediate(this.#wake)
  }

  #wake = () => {
    this.#collect(MOST_AT_ONCE)
    this.#listening = false // not before: who asks for more meanwhile does not know whether more is done
    this.#listen()
  }

  /** Whether it is going to look at the slots without being told of anything more. */
  get #isToWake() {
    return this.#hasMore || this.#hasNews
  }

  get #hasNews() {
    return Atomics.load(this.#memory.header, ChannelMemory.COMPLETIONS) !== this.#seen
  }

  /** Settles what is done, `most` slots of it; a look that stopped before the end goes on there, so that each has its turn. */
  #collect(most) {
    let failed = false
    let at = 0
    let ended = 0
    this.#seen = Atomics.load(this.#memory.header, ChannelMemory.COMPLETIONS) // first, so that nothing is missed
    this.#hasMore = false
    const end = this.#memory.header[ChannelMemory.HIGH_WATER]
    const start = this.#next
    for (let i = 0, slot = start; i < end; i++, slot++) {
      if (slot >= end) slot = 0
      const request = this.#requests[slot]
      if (request === undefined) continue
      const isDone = Atomics.load(this.#memory.state, slot) === State.DONE
      if (isDone && ended === most) {
        this.#next = slot
        this.#hasMore = true
        break
      }
      if (request.onProgress !== undefined) this.#report(request, slot)
      if (isDone) {
        at ||= now()
        ended++
        this.#end(slot, at)
      }
      failed ||= request.failed
    }
    if (failed) this.#flagCancelled() // what one part met ends its siblings
    this.#fillSlots()
    if (this.#isRetired && this.#used === 0) this.#giveBack()
  }

  /** @param {number} at ns of the clock: when it was found done */
  #end(slot, at) {
    const request = this.#requests[slot]
    const part = this.#parts[slot]
    const { taken, ended, worked } = this.#memory
    const result = this.#memory.result[slot]
    request.noteTimes(taken[slot], ended[slot], worked[slot], at)
    request.endPart(part, this.#release(slot) || result)
  }

  #report(request, slot) {
    const done = this.#memory.done[slot]
    const news = done - this.#reported[slot]
    this.#reported[slot] = done
    request.advance(news)
  }

  /** @returns {number} as Answers.end() */
  #release(slot) {
    const request = this.#requests[slot]
    const failure = this.#answers.end(slot, this.#parts[slot], !request.settled && this.#memory.result[slot] >= 0)
    this.#queue.leave(request)
    this.#requests[slot] = undefined
    this.#parts[slot] = undefined
    this.#memory.header[ChannelMemory.USED] = --this.#used
    Atomics.store(this.#memory.state, slot, State.FREE)
    this.#free.push(slot)
    request.leaveSlot()
    return failure
  }
}

module.exports = { BLAME, Channel }
