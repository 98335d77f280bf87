'use strict'
// map(), the call of node-mmap: the old snippet runs, every combination of protection and flags means what mmap(2)
// says, and what is wrong is refused at once.

const fs = require('node:fs')
const { types } = require('node:util')
const { map, MappedFile, MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE } = require('faultless')
const {
  PAGE, childResult, contentAt, errnoOf, errorOf, expectContent, isWindows, lookUntil, makeFile, mapLines, openFiles,
  temporaryFolder
} = require('./helpers')

const SIZE = 3 * PAGE + 123
const folder = temporaryFolder()
const data = makeFile(folder, 'data', SIZE)

const undo = []
afterEach(async () => {
  for (const act of undo.splice(0)) await act()
})

/** map(), and closed after the test. */
function mapHere(...args) {
  const file = map(...args)
  undo.push(() => file.close())
  return file
}

/** A descriptor, closed after the test. */
function descriptor(file, mode) {
  const fd = fs.openSync(file, mode)
  undo.push(() => fs.closeSync(fd))
  return fd
}

test('the snippet of node-mmap runs as it stands and ends by itself', async () => {
  const { size, hex } = await childResult('node-mmap.js', [data, PAGE - 10, 20])
  expect(size).toBe(SIZE)
  expect(hex).toBe(contentAt(PAGE - 10, 20).toString('hex'))
})

test('the constants are those of mmap(2)', () => {
  expect({ PROT_READ, PROT_WRITE, MAP_SHARED, MAP_PRIVATE })
    .toEqual({ PROT_READ: 1, PROT_WRITE: 2, MAP_SHARED: 1, MAP_PRIVATE: 2 })
})

describe('map()', () => {
  test('answers at once with a MappedFile that has no path', async () => {
    const file = mapHere(SIZE, PROT_READ, MAP_SHARED, descriptor(data, 'r'), 0)
    expect(file).toBeInstanceOf(MappedFile)
    expect(file).toMatchObject({ byteLength: SIZE, path: undefined, flags: 'r', closed: false })
    expect(types.isSharedArrayBuffer(file.buffer)).toBe(true)
    expectContent(await file.view(), 0, SIZE)
    expectContent(await file.read(5, PAGE), 5, PAGE)
  })

  test('maps from the start of the file when no offset is given', async () => {
    const file = mapHere(10, PROT_READ, MAP_SHARED, descriptor(data, 'r'))
    expectContent(await file.read(), 0, 10)
  })

  test.each([[0, 0], [1, 1], [777, PAGE], [PAGE, PAGE], [PAGE - 1, 2], [SIZE - 1, 1], [SIZE, 0]])(
    'maps offset %d, size %d, aligned or not', async (offset, size) => {
      const file = mapHere(size, PROT_READ, MAP_SHARED, descriptor(data, 'r'), offset)
      expect(file.byteLength).toBe(size)
      expectContent(await file.view(), offset, size)
    })

  test('keeps a descriptor of its own: the caller’s may be closed right after the call', async () => {
    const mine = makeFile(folder, 'mine', SIZE)
    const fd = fs.openSync(mine, 'r')
    const file = mapHere(SIZE, PROT_READ, MAP_SHARED, fd, 0)
    fs.closeSync(fd)
    expect(openFiles(mine)).toEqual([mine])
    expectContent(await file.view(), 0, SIZE)
    await file.close()
    expect(openFiles(mine)).toEqual([])
  })

  test('leaves the caller’s descriptor open when the mapping is closed, and its position where it was', async () => {
    const fd = descriptor(data, 'r')
    fs.readSync(fd, Buffer.alloc(7))
    const file = map(SIZE, PROT_READ, MAP_SHARED, fd, 0)
    await file.read()
    await file.close()
    const next = Buffer.alloc(7)
    fs.readSync(fd, next)
    expectContent(next, 7, 7)
  })

  describe.each([
    ['PROT_READ', PROT_READ], ['PROT_WRITE', PROT_WRITE], ['PROT_READ | PROT_WRITE', PROT_READ | PROT_WRITE]
  ])('with %s', (_, prot) => {
    const isWritable = (prot & PROT_WRITE) !== 0

    test.each(['r', 'r+'])('and MAP_PRIVATE, a store never reaches the file (opened %s)', async (mode) => {
      const file = mapHere(SIZE, prot, MAP_PRIVATE, descriptor(data, mode), 0)
      expect(file).toMatchObject({ flags: 'r', stats: { copyOnWrite: true } })
      const view = await file.view()
      view.fill(0xaa)
      expect(view[SIZE - 1]).toBe(0xaa)
      await file.close()
      expectContent(fs.readFileSync(data), 0, SIZE)
    })

    if (isWritable) {
      test('and MAP_SHARED, a store into the memory reaches the file', async () => {
        const target = makeFile(folder, 'target', SIZE)
        const file = mapHere(SIZE, prot, MAP_SHARED, descriptor(target, 'r+'), 0)
        expect(file).toMatchObject({ flags: 'r+', stats: { copyOnWrite: false } })
        const view = await file.view(PAGE - 1, 2)
        view.fill(0xaa)
        const now = fs.readFileSync(target)
        expect([...now.subarray(PAGE - 1, PAGE + 1)]).toEqual([0xaa, 0xaa])
        expectContent(now.subarray(0, PAGE - 1), 0, PAGE - 1)
        expectContent(now.subarray(PAGE + 1), PAGE + 1, SIZE - PAGE - 1)
      })

      test('and MAP_SHARED, a descriptor that is read-only is refused: EACCES', async () => {
        const error = await errorOf(() => map(SIZE, prot, MAP_SHARED, descriptor(data, 'r'), 0))
        expect(error).toMatchObject({ code: 'EACCES', errno: errnoOf('EACCES'), syscall: 'mmap' })
      })
    } else {
      test.each(['r', 'r+'])('and MAP_SHARED, a store never reaches the file (opened %s)', async (mode) => {
        const file = mapHere(SIZE, prot, MAP_SHARED, descriptor(data, mode), 0)
        const view = await file.view()
        view.fill(0xaa)
        await file.close()
        expectContent(fs.readFileSync(data), 0, SIZE)
      })

      test('and MAP_SHARED, what others write to the file shows in the memory', async () => {
        const target = makeFile(folder, 'target', SIZE)
        const fd = descriptor(target, 'r+')
        const file = mapHere(SIZE, prot, MAP_SHARED, fd, 0)
        const view = await file.view()
        fs.writeSync(fd, 'news', PAGE - 2)
        expect(view.toString('latin1', PAGE - 2, PAGE + 2)).toBe('news')
      })
    }

    test.each([['MAP_SHARED', MAP_SHARED], ['MAP_PRIVATE', MAP_PRIVATE]])(
      'and %s, a descriptor that is write-only is refused: EACCES', async (__, flags) => {
        const error = await errorOf(() => map(SIZE, prot, flags, descriptor(data, 'a'), 0))
        expect(error).toMatchObject({ code: 'EACCES', errno: errnoOf('EACCES'), syscall: 'mmap' })
      })
  })
})

test.each([0, 4, 7, 2 ** 32, 2 ** 32 + PROT_READ])('prot %d is refused', async (prot) => {
  const error = await errorOf(() => map(SIZE, prot, MAP_PRIVATE, descriptor(data, 'r'), 0))
  expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
  expect(error.message).toContain('\'prot\'')
})

describe('a mapping that reaches past the end of the file', () => {
  const PAST = 2 * PAGE
  const truncated = { name: 'Error', code: 'ERR_MAP_TRUNCATED' }

  test('serves what the file has and rejects the rest, to the byte', async () => {
    const file = mapHere(SIZE + PAST, PROT_READ, MAP_SHARED, descriptor(data, 'r'), 0)
    expect(file.byteLength).toBe(SIZE + PAST)
    expectContent(await file.view(0, SIZE), 0, SIZE)
    expectContent(await file.read(SIZE - 1, 1), SIZE - 1, 1)
    const past = [[SIZE, 1], [SIZE - 1, 2], [SIZE + PAGE, 1], [SIZE + PAST - 1, 1], [0, SIZE + PAST]]
    for (const [offset, length] of past) {
      const wanted = { ...truncated, offset, length }
      expect(await errorOf(() => file.touch(offset, length))).toMatchObject(wanted)
      expect(await errorOf(() => file.view(offset, length))).toMatchObject(wanted)
      expect(await errorOf(() => file.read(offset, length))).toMatchObject(wanted)
    }
  })

  test('rejects likewise when it starts at an offset that is not aligned', async () => {
    const file = mapHere(PAST, PROT_READ, MAP_SHARED, descriptor(data, 'r'), SIZE - 10)
    expectContent(await file.read(0, 10), SIZE - 10, 10)
    expect(await errorOf(() => file.touch(0, 11))).toMatchObject({ ...truncated, offset: 0, length: 11 })
  })

  test('rejects a list of ranges when one of them is past the end', async () => {
    const file = mapHere(SIZE + PAST, PROT_READ, MAP_SHARED, descriptor(data, 'r'), 0)
    const error = await errorOf(() => file.touch([[0, 10], [SIZE + PAGE, 10], [20, 10]]))
    expect(error).toMatchObject({ ...truncated, offset: SIZE + PAGE, length: 10 })
  })

  test('serves what lay past the end once the file has grown', async () => {
    const growing = makeFile(folder, 'growing', PAGE)
    const file = mapHere(3 * PAGE, PROT_READ, MAP_SHARED, descriptor(growing, 'r'), 0)
    expect(await errorOf(() => file.touch())).toMatchObject(truncated)
    fs.appendFileSync(growing, contentAt(PAGE, 2 * PAGE))
    expectContent(await file.view(), 0, 3 * PAGE)
  })

  test('may start past the end, and then has nothing to give', async () => {
    const file = mapHere(PAGE, PROT_READ, MAP_SHARED, descriptor(data, 'r'), 10 * PAGE)
    expect(await errorOf(() => file.touch())).toMatchObject(truncated)
    expect(await file.residency()).toMatchObject({ pages: 1, resident: isWindows ? null : 0 }) // which does not tell
  })
})

describe('map() refuses at once, names the value, and leaves nothing behind:', () => {
  const fd = fs.openSync(data, 'r')
  afterAll(() => fs.closeSync(fd))

  const NAMES = ['size', 'prot', 'flags', 'fd', 'offset']
  const good = () => [SIZE, PROT_READ, MAP_SHARED, fd, 0]

  /** The error of map() with one argument replaced. */
  function refusal(name, value) {
    const args = good()
    args[NAMES.indexOf(name)] = value
    try {
      mapHere(...args)
    } catch (error) {
      return error
    }
    throw new Error(`${name} ${String(value)} was taken`)
  }

  test.each(NAMES)('%s of the wrong type: ERR_INVALID_ARG_TYPE', (name) => {
    const wrong = [
      ['1', "type string ('1')"], [1n, 'type bigint (1n)'], [null, 'null'], [{}, 'an instance of Object'],
      [true, 'type boolean (true)'], [[1], 'an instance of Array']
    ]
    if (name !== 'offset') wrong.push([undefined, 'undefined'])
    for (const [value, received] of wrong) {
      const error = refusal(name, value)
      expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
      expect(error.message).toBe(`The "${name}" argument must be of type number. Received ${received}`)
    }
  })

  test.each(NAMES)('%s that is NaN, negative, fractional or too large: ERR_OUT_OF_RANGE', (name) => {
    for (const value of [NaN, -1, 0.5, Infinity, -Infinity, 2 ** 53]) {
      const error = refusal(name, value)
      expect(error).toMatchObject({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' })
      expect(error.message).toContain(`"${name}" is out of range`)
      expect(error.message).toMatch(new RegExp(`Received ${value}$`))
    }
  })

  test.each([['prot', 0], ['prot', 4], ['prot', 5], ['prot', 7], ['flags', 0], ['flags', 3], ['flags', 0x22]])(
    '%s %d: ERR_INVALID_ARG_VALUE', (name, value) => {
      const error = refusal(name, value)
      expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' })
      expect(error.message).toMatch(new RegExp(`'${name}' .*Received ${value}$`))
    })

  test('no arguments at all: ERR_INVALID_ARG_TYPE', () => {
    expect(() => map()).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }))
  })

  test('a descriptor that is not open: EBADF', () => {
    expect(refusal('fd', 1_000_000)).toMatchObject({ code: 'EBADF', errno: errnoOf('EBADF'), syscall: 'fstat' })
    expect(refusal('fd', 2 ** 31 - 1)).toMatchObject({ code: 'EBADF' })
  })

  test('a directory: EISDIR', () => {
    expect(refusal('fd', descriptor(folder, 'r'))).toMatchObject({ code: 'EISDIR', errno: errnoOf('EISDIR'), syscall: 'mmap' })
  })

  test('a device, a file of /proc: ENODEV', () => {
    const files = isWindows ? ['\\\\.\\NUL'] : ['/dev/null', '/dev/zero', '/proc/self/status']
    for (const file of files) {
      expect(refusal('fd', descriptor(file, 'r'))).toMatchObject({ code: 'ENODEV', errno: errnoOf('ENODEV'), syscall: 'mmap' })
    }
  })

  test.each([2 ** 47, 2 ** 50, Number.MAX_SAFE_INTEGER])('more address space than there is (%d): ENOMEM', (size) => {
    expect(refusal('size', size)).toMatchObject({ code: 'ENOMEM', errno: errnoOf('ENOMEM'), syscall: 'mmap' })
  })

  afterEach(async () => {
    expect(mapLines(data)).toEqual([])
    expect(await lookUntil([data], () => openFiles(data))).toEqual([data]) // the tests' own
  })
})
