'use strict'
// The life of one pool thread as the thread that started it sees it: it starts, it may fail, it ends exactly once.

const path = require('node:path')
const { nextTick } = require('node:process')
const { Worker, SHARE_ENV } = require('node:worker_threads')
const native = require('../native/binding')
const { outside } = require('./outside')
const { Control, ThreadStatus, generationOf, statusOf, withStatus } = require('../worker/layout')

// With what a thread exits that leaves by itself. Its status says so too, but not for long: that number can be had again.
const LEFT = 77

const MAIN = path.join(__dirname, '..', 'worker', 'main.js')

class PoolThread {
  #worker
  #onEnd
  #error

  /**
   * @param {object} about
   * @param {number} about.number which one it is
   * @param {number} about.word by which this thread has claimed that number for it
   * @param {import('../worker/layout').PoolMemory} about.memory
   * @param {object} about.options the pool's
   * @param {(thread: PoolThread, error?: Error) => void} about.onEnd called once, never before the constructor returns
   */
  constructor({ number, word, memory: { memory, control }, options, onEnd }) {
    this.number = number
    this.generation = generationOf(word)
    this.control = control
    this.stepsBefore = Atomics.load(control, Control.STEPS) // whether it ever served is seen by comparing
    this.#onEnd = onEnd
    const workerData = { memory, thread: number, word, options, codeOfLeaving: LEFT }
    const { resourceLimits } = options
    try {
      // Flags of the process, such as a debugger's or a loader's, are not for a thread that runs none of its code.
      const settings = { workerData, resourceLimits, execArgv: [], env: SHARE_ENV, name: 'faultless' }
      this.#worker = outside(() => new Worker(MAIN, settings))
    } catch (error) {
      nextTick(() => this.#end(error))
      return
    }
    this.#worker.on('error', (error) => (this.#error = error))
    this.#worker.on('exit', (code) => this.#end(this.#error, code))
    this.#worker.unref()
  }

  /** Keeps the process alive until the thread has ended. */
  ref() {
    this.#worker?.ref()
  }

  /** Ends the thread as soon as the call of the core that it may be in has returned. */
  terminate() {
    void this.#worker?.terminate()
  }

  #end(error, code) {
    const at = Control.STATUS + this.number
    const word = Atomics.load(this.control, at)
    // Whoever saw its end first may have given the number to another thread by now.
    const status = generationOf(word) === this.generation ? statusOf(word) : undefined
    if (status !== undefined) Atomics.compareExchange(this.control, at, word, withStatus(word, ThreadStatus.ABSENT))
    native.disclaimWord(this.control, at)
    this.neverStarted = status === ThreadStatus.STARTING
    this.left = status === ThreadStatus.LEAVING || code === LEFT
    this.#onEnd(this, error)
  }
}

module.exports = { PoolThread }
