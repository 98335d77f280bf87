'use strict'
// The shared memory between JavaScript threads and the threads of a pool, laid out once for both sides.
//
// A channel belongs to one calling thread. Its slots carry requests to the pool and answers back:
//
//     FREE --caller--> WAITING --thread--> PREFETCHED --thread--> RUNNING --thread--> DONE --caller--> FREE
//                                              ^----- more slices -----'
//
// Whoever moves a slot writes its other fields first and its state last (Atomics.store, compareExchange), and reads
// the state first (Atomics.load): that order alone makes the plain loads and stores of the other fields safe.
// A thread claims a slot by exchanging its state for RUNNING with its own number and generation, so that what a dead
// thread had in hand can be told. No step leaves a slot in a state from which it cannot be taken over.
//
// Three kinds of words say who holds something, a pool thread its number and a calling thread its channel, and that it has files
// open: a status in the lowest seven bits, GONE when the holder's thread has ended, however it ended (native/holdings.h), and
// above them the generation, which each new holder changes.

const native = require('../native/binding')

const SLOTS = 256

// With so many slots in use or fewer a caller may look for answers once a turn of its event loop, without being waked. With more
// there is news all the time: it would never sleep, and gain nothing.
const FEW_SLOTS = 16

const State = Object.freeze({ FREE: 0, WAITING: 1, PREFETCHED: 2, RUNNING: 3, DONE: 4 })

// A running slot's state, above these bits: number of the thread that runs it, then the lower bits of its generation.
const STATE_BITS = 8
const NUMBER_BITS = 8
const NUMBERS = (1 << NUMBER_BITS) - 1
const GENERATIONS = 0x7fff

const running = (thread, generation) =>
  State.RUNNING | (thread << STATE_BITS) | ((generation & GENERATIONS) << (STATE_BITS + NUMBER_BITS))

const isRunning = (state) => (state & ((1 << STATE_BITS) - 1)) === State.RUNNING
const runnerOf = (state) => (state >> STATE_BITS) & NUMBERS

/** Whether a thread of that generation runs a slot of which the state is known. */
const isRunner = (state, generation) => state >> (STATE_BITS + NUMBER_BITS) === (generation & GENERATIONS)

const GONE = native.gone
const HOLDER_BITS = Math.log2(GONE) + 1
const MOST_GENERATIONS = 0x7fffff

const statusOf = (word) => word & (GONE - 1)
const generationOf = (word) => word >> HOLDER_BITS
const isFree = (word) => statusOf(word) === 0 || (word & GONE) !== 0
const withStatus = (word, status) => (word & -(1 << HOLDER_BITS)) | status
/** The word of the next holder. */
const nextHolder = (word, status) => (((generationOf(word) + 1) & MOST_GENERATIONS) << HOLDER_BITS) | status

const Flag = Object.freeze({
  CANCELLED: 1, // the caller no longer wants it: end it at the next slice
  PROGRESS: 2 // wake the caller after every slice
})

const Op = Object.freeze({
  TOUCH: 0, READ: 1, RESIDENCY: 2, ADVISE: 3, EVICT: 4, CLOSE: 5, REFRESH: 6, FLUSH: 7, WRITE: 8, RESIZE: 9, PIN: 10,
  UNPIN: 11, LAY: 12
})

const HEADER_INTS = 16 // a cache line, so that the counters share none with the states
const INT_COLUMNS = 3
const DOUBLE_COLUMNS = 12
const CHANNEL_INTS = HEADER_INTS + INT_COLUMNS * SLOTS
const CHANNEL_BYTES = CHANNEL_INTS * 4 + DOUBLE_COLUMNS * SLOTS * 8 // whole cache lines

/** Typed views on a channel's memory, by column: `state[slot]`, `offset[slot]`, … */
class ChannelMemory {
  /** @param {SharedArrayBuffer} memory the pool's @param {number} start byte of it where the channel starts */
  constructor(memory, start) {
    this.header = new Int32Array(memory, start, HEADER_INTS)
    const int = (column) => new Int32Array(memory, start + (HEADER_INTS + column * SLOTS) * 4, SLOTS)
    const double = (column) => new Float64Array(memory, start + CHANNEL_INTS * 4 + column * SLOTS * 8, SLOTS)
    this.state = int(0)
    this.flags = int(1)
    this.op = int(2)
    this.mapping = double(0) // id in the core's table
    this.offset = double(1) // bytes from the start of the mapping
    this.length = double(2) // bytes
    this.done = double(3) // bytes of `length` that are finished: the next slice starts there
    this.argument = double(4) // a transfer's id, a pin's, the advice, a size, or for a touch 1: for writing
    this.at = double(5) // byte of the transfer at which the request's own bytes start
    this.lead = double(6) // bytes from a page boundary of the file to the start of the mapping
    this.result = double(7) // a count that slices add to, or a negative result of the core
    this.file = double(11) // id of the mapping that its file had first
    // For figures alone, in ns of clock.js. Nothing may lean on them: two threads that look at a slot at once may both
    // write `taken`, one of them late.
    this.taken = double(8) // when a thread last took it up; may be just before it was submitted
    this.ended = double(9) // when its last slice ended
    this.worked = double(10) // how long threads were inside of its slices
  }
}

// Words of a channel's header.
ChannelMemory.COMPLETIONS = 0 // counts finished slots and progress; the caller waits on it
ChannelMemory.HIGH_WATER = 1 // slots from here on were never used: nobody needs to look at them
ChannelMemory.USED = 2 // slots that carry something: where there are none nobody looks at any
ChannelMemory.BUSY = 3 // 1: requests of the caller are in flight
ChannelMemory.OWNER = 4 // whose it is: a holder's word, with the status TAKEN or CLEARING

const Owner = Object.freeze({
  NOBODY: 0,
  TAKEN: 1,
  CLEARING: 2 // it was left with slots in use, which the next owner is freeing
})

const MAX_THREADS = 128
const MAX_CHANNELS = 128

// Words of the pool's control memory, which all of its threads and callers see.
const Control = Object.freeze({
  DOORBELL: 0, // counts submissions: a thread looks at it before it sleeps
  STEPS: 1, // counts slices that ended: standing still while slots wait means that every thread is stuck
  STOPPING: 2, // 1: threads leave at once
  PHASE: 3, // of the pool's life
  CHANNELS: 4, // channels from here on were never used
  STARTED: 5, // counts threads
  DIED: 6, // counts threads that ended otherwise than by leaving, while who started them lived
  KIND: 7, // tells this memory from any other
  STATUS: 16, // + number of the thread: a holder's word with its ThreadStatus
  WORKS_ON: 16 + MAX_THREADS, // + number of the thread: the file that it waits for (fileWord), 0 for none
  BELL: 16 + 2 * MAX_THREADS, // + number of the thread: counts what it was woken for; it sleeps on it
  USERS: 16 + 3 * MAX_THREADS // + some number: the word, with the status TAKEN, of a thread that has files open
})

const CONTROL_INTS = Control.USERS + MAX_CHANNELS
const KIND = 0x6661756c

/** Whether the thread has ended that runs a slot of which the state is known. */
function isRunnerGone(control, state) {
  const word = Atomics.load(control, Control.STATUS + runnerOf(state))
  return isFree(word) || !isRunner(state, generationOf(word))
}

/** Whether a thread that lives has files open which use the pool. */
function isUsed(control) {
  for (let at = Control.USERS; at < Control.USERS + MAX_CHANNELS; at++) if (!isFree(Atomics.load(control, at))) return true
  return false
}

/** A file's id in 31 bits: enough to tell files apart that are open at the same time. */
const fileWord = (id) => (id % 0x7fffffff) + 1

const ThreadStatus = Object.freeze({
  ABSENT: 0,
  STARTING: 1,
  BUSY: 2, // it looks at all slots once more before it sleeps
  SLEEPING: 3,
  LEAVING: 4 // it looks at nothing any more
})

const Phase = Object.freeze({
  OPEN: 0,
  CLOSING: 1, // it takes no more requests
  DESTROYED: 2 // and finishes none
})

/** The memory of a pool: its control words, and room for channels. The system gives pages where it is used. */
class PoolMemory {
  /** @param {SharedArrayBuffer} [memory] of a pool that is there already */
  constructor(memory) {
    this.memory = memory ?? new SharedArrayBuffer(CONTROL_INTS * 4 + MAX_CHANNELS * CHANNEL_BYTES)
    this.control = new Int32Array(this.memory, 0, CONTROL_INTS)
    if (memory === undefined) this.control[Control.KIND] = KIND
  }

  /** Whether something is the memory of a pool. */
  static isOne(memory) {
    return memory.byteLength === CONTROL_INTS * 4 + MAX_CHANNELS * CHANNEL_BYTES &&
      new Int32Array(memory)[Control.KIND] === KIND
  }

  /** @param {typeof ChannelMemory} [Kind] what sees it, if more than its memory is to be kept of it */
  channel(number, Kind = ChannelMemory) {
    return new Kind(this.memory, CONTROL_INTS * 4 + number * CHANNEL_BYTES)
  }
}

module.exports = {
  SLOTS, FEW_SLOTS, State, Flag, Op, Owner, ChannelMemory, PoolMemory, Control, Phase, ThreadStatus, MAX_CHANNELS, MAX_THREADS,
  GONE, generationOf, isFree, isRunner, isRunnerGone, isRunning, isUsed, fileWord, nextHolder, runnerOf, running, statusOf,
  withStatus
}
