'use strict'
// A channel that its thread needs no more while a pool thread has a slot of it in hand. The pool's threads are words here.

const { PoolClient } = require('../lib/pool-client')
const { Request } = require('../lib/request')
const { ChannelMemory, Control, Op, Owner, PoolMemory, State, ThreadStatus, nextHolder, running, statusOf, generationOf } = require('../worker/layout')
const until = require('./fixtures/until')

const OPTIONS = { minThreads: 0, maxThreads: 2, maxQueue: 10, spin: 0, sliceSize: 1 << 20, resourceLimits: {}, idleTimeout: 1000 }
const THREAD = 0

let memory
let channel
let client
let request
let mapping

const owner = () => statusOf(Atomics.load(channel.header, ChannelMemory.OWNER))
const setThread = (word) => Atomics.store(memory.control, Control.STATUS + THREAD, word)

/** A request of which a thread, started by somebody else, has taken up the first of two parts; its file is closed then. */
beforeEach(() => {
  memory = new PoolMemory()
  channel = memory.channel(0)
  client = new PoolClient({ id: 1, memory, options: OPTIONS, onUnused() {} })
  client.enter()
  const word = nextHolder(0, ThreadStatus.BUSY)
  setThread(word)
  mapping = { id: 1, fileId: 1, lead: 0, file: {}, requests: { count: 0 } }
  const parts = [{ offset: 0, length: 1 }, { offset: 5000, length: 1 }]
  request = client.submit(new Request({ op: Op.TOUCH, mapping, parts, syscall: 'madvise' }))
  request.promise.catch(() => {})
  Atomics.store(channel.state, 0, running(THREAD, generationOf(word)))
  client.cancelFile(mapping, () => new Error('closed'))
  client.leave()
})

test('is given back when the thread is through with it', async () => {
  await expect(request.promise).rejects.toThrow('closed')
  expect(owner()).toBe(Owner.TAKEN)
  for (const slot of [0, 1]) Atomics.store(channel.state, slot, State.DONE)
  Atomics.add(channel.header, ChannelMemory.COMPLETIONS, 2)
  Atomics.notify(channel.header, ChannelMemory.COMPLETIONS)
  await until(() => owner() === Owner.NOBODY)
})

test('is given back when the thread has ended with it, also what none had taken up', async () => {
  setThread(0)
  await until(() => owner() === Owner.NOBODY)
  expect(channel.header[ChannelMemory.USED]).toBe(0)
})

test('is given back when the thread has ended with it, though another sleeps', async () => {
  Atomics.store(memory.control, Control.STATUS + THREAD + 1, nextHolder(0, ThreadStatus.SLEEPING))
  setThread(0)
  await until(() => owner() === Owner.NOBODY)
})

test('is given back when the pool is over, and no second time, as it may be somebody else\'s by then', () => {
  client.abandon()
  expect(owner()).toBe(Owner.NOBODY)
  Atomics.store(channel.header, ChannelMemory.OWNER, nextHolder(0, Owner.TAKEN))
  client.abandon()
  expect(owner()).toBe(Owner.TAKEN)
})
