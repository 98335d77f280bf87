'use strict'
// Files unlike others: longer than 4 GiB and mostly holes, empty, of one byte, of a page and a byte, in memory.

const { constants } = require('node:buffer')
const fs = require('node:fs')
const path = require('node:path')
const { open, map, MAP_SHARED, Pool, PROT_READ } = require('faultless')
const {
  PAGE, contentAt, errorOf, expectContent, isTmpfs, makeFile, openFiles, temporaryFolder, useClosing, writeContent
} = require('./helpers')

const GIB = 2 ** 30
const SHM = '/dev/shm'
const folder = temporaryFolder()

const closeLater = useClosing()
const openHere = async (...args) => closeLater(await open(...args))

/** A file of `size` bytes that holds its content in the `written` ranges, and nothing else. */
function makeSparse(name, size, written) {
  const file = path.join(folder, name)
  const fd = fs.openSync(file, 'w')
  fs.ftruncateSync(fd, size)
  for (const [offset, length] of written) writeContent(fd, offset, length)
  fs.closeSync(fd)
  return file
}

const isZero = (bytes) => bytes.every((byte) => byte === 0)

describe('a sparse file of 6 GiB', () => {
  const SIZE = 6 * GIB + 77
  const BLOCK = 100_001
  const WRITTEN = [[0, BLOCK], [4 * GIB - 50_000, BLOCK], [5 * GIB + 123, BLOCK], [SIZE - BLOCK, BLOCK]]
  let sparse
  beforeAll(() => {
    sparse = makeSparse('sparse', SIZE, WRITTEN)
  })

  test('is mapped whole, with one byte in the buffer for each of its own', async () => {
    const file = await openHere(sparse)
    expect(file.byteLength).toBe(SIZE)
    expect(file.buffer.byteLength).toBe(SIZE)
  })

  test('gives every byte that was written, on either side of 4 GiB and across it', async () => {
    const file = await openHere(sparse)
    for (const range of WRITTEN) {
      const view = await file.view(...range)
      expect([view.buffer, view.byteOffset]).toEqual([file.buffer, range[0]])
      expectContent(view, ...range)
      expectContent(file.tryView(...range), ...range)
      expectContent(await file.read(...range), ...range)
      expectContent(await file.slice(range[0], range[0] + range[1]), ...range)
    }
    const copies = await file.readv(WRITTEN)
    for (const [i, range] of WRITTEN.entries()) expectContent(copies[i], ...range)
  })

  test('gives zeros where nothing was written', async () => {
    const file = await openHere(sparse)
    for (const range of [[GIB, 1 << 20], [4 * GIB + 60_000, 4 * PAGE], [5 * GIB + 123 + BLOCK, PAGE]]) {
      expect(isZero(await file.view(...range))).toBe(true)
      expect(isZero(await file.read(...range))).toBe(true)
    }
    const [offset, length] = WRITTEN[2]
    const view = await file.view(offset - 10, length + 20)
    expect(isZero(view.subarray(0, 10))).toBe(true)
    expectContent(view.subarray(10, -10), offset, length)
    expect(isZero(view.subarray(-10))).toBe(true)
  })

  test('is mapped from an offset past 4 GiB as well', async () => {
    const offset = 5 * GIB + 123
    const file = await openHere(sparse, { offset, length: BLOCK })
    expectContent(await file.view(), offset, BLOCK)
    const fd = fs.openSync(sparse, 'r')
    const mapped = closeLater(map(BLOCK, PROT_READ, MAP_SHARED, fd, offset))
    fs.closeSync(fd)
    expectContent(await mapped.read(), offset, BLOCK)
  })

  test('tells residency for each of its pages, in every slice', async () => {
    const file = await openHere(sparse)
    await file.evict()
    const last = SIZE - 1
    await file.touch([[0, 1], [4 * GIB, PAGE], [last, 1]])
    const { pages, resident, bitmap } = await file.residency()
    expect(pages).toBe(Math.ceil(SIZE / file.pageSize))
    expect(bitmap).toHaveLength(pages)
    for (const offset of [0, 4 * GIB, last]) expect(bitmap[Math.floor(offset / file.pageSize)]).toBe(1)
    expect(bitmap.reduce((sum, byte) => sum + byte, 0)).toBe(resident)
    expect(resident).toBeLessThan(pages / 2)
  })

  test('takes offsets up to its size and none past it', async () => {
    const file = await openHere(sparse)
    expect(await file.read(SIZE)).toHaveLength(0)
    const error = await errorOf(() => file.view(SIZE + 1))
    expect(error).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    expect(error.message).toMatch(new RegExp(`Received ${SIZE + 1}$`))
  })

  const longest = constants.MAX_LENGTH
  const testTooLong = longest < SIZE ? test : test.skip
  const why = longest < SIZE ? '' : ' (skipped: a Buffer of this Node holds more than any file has)'

  testTooLong(`refuses views and copies that are longer than a Buffer can be${why}`, async () => {
    const pool = new Pool()
    const file = await openHere(sparse, { pool })
    for (const act of [
      () => file.view(), () => file.view(0, longest + 1), () => file.tryView(), () => file.read(),
      () => file.readv([[0, 1], [0, longest + 1]]), () => file.slice()
    ]) {
      const error = await errorOf(act)
      expect(error).toMatchObject({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' })
      expect(error.message).toMatch(new RegExp(`"length".*${longest}.*Received (${SIZE}|${longest + 1})$`))
    }
    expect(pool.stats).toMatchObject({ threads: 0, completed: 0, failed: 0 })
  })

  test('can be mapped many times over: address space costs no memory', async () => {
    const files = await Promise.all(Array.from({ length: 50 }, () => openHere(sparse)))
    const [offset, length] = WRITTEN[2]
    const copies = await Promise.all(files.map((file) => file.read(offset, length)))
    for (const copy of copies) expectContent(copy, offset, length)
  })
})

describe('an empty file', () => {
  const empty = path.join(folder, 'empty')
  beforeAll(() => fs.writeFileSync(empty, ''))

  const ways = [
    ['opened', () => open(empty)],
    ['opened r+', () => open(empty, 'r+')],
    ['opened by a descriptor', async () => {
      const fd = fs.openSync(empty, 'r')
      const file = await open(fd)
      fs.closeSync(fd)
      return file
    }],
    ['mapped', () => {
      const fd = fs.openSync(empty, 'r')
      const file = map(0, PROT_READ, MAP_SHARED, fd, 0)
      fs.closeSync(fd)
      return file
    }]
  ]

  test.each(ways)('%s has no bytes, and every call on them succeeds', async (_, makeEmpty) => {
    const file = closeLater(await makeEmpty())
    expect(file.byteLength).toBe(0)
    expect(file.buffer.byteLength).toBe(0)
    expect(file.damaged).toBe(0)
    await file.touch()
    await file.touch(0, 0)
    await file.touch([[0, 0], []])
    expect(await file.view()).toHaveLength(0)
    expect((await file.view()).buffer).toBe(file.buffer)
    expect(file.tryView()).toHaveLength(0)
    expect(await file.read()).toHaveLength(0)
    expect((await file.readv([[0, 0], []])).map((copy) => copy.length)).toEqual([0, 0])
    expect((await file.slice()).byteLength).toBe(0)
    expect(await file.residency()).toEqual({
      pageSize: file.pageSize, pages: 0, resident: 0, bitmap: new Uint8Array(0)
    })
    await file.advise('willneed')
    await file.evict()
  })

  test.each(ways)('%s has no first byte', async (_, makeEmpty) => {
    const file = closeLater(await makeEmpty())
    for (const act of [() => file.touch(0, 1), () => file.view(1), () => file.tryView(0, 1), () => file.read(1, 0)]) {
      expect(await errorOf(act)).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    }
  })

  test.each(ways)('%s is closed like any other', async (_, makeEmpty) => {
    const file = await makeEmpty()
    expect(openFiles(empty)).toEqual([empty])
    let closes = 0
    file.on('close', () => closes++)
    await file.close()
    await file.close()
    expect(closes).toBe(1)
    expect(openFiles(empty)).toEqual([])
    for (const act of [() => file.touch(), () => file.view(), () => file.tryView(), () => file.read()]) {
      expect(await errorOf(act)).toMatchObject({ code: 'ERR_MAP_CLOSED' })
    }
  })
})

describe.each([1, 2, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 2 * PAGE + 1])('a file of %d bytes', (size) => {
  let file
  beforeEach(async () => {
    file = await openHere(makeFile(folder, `of ${size}`, size))
  })

  test('gives every byte, and its last one by itself', async () => {
    expect(file.byteLength).toBe(size)
    expectContent(await file.view(), 0, size)
    expectContent(file.tryView(), 0, size)
    expectContent(await file.read(), 0, size)
    expectContent(await file.view(size - 1), size - 1, 1)
    expectContent(await file.read(size - 1, 1), size - 1, 1)
  })

  test('has as many pages as it reaches into', async () => {
    await file.touch()
    const pages = Math.ceil(size / file.pageSize)
    const { pageSize, bitmap, ...counts } = await file.residency()
    expect(counts).toEqual({ pages, resident: pages })
    expect([...bitmap]).toEqual(new Array(pages).fill(1))
    expect(pageSize).toBe(file.pageSize)
    expect((await file.residency(size - 1)).pages).toBe(1)
  })

  test('has no byte after its last one', async () => {
    expect(await file.read(size)).toHaveLength(0)
    expect(await errorOf(() => file.view(size, 1))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    expect(await errorOf(() => file.view(0, size + 1))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
  })
})

const hasShm = fs.existsSync(SHM) && isTmpfs(SHM)
const describeShm = hasShm ? describe : describe.skip

describeShm(`a file on tmpfs${hasShm ? '' : ` (skipped: ${SHM} is none)`}`, () => {
  const SIZE = 5 * PAGE + 123
  const inMemory = hasShm && temporaryFolder(SHM)

  test('gives every byte in every way', async () => {
    const file = await openHere(makeFile(inMemory, 'data', SIZE))
    await file.touch()
    expectContent(await file.view(777), 777, SIZE - 777)
    expectContent(file.tryView(), 0, SIZE)
    expectContent(await file.read(PAGE - 1, 2), PAGE - 1, 2)
    expectContent(await file.slice(1), 1, SIZE - 1)
  })

  test('stays resident when it is evicted: memory is all that it has', async () => {
    const file = await openHere(makeFile(inMemory, 'data', SIZE))
    await file.touch()
    await file.evict()
    const pages = Math.ceil(SIZE / file.pageSize)
    expect(await file.residency()).toMatchObject({ pages, resident: pages })
    expectContent(await file.view(), 0, SIZE)
  })

  test('takes stores when it is opened r+', async () => {
    const target = makeFile(inMemory, 'target', SIZE)
    const file = await openHere(target, 'r+')
    const view = await file.view()
    view.set(contentAt(0, SIZE, 2))
    expectContent(fs.readFileSync(target), 0, SIZE, 2)
  })

  test('that is sparse is longer than 4 GiB without taking the memory', async () => {
    const sparse = path.join(inMemory, 'sparse')
    const fd = fs.openSync(sparse, 'w')
    fs.ftruncateSync(fd, 6 * GIB)
    writeContent(fd, 5 * GIB + 5, SIZE)
    fs.closeSync(fd)
    const file = await openHere(sparse)
    expectContent(await file.view(5 * GIB + 5, SIZE), 5 * GIB + 5, SIZE)
    expect(fs.statSync(sparse).blocks * 512).toBeLessThan(1 << 20)
  })
})
