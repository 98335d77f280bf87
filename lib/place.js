'use strict'
// What a calling thread claims of a pool's memory, and gives back: a place for a channel, and a word that says that it has
// files open. A place that was left by a thread's end is cleared by whoever claims it next.

const native = require('../native/binding')
const { tooManyThreads } = require('./errors')
const {
  ChannelMemory, Control, GONE, MAX_CHANNELS, Owner, SLOTS, State, isFree, isRunnerGone, isRunning, nextHolder, statusOf,
  withStatus
} = require('../worker/layout')

const { BUSY, HIGH_WATER, OWNER, USED } = ChannelMemory

class Claim {
  #words
  #at
  #word

  constructor(words, at, word) {
    this.#words = words
    this.#at = at
    this.#word = word
  }

  giveBack() {
    Atomics.store(this.#words, this.#at, withStatus(this.#word, Owner.NOBODY))
    native.disclaimWord(this.#words, this.#at)
  }
}

/** It is given back when all slots are free. */
class Place extends Claim {
  /** Made by claimPlace(). */
  constructor(memory, word) {
    super(memory.header, OWNER, word)
    this.memory = memory
  }
}

/**
 * Has the threads of a pool stay, until it is given back or this thread has ended.
 * @param {import('../worker/layout').PoolMemory} pool
 * @returns {Claim | undefined} nothing where so many threads have files open that one more makes no difference
 */
function claimUse({ control }) {
  for (let at = Control.USERS; at < Control.USERS + MAX_CHANNELS; at++) {
    const word = Atomics.load(control, at)
    const taken = nextHolder(word, Owner.TAKEN)
    if (isFree(word) && native.claimWord(control, at, word, taken)) return new Claim(control, at, taken)
  }
  return undefined
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

module.exports = { Place, claimPlace, claimUse }
