'use strict'
// What is known to be resident without asking: tryView, view and touch of hot pages make no system call, and yet nobody is
// told for longer than the file's freshness that pages are there which were evicted, cut off or lost.

const fs = require('node:fs')
const nodePath = require('node:path')
const { open, Pool } = require('faultless')
const native = require('../native/binding')
const until = require('./fixtures/until')
const {
  PAGE, canLimitMemory, childResult, contentAt, errorOf, expectContent, isTmpfs, lookUntil, makeFile, syncFile, temporaryFolder,
  testAsRoot, useClosing
} = require('./helpers')
const { testTraced, trace } = require('./tracing')

const PAGES = 64
const SIZE = PAGES * PAGE
const folder = temporaryFolder()
const testOnDisk = (name, act) =>
  isTmpfs(folder) ? test.skip(`${name} (skipped: no folder for temporary files is on a disk)`, act) : test(name, act)

let made = 0
/** A file of its own for who changes it or evicts it, written to the device. */
function makeSynced(size = SIZE) {
  const path = makeFile(folder, `file-${made++}`, size)
  syncFile(path)
  return path
}

const run = (scenario, args = [], options = {}) =>
  childResult('mirror.js', [scenario, makeSynced(), ...args], options)

afterEach(() => jest.restoreAllMocks())
const closeLater = useClosing()
const openOne = async (options, path = makeSynced()) => closeLater(await open(path, options))

/** How often the core is asked, from now on. */
function watchCore() {
  const asked = ['isResident', 'isIntact'].map((name) => jest.spyOn(native, name))
  const woken = jest.spyOn(native, 'wakeMirror')
  return () => ({ asked: asked.reduce((sum, { mock }) => sum + mock.calls.length, 0), woken: woken.mock.calls.length })
}

test('what is known of the ends of ranges takes memory for those that were asked for, and not for all before them', async () => {
  const path = nodePath.join(folder, 'vast')
  const size = 2 ** 40
  fs.writeFileSync(path, '')
  fs.truncateSync(path, size)
  const file = await openOne({ freshness: Infinity }, path)
  await file.touch(0, 1) // which the pool's own memory comes with
  const { arrayBuffers } = process.memoryUsage()
  for (let at = size; at > 0; at -= size / 16) {
    await file.touch(at - 10, 10)
    expect(file.tryView(at - 10, 10)).toHaveLength(10) // zeros, behind which there are none
  }
  expect(process.memoryUsage().arrayBuffers - arrayBuffers).toBeLessThan(1 << 20)
})

describe('the system calls that the main thread makes, as strace sees them', () => {
  const counts = { tryView: 100_000, view: 20_000, touch: 20_000 }
  const LENGTHS = [PAGE, 100]
  // V8 would ask for memory, and wake threads that compile and collect: it has the first, and does the second itself.
  const execArgv = ['--expose-gc', '--single-threaded', '--min-semi-space-size=256', '--max-semi-space-size=256']

  let traced
  function traceAll() {
    const args = ['looks', makeSynced(64 << 20), JSON.stringify(counts), JSON.stringify(LENGTHS)]
    return trace(nodePath.join(folder, 'strace'), 'mirror.js', args, { execArgv })
  }

  async function callsAfter(marker) {
    const { result: { seen }, calls } = await (traced ??= traceAll())
    expect(seen).toEqual(counts)
    return calls[marker].filter(({ isMain }) => isMain).map(({ text }) => text)
  }

  testTraced(`${counts.tryView.toLocaleString()} times tryView() of a hot block of 64 MiB: none`, async () => {
    expect(await callsAfter('begin-tryView')).toEqual([])
  })

  testTraced(`${counts.view.toLocaleString()} times view(): none`, async () => {
    expect(await callsAfter('begin-view')).toEqual([])
  })

  testTraced(`${counts.touch.toLocaleString()} times touch(): none`, async () => {
    expect(await callsAfter('begin-touch')).toEqual([])
  })

  testTraced('while tryView() of a file without freshness makes some, so that none means something', async () => {
    const asked = (await callsAfter('begin-control')).filter((text) => text.includes('mincore('))
    expect(asked).toHaveLength(10)
  })
})

describe('what is known', () => {
  test('before the mirror fell asleep is asked again by the look that wakes it', async () => {
    const file = await openOne({ freshness: 10 })
    await file.touch()
    expectContent(file.tryView(0, PAGE), 0, PAGE)
    await until(() => !native.mirrorThreadRuns())
    const calls = watchCore()
    expectContent(file.tryView(0, PAGE), 0, PAGE)
    expect(calls()).toEqual({ asked: 1, woken: 1 })
  })

  test('is not asked again, by tryView, view or touch, and goes to no thread', async () => {
    const pool = new Pool()
    const file = await openOne({ pool, freshness: Infinity })
    await file.touch()
    const calls = watchCore()
    const { completed } = pool.stats
    for (let at = 0; at < SIZE; at += PAGE) {
      expectContent(file.tryView(at, PAGE), at, PAGE)
      expectContent(await file.view(at + 5, 100), at + 5, 100)
      await file.touch(at, PAGE)
    }
    expectContent(file.tryView(), 0, SIZE)
    expect(calls()).toEqual({ asked: 0, woken: 0 })
    expect(pool.stats.completed).toBe(completed)
    expect(file.stats).toMatchObject({ touches: 1 + 2 * PAGES, views: 1 + 2 * PAGES })
    await file.close()
    await pool.close()
  })

  test('of a range that ends with zeros is asked once, until the file changes', async () => {
    const path = makeSynced()
    const fd = fs.openSync(path, 'r+')
    fs.writeSync(fd, Buffer.alloc(100), 0, 100, 8 * PAGE - 100)
    const file = await openOne({ freshness: 20 }, path)
    const calls = watchCore()
    await until(() => file.tryView(7 * PAGE, PAGE) !== undefined)
    const confirmed = calls().asked
    expect(confirmed).toBeGreaterThan(0)
    const slow = await openOne({ freshness: Infinity }, path)
    await slow.touch()
    for (let i = 0; i < 100; i++) expect(slow.tryView(7 * PAGE, PAGE)).toHaveLength(PAGE)
    expect(calls().asked - confirmed).toBe(1)
    for (let i = 0; i < 100; i++) expect(slow.tryView(7 * PAGE + 5, PAGE)).toHaveLength(PAGE) // ends with data
    expect(calls().asked - confirmed).toBe(1)
    const before = calls().asked
    fs.writeSync(fd, Buffer.from('changed'), 0, 7, 0)
    await until(() => {
      file.tryView(7 * PAGE, PAGE)
      return calls().asked > before
    })
    fs.closeSync(fd)
  })

  test('of many ranges that end with zeros in one page is asked once for each that reaches further', async () => {
    const path = makeSynced()
    fs.truncateSync(path, 0)
    fs.truncateSync(path, SIZE)
    const file = await openOne({ freshness: Infinity }, path)
    await file.touch()
    const calls = watchCore()
    const lookAtAll = (from, step) => {
      for (let end = from; end > 0 && end <= PAGE; end += step) expect(file.tryView(0, end)).toHaveLength(end)
    }
    lookAtAll(64, 64)
    expect(calls().asked).toBe(PAGE / 64)
    lookAtAll(64, 64)
    lookAtAll(PAGE, -1)
    expect(calls().asked).toBe(PAGE / 64)
  })

  test('of ranges that end with zeros between data is asked once a page, whatever their order', async () => {
    const path = makeSynced()
    const fd = fs.openSync(path, 'r+')
    for (const at of [1000, 3000]) fs.writeSync(fd, Buffer.alloc(500), 0, 500, at)
    fs.closeSync(fd)
    const file = await openOne({ freshness: Infinity }, path)
    await file.touch()
    const calls = watchCore()
    for (let i = 0; i < 10; i++) for (const end of [1400, 3100, 1001, 3400]) expect(file.tryView(0, end)).toHaveLength(end)
    expect(calls().asked).toBe(1)
    await file.close()
  })

  test('of a range that did not end with zeros is none when they come, also where a longer one did', async () => {
    const path = makeSynced()
    const fd = fs.openSync(path, 'r+')
    fs.writeSync(fd, Buffer.alloc(PAGE - 3000), 0, PAGE - 3000, 3000)
    const file = await openOne({ freshness: Infinity }, path)
    await file.touch()
    expect(file.tryView(0, 4000)).toHaveLength(4000)
    expect(file.tryView(0, 3000)).toHaveLength(3000)
    fs.ftruncateSync(fd, 2000)
    fs.closeSync(fd)
    expect([file.tryView(0, 3000), file.tryView(0, 4000)]).toEqual([undefined, undefined]) // both have lost data
    await expect(file.view(0, 3000)).rejects.toMatchObject({ code: 'ERR_MAP_TRUNCATED' })
    await file.close()
  })

  test('comes from a touch, from the kernel’s answer to tryView, and from refreshes of what is in use', async () => {
    const file = await openOne({ freshness: Infinity })
    const calls = watchCore()
    expect(file.tryView(0, PAGE)).toHaveLength(PAGE) // in the page cache, as it was just written
    expect(calls()).toEqual({ asked: 1, woken: 0 }) // the core sees to that itself
    expect(file.tryView(0, PAGE)).toHaveLength(PAGE)
    expect(calls().asked).toBe(1)
    expect(file.tryView(PAGE, PAGE)).toHaveLength(PAGE)
    expect(calls().asked).toBe(2)
    const quick = await openOne({ freshness: 100 })
    await until(() => {
      const before = calls().asked
      quick.tryView(0, PAGE)
      return quick.tryView(10 * PAGE, PAGE) !== undefined && calls().asked === before // nobody touched or looked there
    })
  })

  test('costs no major fault, and is never missing, while refreshes go on and nothing presses', async () => {
    expect(await run('keepsLooking')).toEqual({ looked: true, missing: 0, wrong: 0, faults: 0 })
  })

  testAsRoot('is nothing where no thread can be had that would let it grow old', async () => {
    fs.chmodSync(folder, 0o755)
    const own = makeSynced()
    fs.chownSync(own, 65534, 65534)
    const under = ['bash', '-c', 'ulimit -u 1 && exec "$@"', 'bash']
    const seen = await childResult('mirror.js', ['hasNoThread', own, 65534], { under })
    expect(seen).toEqual({ runs: false, seen: [true, true, true, true, true], asked: 5, requests: 1 })
  })
})

describe('an eviction', () => {
  testOnDisk('by evict() is known at once', async () => {
    const file = await openOne({ freshness: Infinity })
    await file.evict()
    // Page by page, so that the kernel keeps no two of them as one.
    await file.touch(Array.from({ length: PAGES }, (_, i) => [i * PAGE, PAGE]))
    expectContent(file.tryView(), 0, SIZE)
    await file.evict(10 * PAGE, PAGE)
    expect(file.tryView(10 * PAGE, 1)).toBeUndefined()
    expectContent(file.tryView(11 * PAGE, PAGE), 11 * PAGE, PAGE)
    expect(file.tryView()).toBeUndefined()
    await file.evict()
    expect(file.tryView(0, 1)).toBeUndefined()
  })

  /** Through another mapping, of which this one knows nothing. */
  async function evictElsewhere(file) {
    await file.advise('dontneed') // what is in a page table stays in the cache
    const other = await open(file.path)
    await other.evict()
    await other.close()
  }

  testOnDisk('by others is noticed where the pages are in use, and so is it when they have come back', async () => {
    const file = await openOne({ freshness: 50 }, makeSynced(512 * PAGE)) // pages of one block
    await file.touch()
    await until(() => file.tryView(0, PAGE) !== undefined)
    await evictElsewhere(file)
    // Each in its turn: to look at a page of which the news is old is to load from it, and there it is again.
    let number = 0
    await until(() => file.tryView(++number * PAGE, PAGE) === undefined)
    expect(await file.residency(number * PAGE, PAGE)).toMatchObject({ resident: 0 })
    fs.readFileSync(file.path)
    await until(() => file.tryView() !== undefined)
  })

  testOnDisk('by others is noticed where nobody has looked for long', async () => {
    const file = await openOne({ freshness: 20 })
    await file.touch()
    await evictElsewhere(file)
    await until(() => !native.mirrorThreadRuns())
    expect(file.tryView(3 * PAGE, PAGE)).toBeUndefined()
  })

  testOnDisk('sends view() and touch() to the pool again, which has the device read', async () => {
    const pool = new Pool()
    const file = await openOne({ pool, freshness: Infinity })
    await file.touch()
    await file.evict()
    const { completed } = pool.stats
    await file.touch(5 * PAGE, PAGE)
    expectContent(await file.view(6 * PAGE, PAGE), 6 * PAGE, PAGE)
    expect(pool.stats.completed - completed).toBe(2)
    await file.touch(5 * PAGE, 2 * PAGE)
    expect(pool.stats.completed - completed).toBe(2)
    await file.close()
    await pool.close()
  })

  testOnDisk('by others is not noticed for as long as the file’s freshness says', async () => {
    const file = await openOne({ freshness: Infinity })
    await file.touch()
    await evictElsewhere(file)
    expect(file.tryView(3 * PAGE, PAGE)).toEqual(contentAt(3 * PAGE, PAGE)) // at the price of one fault
  })
})

describe('a file that is cut', () => {
  const gone = { tryView: 'nothing', view: 'ERR_MAP_TRUNCATED', touch: 'ERR_MAP_TRUNCATED' }
  const right = { tryView: 'right', view: 'right', touch: 'right' }

  test('is noticed by the call itself, also within a page, and even if nothing ever grows old', async () => {
    expect(await run('isCut')).toEqual({
      before: right, within: right, across: gone, acrossPages: gone, beyond: gone, damagedNow: gone
    })
  })

  test('where its data was zeros: at once if the page is gone, within the freshness if it is cut', async () => {
    expect(await run('isCutAtZeros')).toEqual({ before: [true, true, true], pageGone: false })
  })

  test.each(['r', 'r+'])('of which a page is pinned (%s), with a store behind the cut that hides it: seen all the same', async (flags) => {
    const path = nodePath.join(folder, `pinned-${flags}`)
    const bytes = Buffer.alloc(PAGE)
    bytes[PAGE - 1000] = 7
    fs.writeFileSync(path, bytes)
    const file = await openOne({ flags, freshness: 20 }, path)
    await file.pin()
    const view = new Uint8Array(file.buffer)
    view[PAGE - 1000] = 8 // with 'r' the page is this process's own from now on
    expect(file.tryView(50, 150)).toHaveLength(150)
    await until(() => !native.mirrorThreadRuns()) // nobody sees the cut who is not told to look
    fs.truncateSync(path, 100)
    view[PAGE - 1000] = 9
    expect(await lookUntil('nothing', () => file.tryView(50, 150) === undefined ? 'nothing' : 'zeros')).toBe('nothing')
    expect(file.tryView(50, 50)).toHaveLength(50)
  })

  test('and grows again is known again, but for what was damaged, until that is refreshed', async () => {
    expect(await run('growsAgain')).toEqual({
      gone: false, damaged: 'ERR_MAP_TRUNCATED', other: right, stillGone: false, refreshed: right
    })
  })
})

describe('the option freshness', () => {
  test('of 0 believes nothing: the kernel is asked every time, and every touch goes to the pool', async () => {
    const pool = new Pool()
    const file = await openOne({ pool, freshness: 0 })
    await file.touch()
    const calls = watchCore()
    for (let i = 0; i < 10; i++) expect(file.tryView(0, PAGE)).toHaveLength(PAGE)
    expect(calls()).toEqual({ asked: 10, woken: 0 })
    const { completed } = pool.stats
    await file.touch(0, PAGE)
    await file.view(0, PAGE)
    expect(pool.stats.completed - completed).toBe(2)
    expect(calls().asked).toBe(10)
    await file.close()
    await pool.close()
  })

  test.each([1, 250, Number.MAX_SAFE_INTEGER, Infinity, undefined])('may be %s', async (freshness) => {
    const file = await openOne({ freshness })
    await file.touch()
    await until(() => file.tryView(0, PAGE) !== undefined)
    expectContent(await file.view(), 0, SIZE)
  })

  test.each([
    [-1, 'ERR_OUT_OF_RANGE'], [1.5, 'ERR_OUT_OF_RANGE'], [NaN, 'ERR_OUT_OF_RANGE'], [-Infinity, 'ERR_OUT_OF_RANGE'],
    [2 ** 53, 'ERR_OUT_OF_RANGE'], ['5', 'ERR_INVALID_ARG_TYPE'], [null, 'ERR_INVALID_ARG_TYPE'],
    [true, 'ERR_INVALID_ARG_TYPE'], [5n, 'ERR_INVALID_ARG_TYPE']
  ])('may not be %p: %s, which names it', async (freshness, code) => {
    const error = await errorOf(() => open(__filename, { freshness }))
    expect(error).toMatchObject({ code })
    expect(error.message).toContain('options.freshness')
    expect(error.message.replaceAll('_', '')).toContain(String(freshness))
  })

  test('holds for an empty file, of which there is nothing to know', async () => {
    const path = nodePath.join(folder, 'empty')
    fs.writeFileSync(path, '')
    const file = await openOne({ freshness: 20 }, path)
    expect(file.tryView()).toHaveLength(0)
    expect(await file.view()).toHaveLength(0)
  })

  test('holds for a mapping that starts within a page and for one of many blocks', async () => {
    const path = makeSynced(3 * 512 * PAGE + 123)
    const file = await openOne({ freshness: Infinity, offset: PAGE + 777 }, path)
    const at = 512 * PAGE - 100
    await file.touch(at, 200)
    await file.touch(2 * at, 1)
    const calls = watchCore()
    expectContent(file.tryView(at, 200), PAGE + 777 + at, 200)
    expectContent(file.tryView(2 * at, 1), PAGE + 777 + 2 * at, 1)
    expect(calls()).toEqual({ asked: 0, woken: 0 })
    await file.touch()
    expectContent(file.tryView(), PAGE + 777, file.byteLength)
  })
})

describe('a file of which the kernel hides residency', () => {
  testAsRoot('is known by touches, and by their age alone', async () => {
    fs.chmodSync(folder, 0o755)
    const seen = await run('isDishonest', [65534])
    expect(seen).toEqual({ untouched: false, slow: true, neighbour: false, hot: 0, old: 1 })
  })

  testAsRoot('is known so also where it ends with zeros', async () => {
    fs.chmodSync(folder, 0o755)
    const zeros = makeSynced()
    fs.truncateSync(zeros, 0)
    fs.truncateSync(zeros, SIZE)
    fs.chmodSync(zeros, 0o644)
    const seen = await childResult('mirror.js', ['isDishonest', zeros, 65534])
    expect(seen).toEqual({ untouched: false, slow: true, neighbour: false, hot: 0, old: 1 })
  })
})

describe('with far less memory than the file has', () => {
  const reads = 50_000

  /** A run under a limit of 128 MiB, by tryView() first. */
  function press(path, freshness) {
    const bench = nodePath.join(__dirname, '..', 'bench', 'eviction.js')
    const args = ['--file', path, '--limit', 128, '--reads', reads, '--try', '--freshness', freshness]
    return childResult(bench, args, { timeout: 100_000 })
  }

  const testLimited = canLimitMemory() && !isTmpfs(folder) ? test : (name, act) =>
    test.skip(`${name} (skipped: this process may not set a memory limit, or no folder is on a disk)`, act)

  testLimited('a mirror that is refreshed lets few faults pass of those that one costs which nobody refreshes', async () => {
    const path = makeSynced(512 << 20)
    const stale = await press(path, Infinity)
    const fresh = await press(path, 20)
    fs.rmSync(path)
    expect(stale.mainThreadMajorFaults).toBeGreaterThan(500)
    expect(fresh.hot).toBeGreaterThan(500)
    expect(fresh.mainThreadMajorFaults).toBeLessThan(stale.mainThreadMajorFaults / 3)
  }, 240_000)
})

describe('when nobody looks any more', () => {
  test('the mirrors’ thread ends, and no other thread of ours runs or wakes', async () => {
    expect(await run('idles')).toMatchObject({ poolThreads: 2, ticks: 0, switches: 0 })
  })

  test('nothing runs or wakes for a mirror that never grows old, and its end is noticed', async () => {
    expect(await run('neverAges')).toEqual({ ran: true, ticks: 0, switches: 0, knows: true })
  })

  test('mirrors of closed and forgotten files are given back, also of those that were in use', async () => {
    const held = await run('comesAndGoes', [], { execArgv: ['--expose-gc'] })
    expect(held).toEqual({ mappings: 0, transfers: 0 })
  })
})
