'use strict'
// Which thread of a pool is woken. Seen by the words that they sleep on, for nothing else tells one thread from another.

const { open, Pool } = require('..')
const { clientOf } = require('../lib/pool')
const { Control, ThreadStatus, withStatus } = require('../worker/layout')
const { PAGE, makeFile, temporaryFolder } = require('./helpers')
const until = require('./fixtures/until')

const SIZE = 256 * PAGE
const path = makeFile(temporaryFolder(), 'content', SIZE)

let pool
let file

/** A pool of which so many threads are up, and asleep. */
async function startPool(threads) {
  pool = new Pool({ minThreads: threads, maxThreads: 3, spin: 0 })
  file = await open(path, { pool, freshness: 0 })
  await file.touch()
  await until(() => pool.stats.idle === threads)
}

const wakeUps = () => [0, 1, 2].map((number) => Atomics.load(clientOf(pool).memory.control, Control.BELL + number))

afterEach(async () => {
  await file.close()
  await pool.destroy()
})

test('requests that come one at a time wake the same thread each time', async () => {
  await startPool(3)
  const before = wakeUps()
  for (let i = 0; i < 50; i++) {
    await file.touch(i * PAGE, PAGE)
    await until(() => pool.stats.idle === 3)
  }
  expect(wakeUps()).toEqual([before[0] + 50, before[1], before[2]])
})

test('a thread that sleeps is woken though another is starting', async () => {
  await startPool(1)
  const before = wakeUps()
  const { control } = clientOf(pool).memory
  const word = Atomics.load(control, Control.STATUS + 1)
  Atomics.store(control, Control.STATUS + 1, withStatus(word, ThreadStatus.STARTING)) // for ever: a thread might be quick
  expect(pool.stats).toMatchObject({ threads: 2, idle: 1 })
  await file.touch(0, PAGE)
  Atomics.store(control, Control.STATUS + 1, word)
  expect(wakeUps()).toEqual([before[0] + 1, before[1], before[2]])
})

describe('a thread that goes from one status to the next while it is looked at', () => {
  /** Calls `act` while each look at the first thread finds it in the other of two statuses. */
  function amidChanges([first, second], act) {
    const { control } = clientOf(pool).memory
    const { load } = Atomics
    let looks = 0
    const looked = jest.spyOn(Atomics, 'load').mockImplementation((array, index) => {
      const word = load(array, index)
      if (array !== control || index !== Control.STATUS) return word
      return withStatus(word, ++looks % 2 === 1 ? first : second)
    })
    try {
      return act()
    } finally {
      looked.mockRestore()
    }
  }

  test('is not taken for none by a request', async () => {
    await startPool(1)
    await amidChanges([ThreadStatus.SLEEPING, ThreadStatus.BUSY], () => file.touch(0, PAGE))
    expect(clientOf(pool).memory.control[Control.STARTED]).toBe(1)
  })

  test('is up', async () => {
    await startPool(1)
    expect(amidChanges([ThreadStatus.SLEEPING, ThreadStatus.BUSY], () => clientOf(pool).crew.isUp)).toBe(true)
    expect(amidChanges([ThreadStatus.BUSY, ThreadStatus.SLEEPING], () => clientOf(pool).crew.isUp)).toBe(true)
  })
})

test('a second request does not wake a thread while the first is up', async () => {
  await startPool(2)
  const before = wakeUps()
  const touched = Promise.all([file.touch(0, PAGE), file.touch(PAGE, PAGE), file.touch(2 * PAGE, PAGE)])
  const after = wakeUps() // before it can have got up
  await touched
  expect(after.slice(1)).toEqual(before.slice(1))
})
