'use strict'
// What one JavaScript thread has of a pool, which it or another has made: its channel, the pool threads that it has started,
// and a look now and then whether those get on, its own and those of others, which may end at any moment.

const { setTimeout } = require('node:timers')
const { inspect } = require('node:util')
const { BLAME, Channel } = require('./channel')
const { Crew } = require('./crew')
const { debug, tellIfSlow } = require('./debug')
const { publishEnd, publishStart } = require('./diagnostics')
const { outside } = require('./outside')
const { claimPlace, claimUse } = require('./place')
const { poolClosed, queueFull, threadFailed } = require('./errors')
const { now } = require('../worker/clock')
const { Control, Op, Phase, ThreadStatus, isRunner, runnerOf } = require('../worker/layout')

// A slice from a device takes less; if none ended in so long while others wait, every thread is stuck.
const STALL_MS = 20

// So many threads in a row that died before they served anything mean that the next one would as well.
const MAX_START_FAILURES = 3

// What its parts that have succeeded count as, and their bytes.
const COUNTED = []
COUNTED[Op.TOUCH] = ['touches', 'touchedBytes']
COUNTED[Op.READ] = ['reads', 'readBytes']
COUNTED[Op.WRITE] = ['writes', 'writtenBytes']

/**
 * What whoever has made a pool wants to hear of it.
 * @typedef {object} Hooks
 * @property {(request: import('./request').Request) => void} [onCompleted] a request of this thread's has succeeded
 * @property {() => void} [onIdle] nothing is in flight in this thread any more
 * @property {() => void} [onThreadGone] a thread that was started here has ended
 * @property {(error: Error) => void} [onError] … by an error
 */

class PoolClient {
  #control
  #channel // made for the first request: a thread that only loads from mappings has none
  #retired = new Set() // channels of which pool threads still have cancelled slots in hand
  #startFailures = 0
  #watch
  #watching = false
  #stepsSeen = 0
  #sawThreads = false // at the last look
  #users = 0 // files that are open
  #use // says so, while there are any
  #onUnused
  #hooks

  /**
   * @param {object} about
   * @param {number} about.id tells the pools of the process apart
   * @param {import('../worker/layout').PoolMemory} about.memory
   * @param {object} about.options the pool's, complete
   * @param {() => void} [about.onUnused] of a pool that another thread has made: called when the last of its files was closed
   * @param {Hooks} [about.hooks]
   */
  constructor({ id, memory, options, onUnused, hooks = {} }) {
    this.id = id
    this.memory = memory
    this.settings = options
    this.crew = new Crew({ memory, options, onEnd: (thread, error) => this.#onThreadEnd(thread, error) })
    // Of this thread's requests.
    this.counts = { completed: 0, failed: 0, touches: 0, touchedBytes: 0, reads: 0, readBytes: 0, writes: 0, writtenBytes: 0 }
    this.#control = memory.control
    this.#onUnused = onUnused
    this.#hooks = hooks
  }

  /** Whether close() or destroy() was called, in whatever thread. */
  get closed() {
    return Atomics.load(this.#control, Control.PHASE) !== Phase.OPEN
  }

  /** Ranges of this thread's that no pool thread has taken up yet. */
  get queued() {
    return this.#channel?.queued ?? 0
  }

  /** Requests of this thread's whose promise is pending. */
  get inFlight() {
    return this.#channel?.inFlight ?? 0
  }

  /**
   * Takes a request in, whose promise then settles with the sum of its parts' results.
   * @param {import('./request').Request} request
   * @param {boolean} [must] it is not counted against maxQueue
   * @throws ERR_POOL_CLOSED, ERR_POOL_QUEUE_FULL, ERR_POOL_TOO_MANY_THREADS
   */
  submit(request, must = false) {
    request.submittedAt = now()
    try {
      this.#accept(request, must)
    } catch (error) {
      publishStart(request)
      publishEnd(request, true, error)
      throw error
    }
    publishStart(request) // whatever a listener does, the request has been taken in
    return request
  }

  /**
   * For whoever does something first that cannot be undone.
   * @throws ERR_POOL_CLOSED, ERR_POOL_QUEUE_FULL
   */
  checkRoom(must = false) {
    if (this.closed) throw poolClosed()
    if (!must && this.inFlight >= this.settings.maxQueue) throw queueFull(this.settings.maxQueue)
  }

  #accept(request, must) {
    this.checkRoom(must)
    this.#channel ??= this.#createChannel()
    this.#channel.submit(request)
  }

  #createChannel() {
    return new Channel({
      place: claimPlace(this.memory),
      spin: this.settings.spin,
      ring: () => this.#ring(),
      onSettled: (request) => this.#onSettled(request),
      onGivenBack: (channel) => this.#retired.delete(channel)
    })
  }

  /** Rejects a request that is pending. */
  cancel(request, error) {
    this.#channel?.cancel(request, error)
  }

  /** Rejects everything that is pending on a file, or a lease. */
  cancelFile(mapping, makeError) {
    this.#channel?.cancelFile(mapping, makeError)
  }

  /** Rejects everything that is pending in this thread. */
  cancelAll(error) {
    this.#channel?.cancelAll(error)
  }

  /** No thread will serve this one any more. */
  abandon() {
    for (const channel of this.#channels) channel.abandon()
    this.#channel = undefined
  }

  get #channels() {
    return this.#channel === undefined ? [...this.#retired] : [...this.#retired, this.#channel]
  }

  /** Has minThreads threads started here, for requests of other threads to come. */
  startThreads() {
    if (!this.closed) this.crew.startAtLeast(this.settings.minThreads)
  }

  /** A file of this thread's uses it. */
  enter() {
    if (this.#users++ === 0) this.#use = claimUse(this.memory)
  }

  /** It does so no more. */
  leave() {
    if (--this.#users > 0) return
    this.#use?.giveBack()
    this.#onUnused?.()
    if (this.#onUnused !== undefined) this.#retireChannel()
    else this.#retireIfUnused()
  }

  /** Else the core holds on to it, and that to the realm in which it was made. */
  #retireIfUnused() {
    if (this.#users === 0 && this.crew.size === 0 && this.#channel?.needsThreads === false) this.#retireChannel()
  }

  #retireChannel() {
    if (this.#channel === undefined) return
    const channel = this.#channel
    this.#channel = undefined
    this.#retired.add(channel)
    channel.retire()
  }

  /**
   * Threads have died: see Channel.reclaim(). What none has in hand of retired channels was cancelled: those that live may sleep, and
   * nobody would ring for it.
   * @returns {boolean} whether they had anything in hand
   */
  #reclaim(isLost, blame, makeError) {
    let found = false
    for (const channel of this.#channels) found = channel.reclaim(isLost, blame, makeError) || found
    for (const channel of this.#retired) channel.giveUp()
    return found
  }

  #onSettled(request) {
    this.#count(request)
    publishEnd(request, request.failed, request.error)
    if (debug.enabled) tellIfSlow(request)
    if (this.inFlight > 0) return
    this.#startFailures = 0
    this.#hooks.onIdle?.()
  }

  #count(request) {
    const { counts } = this
    if (request.failed) {
      counts.failed++
    } else {
      counts.completed++
      this.#hooks.onCompleted?.(request)
    }
    const names = COUNTED[request.op]
    if (names === undefined) return
    counts[names[0]] += request.succeeded
    counts[names[1]] += request.bytes
  }

  #ring() {
    this.#startWatch()
    this.crew.ring()
  }

  get #steps() {
    return Atomics.load(this.#control, Control.STEPS)
  }

  /** Looks every STALL_MS, while requests are in flight, whether any thread gets on. */
  #startWatch() {
    if (this.#watching) return
    this.#watching = true
    this.#stepsSeen = this.#steps
    this.#sawThreads = this.crew.isUp // one that has just come is not stuck yet
    this.#watch ??= outside(() => setTimeout(() => this.#look(), STALL_MS).unref())
    this.#watch.refresh()
  }

  #look() {
    this.#watching = false
    if (!this.#needsThreads && this.#retired.size === 0) return
    if (Atomics.load(this.#control, Control.STOPPING) === 1) return this.#endWithPool()
    const died = () => threadFailed('Pool threads died') // made where it is needed: seldom, and this is often
    this.#reclaim((state) => this.crew.isLost(state), BLAME.OTHERS, died)
    if (this.#needsThreads) this.#seeToThreads(died)
    this.#startWatch()
  }

  get #needsThreads() {
    return this.#channel?.needsThreads === true
  }

  #seeToThreads(died) {
    if (this.crew.size === 0) this.#replaceLastThread(died)
    else this.#addThreadIfStuck()
  }

  #addThreadIfStuck() {
    const stuck = this.#sawThreads && this.#steps === this.#stepsSeen && this.#channel.hasUnclaimed
    const hopeful = this.#startFailures < MAX_START_FAILURES && this.crew.count(ThreadStatus.STARTING) === 0
    if (stuck && debug.enabled) this.#tellOfStall()
    if (stuck && hopeful) this.crew.add()
  }

  #tellOfStall() {
    const { crew, settings: { maxThreads }, inFlight, queued } = this
    const starting = crew.count(ThreadStatus.STARTING)
    if (starting === crew.size) return // there is nobody yet who could get on
    debug('stall: no slice has ended for %d ms; threads: %d of %d, %d starting, %d idle; %d requests in flight, %d ranges queued',
      STALL_MS, crew.size, maxThreads, starting, crew.count(ThreadStatus.SLEEPING), inFlight, queued)
  }

  /** Whose pool it is has closed or destroyed it; where that is this thread, it has done the rest itself. */
  #endWithPool() {
    if (this.#onUnused === undefined) return
    this.cancelAll(poolClosed())
    this.crew.terminate()
    this.abandon()
  }

  #onThreadEnd(thread, cause) {
    if (!thread.left && !this.closed) Atomics.add(this.#control, Control.DIED, 1)
    const error = threadFailed(thread.neverStarted ? 'A pool thread could not start' : 'A pool thread died', cause)
    const wasIts = (state) => runnerOf(state) === thread.number && isRunner(state, thread.generation)
    const hadWork = this.#reclaim(wasIts, BLAME.OWN, () => error)
    if (debug.enabled) debug('thread %d %s', thread.number, endOf(thread, hadWork, cause))
    const hasServed = hadWork || this.#steps !== thread.stepsBefore
    this.#startFailures = thread.left || hasServed ? 0 : this.#startFailures + 1
    if (cause !== undefined) this.#hooks.onError?.(error)
    if (this.crew.size === 0 && this.#needsThreads) this.#replaceLastThread(() => error)
    this.#retireIfUnused()
    this.#hooks.onThreadGone?.()
  }

  /** Somebody waits and nobody is there. */
  #replaceLastThread(makeError) {
    if (Atomics.load(this.#control, Control.STOPPING) === 1) return
    // Where there is one that cannot be started, another JavaScript thread has just started it.
    if (this.#startFailures < MAX_START_FAILURES && (this.crew.start() || this.crew.size > 0)) return
    this.#startFailures = 0 // a later request may try again
    this.cancelAll(makeError())
    this.#channel?.giveUp()
  }
}

function endOf(thread, hadWork, cause) {
  const how = thread.left ? 'left' : thread.neverStarted ? 'could not start' : 'ended'
  return how + (hadWork ? ', and others get what it had in hand' : '') + (cause === undefined ? '' : `: ${inspect(cause)}`)
}

module.exports = { PoolClient }
