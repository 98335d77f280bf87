'use strict'
// Several processes that live in one file: stores that the others see, words that they wait on, and that no wake-up is
// lost, nobody waits who should not, and nothing is left of a wait.

const { getEventListeners } = require('node:events')
const fs = require('node:fs')
const nodePath = require('node:path')
const { setImmediate: turnOfTheLoop } = require('node:timers/promises')
const { Pool, open } = require('faultless')
const native = require('../native/binding')
const until = require('./fixtures/until')
const {
  PAGE, childResult, errorOf, isTmpfs, lookUntil, makeFile, mapLines, openFiles, runChild, temporaryFolder, useClosing
} = require('./helpers')

const folder = temporaryFolder()
let made = 0

/** A file of zeros. */
function makeZeros(size = 2 * PAGE) {
  const path = nodePath.join(folder, `words-${made++}`)
  fs.writeFileSync(path, Buffer.alloc(size))
  return path
}

const closeLater = useClosing()
const openZeros = async (options = 'r+', path = makeZeros()) => closeLater(await open(path, options))

const wordsOf = (file) => new Int32Array(file.buffer)

/** Somebody may still be on his way to sleep: notifies until so many were woken in all. */
async function wake(file, byteOffset, count) {
  let woken = 0
  await until(() => (woken += file.notify(byteOffset, count - woken)) >= count)
  return woken
}

const nothingIsLeft = async () => {
  expect(await lookUntil([0, 0], () => [native.waitCount(), native.waitThreadCount()])).toEqual([0, 0])
}

afterEach(async () => expect(await lookUntil(0, native.waitCount)).toBe(0))
afterAll(nothingIsLeft)

describe('several processes', () => {
  test('see each other’s stores, and add to the same word', async () => {
    const ADDITIONS = 200_000
    const LENGTH = 3 * PAGE
    const path = makeZeros(PAGE + 2 * LENGTH)
    const file = await openZeros('r+', path)
    const bytes = Buffer.from(file.buffer)
    for (let i = 0; i < LENGTH; i++) bytes[PAGE + LENGTH + i] = (i * 5 + 3) & 0xff
    const child = childResult('wait.js', ['adder', path, ADDITIONS, PAGE, LENGTH])
    const words = wordsOf(file)
    await until(() => Atomics.load(words, 0) > 0) // it has begun
    for (let i = 0; i < ADDITIONS; i++) Atomics.add(words, 0, 1)
    expect(await child).toBe(true)
    expect(words[0]).toBe(2 * ADDITIONS)
    expect(bytes.subarray(PAGE, PAGE + LENGTH).every((byte, i) => byte === ((i * 7 + 1) & 0xff))).toBe(true)
  })

  test('lose no wake-up in 100,000 rounds of ping-pong with eight balls', async () => {
    const [rounds, balls] = [100_000, 8]
    const file = await openZeros()
    for (const side of await childResult('ping-pong.js', [file.path, rounds, balls])) {
      expect(side.ok).toBeGreaterThan(0)
      expect(side['timed-out']).toBe(0)
    }
    expect([...wordsOf(file).subarray(0, balls)]).toEqual(Array(balls).fill(rounds / balls))
  })

  test('are woken as many as were asked for: three of eight, then the rest', async () => {
    const path = makeZeros()
    const file = await openZeros('r+', path)
    const children = Array.from({ length: 8 }, () => childResult('wait.js', ['follower', path]))
    const words = wordsOf(file)
    await until(() => Atomics.load(words, 2) === 8)
    expect(file.notify(0, 0)).toBe(0)
    expect(await wake(file, 0, 3)).toBe(3)
    await until(() => Atomics.load(words, 1) === 3)
    expect(await wake(file, 0, 5)).toBe(5)
    expect(await Promise.all(children)).toEqual(Array(8).fill('ok'))
    expect(file.notify(0)).toBe(0)
    expect(words[1]).toBe(8)
  })
})

describe('the example', () => {
  test.each([
    ['ping-pong.js', [500], /^500 rounds, there and back/],
    ['broadcast.js', [200, 2], /^2 processes read 200 editions each; 0 of them/]
  ])('%s runs to its end', async (name, args, words) => {
    const ended = await runChild(nodePath.join(__dirname, '..', 'examples', name), args)
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toMatch(words)
  })
})

describe('wait()', () => {
  test('resolves as Atomics.waitAsync does', async () => {
    const file = await openZeros()
    const waiting = file.wait(4, 0)
    expect(await wake(file, 4, 1)).toBe(1)
    expect(await waiting).toBe('ok')
    expect(await file.wait(4, 1)).toBe('not-equal')
    expect(await file.wait(4, 0, { timeout: 0 })).toBe('timed-out')
    expect(await file.wait(4, 0, { timeout: 1.5, signal: new AbortController().signal })).toBe('timed-out')
    wordsOf(file)[1] = -2
    expect(await file.wait(4, -2, { timeout: 0 })).toBe('timed-out')
  })

  test('is woken by a store that came before the notification, whenever it began', async () => {
    const file = await openZeros()
    const words = wordsOf(file)
    for (let i = 0; i < 500; i++) {
      const waiting = file.wait(0, i)
      if (i % 3 === 0) await null
      Atomics.store(words, 0, i + 1)
      file.notify(0)
      expect(await waiting).toMatch(/^ok$|^not-equal$/)
    }
  })

  test('takes no thread of the pool while it waits', async () => {
    const file = await openZeros()
    await file.touch()
    const waits = Array.from({ length: 300 }, (_, i) => file.wait(4 * i, 0, { timeout: 60_000 }))
    await file.read(0, PAGE)
    wordsOf(file).fill(1)
    for (let i = 0; i < 300; i++) file.notify(4 * i)
    for (const outcome of await Promise.all(waits)) expect(outcome).toMatch(/^ok$|^not-equal$/)
  })

  test('has a thread for each file, up to eight, as a page may have to be read from a device', async () => {
    await nothingIsLeft()
    const files = await Promise.all(Array.from({ length: 10 }, () => openZeros()))
    const controller = new AbortController()
    const [waits, threads] = [[], []]
    for (const file of files) {
      for (let i = 0; i < 3; i++) waits.push(file.wait(4 * i, 0, { signal: controller.signal }).catch(({ name }) => name))
      threads.push(native.waitThreadCount())
    }
    expect(threads).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 8, 8])
    controller.abort()
    expect(new Set(await Promise.all(waits))).toEqual(new Set(['AbortError']))
  })

  test('of ten thousand takes 79 threads and, of one thousand, no processor time; then all is given back', async () => {
    const [few, many] = [1000, 10_000]
    const seen = await childResult('wait.js', ['idle', makeZeros(4 * many), few, many])
    expect(seen).toEqual({ threads: 8, activity: 0, added: 79, left: 0, waits: 0, codes: ['ABORT_ERR'], errors: many })
  })

  test('works on a file that was opened for reading, without a copy of the page', async () => {
    const path = makeZeros()
    const [reader, writer] = [await openZeros('r', path), await openZeros('r+', path)]
    const waiting = reader.wait(8, 0)
    expect(await wake(writer, 8, 1)).toBe(1)
    expect(await waiting).toBe('ok')
    wordsOf(writer)[2] = 5
    expect(wordsOf(reader)[2]).toBe(5) // a page of its own would still be zeros
    wordsOf(reader)[100] = 1 // now it has one
    expect(await reader.wait(8, 5, { timeout: 0 })).toBe('timed-out')
    wordsOf(writer)[2] = 6
    expect(await reader.wait(8, 5)).toBe('not-equal')
  })

  test('wants words at multiples of 4 in the file', async () => {
    const path = makeZeros()
    const [file, odd] = [await openZeros('r+', path), await openZeros({ flags: 'r+', offset: PAGE + 2 }, path)]
    const waiting = file.wait(PAGE + 4, 0)
    expect(await wake(odd, 2, 1)).toBe(1)
    expect(await waiting).toBe('ok')
    for (const act of [() => odd.wait(4, 0), () => odd.notify(4), () => file.wait(2, 0), () => file.notify(1)]) {
      expect(await errorOf(act)).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE', message: expect.stringMatching(/multiple of 4.*Received [142]/) })
    }
  })

  test.each([
    ['wait', [-4, 0], 'ERR_OUT_OF_RANGE', '-4'],
    ['wait', [2 * PAGE, 0], 'ERR_OUT_OF_RANGE', String(2 * PAGE)],
    ['wait', ['0', 0], 'ERR_INVALID_ARG_TYPE', "'0'"],
    ['wait', [undefined, 0], 'ERR_INVALID_ARG_TYPE', 'undefined'],
    ['wait', [0, 2 ** 31], 'ERR_OUT_OF_RANGE', String(2 ** 31)],
    ['wait', [0, 0.5], 'ERR_OUT_OF_RANGE', '0.5'],
    ['wait', [0], 'ERR_INVALID_ARG_TYPE', 'undefined'],
    ['wait', [0, 0, 5], 'ERR_INVALID_ARG_TYPE', '5'],
    ['wait', [0, 0, { timeout: -1 }], 'ERR_OUT_OF_RANGE', '-1'],
    ['wait', [0, 0, { timeout: NaN }], 'ERR_OUT_OF_RANGE', 'NaN'],
    ['wait', [0, 0, { timeout: '1' }], 'ERR_INVALID_ARG_TYPE', "'1'"],
    ['wait', [0, 0, { signal: {} }], 'ERR_INVALID_ARG_TYPE', 'Object'],
    ['notify', [-4], 'ERR_OUT_OF_RANGE', '-4'],
    ['notify', [0, -1], 'ERR_OUT_OF_RANGE', '-1'],
    ['notify', [0, 1.5], 'ERR_OUT_OF_RANGE', '1.5'],
    ['notify', [0, '1'], 'ERR_INVALID_ARG_TYPE', "'1'"]
  ])('%s(%j) is refused', async (method, given, code, value) => {
    const file = await openZeros()
    const error = await errorOf(() => file[method](...given))
    expect(error.code).toBe(code)
    expect(error.message).toContain(value)
  })

  test('has no word in an empty file', async () => {
    const file = await openZeros('r+', makeZeros(0))
    expect((await errorOf(() => file.wait(0, 0))).code).toBe('ERR_OUT_OF_RANGE')
    expect((await errorOf(() => file.notify(0))).code).toBe('ERR_OUT_OF_RANGE')
  })

  test('ends with its signal, and leaves no listener on it', async () => {
    const file = await openZeros()
    const controller = new AbortController()
    const { signal } = controller
    const waits = [0, 4, 4].map((offset) => errorOf(() => file.wait(offset, 0, { signal })))
    const woken = file.wait(8, 0, { signal })
    await wake(file, 8, 1)
    expect(await woken).toBe('ok')
    controller.abort('enough')
    for (const error of await Promise.all(waits)) expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: 'enough' })
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(await errorOf(() => file.wait(0, 0, { signal }))).toMatchObject({ name: 'AbortError', cause: 'enough' })
    expect(file.notify(0)).toBe(0)
  })

  test('that was notified before its signal hears of that, however many were', async () => {
    const file = await openZeros()
    const words = wordsOf(file)
    // Several have to be asleep to be woken. How soon they are is the machine's affair: where they were not, it is given longer.
    for (let rounds = 0, turns = 1; rounds < 50;) {
      words.fill(0)
      const controllers = Array.from({ length: 8 }, () => new AbortController())
      const waits = controllers.map(({ signal }, i) => file.wait(4 * i, 0, { signal }).catch(({ name }) => name))
      for (let turn = 0; turn < turns; turn++) await turnOfTheLoop()
      const woken = waits.map((_, i) => {
        Atomics.store(words, i, 1)
        return file.notify(4 * i)
      })
      for (const controller of controllers) controller.abort()
      const outcomes = await Promise.all(waits)
      expect(outcomes.filter((outcome, i) => woken[i] === 1 && outcome !== 'ok')).toEqual([])
      if (woken.filter((count) => count === 1).length > 1) rounds++
      else turns *= 2
    }
  })

  test('with a timeout of 0 says what an evicted word holds, and its page is evicted again', async () => {
    const path = makeFile(folder, 'evicted-again', 16 * PAGE)
    const file = await openZeros('r+', path)
    const resident = async () => (await file.residency(0, PAGE)).resident
    for (let round = 0; round < 10; round++) {
      await file.evict()
      if (!isTmpfs(folder)) expect(await resident()).toBe(0)
      expect(await file.wait(0, 1, { timeout: 0 })).toBe('not-equal')
      file.notify(0)
    }
  })

  test('rejects when the file is closed, before close() resolves, and all is given back', async () => {
    const path = makeZeros()
    const file = await openZeros('r+', path)
    const { signal } = new AbortController()
    const order = []
    const waits = [0, 0, 4].map((offset) => file.wait(offset, 0, { signal }).catch(({ code }) => order.push(code)))
    await wake(file, 0, 1)
    await waits[0]
    await file.close().then(() => order.push('closed'))
    expect(order).toEqual(['ERR_MAP_CLOSED', 'ERR_MAP_CLOSED', 'closed'])
    expect(await lookUntil([], () => [...mapLines(path), ...openFiles(path)])).toEqual([])
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect((await errorOf(() => file.wait(-1, 0))).code).toBe('ERR_MAP_CLOSED')
    expect((await errorOf(() => file.notify(-1))).code).toBe('ERR_MAP_CLOSED')
  })

  test('says when the file no longer reaches there', async () => {
    const path = makeZeros(4 * PAGE)
    const file = await openZeros('r+', path)
    fs.truncateSync(path, PAGE)
    const wanted = { code: 'ERR_MAP_TRUNCATED', offset: 2 * PAGE, length: 4 }
    expect(await errorOf(() => file.wait(2 * PAGE, 0))).toMatchObject(wanted)
    expect(await errorOf(() => file.notify(2 * PAGE))).toMatchObject(wanted)
    expect(await file.wait(0, 1)).toBe('not-equal')
  })

  test('and notify() have no page fault on the main thread where the page was evicted', async () => {
    const path = makeFile(folder, 'evicted', 16 * PAGE)
    const seen = await childResult('wait.js', ['evicted', path])
    const isKept = isTmpfs(folder)
    expect(seen).toEqual({ resident: isKept ? 1 : 0, notified: isKept ? '0' : 'undefined', faults: 0, waited: 'not-equal', waitFaults: 0 })
  })

  test('of a thread that is terminated leaves nothing', async () => {
    expect(await childResult('wait.js', ['terminated', makeZeros(), 6])).toBe(0)
  })
})

describe('notify()', () => {
  test('is for those who can store', async () => {
    const file = await openZeros('r')
    expect(await errorOf(() => file.notify(0))).toMatchObject({ code: 'ERR_MAP_READ_ONLY', message: expect.stringContaining(file.path) })
  })

  test.each([
    ['whose queue is full', async (pool, file) => file.touch(4 * PAGE, PAGE)],
    ['that is closed', async (pool) => pool.close()]
  ])('reaches who waits on an evicted word by way of a pool %s', async (_, spoil) => {
    const path = makeFile(folder, 'evicted-notified', 16 * PAGE)
    const waiting = await openZeros('r+', path)
    const pool = new Pool({ maxQueue: 1 })
    const telling = await open(path, { flags: 'r+', pool, freshness: 0 })
    new Int32Array(telling.buffer, 0, 1)[0] = 5
    const outcome = waiting.wait(0, 5)
    await until(() => native.waitCount() > 0)
    await waiting.evict()
    await telling.evict()
    const spoilt = spoil(pool, telling)
    telling.notify(0)
    expect(await outcome).toBe('ok')
    await spoilt
    await telling.close()
    await pool.close()
  })

  test('wakes nobody who waits on another word, page or file', async () => {
    const path = makeZeros()
    const [file, same, other] = [await openZeros('r+', path), await openZeros('r+', path), await openZeros()]
    const waiting = same.wait(PAGE, 0)
    expect([file.notify(0), file.notify(PAGE + 4), other.notify(PAGE)]).toEqual([0, 0, 0])
    expect(await wake(file, PAGE, 1)).toBe(1)
    expect(await waiting).toBe('ok')
  })
})
