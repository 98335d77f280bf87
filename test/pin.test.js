'use strict'
// Pins: what is locked in memory, to the page, as the kernel counts it; that a pinned view cannot fault, costs no system
// call and copies nothing; and that nothing stays locked whatever goes wrong.

const fs = require('node:fs')
const { setImmediate: turn } = require('node:timers/promises')
const { attach, open, Pool } = require('faultless')
const native = require('../native/binding')
const { makeCgroup, removeCgroup } = require('../bench/memory-limit')
const {
  PAGE, canLimitMemory, childResult, contentAt, errorOf, expectContent, isTmpfs, isWindows, lookUntil, makeFile,
  mapLines, syncFile, temporaryFolder, testAsRoot, useClosing
} = require('./helpers')

const PAGES = 64
const SIZE = PAGES * PAGE
const folder = temporaryFolder()

let made = 0
/** A file of its own, written to the device: dirty pages of it would look like stores into the mapping. */
function makeOne(size = SIZE) {
  const path = makeFile(folder, `file-${made++}`, size)
  syncFile(path)
  return path
}

const shared = makeOne() // of tests that leave it as it is

afterEach(() => jest.restoreAllMocks())
const closeLater = useClosing()
const openOne = async (options, path = shared) => closeLater(await open(path, options))

/** A file that has no bytes on the disk. */
function makeSparse(size) {
  const path = makeOne(0)
  fs.truncateSync(path, size)
  return path
}

/** As the kernel counts them; on Windows as the core does, since there nobody tells. */
const pagesLocked = () => isWindows ? native.pinUsage().pinned / PAGE : Number(status('VmLck')) * 1024 / PAGE // of KiB

/** KiB of a figure of /proc/self/smaps, for all map entries of a file. */
function smapsOf(path, name) {
  const entries = fs.readFileSync('/proc/self/smaps', 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
  return entries.filter((entry) => entry.split('\n', 1)[0].endsWith(path))
    .reduce((sum, entry) => sum + Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(entry)[1]), 0)
}

/** That no page of it was copied for this process alone. */
function expectNoCopies(path) {
  if (!isWindows) expect(smapsOf(path, 'Private_Dirty') + smapsOf(path, 'Anonymous')).toBe(0)
}

const status = (name) => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]
const CAP_IPC_LOCK = 14n
const isUnlimited = isWindows || ((BigInt(`0x${status('CapEff')}`) >> CAP_IPC_LOCK) & 1n) === 1n || native.pinUsage().limit === Infinity
const testUnlimited = (name, act) =>
  isUnlimited ? test(name, act) : test.skip(`${name} (skipped: this process may not lock any amount of memory)`, act)

const run = (scenario, args = [], options = {}) => childResult('pin.js', [scenario, shared, ...args], options)

beforeEach(() => expect(pagesLocked()).toBe(0))

afterEach(() => expect({ locked: pagesLocked(), pinned: native.pinUsage().pinned }).toEqual({ locked: 0, pinned: 0 }))

describe('pin()', () => {
  test.each(['r', 'r+'])('of a file opened \'%s\' locks its pages and copies none', async (flags) => {
    const path = makeOne()
    const file = await openOne({ flags }, path)
    const pin = await file.pin(PAGE - 1, 2 * PAGE)
    expect(pagesLocked()).toBe(3)
    if (!isWindows) expect(smapsOf(path, 'Locked')).toBe(3 * PAGE / 1024) // where nobody tells
    expectNoCopies(path)
    expect(pin).toMatchObject({ offset: PAGE - 1, length: 2 * PAGE, released: false })
    expectContent(pin.view, PAGE - 1, 2 * PAGE)
    expect(pin.view.buffer).toBe(file.buffer)
    expect(pin.view).toBe(pin.view)
    expectNoCopies(path)
  })

  test('without a range pins all of the file, and of an empty range nothing', async () => {
    const file = await openOne({ offset: 100 })
    const whole = await file.pin()
    expect(pagesLocked()).toBe(PAGES)
    expect(whole).toMatchObject({ offset: 0, length: SIZE - 100 })
    await whole.release()
    const empty = await file.pin(10, 0)
    expect(pagesLocked()).toBe(0)
    expect(empty.view).toHaveLength(0)
    const released = empty.release()
    expect(empty.release()).toBe(released)
    await released
    expect(empty.released).toBe(true)
  })

  test('of ranges that overlap counts them page by page, however they are cut', async () => {
    const pool = new Pool({ sliceSize: PAGE })
    const file = await openOne({ pool })
    const ranges = [[0, 10], [5, 10], [0, 20], [19, 1], [30, 5], [32, 1]].map((pair) => pair.map((pages) => pages * PAGE))
    const pins = await Promise.all(ranges.map(([offset, length]) => file.pin(offset, length)))
    const steps = [pagesLocked()]
    for (const i of [2, 0, 4, 1, 3, 5]) {
      await pins[i].release()
      steps.push(pagesLocked())
    }
    expect(steps).toEqual([25, 21, 16, 12, 2, 1, 0])
    await file.close()
    await pool.close()
  })

  test('leaves no more map entries behind than there were', async () => {
    const path = makeOne()
    const file = await openOne({}, path)
    expect(mapLines(path)).toHaveLength(1)
    const pins = await Promise.all(Array.from({ length: PAGES / 2 }, (_, i) => file.pin(2 * i * PAGE, PAGE)))
    expect(mapLines(path)).toHaveLength(PAGES)
    const between = await file.pin()
    expect(mapLines(path)).toHaveLength(1)
    await between.release()
    expect(mapLines(path)).toHaveLength(PAGES)
    await Promise.all(pins.map((pin) => pin.release()))
    expect(mapLines(path)).toHaveLength(1)
  })

  test('rejects for bad arguments, closed files and closed pools, and locks nothing', async () => {
    const pool = new Pool()
    const file = await openOne({ pool })
    expect(await errorOf(() => file.pin(1, SIZE))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    expect(await errorOf(() => file.pin('0'))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
    expect(await errorOf(() => file.pin(0, 1, 5))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
    expect(await errorOf(() => file.pin(0, 1, { signal: 5 }))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
    const aborted = AbortSignal.abort('why')
    expect(await errorOf(() => file.pin(0, 1, { signal: aborted }))).toMatchObject({ code: 'ABORT_ERR', cause: 'why' })
    expect(await errorOf(() => file.pin(0, 0, { signal: aborted }))).toMatchObject({ code: 'ABORT_ERR' })
    await pool.close()
    expect(await errorOf(() => file.pin(0, 1))).toMatchObject({ code: 'ERR_POOL_CLOSED' })
    await file.close()
    expect(await errorOf(() => file.pin(0, 1))).toMatchObject({ code: 'ERR_MAP_CLOSED' })
    expect(native.pinCount()).toBe(0)
  })

  test('that fails half-way leaves locked what was locked before', async () => {
    const pool = new Pool({ sliceSize: PAGE })
    const path = makeOne()
    const file = await openOne({ pool }, path)
    await file.pin(5 * PAGE, 2 * PAGE)
    fs.truncateSync(path, 10 * PAGE)
    const error = await errorOf(() => file.pin(0, 20 * PAGE))
    expect(error).toMatchObject({ code: 'ERR_MAP_TRUNCATED', offset: 0, length: 20 * PAGE })
    expect([pagesLocked(), native.pinCount()]).toEqual([2, 1])
    await file.close()
    await pool.close()
  })

  testUnlimited('that is given up by its signal is undone wholly', async () => {
    const pool = new Pool({ sliceSize: PAGE })
    const file = await openOne({ pool }, makeSparse(1 << 30)) // a quarter of a million slices
    const kept = await file.pin(0, PAGE)
    const controller = new AbortController()
    const pinned = file.pin(0, file.byteLength, { signal: controller.signal })
    while (pagesLocked() < 10) await turn()
    controller.abort('enough')
    expect(await errorOf(() => pinned)).toMatchObject({ code: 'ABORT_ERR', cause: 'enough' })
    await lookUntil(0, () => pool.stats.inFlight) // and not until the collector has found it
    expect([pagesLocked(), native.pinCount()]).toEqual([1, 1])
    await kept.release()
    await file.close()
    await pool.close()
  })

  testUnlimited('that is pending when the file is closed rejects, and leaves nothing', async () => {
    const pool = new Pool({ sliceSize: PAGE })
    const file = await openOne({ pool }, makeSparse(1 << 30))
    const pinned = errorOf(() => file.pin())
    while (pagesLocked() < 10) await turn()
    await Promise.all([pinned, file.close()])
    expect(await pinned).toMatchObject({ code: 'ERR_MAP_CLOSED' })
    expect(pagesLocked()).toBe(0)
    expect(await lookUntil(0, native.pinCount)).toBe(0)
    await pool.close()
  })
})

describe('a pin ends', () => {
  testUnlimited('by close() of the handle that was about to pin them, while another has the file attached', async () => {
    const size = 16 << 20
    const file = await openOne(undefined, makeSparse(size))
    for (const held of [0, 0.1, 1, 10, 100]) { // milliseconds
      const other = attach(file.handle)
      const pinned = errorOf(() => other.pin(0, size))
      // No thread is at work yet, or one is, or it is done, which is not heard of in this turn.
      for (const end = performance.now() + held; performance.now() < end;);
      await other.close()
      expect(await pinned).toMatchObject({ code: 'ERR_MAP_CLOSED' })
      expect(native.pinUsage().pinned).toBe(0)
    }
  })

  testUnlimited('by close() of the handle in the turn in which it has pinned them', async () => {
    const pool = new Pool()
    const file = await openOne({ pool, freshness: 0 })
    const other = attach(file.handle)
    let closed
    const viewed = other.view(0, PAGE).then(() => (closed = other.close()))
    const pinned = errorOf(() => other.pin(0, SIZE))
    for (const end = Date.now() + 200; Date.now() < end;); // both have been answered, and are heard of in one turn
    await viewed
    await closed
    expect(await pinned).toMatchObject({ code: 'ERR_MAP_CLOSED' })
    expect(native.pinUsage().pinned).toBe(0)
    await pool.close()
  })

  testUnlimited('by close() of the handle that pinned them, while another has the file attached', async () => {
    const file = await openOne()
    const other = closeLater(attach(file.handle))
    const mine = await file.pin(0, 2 * PAGE)
    const pin = await other.pin(PAGE, 4 * PAGE)
    expect(pagesLocked()).toBe(5)
    await other.close()
    expect({ locked: pagesLocked(), released: pin.released, mine: mine.released }).toEqual({ locked: 2, released: true, mine: false })
    await expect(pin.release()).resolves.toBeUndefined()
    expectContent(mine.view, 0, 2 * PAGE)
  })

  test('by release(), once, which resolves when the pages are unlocked', async () => {
    const file = await openOne()
    const [pin, other] = await Promise.all([file.pin(0, 2 * PAGE), file.pin(PAGE, PAGE)])
    const first = pin.release()
    expect(pin.released).toBe(true)
    expect(pin.release()).toBe(first)
    expect(await first).toBeUndefined()
    await pin.release()
    expect(pagesLocked()).toBe(1)
    expect(other.released).toBe(false)
    expectContent(pin.view, 0, 2 * PAGE)
  })

  test('by Symbol.dispose and Symbol.asyncDispose', async () => {
    const file = await openOne()
    const pins = [await file.pin(0, PAGE), await file.pin(PAGE, PAGE)]
    expect(pins[0][Symbol.dispose]()).toBeUndefined()
    expect(pins[0].released).toBe(true)
    await pins[1][Symbol.asyncDispose]()
    expect(await lookUntil(0, pagesLocked)).toBe(0)
  })

  const AsyncFunction = (async () => {}).constructor
  const scoped = 'const pins = []; { using pin = await file.pin(0, 100); pins.push(pin, pin.released) } return pins'
  let useScoped
  try {
    useScoped = new AsyncFunction('file', scoped)
  } catch {
    useScoped = undefined
  }
  const testUsing = useScoped === undefined ? test.skip : test
  testUsing(`by the end of a block with using${useScoped ? '' : ' (skipped: this Node does not know it)'}`, async () => {
    const [pin, released] = await useScoped(await openOne())
    expect([released, pin.released]).toEqual([false, true])
    await pin.release()
    expect(pagesLocked()).toBe(0)
  })

  test('by close() of the file, after which its view reads zeros and its release() does nothing', async () => {
    const file = await openOne()
    const pin = await file.pin(0, 3 * PAGE)
    await file.pin(PAGE, PAGE)
    await file.close()
    expect(pagesLocked()).toBe(0)
    expect(pin.released).toBe(true)
    expect(pin.view.every((byte) => byte === 0)).toBe(true)
    expect(await pin.release()).toBeUndefined()
    pin[Symbol.dispose]()
    expect(native.pinCount()).toBe(0)
  })

  test('also when its pool is closed or destroyed before', async () => {
    for (const way of ['close', 'destroy']) {
      const pool = new Pool()
      const file = await openOne({ pool })
      const pin = await file.pin(0, PAGE)
      await pool[way]()
      await pin.release()
      expect(pagesLocked()).toBe(0)
    }
  })

  test('when it is forgotten together with its file and its view, and not before', async () => {
    expect(await run('isForgotten', [], { execArgv: ['--expose-gc'] })).toEqual({
      file: 4 * PAGE, pin: 4 * PAGE, right: true, view: 4 * PAGE, rightView: true, part: 0, rightPart: true, nothing: 0, pins: 0
    })
  })

  test('with the thread that made it', async () => {
    expect(await run('endsWithThread')).toEqual({ before: 3 * PAGE, after: 0, right: true, pins: 0 })
  })
})

describe('the limit of locked memory', () => {
  const under = (kib) => ['bash', '-c', `ulimit -l ${kib} && exec "$@"`, 'bash']

  function runAsVisitor(scenario, kib) {
    fs.chmodSync(folder, 0o755)
    return run(scenario, [65534], { under: under(kib) })
  }

  testAsRoot('gives ERR_MAP_PIN_LIMIT, which says what there is, what was asked and what to do', async () => {
    const { error, ...rest } = await runAsVisitor('isLimited', 20 * PAGE / 1024)
    const { message, howToRaise, ...figures } = error
    expect(figures).toEqual({
      code: 'ERR_MAP_PIN_LIMIT', path: shared, offset: 0, length: 40 * PAGE, limit: 20 * PAGE, locked: 6 * PAGE, pinned: 6 * PAGE
    })
    for (const said of [shared, 0, 40 * PAGE, 20 * PAGE, 6 * PAGE, howToRaise]) expect(message).toContain(String(said))
    for (const way of ['ulimit -l', 'LimitMEMLOCK=', '--ulimit memlock', 'CAP_IPC_LOCK']) expect(howToRaise).toContain(way)
    expect(rest).toEqual({ afterwards: 6 * PAGE, most: 16 * PAGE, end: 0, pins: 0 })
  })

  testAsRoot('of 0 gives the same', async () => {
    const { error, ...rest } = await runAsVisitor('isForbidden', 0)
    expect(error).toMatchObject({ code: 'ERR_MAP_PIN_LIMIT', limit: 0, locked: 0, pinned: 0 })
    expect(rest).toEqual({ end: 0, pins: 0 })
  })
})

describe('what is pinned', () => {
  /** How often the core is asked, and how much the pool does, from now on. */
  function watch(pool) {
    const spies = ['isResident', 'wakeMirror'].map((name) => jest.spyOn(native, name))
    const { completed } = pool.stats
    return () => [...spies.map((spy) => spy.mock.calls.length), pool.stats.completed - completed]
  }

  test.each([0, 1, 50, Infinity])('is known for ever, with a freshness of %s', async (freshness) => {
    const pool = new Pool()
    const file = await openOne({ pool, freshness }, makeOne(2 * SIZE))
    const pin = await file.pin(100, 2 * SIZE - 200)
    const mayRun = freshness === Infinity // as its mirror's epochs are minutes
    if (!mayRun) await lookUntil(false, native.mirrorThreadRuns) // whatever else was known is old by then
    const calls = watch(pool)
    for (let at = 100; at < SIZE - PAGE; at += PAGE - 1) {
      expectContent(file.tryView(at, PAGE), at, PAGE)
      expectContent(await file.view(at, PAGE), at, PAGE)
      await file.touch(at, 1)
    }
    expectContent(file.tryView(pin.offset, pin.length), pin.offset, pin.length)
    expectContent(await file.view(pin.offset, pin.length), pin.offset, pin.length) // more than 64 pages
    await file.touch(pin.offset, pin.length)
    expect(calls()).toEqual([0, 0, 0])
    expect(native.mirrorThreadRuns()).toBe(mayRun)
    await pin.release()
    await file.touch(pin.offset, pin.length)
    expect(calls()[2]).toBe(2)
    await file.close()
    await pool.close()
  })

  test('is known to the handle that has pins, while others ask the kernel', async () => {
    const [file, other] = [await openOne({ freshness: 0 }), await openOne({ freshness: 0 })]
    await file.pin(0, PAGE)
    const asked = jest.spyOn(native, 'isResident')
    expect(other.tryView(0, PAGE)).toHaveLength(PAGE)
    expect(asked).toHaveBeenCalledTimes(1)
  })

  test('and ends with zeros is asked about once while the file does not change; with freshness 0 every time', async () => {
    const path = makeSparse(SIZE)
    for (const [freshness, times] of [[Infinity, 1], [0, 5]]) {
      const file = await openOne({ freshness }, path)
      await file.pin()
      const asked = jest.spyOn(native, 'isIntact')
      for (let i = 0; i < 5; i++) expect(file.tryView(0, PAGE)).toHaveLength(PAGE)
      expect(asked).toHaveBeenCalledTimes(times)
      asked.mockRestore()
    }
  })

  test.each([0, 50, Infinity])('is not handed out as zeros when the file is cut, with a freshness of %s', async (freshness) => {
    const path = makeOne()
    const file = await openOne({ freshness }, path)
    const pin = await file.pin()
    fs.truncateSync(path, 8 * PAGE + 1000)
    expectContent(file.tryView(8 * PAGE, 1000), 8 * PAGE, 1000)
    for (const [offset, length] of [[8 * PAGE, PAGE], [8 * PAGE, 1001], [7 * PAGE, 3 * PAGE], [0, SIZE], [10 * PAGE, 1]]) {
      expect(file.tryView(offset, length)).toBeUndefined()
      expect(await errorOf(() => file.view(offset, length))).toMatchObject({ code: 'ERR_MAP_TRUNCATED' })
      expect(await errorOf(() => file.touch(offset, length))).toMatchObject({ code: 'ERR_MAP_TRUNCATED' })
    }
    expect(await errorOf(() => file.pin(8 * PAGE, PAGE))).toMatchObject({ code: 'ERR_MAP_TRUNCATED', offset: 8 * PAGE })
    expect(pin.view[20 * PAGE]).toBe(0)
    await pin.release()
  })

  test('and was lost is pinned again by refresh(), when the file has it again', async () => {
    const path = makeOne()
    const file = await openOne({ freshness: 0 }, path)
    await file.pin(8 * PAGE, 8 * PAGE)
    fs.truncateSync(path, 10 * PAGE)
    const bytes = new Uint8Array(file.buffer)
    expect([bytes[12 * PAGE], bytes[15 * PAGE]]).toEqual([0, 0])
    expect(pagesLocked()).toBe(6)
    expect(await errorOf(() => file.pin(12 * PAGE, PAGE))).toMatchObject({ code: 'ERR_MAP_TRUNCATED' })
    expect(pagesLocked()).toBe(6)
    fs.writeFileSync(path, contentAt(0, SIZE))
    await file.refresh()
    expect(pagesLocked()).toBe(8)
    await file.touch(8 * PAGE, 8 * PAGE)
    const asked = jest.spyOn(native, 'isResident')
    expectContent(file.tryView(8 * PAGE, 8 * PAGE), 8 * PAGE, 8 * PAGE)
    expect(asked).not.toHaveBeenCalled()
  })

  test('stays when all is evicted, and refuses the advice to let go of it', async () => {
    const file = await openOne({ freshness: Infinity }, makeOne())
    await file.evict()
    await file.touch(Array.from({ length: PAGES }, (_, i) => [i * PAGE, PAGE])) // so that the kernel keeps no two as one
    await file.pin(10 * PAGE, 2 * PAGE)
    await file.touch()
    for (const advice of ['dontneed', 'cold', 'pageout']) {
      expect(await errorOf(() => file.advise(advice))).toMatchObject({ code: 'EINVAL', syscall: 'madvise' })
      await file.advise(advice, 0, 10 * PAGE)
    }
    await file.evict()
    const { bitmap } = await file.residency()
    expect([...bitmap.subarray(10, 12)]).toEqual([1, 1])
    if (!isTmpfs(folder)) expect(bitmap[0] + bitmap[PAGES - 1]).toBe(0)
    expect(pagesLocked()).toBe(2)
    expectContent(file.tryView(10 * PAGE, 2 * PAGE), 10 * PAGE, 2 * PAGE)
  })
})

describe('with far less memory than the file has', () => {
  const limit = 256 << 20
  const size = 2 ** 30
  const testLimited = canLimitMemory() ? testUnlimited : (name, act) =>
    test.skip(`${name} (skipped: this process may not set a memory limit)`, act)

  testLimited('100,000 reads of pinned pages cost no major fault while a file is scanned, and those of touched ones do', async () => {
    const path = makeOne(16 << 20)
    fs.truncateSync(path, size) // zeros take as much memory as any bytes
    const cgroup = makeCgroup(limit)
    try {
      const under = ['sh', '-c', 'echo $$ > "$1/cgroup.procs" && shift && exec "$@"', 'sh', cgroup]
      const { reads, scanned, faults, hot, right } = await childResult('pin.js', ['isPressed', path], { under })
      expect({ reads, pinned: faults.pinned, right }).toEqual({ reads: 100_000, pinned: 0, right: true })
      expect({ scanned, hot }).toEqual({ scanned: size - (32 << 20), hot: size / 2 ** 20 - 32 }) // in chunks of 1 MiB
      expect(faults.touched).toBeGreaterThan(100)
    } finally {
      removeCgroup(cgroup)
    }
  })
})
