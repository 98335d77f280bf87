'use strict'
// A pool thread that dies at any stage of its work: nothing that it did halfway is lost, done twice or waited for.

const { PAGE, childResult, makeFile, temporaryFolder } = require('./helpers')

const path = makeFile(temporaryFolder(), 'content', 49 * PAGE)

const REQUESTS = 18 // of a trial
const OPERATIONS = 60 // start, a look at the slots, prefetches, slices and completions lie within so many

const run = (deaths, after, first, last) => childResult('pool-stages.js', [path, deaths, after, first, last])

describe.each([[0, 'before'], [1, 'after']])('a thread that dies (%i) %s an atomic operation', (after) => {
  test('costs no request anything, whichever operation it was', async () => {
    expect(await run(1, after, 1, OPERATIONS))
      .toEqual({ died: OPERATIONS, right: OPERATIONS * REQUESTS, codes: [], lent: 0 })
  })

  test('and whose successor dies at the same one costs only what both had in hand', async () => {
    const { died, right, codes, lent } = await run(2, after, 1, OPERATIONS)
    expect(died).toBe(2 * OPERATIONS)
    expect(lent).toBe(0)
    expect(codes.filter((code) => code !== 'ERR_POOL_THREAD_FAILED')).toEqual([])
    expect(right).toBeGreaterThanOrEqual(OPERATIONS * (REQUESTS - 1))
  })

  test('late in its work costs no request anything either', async () => {
    expect(await run(1, after, 300, 340)).toEqual({ died: 41, right: 41 * REQUESTS, codes: [], lent: 0 })
  })
})
