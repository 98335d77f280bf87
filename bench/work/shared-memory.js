'use strict'
// What it costs in memory when several worker threads each look at the same file: the process's proportional set size
// (PSS, proc(5)) while all of them hold it, less what it was with the workers there and without the file.

const fs = require('node:fs')
const { once } = require('node:events')
const path = require('node:path')
const { Worker } = require('node:worker_threads')
const native = require('../../native/binding')
const { freeMemory } = require('../machine')

const THREAD = path.join(__dirname, 'shared-memory-thread.js')

// For the rest of the process, and for others.
const MEMORY_MARGIN = 2 ** 30

const gib = (bytes) => (bytes / 2 ** 30).toFixed(1)

module.exports = async function sharedMemory(task) {
  const needed = task.bytes * (task.reader === 'readFile' ? task.workers : 1) + MEMORY_MARGIN
  if (needed > freeMemory()) {
    return { skipped: `needs ${gib(needed)} GiB of free memory, and ${gib(freeMemory())} are there` }
  }
  const workerData = { ...task, handle: task.reader === 'faultless' ? await handleOf(task.path) : undefined }
  const threads = Array.from({ length: task.workers }, () => new Worker(THREAD, { workerData }))
  await everyone(threads)
  const faultsBefore = native.threadUsage().majorFaults
  const before = proportionalSetSize()
  const start = performance.now()
  await everyone(threads, 'open')
  const seconds = (performance.now() - start) / 1e3
  const pssBytes = proportionalSetSize()
  const majorFaults = native.threadUsage().majorFaults - faultsBefore
  await Promise.all(threads.map((thread) => thread.terminate()))
  return { seconds, pssBytes, pssOfFileBytes: pssBytes - before, majorFaults }
}

/** @returns {Promise<object | undefined>} what attach() takes; without it each thread opens the file for itself */
async function handleOf(file) {
  const { open, attach } = require('faultless')
  return typeof attach === 'function' ? (await open(file)).handle : undefined
}

/** Waits for a message of each thread, after it was sent one where there is one to send. */
async function everyone(threads, message) {
  const answers = threads.map((thread) => once(thread, 'message'))
  if (message !== undefined) for (const thread of threads) thread.postMessage(message)
  await Promise.all(answers)
}

function proportionalSetSize() {
  const [, kilobytes] = /^Pss:\s+(\d+) kB$/m.exec(fs.readFileSync('/proc/self/smaps_rollup', 'latin1'))
  return Number(kilobytes) * 1024
}
