'use strict'
// One rule for ranges, whichever call takes them: where they begin and end by default, and what is refused with which
// code. A range that is refused reaches no thread.

const { inspect } = require('node:util')
const { open, Pool } = require('faultless')
const { PAGE, errorOf, expectContent, makeFile, temporaryFolder } = require('./helpers')

const SIZE = 3 * PAGE + 123
const folder = temporaryFolder()

let pool
let file
beforeAll(async () => {
  pool = new Pool({ maxThreads: 1 })
  file = await open(makeFile(folder, 'data', SIZE), { pool })
})
afterAll(async () => {
  await file.close()
  await pool.close()
})

// Calls that take an offset and a length.
const calls = {
  touch: (offset, length) => file.touch(offset, length),
  'touch with a list': (offset, length) => file.touch([[0, 1], [offset, length]]),
  view: (offset, length) => file.view(offset, length),
  tryView: (offset, length) => file.tryView(offset, length),
  read: (offset, length) => file.read(offset, length),
  readv: (offset, length) => file.readv([[0, 1], [offset, length]]),
  residency: (offset, length) => file.residency(offset, length),
  advise: (offset, length) => file.advise('normal', offset, length),
  evict: (offset, length) => file.evict(offset, length)
}
const NAMES = Object.keys(calls)

const OUT_OF_RANGE = [NaN, -1, -0.5, 0.5, SIZE + 1, 2 ** 32, 2 ** 53, Infinity, -Infinity]
const WRONG_TYPE = ['1', '', 1n, null, {}, [], true, Symbol('offset')] // a function is a callback

/** Expects a refusal that names the argument and shows the value, and that no thread heard of it. */
async function expectRefusal(act, code, name, value) {
  const { completed, failed } = pool.stats
  const error = await errorOf(act)
  expect(error.code).toBe(code)
  expect(error.name).toBe(code === 'ERR_OUT_OF_RANGE' ? 'RangeError' : 'TypeError')
  expect(error.message).toContain(`"${name}"`)
  expect(error.message).toContain(`Received ${code === 'ERR_OUT_OF_RANGE' ? inspect(value) : described(value)}`)
  expect(pool.stats).toMatchObject({ completed, failed, inFlight: 0 })
}

/** As Node's own errors do. */
function described(value) {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'object') return `an instance of ${value.constructor.name}`
  return `type ${typeof value} (${inspect(value)})`
}

describe.each(NAMES)('%s', (name) => {
  const call = calls[name]

  test('refuses an offset that is out of range', async () => {
    for (const value of OUT_OF_RANGE) {
      await expectRefusal(() => call(value), 'ERR_OUT_OF_RANGE', 'offset', value)
      await expectRefusal(() => call(value, 0), 'ERR_OUT_OF_RANGE', 'offset', value)
    }
  })

  test('refuses a length that is out of range', async () => {
    for (const value of OUT_OF_RANGE) {
      await expectRefusal(() => call(0, value), 'ERR_OUT_OF_RANGE', 'length', value)
      await expectRefusal(() => call(undefined, value), 'ERR_OUT_OF_RANGE', 'length', value)
    }
  })

  test('refuses a length that ends past the last byte, by one and by more', async () => {
    for (const [offset, length] of [[1, SIZE], [SIZE, 1], [SIZE - 1, 2], [PAGE, SIZE], [SIZE, SIZE]]) {
      await expectRefusal(() => call(offset, length), 'ERR_OUT_OF_RANGE', 'length', length)
    }
  })

  test('refuses what is no number', async () => {
    for (const value of WRONG_TYPE) {
      // An array in the first place is a list of ranges.
      const isList = Array.isArray(value) && name === 'touch'
      if (!isList) await expectRefusal(() => call(value), 'ERR_INVALID_ARG_TYPE', 'offset', value)
      await expectRefusal(() => call(0, value), 'ERR_INVALID_ARG_TYPE', 'length', value)
    }
  })

  test('takes every range that lies within', async () => {
    const good = [
      [], [undefined, undefined], [0], [0, undefined], [undefined, 5], [0, 0], [0, 1], [0, SIZE], [1, SIZE - 1], [777],
      [PAGE - 1, 2], [SIZE - 1], [SIZE - 1, 1], [SIZE], [SIZE, 0], [-0, 1], [5, -0]
    ]
    await file.touch()
    for (const [offset, length] of good) await call(offset, length)
  })
})

describe('offset defaults to 0, and length to the end:', () => {
  const ranges = [
    [[], 0, SIZE], [[undefined, 10], 0, 10], [[10], 10, SIZE - 10], [[PAGE + 7], PAGE + 7, SIZE - PAGE - 7],
    [[SIZE - 1], SIZE - 1, 1], [[SIZE], SIZE, 0], [[7, 0], 7, 0], [[1, PAGE], 1, PAGE], [[PAGE - 1, 2], PAGE - 1, 2]
  ]

  test('view', async () => {
    for (const [args, offset, length] of ranges) {
      const view = await file.view(...args)
      expect([view.byteOffset, view.byteLength]).toEqual([offset, length])
      expectContent(view, offset, length)
    }
  })

  test('tryView', async () => {
    await file.touch()
    for (const [args, offset, length] of ranges) expectContent(file.tryView(...args), offset, length)
  })

  test('read', async () => {
    for (const [args, offset, length] of ranges) expectContent(await file.read(...args), offset, length)
  })

  test('readv', async () => {
    const copies = await file.readv(ranges.map(([args]) => args))
    for (const [i, [, offset, length]] of ranges.entries()) expectContent(copies[i], offset, length)
  })

  test('touch', async () => {
    for (const [args, , length] of ranges) {
      const { touchedBytes } = file.stats
      await file.touch(...args)
      expect(file.stats.touchedBytes - touchedBytes).toBe(length)
    }
  })

  test('residency', async () => {
    for (const [args, offset, length] of ranges) {
      const pages = length === 0 ? 0 : Math.ceil((offset + length) / file.pageSize) - Math.floor(offset / file.pageSize)
      const { pages: counted, bitmap } = await file.residency(...args)
      expect([counted, bitmap.length]).toEqual([pages, pages])
    }
  })
})

describe('slice', () => {
  test('cuts from start, by default 0, up to end, by default the end', async () => {
    const cuts = [
      [[], 0, SIZE], [[10], 10, SIZE], [[undefined, 10], 0, 10], [[10, 20], 10, 20], [[0, 0], 0, 0], [[7, 7], 7, 7],
      [[SIZE], SIZE, SIZE], [[SIZE - 1, SIZE], SIZE - 1, SIZE], [[PAGE - 1, PAGE + 1], PAGE - 1, PAGE + 1]
    ]
    for (const [args, start, end] of cuts) {
      const cut = await file.slice(...args)
      expect(Object.prototype.toString.call(cut)).toBe('[object ArrayBuffer]')
      expectContent(cut, start, end - start)
    }
  })

  test('refuses ends that are out of range', async () => {
    for (const value of OUT_OF_RANGE) {
      await expectRefusal(() => file.slice(value), 'ERR_OUT_OF_RANGE', 'start', value)
      await expectRefusal(() => file.slice(0, value), 'ERR_OUT_OF_RANGE', 'end', value)
    }
  })

  test('refuses an end before the start', async () => {
    await expectRefusal(() => file.slice(5, 4), 'ERR_OUT_OF_RANGE', 'end', 4)
    await expectRefusal(() => file.slice(SIZE, 0), 'ERR_OUT_OF_RANGE', 'end', 0)
  })

  test('refuses what is no number', async () => {
    for (const value of WRONG_TYPE) {
      await expectRefusal(() => file.slice(value), 'ERR_INVALID_ARG_TYPE', 'start', value)
      await expectRefusal(() => file.slice(0, value), 'ERR_INVALID_ARG_TYPE', 'end', value)
    }
  })
})

describe('a list of ranges', () => {
  test('may be empty, and hold empty ranges', async () => {
    await file.touch([])
    await file.touch([[0, 0], [SIZE, 0]])
    expect(await file.readv([])).toEqual([])
    const copies = await file.readv([[5, 0], [5, 1], [SIZE, 0]])
    expect(copies.map((copy) => copy.length)).toEqual([0, 1, 0])
  })

  test('is an array for readv', async () => {
    for (const value of [undefined, null, 5, 'ranges', {}, new Map()]) {
      const error = await errorOf(() => file.readv(value))
      expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
      expect(error.message).toContain('"ranges"')
    }
  })

  test('holds arrays: what is none is named by its place', async () => {
    for (const act of [(list) => file.touch(list), (list) => file.readv(list)]) {
      for (const value of [5, '01', null, { offset: 0, length: 1 }]) {
        await expectRefusal(() => act([[0, 1], value]), 'ERR_INVALID_ARG_TYPE', 'ranges[1]', value)
      }
    }
  })

  test('holds no holes: one is refused as undefined is, and nothing is left in flight', async () => {
    const holes = [[0, 1], undefined, [0, 1]]
    delete holes[1]
    for (const act of [(list) => file.touch(list), (list) => file.readv(list)]) {
      await expectRefusal(() => act(holes), 'ERR_INVALID_ARG_TYPE', 'ranges[1]', undefined)
    }
  })

  test('is refused as a whole when one range is wrong', async () => {
    const { touches, reads } = file.stats
    await expectRefusal(() => file.touch([[0, 1], [0, 1], [0, SIZE + 1]]), 'ERR_OUT_OF_RANGE', 'length', SIZE + 1)
    await expectRefusal(() => file.readv([[0, 1], [SIZE + 1, 0]]), 'ERR_OUT_OF_RANGE', 'offset', SIZE + 1)
    expect(file.stats).toMatchObject({ touches, reads })
  })
})

describe('options of touch', () => {
  test.each([
    ['options', null], ['options', 5], ['options', 'x'], ['options', true],
    ['options.signal', { signal: 5 }], ['options.signal', { signal: null }], ['options.signal', { signal: {} }],
    ['options.signal', { signal: { aborted: false } }],
    ['options.onProgress', { onProgress: 5 }], ['options.onProgress', { onProgress: null }]
  ])('%s of the wrong type are refused: %p', async (name, options) => {
    for (const act of [() => file.touch(0, 1, options), () => file.touch([[0, 1]], options)]) {
      const error = await errorOf(act)
      expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
      expect(error.message).toContain(`"${name}"`)
    }
  })
})

describe('advise', () => {
  test('refuses an advice that does not exist, and names it and those that do', async () => {
    for (const value of ['WILLNEED', '', 'free', 'normal ']) {
      const error = await errorOf(() => file.advise(value))
      expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' })
      expect(error.message).toContain(`Received ${inspect(value)}`)
      expect(error.message).toContain("'willneed'")
    }
  })

  test('refuses an advice that is no string', async () => {
    for (const value of [undefined, null, 5, {}, true, 1n]) {
      const error = await errorOf(() => file.advise(value))
      expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
      expect(error.message).toContain('"advice"')
    }
  })
})

describe('a callback', () => {
  /** What the callback is called with; it must come later than the call, which returns nothing. */
  function outcome(method, ...args) {
    return new Promise((resolve, reject) => {
      let returned = false
      const result = file[method](...args, (...given) => {
        if (returned) resolve(given)
        else reject(new Error('called back before the call returned'))
      })
      returned = true
      if (result !== undefined) reject(new Error('a call with a callback returned something'))
    })
  }

  test.each([
    ['read', [-1, 5], 'ERR_OUT_OF_RANGE'],
    ['read', [0, SIZE + 1], 'ERR_OUT_OF_RANGE'],
    ['read', [0, '5'], 'ERR_INVALID_ARG_TYPE'],
    ['touch', [NaN], 'ERR_OUT_OF_RANGE'],
    ['touch', [0, 1n], 'ERR_INVALID_ARG_TYPE'],
    ['touch', [[[0, 1], [0, 0.5]]], 'ERR_OUT_OF_RANGE'],
    ['touch', [[5]], 'ERR_INVALID_ARG_TYPE'],
    ['touch', [0, 1, { onProgress: 5 }], 'ERR_INVALID_ARG_TYPE']
  ])('of %s%p gets the error: %s', async (method, args, code) => {
    const [error, ...rest] = await outcome(method, ...args)
    expect(error.code).toBe(code)
    expect(rest).toEqual([])
  })

  test('gets an error also where what was thrown is nothing', async () => {
    const onProgress = () => {
      throw undefined // eslint-disable-line no-throw-literal
    }
    const [error] = await outcome('touch', 0, SIZE, { onProgress })
    expect(error).toMatchObject({ code: 'ERR_FALSY_VALUE_REJECTION', reason: undefined })
  })
})
