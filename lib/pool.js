'use strict'
// A pool as the thread that made it sees it: its figures, and how it ends for all threads that use it. And the default
// pool.

const { nextTick } = require('node:process') // test runners replace the global one's
const { clearTimeout, setTimeout } = require('node:timers')
const { PoolClient } = require('./pool-client')
const { poolOptions } = require('./options')
const { Timings } = require('./timings')
const native = require('../native/binding')
const { poolClosed, poolInUse } = require('./errors')
const { ChannelMemory, Control, GONE, Phase, PoolMemory, ThreadStatus } = require('../worker/layout')

// What other threads do is told by nobody: so often it is looked at while close() or destroy() waits for it.
const LOOK_AGAIN_MS = 5

const SETTLED = Symbol('settled')

const newId = () => Math.floor(Math.random() * Number.MAX_SAFE_INTEGER)

class Pool extends PoolClient {
  #control
  #ended // the promise of close() and destroy()
  #resolveEnded
  #isOver = false
  #look
  #timings // made for the first request: a file that is opened for a few loads needs none

  /**
   * @param {object} [options] see docs/api.md
   * @param {symbol} [state] for this file alone: SETTLED where they are complete and have been checked
   */
  constructor(options, state) {
    const memory = new PoolMemory()
    super({ id: newId(), memory, options: state === SETTLED ? options : poolOptions(options) })
    this.#control = memory.control
  }

  /** The options in force, complete. */
  get options() {
    return { ...this.settings }
  }

  /** Figures as of now, and counts since the pool was made. Of the requests, those of this thread. */
  get stats() {
    const count = (word) => Atomics.load(this.#control, word) >>> 0
    return {
      threads: this.crew.size,
      idle: this.crew.count(ThreadStatus.SLEEPING),
      inFlight: this.inFlight,
      queued: this.queued,
      slices: count(Control.STEPS),
      ...this.counts,
      started: count(Control.STARTED),
      died: count(Control.DIED),
      ...this.timings,
      majorFaults: native.threadUsage().majorFaults
    }
  }

  get timings() {
    return (this.#timings ??= new Timings())
  }

  /**
   * Takes no more requests, in whatever thread, finishes those that it has, and ends its threads.
   * @returns {Promise<void>} resolved when the last thread is gone
   */
  close() {
    return this.#finish(Phase.CLOSING)
  }

  /**
   * Rejects every request with ERR_POOL_CLOSED, in whatever thread, and ends its threads.
   * @returns {Promise<void>} resolved when the last thread is gone: one that waits for a device goes after that
   */
  destroy() {
    return this.#finish(Phase.DESTROYED)
  }

  [Symbol.asyncDispose]() {
    return this.close()
  }

  #finish(phase) {
    if (phase <= Atomics.load(this.#control, Control.PHASE) || this.#isOver) return this.#ended
    Atomics.store(this.#control, Control.PHASE, phase)
    this.#ended ??= new Promise((resolve) => (this.#resolveEnded = resolve))
    if (phase === Phase.DESTROYED) {
      this.cancelAll(poolClosed())
      this.crew.stop()
      this.crew.terminate()
    }
    this.#goOnEndingSoon()
    return this.#ended
  }

  onIdle() {
    if (this.closed) this.#goOnEndingSoon()
    nextTick(() => this.emit('drain'))
  }

  onThreadGone() {
    if (this.closed) this.#goOnEnding()
  }

  /** As its end takes the channel away, in whose midst this may be called: it has just settled something, or told of it. */
  #goOnEndingSoon() {
    void Promise.resolve().then(() => this.#goOnEnding()) // queueMicrotask() stands still where a test fakes timers
  }

  /** Does what can be done by now; what other threads have to do first is looked at again. */
  #goOnEnding() {
    if (this.#isOver || this.inFlight > 0) return
    const waits = this.#mustWaitForOthers
    if (!waits) {
      this.crew.stop()
      if (this.crew.size === 0) return this.#end()
    }
    if (waits || this.crew.size > this.crew.own) this.#lookAgain()
  }

  #lookAgain() {
    this.#look ??= setTimeout(() => this.#goOnEnding(), LOOK_AGAIN_MS)
    this.#look.refresh()
  }

  #end() {
    this.#isOver = true
    clearTimeout(this.#look)
    this.abandon()
    this.#resolveEnded()
  }

  /** Whether requests of other threads are to be finished first. */
  get #mustWaitForOthers() {
    if (Atomics.load(this.#control, Control.PHASE) === Phase.DESTROYED) return false
    for (let number = 0; number < Atomics.load(this.#control, Control.CHANNELS); number++) {
      const { header } = this.memory.channel(number)
      const isGone = (Atomics.load(header, ChannelMemory.OWNER) & GONE) !== 0
      if (!isGone && Atomics.load(header, ChannelMemory.BUSY) === 1) return true
    }
    return false
  }
}

let defaultPool
let defaultOptions
let defaultSettings // what has come of them, from the first open() or map() on

/**
 * Options of this thread's default pool. Call it before the first open() or map(); environment variables
 * FAULTLESS_MIN_THREADS and FAULTLESS_MAX_THREADS stand in for what it does not name.
 */
function configure(options) {
  const checked = poolOptions(options, true)
  if (defaultSettings !== undefined) throw poolInUse()
  // A copy of what it names, which may change; not what was checked, for the environment is heard later.
  const named = Object.keys(checked).map((name) => [name, options?.[name]])
  defaultOptions = { ...Object.fromEntries(named), resourceLimits: checked.resourceLimits }
}

/**
 * For open() and map() of whoever names no pool: from here on it is settled how the default pool will be.
 * @throws what a Pool throws of wrong options, and of wrong variables
 */
function settleDefaultPool() {
  defaultSettings ??= poolOptions(defaultOptions, true)
}

/** Made when somebody first has something for it to do: a file may be mapped for a few loads from its buffer. */
function getDefaultPool() {
  settleDefaultPool()
  defaultPool ??= new Pool(defaultSettings, SETTLED)
  return defaultPool
}

module.exports = { Pool, configure, getDefaultPool, settleDefaultPool }
