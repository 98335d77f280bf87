'use strict'
// Touches that are given up: by an AbortSignal before, during or after, or by an exception of onProgress; and that a
// long touch neither holds up a short one nor goes on when nobody wants it any more.

jest.mock('node:worker_threads', () =>
  require('./fixtures/watched-threads')(jest.requireActual('node:worker_threads')))

const { getEventListeners } = require('node:events')
const fs = require('node:fs')
const nodePath = require('node:path')
const { watched } = require('node:worker_threads')
const { open, Pool } = require('..')
const { Fifo } = require('../lib/fifo')
const { PAGE, errorOf, expectContent, makeFile, temporaryFolder } = require('./helpers')
const until = require('./fixtures/until')

const MIB = 2 ** 20
const GIB = 2 ** 30
const SIZE = 1024 * PAGE
const SLICE = 16 * PAGE

const folder = temporaryFolder()
const path = makeFile(folder, 'content', SIZE)
const gates = []
const opened = []

function closeGate() {
  const gate = watched.closeGate()
  gates.push(gate)
  return gate
}

/** A file in a pool of one thread, of which nothing is known without the pool. */
async function openAlone(options, name = path) {
  const pool = new Pool({ maxThreads: 1, sliceSize: SLICE, ...options })
  const file = await open(name, { pool, freshness: 0 })
  opened.push({ pool, file })
  return { pool, file }
}

/** A file that takes no room on the disk. */
function makeSparseFile(name, size) {
  const file = nodePath.join(folder, name)
  fs.writeFileSync(file, '')
  fs.truncateSync(file, size)
  return file
}

/** A touch that was given up after one slice gets no more, but for one that may have been in hand. */
async function expectEnded(pool, file) {
  // What is not given up has its turn between these.
  for (let i = 0; i < 10; i++) await file.touch(0, PAGE)
  expect(pool.stats.slices).toBeLessThanOrEqual(12)
}

const listeners = (signal) => getEventListeners(signal, 'abort').length

afterEach(async () => {
  for (const gate of gates.splice(0)) gate.open()
  watched.reset()
  for (const { pool, file } of opened.splice(0)) {
    await file.close()
    await pool.destroy()
  }
})

describe('a signal that is aborted already', () => {
  test('rejects the touch, and no thread starts for it', async () => {
    const { pool, file } = await openAlone()
    const error = await errorOf(() => file.touch(0, SIZE, { signal: AbortSignal.abort() }))
    expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', message: 'The operation was aborted' })
    expect(pool.stats).toMatchObject({ threads: 0, inFlight: 0, completed: 0 })
    expect(watched.starts).toBe(0)
  })

  test('gives its reason as the cause of the error', async () => {
    const { file } = await openAlone()
    const reason = new Error('the user went home')
    const error = await errorOf(() => file.touch(0, SIZE, { signal: AbortSignal.abort(reason) }))
    expect(error).toBeInstanceOf(Error)
    expect(error.cause).toBe(reason)
  })

  test('rejects the touch of a list, of no bytes, and with a callback', async () => {
    const { file } = await openAlone()
    const signal = AbortSignal.abort()
    expect(await errorOf(() => file.touch([[0, 1], [5, 1]], { signal }))).toMatchObject({ code: 'ABORT_ERR' })
    expect(await errorOf(() => file.touch(0, 0, { signal }))).toMatchObject({ code: 'ABORT_ERR' })
    const error = await new Promise((resolve) => file.touch(0, SIZE, { signal }, resolve))
    expect(error).toMatchObject({ code: 'ABORT_ERR' })
  })

  test('is listened to by nobody afterwards', async () => {
    const { file } = await openAlone()
    const signal = AbortSignal.abort()
    await errorOf(() => file.touch(0, SIZE, { signal }))
    expect(listeners(signal)).toBe(0)
  })
})

describe('a signal that is aborted during a touch', () => {
  test('from onProgress ends a touch of gigabytes early', async () => {
    const { pool, file } = await openAlone({ sliceSize: MIB }, makeSparseFile('sparse-abort', 8 * GIB))
    const controller = new AbortController()
    const reason = new Error('seen enough')
    const seen = []
    const onProgress = (touched, total) => {
      seen.push([touched, total])
      if (seen.length === 3) controller.abort(reason)
    }
    const error = await errorOf(() => file.touch(0, 8 * GIB, { signal: controller.signal, onProgress }))
    expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: reason })
    expect(seen).toHaveLength(3) // and none after the abort
    expect(seen[2][0]).toBeLessThan(8 * GIB)
    expect(seen[2][1]).toBe(8 * GIB)
    expect(listeners(controller.signal)).toBe(0)
    await file.touch(0, PAGE) // the thread has come back from it
    expect(pool.stats.slices).toBeLessThan(8 * GIB / MIB)
    await file.evict()
  })

  test('is obeyed at the next slice', async () => {
    const gate = closeGate()
    const { pool, file } = await openAlone()
    const controller = new AbortController()
    const seen = []
    const onProgress = (touched) => {
      seen.push(touched)
      controller.abort()
    }
    const touched = file.touch(0, SIZE, { signal: controller.signal, onProgress })
    gate.permit(1)
    expect(await errorOf(() => touched)).toMatchObject({ code: 'ABORT_ERR' })
    expect(seen).toEqual([SLICE])
    gate.open()
    await expectEnded(pool, file)
  })

  test('rejects at once what waits for a slot, though every thread is stuck', async () => {
    const gate = closeGate()
    const { file } = await openAlone()
    const others = Array.from({ length: 300 }, (_, i) => file.touch(i * PAGE, PAGE))
    const controller = new AbortController()
    const queued = file.touch(0, SIZE, { signal: controller.signal })
    await until(() => gate.arrived === 1)
    controller.abort()
    expect(await errorOf(() => queued)).toMatchObject({ code: 'ABORT_ERR' })
    expect(gate.arrived).toBe(1)
    gate.open()
    await Promise.all(others)
  })

  test('leaves next to nothing of what waits for a slot, though the device hangs', async () => {
    const pushed = jest.spyOn(Fifo.prototype, 'push')
    const gate = closeGate()
    const { file } = await openAlone()
    const spared = Array.from({ length: 300 }, (_, i) => file.touch(i * PAGE, PAGE))
    const [line] = pushed.mock.contexts
    pushed.mockRestore()
    const waiting = line.length
    for (let round = 0; round < 20; round++) {
      const controller = new AbortController()
      const { signal } = controller
      const doomed = Array.from({ length: 100 }, (_, i) => file.touch(i * PAGE, PAGE, { signal }))
      expect(line.length).toBeGreaterThanOrEqual(waiting + 100)
      controller.abort()
      await Promise.allSettled(doomed)
    }
    expect(line.length).toBeLessThanOrEqual(2 * waiting)
    gate.open()
    await Promise.all(spared)
    expect(line.length).toBe(0)
  })

  test('rejects at once what a stuck thread has in hand', async () => {
    const gate = closeGate()
    const { pool, file } = await openAlone()
    const controller = new AbortController()
    const touched = file.touch(0, SIZE, { signal: controller.signal })
    await until(() => gate.arrived === 1)
    controller.abort()
    expect(await errorOf(() => touched)).toMatchObject({ code: 'ABORT_ERR' })
    expect(pool.stats).toMatchObject({ inFlight: 0, completed: 0, failed: 1 })
    expect(listeners(controller.signal)).toBe(0)
  })

  test('drops what is left of a list', async () => {
    const gate = closeGate()
    const { pool, file } = await openAlone()
    const controller = new AbortController()
    const ranges = Array.from({ length: 1000 }, (_, i) => [i * PAGE, PAGE])
    const touched = file.touch(ranges, { signal: controller.signal })
    await until(() => gate.arrived === 1)
    controller.abort()
    expect(await errorOf(() => touched)).toMatchObject({ code: 'ABORT_ERR' })
    gate.open()
    await file.touch(0, PAGE)
    expect(pool.stats.slices).toBeLessThanOrEqual(2)
  })

  test('ends all touches that were given it, and no other', async () => {
    const gate = closeGate()
    const { file } = await openAlone()
    const controller = new AbortController()
    const { signal } = controller
    const doomed = [file.touch(0, PAGE, { signal }), file.touch(PAGE, PAGE, { signal })]
    const spared = file.touch(2 * PAGE, PAGE, { signal: new AbortController().signal })
    await until(() => gate.arrived === 1)
    expect(listeners(signal)).toBe(1)
    controller.abort()
    const outcomes = await Promise.allSettled(doomed)
    expect(outcomes.map(({ reason }) => reason?.code)).toEqual(['ABORT_ERR', 'ABORT_ERR'])
    gate.open()
    await spared
    expect(listeners(signal)).toBe(0)
  })

  test('has one listener for however many touches, which goes with the last of them', async () => {
    const gate = closeGate()
    const { file } = await openAlone()
    const { signal } = new AbortController()
    const warnings = []
    const warn = (warning) => warnings.push(warning.name)
    process.on('warning', warn)
    const touched = Array.from({ length: 50 }, (_, i) => file.touch(i * PAGE, PAGE, { signal }))
    await until(() => gate.arrived === 1)
    expect(listeners(signal)).toBe(1)
    gate.open()
    await Promise.all(touched)
    expect(listeners(signal)).toBe(0)
    await new Promise(setImmediate) // warnings come in a later tick
    process.off('warning', warn)
    expect(warnings).toEqual([])
  })

  test('ends those that are left when others with the same signal are done', async () => {
    const gate = closeGate()
    const { file } = await openAlone()
    const controller = new AbortController()
    const { signal } = controller
    const [first, second] = [file.touch(0, PAGE, { signal }), file.touch(0, SIZE, { signal })]
    gate.permit(1)
    await first
    controller.abort()
    expect(await errorOf(() => second)).toMatchObject({ code: 'ABORT_ERR' })
    expect(listeners(signal)).toBe(0)
  })

  test('by a timeout gives the timeout as the cause', async () => {
    closeGate()
    const { file } = await openAlone()
    const error = await errorOf(() => file.touch(0, SIZE, { signal: AbortSignal.timeout(1) }))
    expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: { name: 'TimeoutError' } })
  })

  test('leaves the file as it was: the same range can be touched again', async () => {
    const gate = closeGate()
    const { file } = await openAlone()
    const controller = new AbortController()
    const touched = file.touch(0, SIZE, { signal: controller.signal })
    await until(() => gate.arrived === 1)
    controller.abort()
    await errorOf(() => touched)
    gate.open()
    expectContent(await file.view(), 0, SIZE)
  })
})

describe('a signal that is aborted after a touch', () => {
  test('changes nothing, and is not listened to any more', async () => {
    const { pool, file } = await openAlone()
    const controller = new AbortController()
    await file.touch(0, SIZE, { signal: controller.signal })
    expect(listeners(controller.signal)).toBe(0)
    controller.abort()
    await file.touch(0, PAGE)
    expect(pool.stats).toMatchObject({ completed: 2, failed: 0, inFlight: 0 })
  })

  test('is not listened to any more when the touch has failed otherwise', async () => {
    const gate = closeGate()
    const { pool, file } = await openAlone()
    const { signal } = new AbortController()
    const touched = file.touch(0, SIZE, { signal })
    await until(() => gate.arrived === 1)
    const destroyed = pool.destroy()
    expect(await errorOf(() => touched)).toMatchObject({ code: 'ERR_POOL_CLOSED' })
    await destroyed
    expect(listeners(signal)).toBe(0)
  })

  test('is not listened to when the touch was refused', async () => {
    const { pool, file } = await openAlone({ maxQueue: 1 })
    const { signal } = new AbortController()
    const first = file.touch(0, PAGE)
    expect(await errorOf(() => file.touch(0, PAGE, { signal }))).toMatchObject({ code: 'ERR_POOL_QUEUE_FULL' })
    await first
    await pool.close()
    expect(await errorOf(() => file.touch(0, PAGE, { signal }))).toMatchObject({ code: 'ERR_POOL_CLOSED' })
    expect(listeners(signal)).toBe(0)
  })
})

describe('what is no AbortSignal', () => {
  const listener = () => {}

  test.each([
    ['without removeEventListener', { aborted: false, addEventListener: listener }],
    ['without addEventListener', { aborted: false, removeEventListener: listener }],
    ['without aborted', { addEventListener: listener, removeEventListener: listener }]
  ])('%s is refused', async (_, signal) => {
    const { file } = await openAlone()
    expect(await errorOf(() => file.touch(0, 1, { signal }))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
  })

  test('and throws where it is listened to rejects its request, and no other', async () => {
    const { pool, file } = await openAlone()
    const refuse = () => {
      throw new Error('mine')
    }
    const takesNone = { aborted: false, addEventListener: refuse, removeEventListener: refuse }
    const keepsAll = { aborted: false, addEventListener: listener, removeEventListener: refuse }
    expect(await errorOf(() => file.touch(0, SIZE, { signal: takesNone }))).toMatchObject({ message: 'mine' })
    await file.touch(0, SIZE, { signal: keepsAll })
    expectContent(await file.read(0, PAGE), 0, PAGE)
    expect(pool.stats.inFlight).toBe(0)
  })
})

describe('onProgress', () => {
  test.each([[undefined], [null], [0], ['text']])('may throw %p: that is what its touch rejects with, and others go on', async (thrown) => {
    const { pool, file } = await openAlone()
    const onProgress = () => {
      throw thrown
    }
    const outcome = await file.touch(0, SIZE, { onProgress }).then(() => 'resolved', (error) => ({ error }))
    expect(outcome).toEqual({ error: thrown })
    expectContent(await file.read(0, PAGE), 0, PAGE)
    expect(pool.stats).toMatchObject({ inFlight: 0, failed: 1 })
  })

  test('is called in rising order, and at last with all bytes', async () => {
    const { file } = await openAlone()
    const seen = []
    await file.touch(0, SIZE, { onProgress: (...progress) => seen.push(progress) })
    expect(seen.length).toBeGreaterThan(0)
    expect(seen.length).toBeLessThanOrEqual(SIZE / SLICE)
    expect(seen.map(([touched]) => touched)).toEqual([...new Set(seen.map(([touched]) => touched))].sort((a, b) => a - b))
    expect(seen.every(([, total]) => total === SIZE)).toBe(true)
    expect(seen.at(-1)).toEqual([SIZE, SIZE])
  })

  test('is called after each slice when the next one takes its time', async () => {
    const gate = closeGate()
    const { file } = await openAlone({ sliceSize: PAGE })
    const seen = []
    const onProgress = (touched) => {
      seen.push(touched)
      gate.permit(1) // so without this call there is no next slice
    }
    const touched = file.touch(0, SIZE, { onProgress })
    gate.permit(1)
    await touched
    expect(seen).toEqual(Array.from({ length: SIZE / PAGE }, (_, i) => (i + 1) * PAGE))
  }, 10_000)

  test('counts the ranges of a list together', async () => {
    const { file } = await openAlone()
    const seen = []
    await file.touch([[0, 10], [PAGE, 20], [2 * PAGE, 2 * SLICE]], { onProgress: (...progress) => seen.push(progress) })
    expect(seen.every(([, total]) => total === 30 + 2 * SLICE)).toBe(true)
    expect(seen.at(-1)).toEqual([30 + 2 * SLICE, 30 + 2 * SLICE])
  })

  test('that throws rejects the touch with what it threw, and ends it', async () => {
    const gate = closeGate()
    const { pool, file } = await openAlone()
    const thrown = new Error('a bug of the user\'s')
    let calls = 0
    const onProgress = () => {
      calls++
      throw thrown
    }
    const touched = file.touch(0, SIZE, { onProgress })
    gate.permit(1)
    expect(await errorOf(() => touched)).toBe(thrown)
    gate.open()
    await expectEnded(pool, file)
    expect(calls).toBe(1)
  })

  test('that throws at the last slice rejects the touch as well', async () => {
    const { file } = await openAlone()
    const thrown = new Error('a bug of the user\'s')
    const onProgress = () => {
      throw thrown
    }
    expect(await errorOf(() => file.touch(0, PAGE, { onProgress }))).toBe(thrown)
  })

  test('that throws harms no other touch', async () => {
    const { file } = await openAlone()
    const onProgress = () => {
      throw new Error('a bug of the user\'s')
    }
    const failing = errorOf(() => file.touch(0, SIZE, { onProgress }))
    const others = Array.from({ length: 500 }, (_, i) => file.view(i * PAGE, PAGE))
    await failing
    const views = await Promise.all(others)
    views.forEach((view, i) => expectContent(view, i * PAGE, PAGE))
  })
})

describe('a touch of gigabytes', () => {
  test('does not hold up a touch of a page that is issued after it, with one thread', async () => {
    const { file } = await openAlone({ sliceSize: undefined }, makeSparseFile('sparse-order', 2 * GIB))
    const controller = new AbortController()
    const order = []
    const big = file.touch(0, 2 * GIB, { signal: controller.signal }).then(() => order.push('big'), () => {})
    await file.touch(2 * GIB - PAGE, PAGE).then(() => order.push('small'))
    expect(order).toEqual(['small'])
    controller.abort() // nobody needs the rest
    await big
    await file.evict()
  })

  test('lets one slice through before a touch of a page, and goes on after it', async () => {
    const gate = closeGate()
    const { file } = await openAlone()
    // Two slots that the thread knows, the first of which is the next to be used: the worse case for the small one.
    const twoSlices = file.touch(0, SLICE + 1)
    const oneSlice = file.touch(0, 1)
    gate.permit(2)
    await oneSlice
    gate.permit(1)
    await twoSlices
    const order = []
    const big = file.touch(0, SIZE).then(() => order.push('big'))
    await until(() => gate.arrived === 4) // its first slice is in hand
    const small = file.touch(SIZE - PAGE, PAGE).then(() => order.push('small'))
    gate.permit(2)
    await small
    gate.open()
    await big
    expect(order).toEqual(['small', 'big'])
  })
})
