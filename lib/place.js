'use strict'
// A place for a channel in a pool's memory: each calling thread claims one, and gives it back. One that was left by a
// thread's end is cleared by whoever claims it next.

const native = require('../native/binding')
const { tooManyThreads } = require('./errors')
const {
  ChannelMemory, Control, GONE, MAX_CHANNELS, Owner, SLOTS, State, isFree, isRunnerGone, isRunning, nextHolder, statusOf,
  withStatus
} = require('../worker/layout')

const { BUSY, HIGH_WATER, OWNER, USED } = ChannelMemory

class Place {
  #word

  /** Made by claimPlace(). */
  constructor(memory, word) {
    this.memory = memory
    this.#word = word
  }

  /** All slots are free. */
  giveBack() {
    const { header } = this.memory
    Atomics.store(header, OWNER, withStatus(this.#word, Owner.NOBODY))
    native.disclaimWord(header, OWNER)
  }
}

/**
 * @param {import('../worker/layout').PoolMemory} pool
 * @throws ERR_POOL_TOO_MANY_THREADS where all are taken
 */
function claimPlace(pool) {
  for (let number = 0; number < MAX_CHANNELS; number++) {
    const memory = pool.channel(number)
    const word = claim(memory, pool.control)
    if (word === undefined) continue
    raise(pool.control, Control.CHANNELS, number + 1)
    return new Place(memory, word)
  }
  throw tooManyThreads(MAX_CHANNELS)
}

/** @returns {number | undefined} the word that says whose it is now; undefined where it cannot be had */
function claim(memory, control) {
  const { header } = memory
  const word = Atomics.load(header, OWNER)
  if (!isFree(word)) return undefined
  // Pool threads look at nothing in here before it says TAKEN.
  const clearing = nextHolder(word, Owner.CLEARING)
  if (!native.claimWord(header, OWNER, word, clearing)) return undefined
  if (statusOf(word) !== Owner.NOBODY && !clear(memory, control)) {
    Atomics.store(header, OWNER, clearing | GONE) // as it was
    native.disclaimWord(header, OWNER)
    return undefined
  }
  for (const field of [USED, BUSY, HIGH_WATER]) Atomics.store(header, field, 0)
  const taken = withStatus(clearing, Owner.TAKEN)
  Atomics.store(header, OWNER, taken)
  return taken
}

/** Frees what a thread that has ended had in its slots; false where a pool thread still has one of them in hand. */
function clear({ state }, control) {
  for (let slot = 0; slot < SLOTS; slot++) {
    for (let now; (now = Atomics.load(state, slot)) !== State.FREE;) {
      if (isRunning(now) && !isRunnerGone(control, now)) return false
      Atomics.compareExchange(state, slot, now, State.FREE)
    }
  }
  return true
}

function raise(words, at, least) {
  for (;;) {
    const now = Atomics.load(words, at)
    if (now >= least || Atomics.compareExchange(words, at, now, least) === now) return
  }
}

module.exports = { Place, claimPlace }
