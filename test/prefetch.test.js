'use strict'
// When ranges are prefetched. A long one slice by slice, also where the device's queue is full: a slice that was not would be
// read page by page, which takes many times as long. Others before any of them is waited for.

jest.mock('node:worker_threads', () =>
  require('./fixtures/watched-threads')(jest.requireActual('node:worker_threads')))

const path = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')
const { isDeepStrictEqual } = require('node:util')
const { setEnvironmentData, watched } = require('node:worker_threads')
const { open, Pool } = require('..')
const { clientOf } = require('../lib/pool')
const { Control } = require('../worker/layout')
const until = require('./fixtures/until')
const { PAGE, makeFile, temporaryFolder } = require('./helpers')

const SLICE = 4 * PAGE
const MOST_TRIES = 15
const FEW = 'a few' // four, or what is left of fifteen
const ROUNDS_TO_GROW = 3 // a group is twice as large as the one before, as long as the device is quick
const PATIENCE_MS = 200 // then the thread stands still, in a group that was too small

const folder = temporaryFolder()
const words = new Int32Array(new SharedArrayBuffer(4 * 10_000)) // as in listing-thread.js: calls that may go on, calls, the list

const allow = (calls) => {
  Atomics.store(words, 0, calls)
  Atomics.notify(words, 0)
}

/** A pool of one thread that lists its calls: the script of that name in fixtures. */
function createListed(script, options) {
  words.fill(0)
  setEnvironmentData('list', words.buffer)
  watched.script = path.join(__dirname, 'fixtures', script)
  return new Pool({ maxThreads: 1, ...options })
}

const openOf = (pool, name, pages) => open(makeFile(folder, name, pages * PAGE), { pool, freshness: 0 })
const touchOf = (file, page) => file.touch(2 * page * PAGE, PAGE) // so that none are merged

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

describe('a thread', () => {
  let pool
  let file

  async function start(script, options) {
    pool = createListed(script, options)
    file = await openOf(pool, 'burst', 64)
    allow(2 ** 30)
  }

  afterEach(async () => {
    await pool.destroy() // should it still wait
    await file.close()
  })

  const touch = (page) => touchOf(file, page)
  const untilIdle = () => until(() => pool.stats.idle === 1)

  async function touchFourAtOnce() {
    const first = words[1]
    allow(first)
    const held = touch(0)
    await until(() => words[1] === first + 1) // in the prefetch of this one, and sees the others together
    const others = [touch(1), touch(2), touch(3)]
    allow(2 ** 30)
    await Promise.all([held, ...others])
  }

  test('for which no time goes by waits for nothing after one touch by itself', async () => {
    await start('still-clock-thread.js')
    await touch(0)
    await untilIdle()
    await touch(0)
  })

  test('for which no time goes by waits for nothing where the pool is not to spin', async () => {
    await start('still-clock-thread.js', { spin: 0 })
    await touchFourAtOnce()
    await untilIdle()
    await touch(0)
  })

  test('waits for as many touches as came at once before, to prefetch them all before it waits for the first', async () => {
    await start('still-clock-thread.js')
    await touchFourAtOnce()
    await untilIdle()
    const calls = words[1]
    const burst = []
    for (let i = 0; i < 4; i++) {
      expect(pool.stats).toMatchObject({ completed: 4, inFlight: i })
      burst.push(touch(i))
      await until(() => words[1] > calls + i)
    }
    await Promise.all(burst)
    expect(Array.from(words.subarray(2 + calls, 2 + words[1]))).toEqual([-1, -1, -1, -1])
  })

  test('waits no longer for them though others ring without a pause', async () => {
    await start('ringing-clock-thread.js')
    await touchFourAtOnce()
    const rings = () => Atomics.load(clientOf(pool).memory.control, Control.DOORBELL)
    const before = rings()
    await until(() => rings() > before + 1000) // it has begun to look for others
    await touch(0)
  })
})

describe('while a group is completed', () => {
  let pool
  let file
  let other

  beforeAll(async () => {
    pool = createListed('listing-thread.js', { spin: 0 }) // so that groups are large though few are in use
    file = await openOf(pool, 'group', 64)
    other = await openOf(pool, 'other', 1)
  })

  afterAll(async () => {
    await Promise.all([file.close(), other.close()])
    await pool.close()
  })

  const touch = (page) => touchOf(file, page)
  // So many that they are one group, also with one more.
  const touchMany = () => Promise.all(Array.from({ length: 7 }, (_, i) => touch(1 + i)))

  /**
   * Seven touches come at once, and `late` is called when the thread has come to a few of them; `goOn` with the number of
   * calls until then. @returns {Promise<Array<number | string>>} the calls
   */
  async function listCalls(late, goOn) {
    allow(2 ** 30)
    for (let i = 0; i < ROUNDS_TO_GROW; i++) await touchMany()
    const first = words[1]
    allow(first)
    const alone = touch(0)
    await until(() => words[1] === first + 1) // it is in the prefetch of this one, and sees none of the others
    const many = touchMany()
    allow(first + 2)
    await until(() => words[1] >= first + 3)
    const last = late()
    await goOn(first + 3, Promise.all([alone, many]))
    allow(2 ** 30)
    await Promise.all([alone, many, last])
    return Array.from(words.subarray(2 + first, 2 + words[1]), (count) => count === 3 || count === 4 ? FEW : count)
  }

  // On a busy machine the device may seem slow, and groups are small: then once more.
  test('what is asked for of its file is prefetched before the rest of it', async () => {
    const whole = [-1, -7, FEW, -1, FEW]
    let calls
    for (let i = 0; i < MOST_TRIES && !isDeepStrictEqual(calls, whole); i++) {
      calls = (await listCalls(() => touch(20), () => {})).slice(0, whole.length)
    }
    expect(calls).toEqual(whole)
  })

  test('what is asked for of another file, which may hang, waits until the thread has nothing in hand', async () => {
    let isOver = false
    const goOn = async (calls, group) => {
      allow(calls + 1) // the other few, and no more
      isOver = await Promise.race([group.then(() => true), sleep(PATIENCE_MS, false)])
    }
    const whole = [-1, -7, FEW, FEW, -1]
    let calls
    for (let i = 0; i < MOST_TRIES && !(isOver && isDeepStrictEqual(calls, whole)); i++) {
      calls = (await listCalls(() => other.touch(), goOn)).slice(0, whole.length)
    }
    expect({ isOver, calls }).toEqual({ isOver: true, calls: whole })
  })
})

describe('of those that come at once', () => {
  let pool
  let file

  beforeAll(async () => {
    pool = createListed('listing-thread.js')
    file = await openOf(pool, 'share', 64)
    allow(2 ** 30)
  })

  afterAll(async () => {
    await file.close()
    await pool.close()
  })

  async function mostTogether(count) {
    const first = words[1]
    await Promise.all(Array.from({ length: count }, (_, page) => touchOf(file, page)))
    return Math.max(...words.subarray(2 + first, 2 + words[1]))
  }

  test('at most an eighth is completed together, where they are sixteen', async () => {
    for (let i = 0; i < 3 * MOST_TRIES; i++) expect(await mostTogether(16)).toBeLessThanOrEqual(2)
  })

  test('four are, where they are more', async () => {
    let most
    for (let i = 0; i < 3 * MOST_TRIES && most !== 4; i++) most = await mostTogether(24) // see above: a busy machine
    expect(most).toBe(4)
  })
})
