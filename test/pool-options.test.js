'use strict'
// Options of a pool: defaults, what is refused and how the error names it, and where the default pool takes its own from.

const { open, Pool } = require('..')
const { PAGE, childResult, errorOf, makeFile, runChild, temporaryFolder } = require('./helpers')

const DEFAULTS = {
  minThreads: 1,
  maxThreads: 4,
  idleTimeout: 10_000,
  maxQueue: Infinity,
  spin: 20,
  sliceSize: 8 << 20,
  resourceLimits: {}
}
const LIMITS = ['idleTimeout', 'maxQueue'] // Infinity means that there is none
const NUMBERS = ['minThreads', 'maxThreads', 'idleTimeout', 'maxQueue', 'spin', 'sliceSize']
const LEAST = { minThreads: 0, maxThreads: 1, idleTimeout: 0, maxQueue: 1, spin: 0, sliceSize: PAGE }
const MOST = { maxThreads: 128, spin: 1_000_000 }

describe('the options of a pool', () => {
  test('are complete when none is given', () => {
    expect(new Pool().options).toEqual(DEFAULTS)
    expect(new Pool({}).options).toEqual(DEFAULTS)
    expect(new Pool(undefined).options).toEqual(DEFAULTS)
  })

  test('are those that are given', () => {
    const given = {
      minThreads: 2,
      maxThreads: 3,
      idleTimeout: 5,
      maxQueue: 7,
      spin: 0,
      sliceSize: 1 << 20,
      resourceLimits: { maxOldGenerationSizeMb: 64 }
    }
    expect(new Pool(given).options).toEqual(given)
  })

  test('left undefined have their defaults', () => {
    const nothing = Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, undefined]))
    expect(new Pool(nothing).options).toEqual(DEFAULTS)
  })

  test('cannot be changed through what pool.options gives', () => {
    const pool = new Pool()
    pool.options.maxThreads = 99
    expect(pool.options.maxThreads).toBe(4)
  })

  test('do not follow the object that they came in', () => {
    const given = { maxThreads: 2, resourceLimits: { stackSizeMb: 4 } }
    const pool = new Pool(given)
    given.maxThreads = 99
    given.resourceLimits.stackSizeMb = 99
    expect(pool.options).toMatchObject({ maxThreads: 2, resourceLimits: { stackSizeMb: 4 } })
  })

  test('raise maxThreads to minThreads where only that is given', () => {
    expect(new Pool({ minThreads: 6 }).options).toMatchObject({ minThreads: 6, maxThreads: 6 })
    expect(new Pool({ minThreads: 2 }).options).toMatchObject({ minThreads: 2, maxThreads: 4 })
  })

  test('keep one thread where only maxThreads is given', () => {
    expect(new Pool({ maxThreads: 1 }).options).toMatchObject({ minThreads: 1, maxThreads: 1 })
    expect(new Pool({ maxThreads: 9 }).options).toMatchObject({ minThreads: 1, maxThreads: 9 })
  })

  test.each(NUMBERS)('accept the least %s', (name) => {
    const { options } = new Pool({ minThreads: 0, [name]: LEAST[name] })
    expect(options[name]).toBe(LEAST[name])
  })

  test.each(Object.entries(MOST))('accept %s up to %d', (name, most) => {
    expect(new Pool({ [name]: most }).options[name]).toBe(most)
  })

  test.each(LIMITS)('accept Infinity as %s', (name) => {
    expect(new Pool({ [name]: Infinity }).options[name]).toBe(Infinity)
  })
})

describe('a pool refuses', () => {
  const WRONG_TYPES = [['a string', '4', "'4'"], ['a boolean', true, 'true'], ['an object', {}, 'Object'],
    ['a BigInt', 4n, '4n'], ['a function', Math.max, 'max']]
  for (const name of NUMBERS) {
    test.each(WRONG_TYPES)(`%s as ${name}`, async (_, value, shown) => {
      const error = await errorOf(() => new Pool({ [name]: value }))
      expect(error).toBeInstanceOf(TypeError)
      expect(error.code).toBe('ERR_INVALID_ARG_TYPE')
      expect(error.message).toContain(`options.${name}`)
      expect(error.message).toContain(shown)
    })
  }

  const OUT_OF_RANGE = NUMBERS.flatMap((name) => [
    [name, NaN], [name, -1], [name, 1.5], [name, -Infinity], [name, LEAST[name] - 1], [name, 2 ** 53],
    ...(LIMITS.includes(name) ? [] : [[name, Infinity]]),
    ...(name in MOST ? [[name, MOST[name] + 1]] : [])
  ])
  test.each(OUT_OF_RANGE)('%s: %p', async (name, value) => {
    const error = await errorOf(() => new Pool({ [name]: value }))
    expect(error).toBeInstanceOf(RangeError)
    expect(error.code).toBe('ERR_OUT_OF_RANGE')
    expect(error.message).toContain(`options.${name}`)
    expect(error.message).toContain(`Received ${value}`)
  })

  test('a minThreads above maxThreads', async () => {
    const error = await errorOf(() => new Pool({ minThreads: 5, maxThreads: 3 }))
    expect(error.code).toBe('ERR_OUT_OF_RANGE')
    expect(error.message).toContain('options.minThreads')
    expect(error.message).toContain('<= 3')
    expect(error.message).toContain('Received 5')
  })

  test.each([['a number', 5, '5'], ['an array', [1], 'Array'], ['a string', 'x', "'x'"]])(
    '%s as resourceLimits', async (_, value, shown) => {
      const error = await errorOf(() => new Pool({ resourceLimits: value }))
      expect(error.code).toBe('ERR_INVALID_ARG_TYPE')
      expect(error.message).toContain('options.resourceLimits')
      expect(error.message).toContain(shown)
    })

  test.each([
    ['maxOldGenerationSizeMb', '64', 'ERR_INVALID_ARG_TYPE'], ['maxYoungGenerationSizeMb', null, 'ERR_INVALID_ARG_TYPE'],
    ['maxOldGenerationSizeMb', -5, 'ERR_OUT_OF_RANGE'], ['codeRangeSizeMb', 0, 'ERR_OUT_OF_RANGE'],
    ['stackSizeMb', NaN, 'ERR_OUT_OF_RANGE'], ['stackSizeMb', Infinity, 'ERR_OUT_OF_RANGE'],
    ['stackSizeMb', 0.24, 'ERR_OUT_OF_RANGE'], ['maxOldGenerationSizeMb', 2.9, 'ERR_OUT_OF_RANGE'] // they would end the process
  ])('%s: %p in resourceLimits', async (name, value, code) => {
    const error = await errorOf(() => new Pool({ resourceLimits: { [name]: value } }))
    expect(error.code).toBe(code)
    expect(error.message).toContain(`options.resourceLimits.${name}`)
    expect(error.message).toContain(String(value))
  })

  test.each([['null', null, 'null'], ['a number', 5, '5'], ['an array', [], 'Array'], ['a string', 'r', "'r'"]])(
    '%s in place of options', async (_, value, shown) => {
      const error = await errorOf(() => new Pool(value))
      expect(error.code).toBe('ERR_INVALID_ARG_TYPE')
      expect(error.message).toContain('"options"')
      expect(error.message).toContain(shown)
    })
})

test.each(NUMBERS)('%s: null is no number', async (name) => {
  expect(await errorOf(() => new Pool({ [name]: null }))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE', message: expect.stringContaining(name) })
})

// The default pool comes to be once in a process, so each of these has a process of its own.
describe('configure()', () => {
  const run = (scenario, env) => childResult('default-pool.js', [scenario], { env })

  test('before the first use decides what the default pool is', async () => {
    expect(await run('before')).toMatchObject({ minThreads: 2, maxThreads: 3, spin: 0 })
  })

  test('may be called again before the first use: the last call counts', async () => {
    expect(await run('twice')).toMatchObject({ minThreads: 1, maxThreads: 7, spin: 20 })
  })

  test('is refused with ERR_POOL_IN_USE after the first request', async () => {
    expect(await run('after')).toMatchObject({ code: 'ERR_POOL_IN_USE', maxThreads: 4 })
  })

  test('is refused with ERR_POOL_IN_USE after map()', async () => {
    expect(await run('afterMap')).toMatchObject({ code: 'ERR_POOL_IN_USE' })
  })

  test('is refused with ERR_POOL_IN_USE after map() that failed', async () => {
    expect(await run('afterMapInVain')).toMatchObject({ code: 'ERR_POOL_IN_USE' })
  })

  test('is refused with ERR_POOL_IN_USE after open()', async () => {
    expect(await run('afterOpen')).toMatchObject({ code: 'ERR_POOL_IN_USE' })
  })

  test('is accepted after files were opened that have pools of their own', async () => {
    expect(await run('afterOthers')).toMatchObject({ maxThreads: 3 })
  })

  test('does not follow the object that it was given, but the environment', async () => {
    expect(await run('changedSince')).toMatchObject({ minThreads: 2, maxThreads: 3, resourceLimits: { stackSizeMb: 4 } })
  })

  test('refuses what a Pool refuses, at once, and leaves what was configured', async () => {
    expect(await run('invalid')).toMatchObject({
      code: 'ERR_OUT_OF_RANGE', message: expect.stringContaining('Received -1'), maxThreads: 3
    })
  })
})

test('files that nobody asks anything of have no pool made; the first that somebody does makes one for all', async () => {
  const bytes = [["'", 0], ['u', 0]]
  expect(await childResult('default-pool.js', ['loads'])).toEqual({ bytes, before: 0, after: 1 })
})

describe('the environment', () => {
  const run = (scenario, env) => childResult('default-pool.js', [scenario], { env })

  test('gives the default pool its minThreads and maxThreads', async () => {
    const env = { FAULTLESS_MIN_THREADS: '3', FAULTLESS_MAX_THREADS: '5' }
    expect(await run('untouched', env)).toMatchObject({ minThreads: 3, maxThreads: 5, spin: 20 })
  })

  test('raises maxThreads to minThreads where only FAULTLESS_MIN_THREADS is set', async () => {
    const env = { FAULTLESS_MIN_THREADS: '6' }
    expect(await run('untouched', env)).toMatchObject({ minThreads: 6, maxThreads: 6 })
  })

  test('is overruled by configure()', async () => {
    const env = { FAULTLESS_MIN_THREADS: '1', FAULTLESS_MAX_THREADS: '9' }
    expect(await run('before', env)).toMatchObject({ minThreads: 2, maxThreads: 3 })
  })

  test('stands in for what configure() does not name', async () => {
    expect(await run('twice', { FAULTLESS_MIN_THREADS: '2' })).toMatchObject({ minThreads: 2, maxThreads: 7 })
  })

  test('says nothing when it is empty', async () => {
    const env = { FAULTLESS_MIN_THREADS: '', FAULTLESS_MAX_THREADS: '' }
    expect(await run('untouched', env)).toMatchObject({ minThreads: 1, maxThreads: 4 })
  })

  test('is heard when the first file is opened, and no more when the pool is made', async () => {
    const { minThreads, maxThreads } = await run('untouched')
    expect(await run('variablesSince')).toMatchObject({ minThreads, maxThreads })
  })

  test('is not heard by pools of one\'s own', async () => {
    const env = { FAULTLESS_MIN_THREADS: 'nonsense', FAULTLESS_MAX_THREADS: '77' }
    expect(await run('ownPool', env)).toMatchObject({ minThreads: 1, maxThreads: 4 })
  })

  for (const name of ['FAULTLESS_MIN_THREADS', 'FAULTLESS_MAX_THREADS']) {
    test.each(['nonsense', '-1', '1.5', ' 2', '2 ', '1e1', '0x2', 'NaN', 'Infinity'])(
      `with ${name}='%s' makes open() and configure() fail, and names both`, async (value) => {
        const expected = { code: 'ERR_INVALID_ARG_VALUE', message: expect.stringMatching(name) }
        const { opening, mapping, configuring } = await run('errors', { [name]: value })
        for (const error of [opening, mapping, configuring]) {
          expect(error).toMatchObject(expected)
          expect(error.message).toContain(`'${value}'`)
        }
      })
  }

  test.each([
    [{ FAULTLESS_MAX_THREADS: '0' }, /FAULTLESS_MAX_THREADS/, '0'],
    [{ FAULTLESS_MAX_THREADS: '129' }, /FAULTLESS_MAX_THREADS/, '129'],
    [{ FAULTLESS_MIN_THREADS: '129' }, /FAULTLESS_MIN_THREADS/, '129'],
    [{ FAULTLESS_MIN_THREADS: '5', FAULTLESS_MAX_THREADS: '2' }, /FAULTLESS_MIN_THREADS/, '5'],
    [{ FAULTLESS_MAX_THREADS: '9'.repeat(30) }, /FAULTLESS_MAX_THREADS/, '1e+30']
  ])('%p is out of range', async (env, name, shown) => {
    const { opening, mapping, configuring } = await run('errors', env)
    for (const error of [opening, mapping, configuring]) {
      expect(error.code).toBe('ERR_OUT_OF_RANGE')
      expect(error.message).toMatch(name)
      expect(error.message).toContain(`Received ${shown}`)
    }
  })

  test('of nonsense does not keep a program from loading the package', async () => {
    const { code, stderr } = await runChild('default-pool.js', ['load'], { env: { FAULTLESS_MAX_THREADS: 'nonsense' } })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })
})

describe('an option that is in force', () => {
  const folder = temporaryFolder()

  test('sliceSize cuts a touch into as many slices', async () => {
    const path = makeFile(folder, 'sliced', 1 << 20)
    const pool = new Pool({ sliceSize: 64 << 10 })
    const file = await open(path, { pool })
    await file.touch()
    expect(pool.stats.slices).toBe(16)
    await file.close()
    await pool.close()
  })
})
