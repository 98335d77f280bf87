'use strict'
// Whatever ends first, thread, process, handle or buffer, nothing crashes, nothing is written to memory that is gone,
// and nothing is left behind; and what is given back is not given back at the event loop's expense.

const fs = require('node:fs')
const nodePath = require('node:path')
const { EXITING, childResult, makeFile, runChild, temporaryFolder } = require('./helpers')
const { testTraced, trace } = require('./tracing')

const MIB = 1 << 20

const folder = temporaryFolder()
const path = makeFile(folder, 'content', 4 * MIB)
const withGc = { execArgv: ['--expose-gc'] }
const nothingLeft = { mappings: 0, transfers: 0, lines: 0, open: 0 }

describe('threads', () => {
  const run = (scenario) => childResult('life-threads.js', [scenario, path], withGc)

  test('that hold the same mapping may end in any order and way, the one that opened it first or last', async () => {
    expect(await run('endInAnyOrder')).toEqual({ orders: 18, ...nothingLeft })
  })

  test('that are terminated while their memory is written to get nothing written to it afterwards', async () => {
    expect(await run('terminateReaders')).toEqual({ times: 30, written: 0, ...nothingLeft })
  })

  test('may be the only ones that load the addon, one after the other, with collections in between', async () => {
    expect(await run('loadAgainAndAgain')).toBe('unmapped')
  })
})

describe('process.exit() amid much work', () => {
  const run = (...args) => runChild('life-exits.js', args, { execArgv: EXITING })
  const ended = { code: 7, signal: null, stdout: '', stderr: '' }

  test.each([
    ['the callback of a touch', 'touch'],
    ['onProgress', 'progress'],
    ['what follows a promise', 'promise'],
    ['what follows an abort', 'abort'],
    ["a listener of 'close'", 'close'],
    ["a pool's listener of 'drain'", 'drain'],
    ["a listener of 'uncaughtException'", 'exception']
  ])('in %s ends the process with its code', async (_, scenario) => {
    expect(await run(scenario, path)).toEqual(ended)
  })

  test('while a file is being closed ends the process with its code', async () => {
    expect(await run('closing', path)).toEqual(ended)
  })

  test('as soon as a pool is destroyed ends the process with its code', async () => {
    expect(await run('destroying', path)).toEqual(ended)
  })

  test('at any other moment ends the process with its code', async () => {
    for (let turns = 0; turns < 8; turns++) expect(await run('turns', path, turns)).toEqual(ended)
  })
})

describe('ten thousand rounds of open, touch and close', () => {
  let before, after
  beforeAll(async () => {
    const small = makeFile(folder, 'small', 65_541)
    // A small young generation, since the room that V8 takes for it says nothing of leaks.
    const execArgv = ['--expose-gc', '--max-semi-space-size=1']
    // Nor does the address space that the C library sets aside for threads to allocate from, 64 MiB for each.
    const env = { MALLOC_ARENA_MAX: '1' }
    const report = await childResult('life-rounds.js', [small, 1000, 10_000], { execArgv, env })
    before = report.before
    after = report.after
  })

  test('leave no descriptor, no mapping and no entry in a table', () => {
    const { descriptors, namedLines } = before
    expect(after).toMatchObject({ descriptors, namedLines, ofFile: 0, inTables: 0 })
  })

  // A leak of one in each round would be ten times as much, or more.
  test('leave the number of lines in /proc/self/maps and the address space as they were, but for V8\'s heap', () => {
    expect(after.lines - before.lines).toBeLessThan(1000)
    expect(after.addressSpace - before.addressSpace).toBeLessThan(256 * MIB)
  })

  test('take no memory that they do not give back', () => {
    expect(after.resident - before.resident).toBeLessThan(40 * MIB)
    expect(after.heap - before.heap).toBeLessThan(2 * MIB)
  })
})

describe('a mapping of 1 GiB whose pages are all there', () => {
  const BYTES = 2 ** 30
  const STEP = 64 * MIB // FL_POSIX_STEP: for so long, at most, does a change of the address space wait for pages to be let go
  const sparse = makeFile(folder, 'sparse', 10_000)
  fs.truncateSync(sparse, BYTES)

  /** What the fixture printed, and the calls that gave its mapping back. */
  async function traceOf(scenario) {
    const { result, calls } = await trace(nodePath.join(folder, scenario), 'life-gives-back.js', [scenario, sparse], withGc)
    const given = calls.begin.flatMap(({ isMain, text }) => {
      const [, name, address, bytes, isDropped] = /^(madvise|munmap|mmap)\((\w+), (\d+)(, MADV_DONTNEED)?/.exec(text) ?? []
      const isOfMapping = address >= result.start && address < result.start + BYTES
      return isOfMapping ? [{ isMain, call: `${name}${isDropped ?? ''}`, bytes: Number(bytes) }] : []
    })
    // What has been given back as a whole may be anybody's from then on.
    return { result, given: given.slice(0, 1 + given.findIndex((call) => call.bytes === BYTES)) }
  }

  const steps = Array.from({ length: BYTES / STEP }, () => ({ isMain: false, call: 'madvise, MADV_DONTNEED', bytes: STEP }))

  testTraced('is closed by a thread of the pool, a part at a time, and reads zeros', async () => {
    const { result: { zeros }, given } = await traceOf('closes')
    expect(zeros).toBe(true)
    expect(given).toEqual([...steps, { isMain: false, call: 'mmap', bytes: BYTES }])
  })

  testTraced('that nobody closed is unmapped after its collection by another thread, a part at a time', async () => {
    expect((await traceOf('forgets')).given).toEqual([...steps, { isMain: false, call: 'munmap', bytes: BYTES }])
  })
})
