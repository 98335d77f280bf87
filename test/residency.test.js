'use strict'
// Which pages are in memory: what touch, evict and advise do to them, checked against the kernel's own count of device
// reads, and what residency and tryView say where the kernel will not tell.

const fs = require('node:fs')
const { open, Pool } = require('faultless')
const {
  childResult, deviceReadBytes, expectContent, isTmpfs, lookUntil, makeFile, randomRanges, temporaryFolder, testAsRoot,
  useClosing
} = require('./helpers')

const PAGES = 1024
const folder = temporaryFolder()
const onDisk = !isTmpfs(folder)
const skipped = (name) => `${name} (skipped: no folder for temporary files is on a disk)`
const testOnDisk = (name, act) => onDisk ? test(name, act) : test.skip(skipped(name), act)
testOnDisk.each = (rows) => (name, act) => onDisk ? test.each(rows)(name, act) : test.skip(skipped(name), () => {})

const closeLater = useClosing()

let page
let size // the last page is short
let data
beforeAll(async () => {
  const probe = await open(__filename)
  page = probe.pageSize
  await probe.close()
  size = (PAGES - 1) * page + 123
  data = makeFile(folder, 'data', size)
})

/** The file, with none of its pages in memory. */
async function openCold(options) {
  const file = closeLater(await open(data, options))
  await file.evict()
  return file
}

/** The numbers of the pages that are in memory. */
async function residentPages(file) {
  const { bitmap, resident } = await file.residency()
  const numbers = [...bitmap.keys()].filter((i) => bitmap[i] === 1)
  expect(numbers).toHaveLength(resident)
  return numbers
}

const pagesFrom = (first, end) => Array.from({ length: end - first }, (_, i) => first + i)

describe('residency', () => {
  testOnDisk('of a file that was evicted: no page', async () => {
    const file = await openCold()
    expect(await file.residency()).toEqual({
      pageSize: page, pages: PAGES, resident: 0, bitmap: new Uint8Array(PAGES)
    })
  })

  test('of a file that was touched: every page, one byte each', async () => {
    const file = await openCold()
    await file.touch()
    expect(await file.residency()).toEqual({
      pageSize: page, pages: PAGES, resident: PAGES, bitmap: new Uint8Array(PAGES).fill(1)
    })
  })

  testOnDisk('of a file that was touched in part: the pages that the range reaches into, and no other', async () => {
    const cases = [
      [0, 1, 0, 1], [page - 1, 1, 0, 1], [page - 1, 2, 0, 2], [page, page, 1, 2], [page + 1, page, 1, 3],
      [10 * page, 100 * page, 10, 110], [10 * page + 1, 100 * page, 10, 111], [size - 1, 1, PAGES - 1, PAGES]
    ]
    for (const [offset, length, first, end] of cases) {
      const file = await openCold()
      await file.touch(offset, length)
      expect(await residentPages(file)).toEqual(pagesFrom(first, end))
      await file.close()
    }
  })

  testOnDisk('of a file of which a list of ranges was touched: the pages of all', async () => {
    const file = await openCold()
    const ranges = randomRanges(1, 50, size, 3 * page)
    await file.touch(ranges)
    const wanted = new Set(ranges.flatMap(([offset, length]) =>
      pagesFrom(Math.floor(offset / page), Math.ceil((offset + length) / page))))
    expect(await residentPages(file)).toEqual([...wanted].sort((a, b) => a - b))
  })

  testOnDisk('of a range: its own pages alone, the first and the last counted whole', async () => {
    const file = await openCold()
    await file.touch(100 * page, 10 * page)
    expect(await file.residency(105 * page - 1, 10 * page)).toEqual({
      pageSize: page, pages: 11, resident: 6, bitmap: Uint8Array.from([1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0])
    })
    expect(await file.residency(100 * page, 0)).toMatchObject({ pages: 0, resident: 0 })
    expect(await file.residency(100 * page + 5, 1)).toMatchObject({ pages: 1, resident: 1 })
  })

  describe.each([['one page', 0], ['a page and a bit', 904]])('in slices of %s', (_, bit) => {
    let pool
    beforeAll(() => {
      pool = new Pool({ sliceSize: page + bit })
    })
    afterAll(() => pool.close())

    testOnDisk('of a mapping that starts within a page: every page in its place', async () => {
      await openCold()
      const offset = 777
      const file = closeLater(await open(data, { pool, offset }))
      const touched = [0, 5, 63, 64, 65, 127, 128, 500, PAGES - 1]
      await file.touch(touched.map((number) => [Math.max(number * page - offset, 0), 1]))
      expect(await residentPages(file)).toEqual(touched)
    })
  })

  // What write() leaves in the page cache are folios of up to 512 KiB, of which one stays whole when the file is cut within it.
  test.each([['within a page', 123], ['between two', 0]])('of a file that was cut %s: no page past its end', async (_, bit) => {
    const path = makeFile(folder, 'cut', 256 * page)
    const file = closeLater(await open(path, { offset: page }))
    await file.touch()
    fs.truncateSync(path, 3 * page + bit)
    expect(await residentPages(file)).toEqual(pagesFrom(0, bit > 0 ? 3 : 2))
    expect(await file.residency(3 * page, 2 * page)).toMatchObject({ pages: 2, resident: 0 })
    fs.truncateSync(path, 0)
    expect(await residentPages(file)).toEqual([])
  })

  test('of a file that was cut and has grown again: no page that became zeros', async () => {
    const path = makeFile(folder, 'lost', 4 * page)
    const file = closeLater(await open(path))
    fs.truncateSync(path, page)
    expect(new Uint8Array(file.buffer)[2 * page]).toBe(0)
    fs.writeFileSync(path, Buffer.alloc(4 * page, 1))
    expect(await residentPages(file)).toEqual([0, 1, 3])
    expect(await file.residency(2 * page, 2 * page)).toMatchObject({ resident: 1, bitmap: Uint8Array.of(0, 1) })
    await file.refresh()
    await file.touch()
    expect(await residentPages(file)).toEqual([0, 1, 2, 3])
  })

  test('is a snapshot: it does not change afterwards', async () => {
    const file = await openCold()
    const before = await file.residency()
    const copy = Uint8Array.from(before.bitmap)
    await file.touch()
    expect(before.bitmap).toEqual(copy)
  })
})

describe('touch', () => {
  testOnDisk('of cold pages makes the device read each of them, and of hot ones none', async () => {
    const file = await openCold()
    const length = 512 * page
    const start = deviceReadBytes()
    await file.touch(0, length)
    const cold = deviceReadBytes()
    await file.touch(0, length)
    const hot = deviceReadBytes()
    expect(cold - start).toBeGreaterThanOrEqual(length)
    expect(cold - start).toBeLessThan(2 * length) // read-around would double it at least
    expect(hot - cold).toBeLessThan(length / 10) // the process may read something else meanwhile
  })

  testOnDisk('of scattered pages makes the device read them and not their neighbours', async () => {
    const file = await openCold()
    const numbers = Array.from({ length: 64 }, (_, i) => 16 * i + 5)
    const start = deviceReadBytes()
    await file.touch(numbers.map((number) => [number * page, page]))
    const read = deviceReadBytes() - start
    expect(await residentPages(file)).toEqual(numbers)
    expect(read).toBeGreaterThanOrEqual(numbers.length * page)
    expect(read).toBeLessThan(2 * numbers.length * page)
  })

  testOnDisk.each([
    // Pages of blocks of 128 KiB, of which the last is short.
    ['the blocks around them where that is advised', 'normal', [0, 1, 7], (first, of) => pagesFrom(first, first + of)],
    ['256 KiB more where that is advised', 'sequential', [0, 3], (first, of) => pagesFrom(first + 5, first + 6 + 2 * of)]
  ])('of scattered pages reads %s', async (_, advice, blocks, read) => {
    const file = await openCold({ advice })
    const of = (128 << 10) / page
    await file.touch(blocks.map((block) => [(block * of + 5) * page, page]))
    const expected = blocks.flatMap((block) => read(block * of, of))
    expect(await lookUntil(expected, () => residentPages(file))).toEqual(expected) // the rest is not waited for
    await file.advise('random')
    await file.evict()
    await file.touch(500 * page, page)
    expect(await residentPages(file)).toEqual([500])
  })

  testOnDisk('by view and read makes the pages resident as well', async () => {
    const file = await openCold()
    await file.view(3 * page, page)
    await file.read(7 * page, 2 * page)
    await file.readv([[11 * page, 1], [13 * page, 1]])
    await file.slice(17 * page, 18 * page)
    expect(await residentPages(file)).toEqual([3, 7, 8, 11, 13, 17])
  })
})

describe('evict', () => {
  testOnDisk('drops the pages of a range and keeps the others', async () => {
    const file = await openCold()
    // Page by page, so that the kernel keeps no two of them as one.
    await file.touch(pagesFrom(0, 100).map((number) => [number * page, page]))
    await file.evict(10 * page, 20 * page)
    expect(await residentPages(file)).toEqual([...pagesFrom(0, 10), ...pagesFrom(30, 100)])
  })

  testOnDisk('drops a file that was just written, also in slices of one page', async () => {
    const pool = new Pool({ sliceSize: page })
    const file = await open(makeFile(folder, 'just written', size), { pool })
    await file.evict()
    const { resident } = await file.residency()
    await file.close()
    await pool.close()
    expect(resident).toBe(0)
  })

  testOnDisk('writes back what was changed, and then drops it', async () => {
    const changing = makeFile(folder, 'changing', size)
    const file = closeLater(await open(changing, 'r+'))
    const view = await file.view(5 * page, 5)
    view.write('fresh')
    await file.evict()
    expect(await residentPages(file)).toEqual([])
    expect(fs.readFileSync(changing).toString('latin1', 5 * page, 5 * page + 5)).toBe('fresh')
    expect(String(await file.view(5 * page, 5))).toBe('fresh')
  })

  testOnDisk('leaves views readable: they show the file again, read from the device', async () => {
    const file = await openCold()
    const view = await file.view()
    await file.evict()
    const start = deviceReadBytes()
    expectContent(view, 0, size)
    expect(deviceReadBytes() - start).toBeGreaterThanOrEqual(size - page)
  })

  testOnDisk('leaves pages that another mapping holds', async () => {
    const file = await openCold()
    const other = closeLater(await open(data))
    await other.touch(10 * page, page)
    await file.evict()
    expect(await residentPages(file)).toContain(10)
  })
})

describe('tryView', () => {
  testOnDisk('gives undefined as long as one page of the range is cold, and the view when all are hot', async () => {
    const file = await openCold()
    expect(file.tryView()).toBeUndefined()
    expect(file.tryView(5 * page, 1)).toBeUndefined()
    await file.touch(5 * page, 2 * page)
    expectContent(file.tryView(5 * page, 2 * page), 5 * page, 2 * page)
    expectContent(file.tryView(5 * page + 7, page), 5 * page + 7, page)
    expect(file.tryView(5 * page - 1, 2)).toBeUndefined()
    expect(file.tryView(6 * page, page + 1)).toBeUndefined()
    expect(file.tryView()).toBeUndefined()
    await file.touch()
    expectContent(file.tryView(), 0, size)
  })

  testOnDisk('makes the device read nothing', async () => {
    const file = await openCold()
    for (let number = 0; number < PAGES; number++) expect(file.tryView(number * page, 1)).toBeUndefined()
    expect(await residentPages(file)).toEqual([])
  })

  testOnDisk('sees the one cold page in a long hot range, wherever it lies', async () => {
    for (const cold of [0, 1, 255, 256, 257, 511, 512, PAGES - 1]) {
      const file = await openCold()
      await file.touch([[0, cold * page], [Math.min((cold + 1) * page, size), Math.max(size - (cold + 1) * page, 0)]])
      expect(file.tryView()).toBeUndefined()
      await file.touch(cold * page, 1)
      expect(file.tryView()).toHaveLength(size)
      await file.close()
    }
  })

  testOnDisk('gives an empty view of an empty range, which has no page to be cold', async () => {
    const file = await openCold()
    expect(file.tryView(5, 0)).toHaveLength(0)
  })
})

describe('advise', () => {
  test.each(['normal', 'random', 'sequential', 'willneed', 'dontneed', 'cold', 'pageout'])(
    '%s resolves with nothing, for the whole file and for a part, and changes no byte', async (advice) => {
      const file = await openCold()
      await file.touch()
      expect(await file.advise(advice)).toBeUndefined()
      expect(await file.advise(advice, 777, 3 * page)).toBeUndefined()
      expect(await file.advise(advice, 777, 0)).toBeUndefined()
      expectContent(await file.view(), 0, size)
    })

  test('hugepage resolves, or rejects with the system’s error where the kernel has no huge pages', async () => {
    const file = await openCold()
    const outcome = await file.advise('hugepage').then(() => 'resolved', ({ code, syscall }) => `${syscall} ${code}`)
    expect(['resolved', 'madvise EINVAL', 'madvise ENOTSUP']).toContain(outcome)
    expectContent(await file.view(), 0, size)
  })

  testOnDisk('willneed makes the device read the range without a touch', async () => {
    const file = await openCold()
    const start = deviceReadBytes()
    await file.advise('willneed', 10 * page, 10 * page)
    expect(deviceReadBytes() - start).toBeGreaterThanOrEqual(10 * page)
    // What tryView is asked for here turns up when the device has answered.
    expect(await lookUntil(true, () => file.tryView(10 * page, 10 * page) !== undefined)).toBe(true)
  })

  test('dontneed gives stray stores up, and the view shows the file again', async () => {
    const file = await openCold()
    const view = await file.view()
    view.fill(0xaa)
    await file.advise('dontneed')
    expectContent(view, 0, size)
  })
})

describe('for a file that the process neither owns nor may write, of which the kernel hides residency', () => {
  const visitor = 65534
  let asked
  const ask = () => (asked ??= askAs(visitor))

  function askAs(uid) {
    const own = makeFile(folder, 'own', size)
    fs.chownSync(own, uid, uid)
    fs.chmodSync(folder, 0o755)
    fs.chmodSync(data, 0o644)
    return childResult('residency-of-others.js', [uid, data, own], { env: { FAULTLESS_MAX_THREADS: '1' } })
  }

  testAsRoot('residency says that it does not know', async () => {
    const { foreign } = await ask()
    expect(foreign.cold).toEqual({ pages: PAGES, resident: null, ones: 0 })
    expect(foreign.hot).toEqual({ pages: PAGES, resident: null, ones: 0 })
  })

  testAsRoot('tryView takes for resident what was touched, and nothing else', async () => {
    const { foreign } = await ask()
    expect(foreign.tryView).toEqual({ cold: false, hot: true })
  })

  testAsRoot('view and read give every byte all the same', async () => {
    const { foreign } = await ask()
    expect(foreign.wrongBytes).toBe(0)
  })

  testAsRoot('while it tells of the process’s own file, and tryView gives it', async () => {
    const { own } = await ask()
    expect(own.hot).toEqual({ pages: PAGES, resident: PAGES, ones: PAGES })
    expect(own.tryView.hot).toBe(true)
    expect(own.wrongBytes).toBe(0)
    if (onDisk) {
      expect(own.cold).toEqual({ pages: PAGES, resident: 0, ones: 0 })
      expect(own.tryView.cold).toBe(false)
    }
  })
})
