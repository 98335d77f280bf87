'use strict'
// Writes to overlapping ranges land in the order of their calls, whatever threads take their slices.

const fs = require('node:fs')
const { constants } = require('node:os')
const { setImmediate: nextTurn } = require('node:timers/promises')
const { open, Pool } = require('..')
const { Request } = require('../lib/request')
const { WriteOrder } = require('../lib/write-order')
const { Op } = require('../worker/layout')
const { PAGE, contentAt, makeFile, randomFrom, temporaryFolder } = require('./helpers')

const folder = temporaryFolder()
const SIZE = 200 * PAGE + 99

describe('writes to random ranges that overlap', () => {
  const LONGEST = 300_000 // bytes: more than one slot carries

  test.each([['one thread', 1], ['three threads', 3]])('by %s leave what they would have left one by one', async (_, threads) => {
    const path = makeFile(folder, 'model', SIZE)
    // Threads that listen all the time all take what comes.
    const pool = new Pool({ minThreads: threads, maxThreads: threads + 1, sliceSize: PAGE, spin: 5_000 })
    const file = await open(path, { flags: 'r+', pool })
    const model = contentAt(0, SIZE)
    const random = randomFrom(threads)
    for (let burst = 0; burst < 2; burst++) {
      const pending = []
      for (let i = 0; i < 80; i++) {
        const length = 1 + random(i % 8 === 0 ? LONGEST : 3 * PAGE)
        const offset = random(SIZE - length + 1)
        const data = contentAt(0, length, 1000 * burst + i)
        model.set(data, offset)
        pending.push(file.write(offset, i % 3 === 0 ? new Uint8Array(new SharedArrayBuffer(length)).fill(i) : data))
        if (i % 3 === 0) model.fill(i, offset, offset + length)
      }
      await Promise.all(pending)
      expect(Buffer.compare(fs.readFileSync(path), model)).toBe(0)
    }
    await file.close()
    await pool.close()
  })

  test('also after one that failed', async () => {
    const path = makeFile(folder, 'cut', SIZE)
    const pool = new Pool({ minThreads: 3, sliceSize: PAGE, spin: 5_000 })
    const file = await open(path, { flags: 'r+', pool })
    for (let round = 0; round < 5; round++) {
      fs.truncateSync(path, SIZE - 10)
      const failing = file.write(0, Buffer.alloc(SIZE, 1)) // its end is not there
      const after = file.write(0, Buffer.alloc(SIZE - 10, 2))
      await expect(failing).rejects.toMatchObject({ code: 'ERR_MAP_TRUNCATED' })
      await after
      expect(fs.readFileSync(path).every((byte) => byte === 2)).toBe(true)
    }
    await file.close()
    await pool.close()
  })
})

describe('what waits for its turn', () => {
  /** A write, and behind it what overlaps it. */
  async function start() {
    const pool = new Pool({ maxQueue: 5 })
    const file = await open(makeFile(folder, 'turns', SIZE), { flags: 'r+', pool })
    const first = file.write(0, Buffer.alloc(SIZE, 1))
    return { pool, file, changes: [first, file.write(1, 'two'), file.resize(SIZE), file.flush(), file.refresh()] }
  }

  const outcomes = async (changes) =>
    (await Promise.allSettled(changes)).map(({ status, reason }) => reason?.code ?? status)

  test('is in flight: it counts against maxQueue, and is refused at once', async () => {
    const { pool, file, changes } = await start()
    expect(pool.stats.inFlight).toBe(5)
    await expect(file.write(0, 'six')).rejects.toMatchObject({ code: 'ERR_POOL_QUEUE_FULL' })
    expect(await outcomes(changes)).toEqual(Array(5).fill('fulfilled'))
    expect(pool.stats).toMatchObject({ inFlight: 0, completed: 5 })
    expect((await file.read(0, 5)).toString()).toBe('\x01two\x01')
    await file.close()
    await pool.close()
  })

  test('is finished by close() of the pool', async () => {
    const { pool, file, changes } = await start()
    await pool.close()
    expect(await outcomes(changes)).toEqual(Array(5).fill('fulfilled'))
    await file.close()
  })

  test.each([
    ['close() of the file', ({ file }) => file.close(), 'ERR_MAP_CLOSED'],
    ['destroy() of the pool', ({ pool }) => pool.destroy(), 'ERR_POOL_CLOSED']
  ])('is rejected at once by %s, whatever the write before it does', async (_, end, code) => {
    const { pool, file, changes } = await start()
    const seen = []
    for (const change of changes) change.catch((error) => seen.push(error.code))
    const ended = end({ pool, file })
    for (let i = 0; i < 20; i++) await null // no turn of the event loop, so no thread can have answered
    expect(seen).toEqual(Array(5).fill(code))
    await ended
    await file.close()
    await pool.destroy()
  })
})

test('a request that has failed is over when no slot carries a part of it any more', () => {
  let overs = 0
  const parts = [1, 2, 3].map((length) => ({ offset: 0, length }))
  const request = new Request({ op: Op.WRITE, mapping: {}, parts, syscall: 'write', onOver: () => overs++ })
  request.channel = { forget() {} }
  request.promise.catch(() => {})
  request.nextPart()
  request.nextPart()
  request.leaveSlot()
  request.endPart(parts[0], -constants.errno.ENOSPC)
  expect([request.settled, overs]).toEqual([true, 0])
  request.leaveSlot()
  request.endPart(parts[1], 0)
  expect(overs).toBe(1)
})

describe('WriteOrder', () => {
  /** What began, in order; `end` lets one end. */
  function scene() {
    const order = new WriteOrder()
    const begun = []
    const ends = {}
    const run = (name, offset, length) => order.run(offset, length, (leave, turn) => {
      const go = () => {
        begun.push(name)
        return new Promise((resolve) => (ends[name] = () => resolve(leave())))
      }
      return turn === undefined ? go() : turn.then(go)
    })
    const end = async (name) => {
      ends[name]()
      await new Promise(setImmediate)
      return begun.join('')
    }
    return { order, begun, run, end }
  }

  test('holds back what overlaps, and nothing else', async () => {
    const { order, begun, run, end } = scene()
    void run('a', 0, 10)
    void run('b', 10, 10)
    void run('c', 5, 10) // after a and b
    void run('d', 20, 5)
    void run('e', 14, 1) // after c
    void run('f', 16, 1) // after b
    void run('g', 0, Infinity) // after all
    void run('h', 100, 1)
    expect(begun.join('')).toBe('abd')
    expect(await end('a')).toBe('abd')
    expect(await end('b')).toBe('abdcf')
    expect(await end('d')).toBe('abdcf')
    expect(await end('f')).toBe('abdcf')
    expect(order.after(14, 1)).toBeDefined()
    expect(await end('c')).toBe('abdcfe')
    expect(await end('e')).toBe('abdcfeg')
    expect(await end('g')).toBe('abdcfegh')
    expect(await end('h')).toBe('abdcfegh')
    expect(order.after(0, Infinity)).toBeUndefined()
  })

  test('holds the next one back behind those before one that is given up', async () => {
    const { order, begun, run, end } = scene()
    void run('a', 0, 10)
    expect(() => order.run(0, 10, () => {
      throw new Error('no')
    })).toThrow('no')
    order.run(0, 5, (leave) => leave())
    void run('b', 0, 10)
    await new Promise(setImmediate)
    expect(begun).toEqual(['a'])
    expect(await end('a')).toBe('ab')
    await end('b')
    expect(order.after(0, Infinity)).toBeUndefined()
  })

  test('goes on after what throws or rejects', async () => {
    const { order, begun, run } = scene()
    expect(() => order.run(0, 5, () => {
      throw new Error('no')
    })).toThrow('no')
    const rejected = order.run(0, 5, async (leave) => {
      leave()
      throw new Error('never')
    })
    void run('a', 0, 5)
    await expect(rejected).rejects.toThrow('never')
    expect(begun).toEqual(['a'])
  })

  test('is as a model says that looks at every pair', async () => {
    const random = randomFrom(3)
    const order = new WriteOrder()
    const all = []
    const promises = Array.from({ length: 1000 }, (_, i) => {
      const [start, length] = [random(300), 1 + random(40)]
      const write = { start, end: start + length, isOver: false }
      all.push(write)
      return order.run(start, length, async (leave, turn) => {
        await turn
        const inTheWay = all.slice(0, i).filter((other) => other.start < write.end && write.start < other.end)
        expect(inTheWay.every(({ isOver }) => isOver)).toBe(true)
        for (let turns = random(4); turns > 0; turns--) await new Promise(setImmediate)
        write.isOver = true
        leave()
      })
    })
    await Promise.all(promises)
    expect(order.after(0, Infinity)).toBeUndefined()
  })
})

describe('after() a range', () => {
  /** Writes of ten bytes each, as what ends them. */
  function begin(order, offsets) {
    return offsets.map((offset) => order.run(offset, 10, (leave) => leave))
  }

  /** Whether it has resolved, a turn of the event loop later. */
  const isOver = (promise) => Promise.race([promise.then(() => true), nextTurn(false)])

  test.each([
    ['all of the file', 0, 1000],
    ['a part of it', 5, 40]
  ])('of %s comes when the writes there are over, in whatever order they end, and not those that come later', async (_, offset, length) => {
    const order = new WriteOrder()
    const ends = begin(order, [0, 10, 20, 30])
    const [after, again] = [order.after(offset, length), order.after(offset, length)]
    const later = begin(order, [100, 0])
    for (const number of [2, 0, 3]) {
      ends[number]()
      expect(await isOver(after)).toBe(false)
    }
    ends[1]()
    expect(await isOver(Promise.all([after, again]))).toBe(true)
    const last = order.after(0, 1000)
    later[0]()
    expect(await isOver(last)).toBe(false)
    later[1]()
    expect(await isOver(last)).toBe(true)
    expect(order.after(0, 1000)).toBe(undefined)
  })

  test('waits for each write by itself only where others are left out', () => {
    const all = jest.spyOn(Promise, 'all')
    const order = new WriteOrder()
    begin(order, Array.from({ length: 1000 }, (_, i) => 10 * i))
    for (let i = 0; i < 1000; i++) order.after(0, 10_000)
    expect(all).not.toHaveBeenCalled()
    order.after(0, 9_990)
    expect(all.mock.calls[0][0]).toHaveLength(999)
    all.mockRestore()
  })
})
