'use strict'
// A pool as the thread that made it sees it: its figures, and how it ends for all threads that use it. And the default
// pool.

const { EventEmitter } = require('node:events')
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

let clientOf // of a Pool, for lib/ alone: what is behind its name; undefined of what is none

/** Of a pool that this thread makes. */
const makeClient = (options, hooks) =>
  new PoolClient({ id: Math.floor(Math.random() * Number.MAX_SAFE_INTEGER), memory: new PoolMemory(), options, hooks })

class Pool extends EventEmitter {
  #client // apart, so that no name of a class that extends this one is taken for one of ours
  #control
  #ended // the promise of close() and destroy()
  #resolveEnded
  #isOver = false
  #look
  #madeTimings // for the first request

  /** @param {object} [options] see docs/api.md */
  constructor(options) {
    super()
    this.#client = makeClient(poolOptions(options), {
      onCompleted: (request) => this.#timings.record(request),
      onIdle: () => this.#onIdle(),
      onThreadGone: () => this.#onThreadGone(),
      onError: (error) => nextTick(() => this.#tellOf(error))
    })
    this.#control = this.#client.memory.control
  }

  static {
    clientOf = (pool) => typeof pool === 'object' && pool !== null && #client in pool ? pool.#client : undefined
  }

  get #timings() {
    return (this.#madeTimings ??= new Timings())
  }

  get options() {
    return { ...this.#client.settings }
  }

  get closed() {
    return this.#client.closed
  }

  get stats() {
    const { crew, inFlight, queued, counts } = this.#client
    const count = (word) => Atomics.load(this.#control, word) >>> 0
    return {
      threads: crew.size,
      idle: crew.count(ThreadStatus.SLEEPING),
      inFlight,
      queued,
      slices: count(Control.STEPS),
      ...counts,
      started: count(Control.STARTED),
      died: count(Control.DIED),
      ...this.#timings,
      majorFaults: native.threadUsage().majorFaults
    }
  }

  close() {
    return this.#finish(Phase.CLOSING)
  }

  destroy() {
    return this.#finish(Phase.DESTROYED)
  }

  [Symbol.asyncDispose]() {
    return this.close()
  }

  /** For console.log(): what it is, and not what an EventEmitter has. */
  [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
    if (!(#client in this)) return '[Pool]' // a Proxy, or what inherits from one
    const { closed, stats: { threads, idle, inFlight, queued } } = this
    return depth < 0 ? '[Pool]' : `Pool ${inspect({ threads, idle, inFlight, queued, closed }, options)}`
  }

  #finish(phase) {
    if (phase <= Atomics.load(this.#control, Control.PHASE) || this.#isOver) return this.#ended
    Atomics.store(this.#control, Control.PHASE, phase)
    this.#ended ??= new Promise((resolve) => (this.#resolveEnded = resolve))
    if (phase === Phase.DESTROYED) {
      this.#client.cancelAll(poolClosed())
      this.#client.crew.stop()
      this.#client.crew.terminate()
    }
    this.#goOnEndingSoon()
    return this.#ended
  }

  #onIdle() {
    if (this.#client.closed) this.#goOnEndingSoon()
    nextTick(() => this.emit('drain'))
  }

  #onThreadGone() {
    if (this.#client.closed) this.#goOnEnding()
  }

  /** Whoever listened once may have heard of another since. */
  #tellOf(error) {
    if (this.listenerCount('error') > 0) this.emit('error', error)
  }

  /** As its end takes the channel away, in whose midst this may be called: it has just settled something, or told of it. */
  #goOnEndingSoon() {
    void Promise.resolve().then(() => this.#goOnEnding()) // queueMicrotask() stands still where a test fakes timers
  }

  /** Does what can be done by now; what other threads have to do first is looked at again. */
  #goOnEnding() {
    if (this.#isOver || this.#client.inFlight > 0) return
    const waits = this.#mustWaitForOthers
    if (!waits) {
      this.#client.crew.stop()
      if (this.#client.crew.size === 0) return this.#end()
    }
    if (waits || this.#client.crew.size > this.#client.crew.own) this.#lookAgain()
  }

  #lookAgain() {
    this.#look ??= setTimeout(() => this.#goOnEnding(), LOOK_AGAIN_MS)
    this.#look.refresh()
  }

  #end() {
    this.#isOver = true
    clearTimeout(this.#look)
    this.#client.abandon()
    this.#resolveEnded()
  }

  /** Whether requests of other threads are to be finished first. */
  get #mustWaitForOthers() {
    if (Atomics.load(this.#control, Control.PHASE) === Phase.DESTROYED) return false
    for (let number = 0; number < Atomics.load(this.#control, Control.CHANNELS); number++) {
      const { header } = this.#client.memory.channel(number)
      const isGone = (Atomics.load(header, ChannelMemory.OWNER) & GONE) !== 0
      if (!isGone && Atomics.load(header, ChannelMemory.BUSY) === 1) return true
    }
    return false
  }
}

let defaultPool
let defaultOptions
let defaultSettings // what has come of them, from the first open() or map() on

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

/**
 * Made when somebody first has something for it to do: a file may be mapped for a few loads from its buffer. Nobody can get
 * at it, and so it has neither figures nor events.
 */
function getDefaultPool() {
  settleDefaultPool()
  defaultPool ??= makeClient(defaultSettings)
  return defaultPool
}

module.exports = { Pool, clientOf, configure, getDefaultPool, settleDefaultPool }
