'use strict'
// Every byte is the file's, whichever call gives it: random ranges of a random file, cut into slices or not, and what
// happens to views and copies when somebody stores into them or the file changes.

const fs = require('node:fs')
const { MappedFile, open, Pool } = require('faultless')
const {
  PAGE, canMapFrom, contentAt, expectContent, makeFile, randomFrom, randomRanges, temporaryFolder, useClosing
} = require('./helpers')

const SIZE = (3 << 20) + 17
const folder = temporaryFolder()
const data = makeFile(folder, 'data', SIZE)

// Small slices, so that one range is many of them, on two threads.
const pool = new Pool({ sliceSize: 16 * PAGE, minThreads: 2, maxThreads: 2 })
afterAll(() => pool.close())

const closeLater = useClosing()
const openHere = async (...args) => closeLater(await open(...args))

// [what, options of open()]: `offset` is where the mapping starts, and 0 where it is not named.
const kinds = [
  ['a whole file', {}],
  ['a whole file, in slices', { pool }],
  ['a file from an offset that is not aligned, in slices', { pool, offset: 12345, length: SIZE - 12345 - 777 }],
  ['a file opened r+', { flags: 'r+', pool }]
].filter(([, { offset = 0 }]) => canMapFrom(offset))

test('slice is a method, of which others may take the function alone, or put another in its place', async () => {
  const file = await openHere(data)
  const { slice } = file
  expectContent(await slice(5, 10), 5, 5)
  const spy = jest.spyOn(MappedFile.prototype, 'slice').mockResolvedValueOnce('mocked')
  expect([await file.slice(1, 2), spy.mock.calls]).toEqual(['mocked', [[1, 2]]])
  spy.mockRestore()
  jest.spyOn(file, 'slice').mockResolvedValueOnce('mocked')
  expect(await file.slice(1, 2)).toBe('mocked')
  jest.restoreAllMocks()
  expectContent(await MappedFile.prototype.slice.call(file, 5, 10), 5, 5)
})

describe.each(kinds)('%s', (_, options) => {
  const start = options.offset ?? 0
  const size = options.length ?? SIZE
  const check = (bytes, offset, length) => expectContent(bytes, start + offset, length)
  const ranges = (seed, count) =>
    [...randomRanges(seed, count / 2, size, size), ...randomRanges(seed + 1000, count / 2, size, 99)]

  test('view gives every byte of any range', async () => {
    const file = await openHere(data, options)
    await file.evict()
    await Promise.all(ranges(1, 100).map(async (range) => check(await file.view(...range), ...range)))
  })

  test('read gives every byte of any range', async () => {
    const file = await openHere(data, options)
    await file.evict()
    await Promise.all(ranges(2, 60).map(async (range) => check(await file.read(...range), ...range)))
  })

  test('slice gives every byte between any two ends', async () => {
    const file = await openHere(data, options)
    await file.evict()
    await Promise.all(ranges(3, 60).map(async ([offset, length]) => {
      check(await file.slice(offset, offset + length), offset, length)
    }))
  })

  test('readv gives every byte of many ranges, in their order', async () => {
    const file = await openHere(data, options)
    await file.evict()
    const list = ranges(4, 60)
    const copies = await file.readv(list)
    expect(copies).toHaveLength(list.length)
    for (const [i, range] of list.entries()) check(copies[i], ...range)
  })

  test('tryView gives every byte of any range that was touched', async () => {
    const file = await openHere(data, options)
    await file.evict()
    for (const range of ranges(5, 60)) {
      await file.touch(...range)
      check(file.tryView(...range), ...range)
    }
  })

  test('touch of a list makes every byte of it readable', async () => {
    const file = await openHere(data, options)
    await file.evict()
    const list = randomRanges(6, 100, size, 3 * PAGE)
    await file.touch(list)
    for (const range of list) {
      check(file.tryView(...range), ...range)
      check(Buffer.from(file.buffer, ...range), ...range)
    }
  })
})

describe('thousands of ranges at once', () => {
  const COUNT = 5000 // far more than a channel has slots

  test('are read in their order', async () => {
    const file = await openHere(data)
    const list = randomRanges(7, COUNT, SIZE, 2 * PAGE)
    const copies = await file.readv(list)
    expect(copies).toHaveLength(COUNT)
    for (const [i, range] of list.entries()) expectContent(copies[i], ...range)
    expect(file.stats).toMatchObject({ reads: COUNT, readBytes: list.reduce((sum, [, length]) => sum + length, 0) })
  })

  test('are made resident, and counted', async () => {
    const file = await openHere(data)
    await file.evict()
    const list = randomRanges(8, COUNT, SIZE, 2 * PAGE)
    await file.touch(list)
    for (const range of list) expectContent(file.tryView(...range), ...range)
    expect(file.stats).toMatchObject({
      touches: COUNT, touchedBytes: list.reduce((sum, [, length]) => sum + length, 0), views: COUNT
    })
  })

  test('in one call, and as many calls beside it, all end', async () => {
    const file = await openHere(data, { pool })
    const list = randomRanges(9, COUNT, SIZE, PAGE)
    const [copies, ...singles] = await Promise.all([file.readv(list), ...list.map((range) => file.read(...range))])
    for (const [i, copy] of copies.entries()) expect(copy.equals(singles[i])).toBe(true)
    expect(pool.stats.inFlight).toBe(0)
  })
})

describe('a view', () => {
  test('is the mapped memory itself, at its offset', async () => {
    const file = await openHere(data)
    for (const view of [await file.view(777, PAGE), file.tryView(777, PAGE)]) {
      expect(Buffer.isBuffer(view)).toBe(true)
      expect(view.buffer).toBe(file.buffer)
      expect([view.byteOffset, view.byteLength]).toEqual([777, PAGE])
    }
  })

  test('shows what others write to the file', async () => {
    const changing = makeFile(folder, 'changing', SIZE)
    const file = await openHere(changing)
    const view = await file.view(PAGE - 5, 10)
    const fd = fs.openSync(changing, 'r+')
    fs.writeSync(fd, '0123456789', PAGE - 5)
    fs.closeSync(fd)
    expect(String(view)).toBe('0123456789')
  })

  test('that is stored into changes neither the file, nor copies of it, nor other mappings', async () => {
    const file = await openHere(data)
    const other = await openHere(data)
    const view = await file.view()
    const [copy, cut] = [await file.read(), await file.slice()]
    const random = randomFrom(10)
    for (let i = 0; i < 1000; i++) view[random(SIZE)] ^= 1 + random(255)
    expect(view.equals(copy)).toBe(false)
    expectContent(copy, 0, SIZE)
    expectContent(cut, 0, SIZE)
    expectContent(await other.read(), 0, SIZE)
    await file.close()
    expectContent(fs.readFileSync(data), 0, SIZE)
  })

  test('that was stored into shows the file again once its range is evicted', async () => {
    const file = await openHere(data)
    const view = await file.view()
    view.fill(0xaa, PAGE - 5, PAGE + 5)
    await file.evict(PAGE - 5, 10)
    expectContent(await file.view(), 0, SIZE)
    expectContent(view, 0, SIZE)
  })
})

describe('a copy', () => {
  test('has memory of its own on the heap', async () => {
    const file = await openHere(data)
    const one = await file.read(777, PAGE)
    const [other] = await file.readv([[777, PAGE]])
    for (const copy of [one, other]) {
      expect(Buffer.isBuffer(copy)).toBe(true)
      expect(Object.prototype.toString.call(copy.buffer)).toBe('[object ArrayBuffer]')
      expect([copy.byteOffset, copy.buffer.byteLength]).toEqual([0, PAGE])
    }
    one.fill(0xaa)
    expectContent(other, 777, PAGE)
    expectContent(await file.view(), 0, SIZE)
  })

  test('stays as it is when the file changes, shrinks, and is closed', async () => {
    const doomed = makeFile(folder, 'doomed', SIZE)
    const file = await openHere(doomed)
    const copy = await file.read()
    const copies = await file.readv([[0, PAGE], [SIZE - PAGE, PAGE]])
    const cut = await file.slice(PAGE)
    const check = () => {
      expectContent(copy, 0, SIZE)
      expectContent(copies[0], 0, PAGE)
      expectContent(copies[1], SIZE - PAGE, PAGE)
      expectContent(cut, PAGE, SIZE - PAGE)
    }
    fs.writeFileSync(doomed, contentAt(0, SIZE, 2), { flag: 'r+' })
    check()
    fs.truncateSync(doomed, 0)
    check()
    await file.close()
    check()
  })
})

describe('where there is no memory', () => {
  const own = [] // pools
  afterEach(() => Promise.all(own.splice(0).map((each) => each.close())))

  async function openAlone(options) {
    own.push(new Pool())
    return openHere(data, { ...options, pool: own[0] })
  }

  const fail = () => {
    throw new RangeError('Array buffer allocation failed') // as V8 does
  }

  async function expectNoMemory(file, act, name) {
    await expect(act).rejects.toMatchObject({ code: 'ENOMEM', syscall: name })
    expect(own[0].stats.inFlight).toBe(0)
  }

  test.each(['read', 'write'])('for any short answer, %s() rejects, leaves nothing in flight, and works later', async (name) => {
    const file = await openAlone({ flags: 'r+' })
    const bytes = contentAt(5, 64)
    const call = () => (name === 'read' ? file.read(5, 64) : file.write(5, bytes))
    const { ArrayBuffer } = globalThis
    globalThis.ArrayBuffer = new Proxy(ArrayBuffer, { construct: fail })
    const act = call()
    globalThis.ArrayBuffer = ArrayBuffer
    await expectNoMemory(file, act, name)
    await call()
    expectContent(await file.read(5, 64), 5, 64)
  })

  test('for this answer, read() rejects, and the others have theirs', async () => {
    const file = await openAlone()
    await file.read(0, 1)
    const sliced = jest.spyOn(ArrayBuffer.prototype, 'slice').mockImplementationOnce(fail)
    const outcomes = await Promise.allSettled([file.read(1, 64), file.read(2, 64)])
    sliced.mockRestore()
    expect(outcomes.map(({ reason }) => reason?.code).sort()).toEqual(['ENOMEM', undefined])
    const which = outcomes.findIndex(({ status }) => status === 'fulfilled')
    expectContent(outcomes[which].value, 1 + which, 64)
    expect(own[0].stats).toMatchObject({ inFlight: 0, completed: 2, failed: 1 })
  })
})

describe('onProgress', () => {
  /** The calls that it got. */
  async function progress(file, ...args) {
    const calls = []
    await file.touch(...args, { onProgress: (...given) => calls.push(given) })
    return calls
  }

  function expectProgress(calls, total) {
    expect(calls.length).toBeGreaterThan(0)
    let last = 0
    for (const [touched, of, ...rest] of calls) {
      expect(of).toBe(total)
      expect(rest).toEqual([])
      expect(touched).toBeGreaterThan(last)
      last = touched
    }
    expect(last).toBe(total)
  }

  test('tells of a long range more than once, never backwards, and ends with the whole', async () => {
    const file = await openHere(data, { pool })
    await file.evict()
    const calls = await progress(file, 777, SIZE - 777)
    expectProgress(calls, SIZE - 777)
    expect(calls.length).toBeGreaterThan(1)
  })

  test('counts the bytes of all ranges of a list', async () => {
    const file = await openHere(data, { pool })
    const list = randomRanges(11, 2000, SIZE, 3 * PAGE)
    expectProgress(await progress(file, list), list.reduce((sum, [, length]) => sum + length, 0))
  })

  test('is told once of a range that is one slice', async () => {
    const file = await openHere(data, { pool })
    expect(await progress(file, 0, PAGE)).toEqual([[PAGE, PAGE]])
  })

  test('is not called for a touch that fails before anything is touched', async () => {
    const file = await openHere(data, { pool })
    await file.close()
    const calls = []
    await expect(file.touch(0, 1, { onProgress: (...given) => calls.push(given) }))
      .rejects.toMatchObject({ code: 'ERR_MAP_CLOSED' })
    expect(calls).toEqual([])
  })

  test('that throws ends the touch with its error', async () => {
    const file = await openHere(data, { pool })
    const mistake = new Error('a mistake of the caller’s')
    let calls = 0
    const onProgress = () => {
      calls++
      throw mistake
    }
    await expect(file.touch(0, SIZE, { onProgress })).rejects.toBe(mistake)
    expect(calls).toBe(1)
  })
})

describe('a callback', () => {
  /** What the callback gets, and what the call returned. */
  const called = (file, method, ...args) => new Promise((resolve) => {
    const returned = file[method](...args, (...given) => resolve({ given, returned }))
  })

  test.each([[[777, PAGE], 777, PAGE], [[PAGE], PAGE, SIZE - PAGE], [[], 0, SIZE]])(
    'of read%j gets null and the bytes', async (args, offset, length) => {
      const file = await openHere(data)
      const { given: [error, bytes, ...rest], returned } = await called(file, 'read', ...args)
      expect([error, returned, rest]).toEqual([null, undefined, []])
      expectContent(bytes, offset, length)
    })

  test.each([
    [[777, PAGE], PAGE], [[PAGE], SIZE - PAGE], [[], SIZE], [[[[0, 5], [10, 5]]], 10], [[0, 10, {}], 10],
    [[[[0, 5]], {}], 5]
  ])('of touch%j gets null once it is touched', async (args, bytes) => {
    const file = await openHere(data)
    const { given, returned } = await called(file, 'touch', ...args)
    expect(given[0]).toBeNull()
    expect(given[1]).toBeUndefined()
    expect(returned).toBeUndefined()
    expect(file.stats.touchedBytes).toBe(bytes)
  })
})
