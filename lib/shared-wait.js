'use strict'
// Waiting on words of a file that other processes store into: the counterpart of Atomics.waitAsync and Atomics.notify.
// A thread of the core waits in the kernel (native/waiter_thread.c), and not one of the pool.

const { constants } = require('node:os')
const { performance } = require('node:perf_hooks')
const { clearTimeout, setTimeout } = require('node:timers')
const native = require('../native/binding')
const { onAbort, throwIfAborted } = require('./abort')
const { AbortError, fromCore, invalidValue, mapClosed, mapReadOnly, outOfRange, systemError } = require('./errors')
const { checkInteger, checkLimit, waitOptions } = require('./options')
const { touchSurely } = require('./run-surely')

const WORD = 4 // bytes
const { ABSENT } = native.results
const OUTCOMES = new Map(Object.entries(native.waitOutcomes).map(([name, number]) => [number, name]))

const LONGEST_MS = 2 ** 31 - 1 // of a timer
const LATE = Symbol('late')

const pending = new Map() // ids to waits of this thread, which keep their files alive

/** Where a word may lie: at an address that is a multiple of 4, which is so where its place in the file is. */
function checkWord({ file, lead }, byteOffset) {
  checkInteger('byteOffset', byteOffset)
  if (byteOffset > file.byteLength - WORD) {
    throw outOfRange('byteOffset', `that of ${WORD} bytes of the mapping, which has ${file.byteLength}`, byteOffset)
  }
  if ((lead + byteOffset) % WORD === 0) return
  const reason = lead % WORD === 0 ? '' : ' when the offset at which the file was mapped is added'
  throw invalidValue('byteOffset', byteOffset, `must be a multiple of ${WORD}${reason}`)
}

class Wait {
  constructor(mapping, byteOffset, expected, { signal, timeout }) {
    this.mapping = mapping
    this.byteOffset = byteOffset
    this.expected = expected
    this.signal = signal
    this.timeout = timeout
    this.deadline = performance.now() + timeout
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }

  /** Hands it to the core; false where the page has to be touched first. */
  enter(isLoaded) {
    const { mapping, byteOffset, expected } = this
    const left = Math.max(0, this.deadline - performance.now())
    if (pending.size === 0 && !native.onWaits(hear)) throw systemError(-constants.errno.ENOMEM, 'futex')
    const id = native.wait(mapping.id, byteOffset, expected, left, isLoaded)
    if (id < 0 && pending.size === 0) native.offWaits(hear)
    if (id === -ABSENT) return false
    if (id < 0) throw fromCore(id, 'futex', mapping.path, byteOffset, WORD)
    this.id = id
    pending.set(id, this)
    if (this.signal !== undefined) this.forgetSignal = onAbort(this.signal, () => native.cancelWait(id))
    return true
  }

  /** Touches the word's page; false where the time is over before. Who gives none wants to know what the word holds. */
  async load() {
    const { mapping, byteOffset, signal, deadline, timeout } = this
    const ending = new AbortController()
    const forgetSignal = signal && onAbort(signal, () => ending.abort(signal.reason))
    const left = Math.max(0, deadline - performance.now())
    const timer = timeout === 0 || left > LONGEST_MS ? undefined : setTimeout(() => ending.abort(LATE), left)
    try {
      await mapping.file.touch(byteOffset, WORD, { signal: ending.signal })
    } catch (error) {
      if (error.cause !== LATE) throw error
      return false
    } finally {
      clearTimeout(timer)
      forgetSignal?.()
    }
    return true
  }

  /** What the core says, which no notification gets past: one that came before the abort makes it 'ok'. */
  end(result) {
    const { mapping, byteOffset } = this
    if (result >= 0) this.#settle(this.resolve, OUTCOMES.get(result))
    else if (result === -constants.errno.ECANCELED) this.#settle(this.reject, new AbortError(this.signal.reason))
    else this.#settle(this.reject, fromCore(result, 'futex', mapping.path, byteOffset, WORD))
  }

  /** The core's answer still comes, and nobody is told. */
  drop(error) {
    native.cancelWait(this.id)
    this.#settle(this.reject, error)
  }

  #settle(how, value) {
    pending.delete(this.id)
    if (pending.size === 0) native.offWaits(hear) // which would hold the realm of this module
    this.forgetSignal?.()
    how(value)
  }
}

/** `results` are ids and results by turns. */
function hear(results) {
  for (let i = 0; i < results.length; i += 2) pending.get(results[i])?.end(results[i + 1])
}

/**
 * Does what MappedFile.wait() says.
 * @param {import('./mapping').Mapping} mapping its file's, as of now
 * @returns {Promise<'ok' | 'timed-out' | 'not-equal'>}
 */
async function wait(mapping, byteOffset, expected, options) {
  const { file } = mapping
  if (file.closed) throw mapClosed(file.path)
  checkWord(mapping, byteOffset)
  checkInteger('expected', expected, -(2 ** 31), 2 ** 31 - 1)
  const checked = waitOptions(options)
  const { signal } = checked
  throwIfAborted(signal)
  const made = new Wait(mapping, byteOffset, expected, checked)
  if (!made.enter(false)) {
    if (!await made.load()) return 'timed-out'
    if (file.closed) throw mapClosed(file.path)
    throwIfAborted(signal)
    made.enter(true)
  }
  return made.promise
}

/**
 * Does what MappedFile.notify() says.
 * @param {import('./mapping').Mapping} mapping its file's, as of now
 * @param {() => import('./pool-client').PoolClient} getPool of its file
 * @returns {number | undefined}
 */
function notify(mapping, getPool, byteOffset, count = Infinity) {
  const { file } = mapping
  if (file.closed) throw mapClosed(file.path)
  checkWord(mapping, byteOffset)
  checkLimit('count', count, 0)
  if (file.flags === 'r') throw mapReadOnly(file.path)
  const woken = native.notify(mapping.id, byteOffset, count, false)
  if (woken >= 0) return woken
  if (woken !== -ABSENT) throw fromCore(woken, 'futex', file.path, byteOffset, WORD)
  notifyLater(mapping, getPool(), byteOffset, count)
  return undefined
}

/**
 * The page was evicted since the store. Nobody hears if this is refused, so it is not: not for a full queue, nor for a closed pool.
 * What cannot be loaded any more has no word that anybody could be woken by.
 */
function notifyLater(mapping, pool, byteOffset, count) {
  touchSurely(pool, mapping, byteOffset, WORD).then(() => native.notify(mapping.id, byteOffset, count, true), () => {})
}

/** The file is being closed: rejects its waits. */
function endWaits(file) {
  for (const waiting of [...pending.values()]) if (waiting.mapping.file === file) waiting.drop(mapClosed(file.path))
}

module.exports = { endWaits, notify, wait }
