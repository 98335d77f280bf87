'use strict'
// The life of a pool thread: serve, listen a moment, sleep, and leave when nobody has rung for long enough.

const { workerData } = require('node:worker_threads')
const { performance } = require('node:perf_hooks')
const native = require('../native/binding')
const { Control, PoolMemory, ThreadStatus, isFree, isUsed, statusOf, withStatus } = require('./layout')
const { Patience } = require('./patience')
const { Server } = require('./serve')

const { memory, thread, word, options, codeOfLeaving } = workerData
const { spin, idleTimeout, minThreads, maxThreads } = options

const pool = new PoolMemory(memory)
const { control } = pool

const LOOK_AGAIN_MS = 5

// A thread that may not leave asks seldom whether it may by now.
const LEAST_STAY_MS = 100

const setStatus = (status) => Atomics.store(control, Control.STATUS + thread, withStatus(word, status))
const isRung = (heard) => Atomics.load(control, Control.DOORBELL) !== heard

const patience = new Patience()

/** Listens for `spin` microseconds, as long as that is worth it. @returns {boolean} whether somebody rang */
function listen(heard) {
  if (spin === 0 || isRung(heard) || !patience.isWorthIt) return isRung(heard)
  const end = performance.now() + spin / 1000
  let rung = false
  do {
    for (let i = 0; i < 100 && !rung; i++) rung = isRung(heard)
  } while (!rung && performance.now() < end)
  patience.note(rung)
  return rung
}

/** Whether enough other threads stay: none where no file is open that they would be for. */
function isSpare() {
  const wanted = isUsed(control) ? minThreads : 0
  let others = 0
  for (let i = 0; i < maxThreads && others < wanted; i++) {
    const other = Atomics.load(control, Control.STATUS + i)
    if (i !== thread && !isFree(other) && statusOf(other) !== ThreadStatus.LEAVING) others++
  }
  return others >= wanted
}

/**
 * A caller rings, then looks for a thread that is not LEAVING; so this thread says LEAVING, then looks for a ring:
 * one of the two notices the other. Of two that would leave at once both look again after they have said so, and may
 * both stay. @returns {boolean} whether to go
 */
function leave(heard) {
  if (!isSpare()) return false
  setStatus(ThreadStatus.LEAVING)
  if (!isSpare() || isRung(heard)) return false
  process.exitCode = codeOfLeaving
  return true
}

function run() {
  const busy = withStatus(word, ThreadStatus.BUSY)
  // From here on whoever waits for this thread learns of its end, though the thread that started it may have ended too.
  if (!native.claimWord(control, Control.STATUS + thread, word, busy)) return
  const server = new Server(pool, thread, word, options)
  let stays = false // it would have left, had it been allowed to
  for (;;) {
    setStatus(ThreadStatus.BUSY)
    const heard = Atomics.load(control, Control.DOORBELL)
    const refused = server.serve()
    if (Atomics.load(control, Control.STOPPING) === 1) return
    if (listen(heard)) continue
    // Who rings looks for a thread that is SLEEPING; so this one says so, then looks for a ring.
    const bell = Atomics.load(control, Control.BELL + thread)
    setStatus(ThreadStatus.SLEEPING)
    if (isRung(heard)) continue
    // What this thread left to others is looked at again soon, at another time than by any other thread.
    const timeout = refused ? LOOK_AGAIN_MS * (thread + 1) : stays ? Math.max(idleTimeout, LEAST_STAY_MS) : idleTimeout
    const woken = Atomics.wait(control, Control.BELL + thread, bell, timeout)
    stays = woken === 'timed-out' && !refused
    if (stays && leave(heard)) return
  }
}

run()
