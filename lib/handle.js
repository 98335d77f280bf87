'use strict'
// What a file's handle holds: the mapped memory, its place in the core's table, and the pool. It can be posted to other
// threads of the process.
//
// The memory is in it for two reasons. Whoever has a handle keeps the mapping from being collected. And Atomics.notify in
// one thread reaches who waits in another only where both have the same buffer, and not two over the same memory.

const { inspect, types } = require('node:util')
const { PoolClient } = require('./pool-client')
const { checkFlags, checkInteger, checkObject, checkString, poolOptions } = require('./options')
const { PoolMemory } = require('../worker/layout')
const { invalidType, invalidValue } = require('./errors')

// Those that this thread uses, by their ids, as far as another thread may know of them.
const pools = new Map()

/** @param {object} about a file: id, buffer, path, flags, pool, and the mirror where the runtime has made the buffer */
function createHandle({ id, buffer, mirror, path, flags, pool }) {
  if (pools.get(pool.id)?.deref() === undefined) pools.set(pool.id, new WeakRef(pool))
  // The pool's threads end with the thread that has started them; this one is likely to outlive those it gives handles to.
  pool.startThreads()
  const { id: poolId, settings, memory: { memory } } = pool
  const handle = { id, buffer, mirror, path, flags, pid: process.pid, pool: { id: poolId, memory, options: settings } }
  // To show the bytes of a buffer is to load them.
  return Object.defineProperty(handle, inspect.custom, { value: () => `MappedFileHandle { path: ${inspect(path)} }` })
}

/**
 * What a handle says, as far as it can be told that it is one.
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE
 */
function readHandle(handle) {
  const { id, buffer, mirror, path, flags, pid, pool } = checkObject('handle', handle)
  checkInteger('handle.id', id, 1)
  checkInteger('handle.pid', pid, 1)
  if (pid !== process.pid) throw invalidValue('handle.pid', pid, `must be ${process.pid}: a handle is for one process`)
  checkShared('handle.buffer', buffer)
  if (mirror !== undefined) checkShared('handle.mirror', mirror)
  if (path !== undefined) checkString('handle.path', path)
  checkFlags('handle.flags', flags)
  return { id, buffer, mirror, path, flags, pool: readPool(checkObject('handle.pool', pool)) }
}

function readPool({ id, memory, options }) {
  checkInteger('handle.pool.id', id)
  checkShared('handle.pool.memory', memory)
  if (!PoolMemory.isOne(memory)) throw invalidValue('handle.pool.memory', memory, 'must be that of a pool')
  return { id, memory, options: poolOptions(checkObject('handle.pool.options', options)) }
}

function checkShared(name, value) {
  if (!types.isSharedArrayBuffer(value)) throw invalidType(name, 'an instance of SharedArrayBuffer', value)
}

/** This thread's client of a pool: that of the Pool itself in the thread that made it, elsewhere one for all files attached there. */
function findPool({ id, memory, options }) {
  const found = pools.get(id)?.deref()
  if (found !== undefined) return found
  const client = new PoolClient({ id, memory: new PoolMemory(memory), options, onUnused: () => forgetPool(client) })
  pools.set(id, { deref: () => client })
  return client
}

/** It may have been forgotten before: a close() that is tried again uses it once more, and by then another has its place. */
function forgetPool(client) {
  if (pools.get(client.id)?.deref() === client) pools.delete(client.id)
}

module.exports = { createHandle, findPool, readHandle }
