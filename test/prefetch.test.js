'use strict'
// A long range is prefetched slice by slice, also where the device's queue is full: a slice that was not would be read page by
// page, which takes many times as long.

jest.mock('node:worker_threads', () =>
  require('./fixtures/watched-threads')(jest.requireActual('node:worker_threads')))

const path = require('node:path')
const { setEnvironmentData, watched } = require('node:worker_threads')
const { open, Pool } = require('..')
const until = require('./fixtures/until')
const { PAGE, makeFile, temporaryFolder } = require('./helpers')

const SLICE = 4 * PAGE

const folder = temporaryFolder()

test.each([1, 2, 3, 10])('all of %i slices are prefetched, where each prefetch blocks', async (slices) => {
  const prefetched = new Int32Array(new SharedArrayBuffer(4))
  setEnvironmentData('prefetched', prefetched.buffer)
  watched.script = path.join(__dirname, 'fixtures', 'slow-prefetch-thread.js')
  const pool = new Pool({ maxThreads: 1, sliceSize: SLICE })
  const file = await open(makeFile(folder, `${slices}`, slices * SLICE), { pool, freshness: 0 })
  await file.touch()
  expect(prefetched[0]).toBe(slices * SLICE)
  await file.close()
  await pool.close()
})

test('what is asked for while a group is completed is prefetched before the rest of the group', async () => {
  const words = new Int32Array(new SharedArrayBuffer(4 * 10_000)) // as in the fixture: calls that may go on, calls, the list
  setEnvironmentData('list', words.buffer)
  watched.script = path.join(__dirname, 'fixtures', 'listing-thread.js')
  const pool = new Pool({ maxThreads: 1 })
  const file = await open(makeFile(folder, 'group', 64 * PAGE), { pool, freshness: 0 })
  const touch = (page) => file.touch(2 * page * PAGE, PAGE) // so that none are merged
  const allow = (calls) => {
    Atomics.store(words, 0, calls)
    Atomics.notify(words, 0)
  }

  /** What the thread does when sixteen touches come at once, and one more when it has come to a few of them. */
  async function listCalls() {
    const first = words[1]
    allow(first)
    const alone = touch(0)
    await until(() => words[1] === first + 1) // it is in the prefetch of this one, and sees none of the others
    const many = Array.from({ length: 16 }, (_, i) => touch(1 + i))
    allow(first + 2)
    await until(() => words[1] >= first + 3)
    const late = touch(20)
    allow(2 ** 30)
    await Promise.all([alone, ...many, late])
    return Array.from(words.subarray(2 + first, 2 + words[1]))
  }

  // Groups grow as long as the device is quick, which a busy machine may make it seem not to be.
  let calls
  do calls = await listCalls()
  while (calls[2] !== 4)
  expect(calls.slice(0, 5)).toEqual([-1, -16, 4, -1, 4])
  await file.close()
  await pool.close()
})
