'use strict'
// The threads of a pool as one of the JavaScript threads that use it sees them. Any of those may start some, which end
// with it; numbers are claimed in the pool's memory, so that together they never have more than maxThreads.

const native = require('../native/binding')
const { debug } = require('./debug')
const { PoolThread } = require('./pool-thread')
const { Control, ThreadStatus, isFree, isRunner, isRunnerGone, nextHolder, runnerOf, statusOf } = require('../worker/layout')

class Crew {
  #memory
  #control
  #options
  #onEnd
  #statuses
  #own = new Map() // by number: threads that this one has started, until it hears of their end

  /**
   * @param {object} about
   * @param {import('../worker/layout').PoolMemory} about.memory
   * @param {object} about.options the pool's
   * @param {(thread: PoolThread, error?: Error) => void} about.onEnd of a thread that was started here
   */
  constructor({ memory, options, onEnd }) {
    this.#memory = memory
    this.#control = memory.control
    this.#options = options
    this.#statuses = new Int8Array(options.maxThreads)
    this.#onEnd = onEnd
  }

  /** Threads that there are, starting ones included. */
  get size() {
    let size = 0
    for (let number = 0; number < this.#options.maxThreads; number++) if (this.#isThere(number)) size++
    return size
  }

  /** Those of them that were started here. */
  get own() {
    return this.#own.size
  }

  /** Those of a status. */
  count(status) {
    return this.#look().filter((one) => one === status).length
  }

  /** Whether any is past its start, and has not begun to leave. */
  get isUp() {
    const statuses = this.#look()
    return statuses.includes(ThreadStatus.BUSY) || statuses.includes(ThreadStatus.SLEEPING)
  }

  /**
   * Rings, and wakes or starts a thread where none is up: one that is up looks at all slots once more before it
   * sleeps, and one thread with a deep queue keeps a device busy. More are wanted only when it is stuck.
   */
  ring() {
    Atomics.add(this.#control, Control.DOORBELL, 1)
    this.startAtLeast(Math.max(1, this.#options.minThreads))
    const statuses = this.#look()
    if (statuses.includes(ThreadStatus.BUSY)) return
    const sleeper = statuses.indexOf(ThreadStatus.SLEEPING)
    if (sleeper >= 0) this.#wake(sleeper) // also beside one that is starting, which takes tens of ms
    else if (!statuses.includes(ThreadStatus.STARTING)) this.start()
  }

  startAtLeast(wanted) {
    let size = 0
    for (let number = 0; number < this.#options.maxThreads && size < wanted; number++) if (this.#isThere(number)) size++
    while (size < wanted && this.start()) size++
  }

  /** Brings one thread more to work, if there may be one. */
  add() {
    const sleeper = this.#look().indexOf(ThreadStatus.SLEEPING)
    if (sleeper >= 0) this.#wake(sleeper)
    else this.start()
  }

  /**
   * Always the first that sleeps, and not the one that has slept longest: its code is compiled, and what it works with is
   * in its processor's cache. So one that was needed once does not share the work of another for ever after.
   */
  #wake(number) {
    Atomics.add(this.#control, Control.BELL + number, 1)
    Atomics.notify(this.#control, Control.BELL + number)
  }

  /** @returns {boolean} false where there are as many as there may be */
  start() {
    for (let number = 0; number < this.#options.maxThreads; number++) {
      const word = this.#isThere(number) ? undefined : this.#claim(number)
      if (word === undefined) continue
      Atomics.store(this.#control, Control.WORKS_ON + number, 0)
      Atomics.add(this.#control, Control.STARTED, 1)
      const about = { number, word, memory: this.#memory, options: this.#options }
      this.#own.set(number, new PoolThread({ ...about, onEnd: (thread, error) => this.#end(thread, error) }))
      if (debug.enabled) debug('thread %d starts; %d of %d', number, this.size, this.#options.maxThreads)
      return true
    }
    return false
  }

  /** Bids threads go when they next look. Worker.terminate() alone is lost now and then on one that is just starting. */
  stop() {
    Atomics.store(this.#control, Control.STOPPING, 1)
    for (const thread of this.#own.values()) thread.ref()
    Atomics.add(this.#control, Control.DOORBELL, 1)
    for (let number = 0; number < this.#options.maxThreads; number++) this.#wake(number)
  }

  /** Ends the threads that were started here, whatever they are at. */
  terminate() {
    for (const thread of this.#own.values()) thread.terminate()
  }

  /**
   * Whether the thread that a running slot's state names has ended, without this thread hearing of it otherwise: somebody
   * else had started it.
   */
  isLost(state) {
    const own = this.#own.get(runnerOf(state))
    return !(own !== undefined && isRunner(state, own.generation)) && isRunnerGone(this.#control, state)
  }

  #end(thread, error) {
    this.#own.delete(thread.number)
    this.#onEnd(thread, error)
  }

  /** One that was started here is there until its end has been heard of, so that what it had in hand is settled first. */
  #isThere(number) {
    return this.#own.has(number) || !isFree(Atomics.load(this.#control, Control.STATUS + number))
  }

  /**
   * The status of each thread, looked at once: one that is on its way to the next would seem to be in none.
   * @returns {Int8Array} of this crew's, until the next look
   */
  #look() {
    for (let number = 0; number < this.#statuses.length; number++) this.#statuses[number] = this.#statusOf(number)
    return this.#statuses
  }

  /** @returns {number} of ThreadStatus; ABSENT also where the thread has ended without saying so */
  #statusOf(number) {
    const word = Atomics.load(this.#control, Control.STATUS + number)
    return isFree(word) ? ThreadStatus.ABSENT : statusOf(word)
  }

  /** @returns {number | undefined} the word that now holds the number */
  #claim(number) {
    const word = Atomics.load(this.#control, Control.STATUS + number)
    const claimed = nextHolder(word, ThreadStatus.STARTING)
    const isFreeYet = isFree(word) && native.claimWord(this.#control, Control.STATUS + number, word, claimed)
    return isFreeYet ? claimed : undefined
  }
}

module.exports = { Crew }
