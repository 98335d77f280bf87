'use strict'
// When a pool brings another thread to work: where every one that is up has stood still from one look to the next. The test
// says when it looks; what is not to need a look goes on without.

jest.mock('node:worker_threads', () => require('./fixtures/watched-threads')(jest.requireActual('node:worker_threads')))
jest.mock('node:timers', () => ({
  ...jest.requireActual('node:timers'),
  setTimeout: (callback) => {
    const timer = { unref: () => timer, refresh: () => mockLooks.push(callback) }
    return timer
  }
}))
const { watched } = require('node:worker_threads')

const { open, Pool } = require('..')
const { clientOf } = require('../lib/pool')
const { State } = require('../worker/layout')
const { PAGE, makeFile, temporaryFolder } = require('./helpers')
const until = require('./fixtures/until')

const path = makeFile(temporaryFolder(), 'content', 16 * PAGE)
const mockLooks = [] // those that are due
const look = () => mockLooks.shift()()

test('a thread that has just come is given time before another is started', async () => {
  const gate = watched.closeGate()
  const pool = new Pool({ maxThreads: 4 })
  const file = await open(path, { pool, freshness: 0 })
  const touched = Promise.all([0, 4, 8].map((page) => file.touch(page * PAGE, PAGE)))
  expect(watched.starts).toBe(1)
  look() // it starts
  await until(() => gate.arrived > 0)
  look() // it has come since the look before, and no slice has ended
  expect(watched.starts).toBe(1)
  look()
  expect(watched.starts).toBe(2)
  gate.open()
  await touched
  await file.close()
  await pool.destroy()
})

test('answers that are there need no look, though amid them somebody asks for what is not answered', async () => {
  const COUNT = 100
  const gate = watched.closeGate()
  const pool = new Pool({ maxThreads: 2 })
  const [file, hanging] = [await open(path, { pool, freshness: 0 }), await open(path, { pool, freshness: 0 })]
  gate.only(hanging)
  await file.touch()
  let asked
  let told = 0
  const ask = () => (asked ??= hanging.touch(0, PAGE))
  for (let i = 0; i < COUNT; i++) {
    const touched = file.touch((i % 16) * PAGE, PAGE, { onProgress: i === 0 ? ask : undefined })
    void touched.then(() => told++)
  }
  const { state } = clientOf(pool).memory.channel(0)
  while (state.some((of) => of !== State.FREE && of !== State.DONE)); // nobody has been told of any
  await until(() => told === COUNT)
  gate.open()
  await asked
  await Promise.all([file.close(), hanging.close()])
  await pool.destroy()
})
