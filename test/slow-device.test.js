'use strict'
// Devices that are slow or fail: nobody but who asked them waits, and their errors reach who asked. The device is a
// file system of the tests' own (slowfs/): each read of a slow file takes 300 ms, neither more nor less.

const { open, Pool } = require('..')
const {
  EXITING, PAGE, childResult, errorOf, expectContent, hasThreadInDevice, makeFile, mapLines, openFiles, runChild, temporaryFolder
} = require('./helpers')
const { useSlowfs, whyNot } = require('./slowfs/slowfs')
const until = require('./fixtures/until')

const READ_MS = 300
// Whoever waits for the device sleeps. Late for another reason a loop may be without our doing: a host has halted a virtual
// machine for up to 65 ms.
const SLEEP_MS = 50
const STALL_MS = READ_MS / 2

function expectNoStall({ longest, longestSleep }) {
  expect(longestSleep).toBeLessThan(SLEEP_MS)
  expect(longest).toBeLessThan(STALL_MS)
}
const AT_A_TIME = 12 // reads ahead that the kernel sends to such a file system before the first is answered
const MIB = 2 ** 20
const BAD = [MIB, 16 * PAGE]
const BAD_END = BAD[0] + BAD[1]

const run = (...args) => childResult('slow-device.js', args)
const skipped = whyNot()

/** Ranges of one page so far from each other that each costs the device a read of its own. */
const farPages = (count) => Array.from({ length: count }, (_, i) => [i * MIB, PAGE])

const ioError = ([offset, length]) =>
  ({ code: 'ERR_MAP_IO', errno: -5, syscall: 'read', ofPath: true, offset, length })

if (skipped !== undefined) {
  test.skip(`a slow device (skipped: ${skipped})`, () => {})
  test.skip(`a failing device (skipped: ${skipped})`, () => {})
} else {
  const mount = useSlowfs()
  const folder = temporaryFolder()
  const opened = []

  afterEach(async () => {
    for (const { pool, files } of opened.splice(0)) {
      for (const file of files) await file.close()
      await pool.destroy()
    }
  })

  /** Files that share a pool, of which nothing is known without it. */
  async function openAll(paths, options) {
    const pool = new Pool(options)
    const files = []
    opened.push({ pool, files })
    for (const path of paths) files.push(await open(path, { pool, freshness: 0 }))
    return { pool, files }
  }

  describe('50 touches of a slow device', () => {
    test('stall no busy event loop, which a load does', async () => {
      const at = await mount({ readMs: READ_MS })
      const { touching, loading } = await run('touchesBesideLoads', at('slow'))
      expect(touching.value).toBe(50) // that were waiting
      expect(touching.ms).toBeGreaterThan(READ_MS * 0.9)
      expectNoStall(touching)
      expect(loading.longest).toBeGreaterThanOrEqual(250)
      expect(loading.longestSleep).toBeGreaterThanOrEqual(250)
    })

    test('let a file beside them be served', async () => {
      const at = await mount({ readMs: READ_MS })
      const beside = makeFile(folder, 'beside', MIB)
      const { pool, files: [slow, fast] } = await openAll([at('slow'), beside], { maxThreads: 2 })
      const touches = farPages(50).map((range) => slow.touch(...range))
      for (let offset = 0; offset < MIB; offset += MIB / 16) {
        expectContent(await fast.view(offset, 100), offset, 100)
        expectContent(await fast.read(offset, PAGE), offset, PAGE)
      }
      expect(pool.stats.completed).toBeGreaterThanOrEqual(32)
      expect(pool.stats.inFlight).toBeGreaterThan(0) // of the slow ones
      await Promise.all(touches)
      for (const range of farPages(50)) expectContent(slow.tryView(...range), ...range)
    })

    test('are rejected when the file is closed, which ends within one slice a thread', async () => {
      const at = await mount({ readMs: READ_MS })
      const { pool, files: [file] } = await openAll([at('slow')], { maxThreads: 3 })
      const view = await file.view(0, PAGE)
      const touches = farPages(50).map(([offset, length]) => file.touch(offset + PAGE, length))
      const codes = Promise.all(touches.map((touch) => touch.then(() => 'right', ({ code }) => code)))
      await Promise.race(touches)
      const closing = file.close()
      const { slices, completed } = pool.stats
      await closing
      const rejected = (await codes).filter((code) => code !== 'right')
      expect(rejected).toEqual(Array(51 - completed).fill('ERR_MAP_CLOSED')) // 51: the view is one of them
      expect(rejected.length).toBeGreaterThan(0)
      expect(view.every((byte) => byte === 0)).toBe(true)
      expect(mapLines(at('slow'))).toEqual([])
      await until(() => pool.stats.idle === pool.stats.threads)
      expect(pool.stats.slices - slices).toBeLessThanOrEqual(3 + 1) // and the closing is one
    })

    test.each(['close', 'destroy'])('stall no loop whose file is closed after pool.%s()', async (how) => {
      const at = await mount({ readMs: 1000 })
      expectNoStall(await run('closesAfterPool', at('slow'), how))
    })

    test('do not hold up process.exit()', async () => {
      const at = await mount({ readMs: READ_MS })
      const { code, stdout, stderr } = await runChild('slow-device.js', ['exits', at('slow')], { execArgv: EXITING })
      const ended = Date.now()
      expect({ code, stderr }).toEqual({ code: 7, stderr: '' })
      const { waiting, at: exited } = JSON.parse(stdout)
      expect(waiting).toBe(240)
      expect(ended - exited).toBeLessThan(waiting / AT_A_TIME * READ_MS / 2)
    })
  })

  describe('an abort of a touch of a slow device', () => {
    test('rejects at once, while the only thread waits for the device', async () => {
      const at = await mount({ readMs: READ_MS })
      const paths = [at('slow'), at('fast')]
      const { pool, files: [slow, fast] } = await openAll(paths, { maxThreads: 1, sliceSize: PAGE })
      await fast.touch(0, PAGE)
      await until(() => pool.stats.idle === 1)
      const controller = new AbortController()
      const touched = slow.touch(0, 64 * PAGE, { signal: controller.signal })
      await until(hasThreadInDevice) // before that an abort ends it without a look at the device
      controller.abort()
      expect(await errorOf(() => touched)).toMatchObject({ code: 'ABORT_ERR' })
      expect(pool.stats).toMatchObject({ slices: 1, inFlight: 0, idle: 0 }) // that of the fast one
      await until(() => pool.stats.idle === 1)
      expect(pool.stats.slices).toBeLessThanOrEqual(2)
    })

    test('ends it within one slice', async () => {
      const at = await mount({ readMs: READ_MS })
      const { pool, files: [file] } = await openAll([at('slow')], { sliceSize: PAGE })
      const controller = new AbortController()
      let slices
      const onProgress = () => {
        controller.abort()
        slices = pool.stats.slices
      }
      const touched = file.touch(0, 64 * PAGE, { signal: controller.signal, onProgress })
      expect(await errorOf(() => touched)).toMatchObject({ code: 'ABORT_ERR' })
      await until(() => pool.stats.idle === pool.stats.threads)
      expect(pool.stats.slices - slices).toBeLessThanOrEqual(1)
      expect(slices).toBeLessThan(32) // of 64: there was something to abort
    })
  })

  test('wait() is over in time, also while the page of its word is being read', async () => {
    const at = await mount({ readMs: 4 * READ_MS })
    const { files: [file] } = await openAll([at('slow')], {})
    const order = []
    const waited = file.wait(0, 0, { timeout: READ_MS }).then((outcome) => order.push(outcome))
    const touched = file.touch(0, 1).then(() => order.push('touched'))
    await Promise.all([waited, touched])
    expect(order).toEqual(['timed-out', 'touched'])
  })

  test('a growth that was given up with its pool is waited for by nobody', async () => {
    const at = await mount({ statMs: 2 * READ_MS })
    const pool = new Pool()
    const file = await open(at('slow'), { pool, flags: 'r+' })
    const asked = at.asked()
    const growing = errorOf(() => file.resize(2 * file.byteLength))
    await asked
    const destroyed = pool.destroy()
    expect(await growing).toMatchObject({ code: 'ERR_POOL_CLOSED' })
    expect(openFiles(at('slow'))).toHaveLength(2) // its own, and the one for which the device has not answered yet
    await file.close()
    await destroyed
    await until(() => openFiles(at('slow')).length === 0)
  })

  test('refresh() of a file on a slow device does not hold up that of another', async () => {
    const at = await mount({ statMs: 3 * READ_MS })
    const slow = await openAll([at('fast')], {})
    const other = await openAll([makeFile(folder, 'of another device', PAGE)], {})
    for (const { files: [file] } of [slow, other]) await file.touch(0, 1) // a thread of each pool is up
    const order = []
    const asked = at.asked()
    const refreshed = slow.files[0].refresh().then(() => order.push('slow'))
    await asked
    await other.files[0].refresh()
    order.push('other')
    await refreshed
    expect(order).toEqual(['other', 'slow'])
  })

  test('open() stalls no loop while the device is slow to open a file', async () => {
    const at = await mount({ openMs: READ_MS })
    const { value, ms, ...loop } = await run('opens', at('fast'))
    expect(value).toBe(64 * MIB)
    expect(ms).toBeGreaterThanOrEqual(READ_MS)
    expectNoStall(loop)
  })

  describe('tryView() stalls no loop', () => {
    const page = JSON.stringify([BAD[0], PAGE])

    test('where the device is slow to say the size of the file', async () => {
      const at = await mount({ statMs: READ_MS })
      const { value, ...loop } = await run('triesToView', at('fast'), page, 'touched')
      expect(value).toBe('object')
      expectNoStall(loop)
    })

    test('where the page is damaged and the device slow to fail', async () => {
      const at = await mount({ readMs: READ_MS, bad: BAD })
      const { value, ...loop } = await run('triesToView', at('broken'), page, 'loaded')
      expect(value).toBe('undefined')
      expectNoStall(loop)
    })
  })

  describe('a device that cannot read a range', () => {
    const CASES = [
      ['the bad range', BAD],
      ['one byte at its end', [BAD_END - 1, 1]],
      ['a good page and one byte', [BAD[0] - PAGE, PAGE + 1]],
      ['everything up to beyond it', [0, 2 * MIB]]
    ]
    const GOOD = [[BAD[0] - PAGE, PAGE], [BAD_END, PAGE], [0, 100], [BAD_END + 1, 3 * MIB]]

    test.each(CASES)('rejects touch, view and read of %s with its error', async (_name, range) => {
      const at = await mount({ bad: BAD })
      const one = { outcomes: [ioError(range)], damaged: 0 }
      const result = await run('requests', at('broken'), JSON.stringify([range]))
      expect(result).toEqual({ touch: one, view: one, read: one })
    })

    test('serves every page around it, also after it has failed', async () => {
      const at = await mount({ bad: BAD })
      const outcomes = ['right', 'right', 'right', 'right', ioError(BAD), 'right', 'right', 'right', 'right']
      const result = await run('requests', at('broken'), JSON.stringify([...GOOD, BAD, ...GOOD]))
      for (const kind of ['touch', 'view', 'read']) expect(result[kind].outcomes).toEqual(outcomes)
    })

    test.each(['r', 'r+'])('gives zeros to loads (%s), which are damage, and errors to requests', async (flags) => {
      const at = await mount({ bad: BAD })
      const error = ioError(BAD)
      expect(await run('loads', at('broken'), JSON.stringify(BAD), flags)).toEqual({
        before: 0, zeros: true, damaged: BAD[1], after: { touch: error, view: error, read: error }, tryView: 'undefined'
      })
    })

    // How often the kernel asks before it gives up is its own affair.
    test.each(['requests', 'loads'])('(%s) for a while only does not look truncated', async (scenario) => {
      const page = [BAD[0], PAGE]
      for (let failures = 1; failures <= 6; failures++) {
        const at = await mount({ bad: page, failures })
        const ranges = scenario === 'requests' ? [page] : page
        const result = await run(scenario, at('broken'), JSON.stringify(ranges))
        expect(JSON.stringify(result)).not.toContain('ERR_MAP_TRUNCATED')
      }
    })
  })
}
