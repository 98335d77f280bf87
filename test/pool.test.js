'use strict'
// A pool in ordinary life: when its threads come and go, what it does with more requests than it has room for, and how
// it ends. Where a test says "the gate", touches wait at it as they would for a slow device.

jest.mock('node:worker_threads', () =>
  require('./fixtures/watched-threads')(jest.requireActual('node:worker_threads')))

const { once } = require('node:events')
const { watched } = require('node:worker_threads')
const { attach, open, Pool } = require('..')
const { clientOf } = require('../lib/pool')
const { PAGE, errorOf, expectContent, makeFile, openFiles, randomFrom, randomRanges, temporaryFolder } =
  require('./helpers')
const native = require('../native/binding')
const { ChannelMemory, Control, State, ThreadStatus, nextHolder, withStatus } = require('../worker/layout')
const until = require('./fixtures/until')

const SIZE = 1024 * PAGE
const SLOTS = 256 // of a channel: so many requests are in the hands of threads at a time

const folder = temporaryFolder()
const path = makeFile(folder, 'content', SIZE)

const files = []
const pools = []
const gates = []

function createPool(options) {
  const pool = new Pool(options)
  pools.push(pool)
  return pool
}

/** A file of which nothing is known without the pool. */
async function openWith(pool) {
  const file = await open(path, { pool, freshness: 0 })
  files.push(file)
  return file
}

function closeGate() {
  const gate = watched.closeGate()
  gates.push(gate)
  return gate
}

/** Two files of a pool of three threads, of which one waits at the gate. */
async function hangOne() {
  const gate = closeGate()
  const pool = createPool({ maxThreads: 3 })
  const [hanging, healthy] = [await openWith(pool), await openWith(pool)]
  gate.only(hanging)
  return { gate, pool, hanging, healthy }
}

/** A page of its own for each: `touches(file, 3)` are the promises of three touches. */
const touches = (file, count) =>
  Array.from({ length: count }, (_, i) => file.touch((i * PAGE) % SIZE, PAGE))

const statuses = async (promises) => (await Promise.allSettled(promises)).map((outcome) => outcome.status)
const codes = async (promises) => (await Promise.allSettled(promises)).map((outcome) => outcome.reason?.code)

/** What another JavaScript thread does that starts the first of a pool's threads. */
function takeNumber(control) {
  Atomics.store(control, Control.STATUS, nextHolder(Atomics.load(control, Control.STATUS), ThreadStatus.STARTING))
}

function giveNumberBack(control) {
  Atomics.store(control, Control.STATUS, withStatus(Atomics.load(control, Control.STATUS), ThreadStatus.ABSENT))
}

afterEach(async () => {
  for (const gate of gates.splice(0)) gate.open()
  watched.reset()
  await Promise.all(files.splice(0).map((file) => file.close()))
  await Promise.all(pools.splice(0).map((pool) => pool.destroy()))
})

describe('threads', () => {
  test('do not start before the first request', async () => {
    const pool = createPool()
    const file = await openWith(pool)
    file.tryView(0, PAGE)
    expect(pool.stats).toMatchObject({ threads: 0, started: 0 })
    expect(watched.starts).toBe(0)
    await file.touch(0, PAGE)
    expect(watched.starts).toBeGreaterThanOrEqual(1)
    expect(pool.stats.started).toBe(watched.starts)
  })

  test('do not start for a request of no bytes', async () => {
    const pool = createPool()
    const file = await openWith(pool)
    await file.touch(0, 0)
    await file.read(SIZE)
    expect(watched.starts).toBe(0)
  })

  // A machine that is busy with something else makes a thread look stuck, and then a second one is right.
  test('are as few as one for a burst of touches of resident pages', async () => {
    const started = []
    while (!started.includes(1) && started.length < 10) {
      const pool = createPool()
      const file = await openWith(pool)
      await file.touch()
      await Promise.all(touches(file, 2000))
      started.push(pool.stats.started)
    }
    expect(started).toContain(1)
  })

  test('come one by one while all are stuck and requests wait, up to maxThreads', async () => {
    const gate = closeGate()
    const pool = createPool({ maxThreads: 3 })
    const all = [...touches(await openWith(pool), 6), ...touches(await openWith(pool), 6)]
    await until(() => gate.arrived === 3)
    expect(pool.stats).toMatchObject({ threads: 3, started: 3, inFlight: 12, completed: 0 })
    gate.open()
    await Promise.all(all)
    expect(pool.stats).toMatchObject({ started: 3, inFlight: 0, completed: 12, failed: 0, died: 0 })
  })

  test('are no more than maxThreads, however long all are stuck', async () => {
    const gate = closeGate()
    const [small, large] = [createPool({ maxThreads: 1 }), createPool({ maxThreads: 5 })]
    const waiting = touches(await openWith(small), 8)
    await until(() => gate.arrived === 1)
    // What lets this pool grow to four threads would have let that one grow to as many.
    waiting.push(...touches(await openWith(large), 8))
    await until(() => gate.arrived === 5)
    expect(small.stats).toMatchObject({ threads: 1, started: 1 })
    gate.open()
    await Promise.all(waiting)
  })

  test('are never all on one file, so that a file which hangs leaves one to others', async () => {
    const { gate, pool, hanging, healthy } = await hangOne()
    const stuck = touches(hanging, 10)
    await until(() => gate.arrived === 2)
    await Promise.all(touches(healthy, 1000))
    expect(gate.arrived).toBe(2)
    expect(pool.stats).toMatchObject({ inFlight: 10, completed: 1000 })
    gate.open()
    await Promise.all(stuck)
  })

  test('nor where its prefetches hang, and something else was looked at since', async () => {
    const { gate, hanging, healthy } = await hangOne()
    gate.holdPrefetches()
    const stuck = [hanging.touch(0, PAGE), healthy.touch(0, PAGE)]
    await until(() => gate.arrived === 1)
    stuck.push(...touches(hanging, 10))
    await until(() => gate.arrived === 2)
    await Promise.all(touches(healthy, 1000))
    expect(gate.arrived).toBe(2)
    gate.open()
    await Promise.all(stuck)
  })

  test('nor are all slots, where this thread has two handles on the file', async () => {
    const { gate, hanging, healthy } = await hangOne()
    const twin = attach(hanging.handle)
    files.push(twin)
    const stuck = [...touches(hanging, SLOTS), ...touches(twin, SLOTS)]
    await until(() => gate.arrived === 2)
    await Promise.all(touches(healthy, 10))
    gate.open()
    await Promise.all(stuck)
  })

  test('take nothing of another file along when they come to one that hangs', async () => {
    const { gate, hanging, healthy } = await hangOne()
    for (let i = 0; i < 5; i++) await Promise.all(touches(healthy, 100)) // groups are large from then on
    const stuck = hanging.touch(0, PAGE)
    await Promise.all(touches(healthy, 30))
    await until(() => gate.arrived === 1)
    gate.open()
    await stuck
  })

  test('start minThreads at a time', async () => {
    const pool = createPool({ minThreads: 3 })
    const file = await openWith(pool)
    await file.touch(0, PAGE)
    expect(pool.stats.started).toBeGreaterThanOrEqual(3)
  })

  test('leave after idleTimeout, all of them when minThreads is 0, and come back for the next request', async () => {
    const pool = createPool({ minThreads: 0, idleTimeout: 5 })
    const file = await openWith(pool)
    for (let round = 0; round < 3; round++) {
      const { started } = pool.stats
      expectContent(await file.view(round * PAGE, PAGE), round * PAGE, PAGE)
      expect(pool.stats.started).toBeGreaterThan(started)
      await until(() => pool.stats.threads === 0)
    }
    expect(pool.stats.died).toBe(0)
  })

  test('leave after idleTimeout until minThreads are left, and these stay', async () => {
    const gate = closeGate()
    const pool = createPool({ minThreads: 2, maxThreads: 4, idleTimeout: 1 })
    const [file, other] = [await openWith(pool), await openWith(pool)]
    const all = [...touches(file, 4), ...touches(other, 4)]
    await until(() => gate.arrived === 4)
    gate.open()
    await Promise.all(all)
    await until(() => pool.stats.threads === 2)
    // Those two time out again and again meanwhile.
    for (let round = 0; round < 50; round++) {
      await until(() => pool.stats.idle > 0)
      expect(pool.stats.threads).toBeGreaterThanOrEqual(2)
      await file.touch(0, PAGE)
    }
    // One more may have come where a thread seemed stuck.
    await until(() => pool.stats.threads === 2)
    expect(watched.running).toHaveLength(2)
    expect(pool.stats.died).toBe(0)
  })

  test('leave all of them after idleTimeout when no file is open any more, and come back with the next one', async () => {
    const pool = createPool({ minThreads: 2, maxThreads: 2, idleTimeout: 5 })
    for (let round = 0; round < 2; round++) {
      const [file, other] = [await openWith(pool), await openWith(pool)]
      await Promise.all([file.touch(0, PAGE), other.touch(0, PAGE)])
      await file.close()
      await other.touch(PAGE, PAGE)
      expect(pool.stats.threads).toBe(2)
      await other.close()
      await until(() => pool.stats.threads === 0)
    }
    expect(pool.stats.died).toBe(0)
  })

  test('that may not leave take no processor time, also with an idleTimeout of 0', async () => {
    const pool = createPool({ minThreads: 1, idleTimeout: 0 })
    const file = await openWith(pool)
    await file.touch(0, PAGE)
    const other = createPool({ minThreads: 0, idleTimeout: 300 }) // whose thread leaves meanwhile, after so long
    await (await openWith(other)).touch(0, PAGE)
    const [start, before] = [performance.now(), process.cpuUsage()]
    await once(watched.running.at(-1), 'exit')
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1000).toBeLessThan((performance.now() - start) / 2) // ms; it would be all of them
    await file.close()
    await until(() => pool.stats.threads === 0)
  })

  test('that leave are not counted as dead, though another has their number before their end is heard of', async () => {
    const pool = createPool({ minThreads: 0, idleTimeout: 1 })
    const { control } = clientOf(pool).memory
    const file = await openWith(pool)
    const touched = file.touch(0, PAGE)
    const [worker] = watched.running
    worker.prependListener('exit', () => takeNumber(control)) // as another JavaScript thread may
    await Promise.all([touched, once(worker, 'exit')])
    try {
      expect(pool.stats).toMatchObject({ threads: 1, died: 0 })
    } finally {
      giveNumberBack(control) // or nothing would end the pool
    }
  })

  test('that another JavaScript thread has just started are waited for, where the last one has died', async () => {
    const gate = closeGate()
    const pool = createPool({ maxThreads: 1 })
    const { control } = clientOf(pool).memory
    const touched = (await openWith(pool)).touch(0, PAGE)
    await until(() => gate.arrived === 1)
    const claimed = jest.spyOn(native, 'claimWord').mockImplementationOnce(() => {
      takeNumber(control)
      return false
    })
    await watched.running[0].terminate()
    await until(() => claimed.mock.calls.length > 0)
    claimed.mockRestore()
    try {
      expect(pool.stats).toMatchObject({ threads: 1, started: 1, inFlight: 1 })
    } finally {
      gate.open()
      giveNumberBack(control) // that one dies as well
    }
    await touched
    expect(pool.stats.started).toBe(2)
  })

  test('stay for ever with an idleTimeout of Infinity', async () => {
    const pool = createPool({ minThreads: 0, idleTimeout: Infinity })
    const file = await openWith(pool)
    await file.touch(0, PAGE)
    await until(() => pool.stats.idle === pool.stats.threads)
    expect(pool.stats.threads).toBeGreaterThanOrEqual(1)
    const [worker] = watched.workers
    await file.touch(0, PAGE)
    expect(watched.workers[0]).toBe(worker)
    expect(worker.threadId).not.toBe(-1)
  })
})

describe('requests', () => {
  test('in their thousands at once all settle, each with its own bytes', async () => {
    const pool = createPool()
    const file = await openWith(pool)
    const ranges = randomRanges(7, 6000, SIZE, 500)
    const calls = [file.read, file.view, file.touch]
    const answers = await Promise.all(ranges.map((range, i) => calls[i % 3].call(file, ...range)))
    answers.forEach((answer, i) => {
      if (i % 3 === 2) expect(answer).toBeUndefined()
      else expectContent(answer, ...ranges[i])
    })
    expect(pool.stats).toMatchObject({ inFlight: 0, completed: 6000, failed: 0 })
  })

  test('of thousands of ranges settle with each range\'s bytes, beside single ones', async () => {
    const pool = createPool()
    const file = await openWith(pool)
    const ranges = randomRanges(8, 3000, SIZE, 500)
    const [copies, single] = await Promise.all([file.readv(ranges), file.read(1, 2), file.touch(ranges)])
    copies.forEach((copy, i) => expectContent(copy, ...ranges[i]))
    expectContent(single, 1, 2)
    expect(pool.stats).toMatchObject({ inFlight: 0, completed: 3, failed: 0 })
  })

  test('are served in turn: a list longer than there are slots does not hold up a single range', async () => {
    const gate = closeGate()
    const pool = createPool({ maxThreads: 1 })
    const file = await openWith(pool)
    const ranges = Array.from({ length: 4 * SLOTS }, (_, i) => [i * PAGE, 1]) // that do not touch, or they would be one
    let listIsDone = false
    const list = file.touch(ranges).then(() => (listIsDone = true))
    const single = file.touch(0, PAGE)
    await until(() => gate.arrived === 1)
    // The list has all the slots; the single one is given the first or second that becomes free.
    gate.permit(2 * SLOTS)
    await single
    expect(listIsDone).toBe(false)
    gate.open()
    await list
  })

  test('that are pending leave the event loop idle', async () => {
    const gate = closeGate()
    const file = await openWith(createPool())
    gate.permit(1)
    await file.touch(0, PAGE)
    const touched = file.touch(0, PAGE)
    await until(() => gate.arrived === 2)
    const before = performance.eventLoopUtilization()
    let turns = 0
    await until(() => ++turns === 5)
    // A loop that looked again and again would not be idle for a moment.
    expect(performance.eventLoopUtilization(before).idle).toBeGreaterThan(0)
    gate.open()
    await touched
  })

  test('of two pools at once do not meet', async () => {
    const [one, two] = [createPool({ maxThreads: 1 }), createPool({ maxThreads: 3 })]
    const [first, second] = [await openWith(one), await openWith(two)]
    const ranges = randomRanges(9, 1000, SIZE, 500)
    const read = (file) => Promise.all(ranges.map((range) => file.read(...range)))
    const answers = await Promise.all([read(first), read(second)])
    for (const copies of answers) copies.forEach((copy, i) => expectContent(copy, ...ranges[i]))
    expect(one.stats).toMatchObject({ completed: 1000, failed: 0, inFlight: 0 })
    expect(two.stats).toMatchObject({ completed: 1000, failed: 0, inFlight: 0 })
  })

  test('of one pool go on while another pool is stuck', async () => {
    const gate = closeGate()
    const stuck = createPool()
    const waiting = (await openWith(stuck)).touch(0, PAGE)
    await until(() => gate.arrived === 1)
    watched.reset()
    const file = await openWith(createPool())
    expectContent(await file.view(PAGE, PAGE), PAGE, PAGE)
    expect(stuck.stats).toMatchObject({ inFlight: 1, completed: 0 })
    gate.open()
    await waiting
  })
})

describe('a caller', () => {
  /** ms in which the loop slept, in a hundred turns of it of which a timer asks for some. A loop that looks in each does not. */
  async function sleepInTurns() {
    const loopCount = () => performance.nodeTiming.uvMetricsInfo.loopCount
    const [before, start] = [performance.eventLoopUtilization(), loopCount()]
    await until(() => loopCount() >= start + 100)
    return performance.eventLoopUtilization(before).idle
  }

  test('looks for the answer once a turn while it has up to sixteen requests in flight, and sleeps with more', async () => {
    const gate = closeGate()
    const file = await openWith(createPool({ maxThreads: 1, spin: 1_000_000 }))
    const waiting = touches(file, 16)
    await until(() => gate.arrived === 1)
    expect(await sleepInTurns()).toBe(0)
    waiting.push(...touches(file, 1)) // the next look ends it
    expect(await sleepInTurns()).toBeGreaterThan(0)
    gate.open()
    expect(await statuses(waiting)).toEqual(Array(17).fill('fulfilled'))
  })

  test('sleeps where the pool is not to spin', async () => {
    const gate = closeGate()
    const waiting = touches(await openWith(createPool({ maxThreads: 1, spin: 0 })), 1)
    await until(() => gate.arrived === 1)
    expect(await sleepInTurns()).toBeGreaterThan(0)
    gate.open()
    await Promise.all(waiting)
  })
})

describe('answers that are there at once', () => {
  const COUNT = 100
  const AT_ONCE = 16

  /** Holds this thread until all slots that carry something are done. */
  function standStill(pool) {
    const { state } = clientOf(pool).memory.channel(0)
    while (state.some((of) => of !== State.FREE && of !== State.DONE));
  }

  /** A hundred touches that are done, and of which nobody has been told. */
  async function finish() {
    const pool = createPool({ maxThreads: 1 })
    const file = await openWith(pool)
    await file.touch()
    const touched = touches(file, COUNT)
    standStill(pool)
    return { pool, file, touched }
  }

  test('are told of sixteen by sixteen, and others have the loop in between', async () => {
    const { touched } = await finish()
    let told = 0
    for (const promise of touched) void promise.then(() => told++)
    const byTurn = []
    for (let before = 0; before < COUNT; before = told) {
      await new Promise((resolve) => setImmediate(resolve))
      byTurn.push(told - before)
    }
    // A turn that hears of them while it polls goes on in the same turn.
    expect(Math.max(...byTurn)).toBeLessThanOrEqual(2 * AT_ONCE)
    expect(byTurn.length).toBeGreaterThanOrEqual(COUNT / AT_ONCE - 1)
  })

  test('have each their turn, though those that were told first ask again and are answered at once', async () => {
    const { pool, file, touched } = await finish()
    let isOver = false
    let rounds = 0
    async function again(touch) {
      for (await touch; !isOver; rounds++) {
        const next = file.touch(0, PAGE)
        standStill(pool)
        await next
      }
    }
    const askers = touched.slice(0, AT_ONCE).map(again)
    await Promise.all(touched.slice(AT_ONCE))
    isOver = true
    await Promise.all(askers)
    expect(rounds).toBeGreaterThan(0)
  })

  test.each([0, 1])('are told of though the thread died that was to wake the caller, when it had counted %i', async (counted) => {
    const gate = closeGate()
    const pool = createPool({ maxThreads: 1, spin: 0 })
    const touched = touches(await openWith(pool), 1)
    await until(() => gate.arrived === 1)
    const { header, state } = clientOf(pool).memory.channel(0)
    state[0] = State.DONE
    Atomics.add(header, ChannelMemory.COMPLETIONS, counted)
    await Promise.all(touched)
  })
})

describe('the event \'drain\'', () => {
  test('comes once when the last request has settled', async () => {
    const pool = createPool()
    const file = await openWith(pool)
    const inFlight = []
    pool.on('drain', () => inFlight.push(pool.stats.inFlight))
    await Promise.all([once(pool, 'drain'), ...touches(file, 500)])
    expect(inFlight).toEqual([0])
    await Promise.all([once(pool, 'drain'), file.touch(0, PAGE)])
    expect(inFlight).toEqual([0, 0])
  })

  test('comes as well when the last request is rejected', async () => {
    closeGate()
    const pool = createPool()
    const file = await openWith(pool)
    const controller = new AbortController()
    const aborted = file.touch(0, PAGE, { signal: controller.signal })
    controller.abort()
    await Promise.all([once(pool, 'drain'), expect(aborted).rejects.toThrow('aborted')])
    expect(pool.stats).toMatchObject({ inFlight: 0, failed: 1 })
  })
})

describe('the event \'error\'', () => {
  test('is told of to whoever listens once, and to nobody where more threads fail', async () => {
    const pool = createPool({ minThreads: 2 })
    const file = await openWith(pool)
    watched.refusal = new Error('refused by the test')
    const errors = []
    pool.once('error', (error) => errors.push(error.cause))
    expect(await codes([file.touch(0, PAGE)])).toEqual(['ERR_POOL_THREAD_FAILED'])
    await new Promise(setImmediate)
    expect(errors).toEqual([watched.refusal])
    expect(watched.starts).toBeGreaterThan(1)
  })
})

describe('maxQueue', () => {
  test('rejects what is too much with ERR_POOL_QUEUE_FULL and settles every request', async () => {
    const pool = createPool({ maxQueue: 10 })
    const file = await openWith(pool)
    // Nothing is collected before this turn of the loop ends, so exactly the first ten have room.
    const outcomes = await codes(touches(file, 30))
    expect(outcomes).toEqual([...Array(10).fill(undefined), ...Array(20).fill('ERR_POOL_QUEUE_FULL')])
    expect(pool.stats).toMatchObject({ inFlight: 0, completed: 10, failed: 0 })
    expect(await statuses(touches(file, 10))).toEqual(Array(10).fill('fulfilled'))
  })

  test('is named in the error', async () => {
    const gate = closeGate()
    const pool = createPool({ maxQueue: 1 })
    const file = await openWith(pool)
    const first = file.touch(0, PAGE)
    const error = await errorOf(() => file.touch(0, PAGE))
    expect(error).toMatchObject({ code: 'ERR_POOL_QUEUE_FULL', message: expect.stringContaining('1 requests') })
    gate.open()
    await first
  })

  test.each(['view', 'read', 'residency', 'evict'])('holds for %s()', async (name) => {
    const gate = closeGate()
    const pool = createPool({ maxQueue: 1 })
    const file = await openWith(pool)
    const first = file.touch(0, PAGE)
    expect(await errorOf(() => file[name](0, PAGE))).toMatchObject({ code: 'ERR_POOL_QUEUE_FULL' })
    gate.open()
    await first
    await file[name](0, PAGE)
  })

  test('counts a list of ranges as one request', async () => {
    const pool = createPool({ maxQueue: 1 })
    const file = await openWith(pool)
    await file.touch(randomRanges(1, 600, SIZE, PAGE))
    expect(pool.stats).toMatchObject({ completed: 1, failed: 0 })
  })

  test('loses no request under a load that is always too much', async () => {
    const pool = createPool({ maxQueue: 20 })
    const file = await openWith(pool)
    const random = randomFrom(3)
    const all = []
    for (let turn = 0; turn < 200; turn++) {
      for (let i = random(50); i >= 0; i--) {
        const [[offset, length]] = randomRanges(all.length, 1, SIZE, 500)
        all.push(file.read(offset, length).then(
          (copy) => expectContent(copy, offset, length) ?? 'right',
          (error) => error.code
        ))
      }
      await new Promise(setImmediate)
    }
    const outcomes = await Promise.all(all)
    const right = outcomes.filter((outcome) => outcome === 'right').length
    const refused = outcomes.filter((outcome) => outcome === 'ERR_POOL_QUEUE_FULL').length
    expect(right + refused).toBe(all.length)
    expect(refused).toBeGreaterThan(0)
    expect(pool.stats).toMatchObject({ inFlight: 0, completed: right, failed: 0 })
  })

  test('does not keep a file from being closed', async () => {
    const gate = closeGate()
    const pool = createPool({ maxQueue: 1 })
    const [file, other] = [await openWith(pool), await openWith(pool)]
    const first = file.touch(0, PAGE)
    await until(() => gate.arrived === 1)
    await other.close()
    expect(pool.stats).toMatchObject({ inFlight: 1, completed: 1 })
    expect(openFiles(path)).toHaveLength(1)
    gate.open()
    await first
  })
})

describe('file.close()', () => {
  test('rejects what is pending on that file, queued or in hand, and nothing else', async () => {
    const gate = closeGate()
    const pool = createPool({ maxThreads: 3 })
    const [file, other] = [await openWith(pool), await openWith(pool)]
    const doomed = codes(touches(file, 2 * SLOTS))
    const spared = Promise.all(touches(other, 2 * SLOTS))
    await until(() => gate.arrived === 2)
    const closed = file.close()
    expect(await doomed).toEqual(Array(2 * SLOTS).fill('ERR_MAP_CLOSED'))
    gate.open()
    await spared
    await closed
  })
})

describe('pool.close()', () => {
  test('finishes what is queued, then ends the threads', async () => {
    const gate = closeGate()
    const pool = createPool({ maxThreads: 3 })
    const file = await openWith(pool)
    const order = []
    const all = Promise.all(touches(file, 3 * SLOTS)).then(() => order.push('requests'))
    await until(() => gate.arrived === 2)
    const closed = pool.close().then(() => order.push('pool'))
    expect(pool.closed).toBe(true)
    gate.open()
    await Promise.all([all, closed])
    expect(order).toEqual(['requests', 'pool'])
    expect(pool.stats).toMatchObject({ threads: 0, inFlight: 0, completed: 3 * SLOTS, failed: 0, died: 0 })
    expect(watched.running).toEqual([])
  })

  test('ends a pool that never had a request', async () => {
    const pool = createPool()
    await pool.close()
    expect(pool.stats).toMatchObject({ threads: 0, started: 0 })
    expect(pool.closed).toBe(true)
  })

  test('ends threads that are idle without waiting for idleTimeout', async () => {
    const pool = createPool({ minThreads: 2, idleTimeout: Infinity })
    const file = await openWith(pool)
    await file.touch(0, PAGE)
    await until(() => pool.stats.idle === pool.stats.threads)
    await pool.close()
    expect(watched.running).toEqual([])
  })

  test('ends threads that have only just been started', async () => {
    const pool = createPool({ minThreads: 4, idleTimeout: Infinity })
    const file = await openWith(pool)
    const touched = file.touch(0, PAGE)
    await pool.close()
    await touched
    expect(watched.running).toEqual([])
  })

  test('ends the pool though its last request is given up, as it kills threads', async () => {
    const gate = closeGate()
    const pool = createPool({ maxThreads: 1 })
    const touched = touches(await openWith(pool), 1)
    const closed = pool.close()
    for (let deaths = 0; deaths < 2; deaths++) {
      await until(() => gate.arrived === deaths + 1)
      await watched.running[0].terminate()
    }
    expect(await codes(touched)).toEqual(['ERR_POOL_THREAD_FAILED'])
    await closed
    expect(pool.stats).toMatchObject({ threads: 0, inFlight: 0, failed: 1 })
  })

  test('may be called again, and as Symbol.asyncDispose', async () => {
    const pool = createPool()
    const file = await openWith(pool)
    await file.touch(0, PAGE)
    await Promise.all([pool.close(), pool.close(), pool[Symbol.asyncDispose]()])
    await pool.close()
    expect(pool.stats.threads).toBe(0)
  })
})

describe('pool.destroy()', () => {
  test('rejects everything with ERR_POOL_CLOSED, queued or in hand, and ends the threads', async () => {
    const gate = closeGate()
    const pool = createPool({ maxThreads: 3 })
    const file = await openWith(pool)
    const all = [...touches(file, 2 * SLOTS), file.read(), file.readv([[0, 1], [PAGE, 1]]), file.view(0, PAGE)]
    await until(() => gate.arrived === 2)
    const destroyed = pool.destroy()
    expect(await codes(all)).toEqual(Array(all.length).fill('ERR_POOL_CLOSED'))
    await destroyed // though the gate is closed
    expect(pool.stats).toMatchObject({ threads: 0, inFlight: 0, completed: 0, failed: all.length })
    expect(watched.running).toEqual([])
  })

  test('starts no thread any more, though none gets on and the loop is late to hear that they have ended', async () => {
    const gate = closeGate()
    const pool = createPool({ maxThreads: 8 })
    const file = await openWith(pool)
    const all = codes(touches(file, 2 * SLOTS))
    await until(() => gate.arrived === 2)
    await new Promise(setImmediate)
    const { started } = pool.stats
    const destroyed = pool.destroy()
    // After a setImmediate come first the timers that are due, and then the news that the threads have ended.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
    await destroyed
    expect(pool.stats).toMatchObject({ threads: 0, started })
    expect(await all).toEqual(Array(2 * SLOTS).fill('ERR_POOL_CLOSED'))
  })

  test('after close() rejects what close() would have finished', async () => {
    const gate = closeGate()
    const pool = createPool({ maxThreads: 1 })
    const file = await openWith(pool)
    const all = touches(file, 10)
    await until(() => gate.arrived === 1)
    const closed = pool.close()
    const destroyed = pool.destroy()
    expect(await codes(all)).toEqual(Array(10).fill('ERR_POOL_CLOSED'))
    await Promise.all([closed, destroyed])
    expect(watched.running).toEqual([])
  })

  test('may be called by onProgress, also when no thread is there any more', async () => {
    const gate = closeGate()
    const pool = createPool({ maxThreads: 1 })
    const file = await openWith(pool)
    let destroyed
    const touched = file.touch(0, PAGE, { onProgress: () => (destroyed = pool.destroy()) })
    await until(() => gate.arrived === 1)
    const { state, done } = clientOf(pool).memory.channel(0)
    const [worker] = watched.running
    worker.prependListener('exit', () => {
      done[0] = PAGE
      state[0] = State.DONE // and it died before it has told so
    })
    await worker.terminate()
    expect(await codes([touched])).toEqual(['ERR_POOL_CLOSED'])
    await destroyed
    expect(pool.stats).toMatchObject({ threads: 0, inFlight: 0, failed: 1 })
  })

  test('is the end: close() and destroy() after it wait for it', async () => {
    closeGate()
    const pool = createPool()
    const file = await openWith(pool)
    const touched = file.touch(0, PAGE)
    const destroyed = pool.destroy()
    await expect(touched).rejects.toMatchObject({ code: 'ERR_POOL_CLOSED' })
    await Promise.all([destroyed, pool.close(), pool.destroy()])
    expect(pool.stats.threads).toBe(0)
  })
})

describe.each(['close', 'destroy'])('after pool.%s()', (end) => {
  test.each(['touch', 'view', 'read', 'residency', 'evict'])('%s() rejects with ERR_POOL_CLOSED', async (name) => {
    const pool = createPool()
    const file = await openWith(pool)
    await file.touch(0, PAGE)
    await pool[end]()
    expect(await errorOf(() => file[name](0, PAGE))).toMatchObject({ code: 'ERR_POOL_CLOSED' })
    expect(pool.stats).toMatchObject({ threads: 0, inFlight: 0 })
  })

  test('a file can still be closed, and is closed for good', async () => {
    const pool = createPool()
    const file = await openWith(pool)
    const view = await file.view(0, PAGE)
    expectContent(view, 0, PAGE)
    await pool[end]()
    const event = once(file, 'close')
    await file.close()
    await event
    expect(file.closed).toBe(true)
    expect(openFiles(path)).toEqual([])
    expect(view.every((byte) => byte === 0)).toBe(true)
    expect(await errorOf(() => file.touch(0, PAGE))).toMatchObject({ code: 'ERR_MAP_CLOSED' })
  })

  test('a file can be opened, though nothing but direct loads works on it', async () => {
    const pool = createPool()
    await pool[end]()
    const file = await openWith(pool)
    expectContent(Buffer.from(file.buffer, 0, PAGE), 0, PAGE)
    expect(await errorOf(() => file.touch(0, PAGE))).toMatchObject({ code: 'ERR_POOL_CLOSED' })
  })
})

describe('what a file is opened with', () => {
  test('may be of a class that extends Pool, whatever names it has of its own', async () => {
    class Named extends Pool {
      id = 'mine'
      memory = 'long'
      crew = ['me']
      settings = {}
      counts = []
      submit = () => { throw new Error('not asked for') }
      cancel = this.submit
      cancelAll = this.submit
      enter = this.submit
      leave = this.submit
    }
    const pool = new Named({ maxThreads: 1 })
    pools.push(pool)
    const file = await openWith(pool)
    const gate = closeGate()
    const controller = new AbortController()
    const touched = file.touch(0, PAGE, { signal: controller.signal })
    controller.abort()
    expect((await errorOf(() => touched)).name).toBe('AbortError')
    gate.open()
    expectContent(await file.read(0, PAGE), 0, PAGE)
    expect(pool.id).toBe('mine')
    expect(pool.stats).toMatchObject({ completed: 1, failed: 1, inFlight: 0 })
  })

  test.each([['what only inherits from one', () => Object.create(Pool.prototype)], ['the class itself', () => Pool], ['null', () => null]])(
    'must be a Pool: %s is none', async (name, make) => {
      const error = await errorOf(() => open(path, { pool: make() }))
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE', message: expect.stringContaining('options.pool') })
    })
})
