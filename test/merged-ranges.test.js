'use strict'
// Ranges that touch or overlap are one request to the device: in a list, and among requests that wait together.

const fc = require('fast-check')
const { Pool, open } = require('faultless')
const { PAGE, makeFile, temporaryFolder } = require('./helpers')
const { mergeRanges } = require('../lib/ranges')

const SIZE = 256 * PAGE
const path = makeFile(temporaryFolder(), 'content', SIZE)

const opened = []
afterEach(async () => {
  for (const { pool, file } of opened.splice(0)) {
    await file.close()
    await pool.close()
  }
})

async function openAlone() {
  const pool = new Pool({ maxThreads: 1, sliceSize: SIZE }) // one slice for one range
  const file = await open(path, { pool, freshness: 0 })
  opened.push({ pool, file })
  return { pool, file }
}

/** Slices that the pool has worked on for a call. */
async function slicesOf(pool, call) {
  const before = pool.stats.slices
  await call()
  return pool.stats.slices - before
}

describe('a list of ranges that is touched', () => {
  test.each([
    ['neighbours are one', [[0, PAGE], [PAGE, PAGE], [2 * PAGE, PAGE]], 1],
    ['neighbours in any order are one', [[2 * PAGE, PAGE], [0, PAGE], [PAGE, PAGE]], 1],
    ['ranges that overlap are one', [[0, 3 * PAGE], [PAGE, 5 * PAGE], [PAGE, PAGE]], 1],
    ['ranges on one page are one', [[10, 10], [PAGE - 10, 10], [500, 1]], 1],
    ['the same range twice is one', [[5 * PAGE, 7], [5 * PAGE, 7]], 1],
    ['empty ranges are none', [[5, 0], [9 * PAGE, 0]], 0],
    ['ranges with pages between them stay apart', [[0, PAGE], [2 * PAGE, PAGE], [4 * PAGE, PAGE]], 3],
    ['256 neighbours are one', Array.from({ length: 256 }, (_, i) => [i * PAGE, PAGE]), 1]
  ])('%s', async (_, ranges, slices) => {
    const { pool, file } = await openAlone()
    expect(await slicesOf(pool, () => file.touch(ranges))).toBe(slices)
  })

  test('is all resident, whatever was merged', async () => {
    const { file } = await openAlone()
    await file.evict()
    const ranges = [[7 * PAGE + 5, PAGE], [20 * PAGE, 3 * PAGE], [8 * PAGE, 10], [22 * PAGE, 4 * PAGE]]
    await file.touch(ranges)
    for (const [offset, length] of ranges) expect(file.tryView(offset, length)).toHaveLength(length)
  })

  test('tells its progress of each range, and so of each byte as often as it was asked for', async () => {
    const { file } = await openAlone()
    const told = []
    await file.touch([[0, 2 * PAGE], [PAGE, 2 * PAGE]], { onProgress: (...news) => told.push(news) })
    expect(told.at(-1)).toEqual([4 * PAGE, 4 * PAGE])
  })
})

describe('mergeRanges', () => {
  const someRange = fc.record({ offset: fc.nat(40 * PAGE), length: fc.nat(3 * PAGE) })

  test('covers the pages that were asked for and no other, each once, in order', () => {
    fc.assert(fc.property(fc.array(someRange, { maxLength: 30 }), fc.nat(PAGE - 1), (ranges, lead) => {
      const merged = mergeRanges(ranges, lead)
      expect(new Set(pagesOf(merged, lead))).toEqual(new Set(pagesOf(ranges, lead)))
      expect(pagesOf(merged, lead)).toEqual([...new Set(pagesOf(merged, lead))].sort((a, b) => a - b))
    }))
  })

  function pagesOf(ranges, lead) {
    return ranges.flatMap(({ offset, length }) => {
      if (length === 0) return []
      const first = Math.floor((lead + offset) / PAGE)
      const last = Math.floor((lead + offset + length - 1) / PAGE)
      return Array.from({ length: last - first + 1 }, (_, i) => first + i)
    })
  }
})
