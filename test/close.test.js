'use strict'
// What close() ends and what it gives back: pending calls, memory, descriptor and disk space; and what whoever still
// holds the memory sees.

const { once } = require('node:events')
const fs = require('node:fs')
const { constants } = require('node:os')
const { open, map, MAP_SHARED, Pool, PROT_READ } = require('faultless')
const {
  PAGE, childResult, errorOf, expectContent, isTmpfs, makeFile, mapLines, openFiles, randomRanges,
  temporaryFolder, testUnlessLaid
} = require('./helpers')
const native = require('../native/binding')
const { clientOf } = require('../lib/pool')
const { Queue } = require('../lib/queue')
const { ChannelMemory, Control, isFree } = require('../worker/layout')

const SIZE = (1 << 20) + 123
const SHM = '/dev/shm'
const folder = temporaryFolder()
const data = makeFile(folder, 'data', SIZE)

// Every call that may pend, or be made too late.
const calls = {
  touch: (file) => file.touch(),
  'touch of a list': (file) => file.touch([[0, 1], [PAGE, 1]]),
  view: (file) => file.view(),
  read: (file) => file.read(),
  readv: (file) => file.readv([[0, PAGE], [PAGE, PAGE]]),
  slice: (file) => file.slice(),
  residency: (file) => file.residency(),
  advise: (file) => file.advise('normal'),
  evict: (file) => file.evict()
}
const NAMES = Object.keys(calls)

const closedError = { name: 'Error', code: 'ERR_MAP_CLOSED', message: `The mapping of '${data}' is closed` }
const isZero = (bytes) => bytes.every((byte) => byte === 0)

describe('close()', () => {
  test('of many files at once does not look through what pends on others', async () => {
    const requests = jest.spyOn(Queue.prototype, 'requests', 'get')
    const files = await Promise.all(Array.from({ length: 600 }, () => open(data)))
    const pending = files.map((file) => errorOf(() => file.read()))
    const closed = files.map((file) => file.close())
    expect(requests).not.toHaveBeenCalled()
    expect(new Set((await Promise.all(pending)).map(({ code }) => code))).toEqual(new Set(['ERR_MAP_CLOSED']))
    await Promise.all(closed)
    requests.mockRestore()
  })

  test.each(NAMES)('rejects what pends: %s', async (name) => {
    const file = await open(data)
    const pending = errorOf(() => calls[name](file))
    const closing = file.close()
    expect(await pending).toMatchObject(closedError)
    await closing
  })

  test('rejects everything that is pending, however much it is', async () => {
    const file = await open(data)
    const pending = randomRanges(1, 2000, SIZE, PAGE).map((range) => errorOf(() => file.read(...range)))
    pending.push(errorOf(() => file.readv(randomRanges(2, 2000, SIZE, PAGE))))
    await file.close()
    for (const error of await Promise.all(pending)) expect(error).toMatchObject(closedError)
  })

  test('gives the error to callbacks that are pending', async () => {
    const file = await open(data)
    // In this order: what a thread has read by now is resident, and a touch of it resolves at once.
    const errors = Promise.all(['touch', 'read'].map((method) => new Promise((resolve) => {
      file[method](0, SIZE, (...given) => resolve(given))
    })))
    await file.close()
    for (const given of await errors) expect(given).toEqual([expect.objectContaining(closedError)])
  })

  test('rejects what is pending before it resolves itself', async () => {
    const file = await open(data)
    const order = []
    const pending = file.touch().catch(() => order.push('touch'))
    await file.close().then(() => order.push('close'))
    await pending
    expect(order).toEqual(['touch', 'close'])
  })

  test('leaves calls on other files of the same pool alone, also on another handle of the same file', async () => {
    const [file, other] = await Promise.all([open(data), open(data)])
    const view = await other.view()
    const doomed = errorOf(() => file.read())
    const kept = other.read()
    await file.close()
    expect((await doomed).code).toBe('ERR_MAP_CLOSED')
    expectContent(await kept, 0, SIZE)
    expectContent(view, 0, SIZE)
    await other.close()
  })

  test.each([...NAMES, 'tryView'])('makes every later call fail: %s', async (name) => {
    const file = await open(data)
    await file.touch()
    await file.close()
    const call = calls[name] ?? (() => file.tryView())
    expect(await errorOf(() => call(file))).toMatchObject(closedError)
  })

  test('goes before what is wrong with the arguments of a later call', async () => {
    const file = await open(data)
    await file.close()
    for (const act of [
      () => file.touch(-1), () => file.view(NaN), () => file.tryView('x'), () => file.read(0, SIZE + 1),
      () => file.readv(5), () => file.slice(5, 4), () => file.residency(-1), () => file.advise('normal', -1),
      () => file.evict(1.5)
    ]) expect(await errorOf(act)).toMatchObject(closedError)
  })

  test('names no path for a file that was given as a descriptor', async () => {
    const fd = fs.openSync(data, 'r')
    const file = map(SIZE, PROT_READ, MAP_SHARED, fd, 0)
    fs.closeSync(fd)
    await file.close()
    expect(await errorOf(() => file.touch())).toMatchObject({ ...closedError, message: 'The mapping is closed' })
  })

  test('resolves with nothing, the same for every call, and says so at once', async () => {
    const file = await open(data)
    expect(file.closed).toBe(false)
    const first = file.close()
    expect(file.closed).toBe(true)
    expect(file.close()).toBe(first)
    expect(await first).toBeUndefined()
    expect(await file.close()).toBeUndefined()
    expect(file.closed).toBe(true)
  })

  test("emits 'close' once, when all is given back", async () => {
    const path = makeFile(folder, 'emitting', PAGE)
    const file = await open(path)
    let closes = 0
    file.on('close', (...given) => {
      closes++
      expect(given).toEqual([])
      expect(openFiles(path)).toEqual([])
      expect(mapLines(path)).toEqual([])
    })
    const emitted = once(file, 'close')
    await Promise.all([file.close(), file.close(), emitted])
    await file.close()
    expect(closes).toBe(1)
  })

  test('is what Symbol.asyncDispose does', async () => {
    const file = await open(data)
    await file[Symbol.asyncDispose]()
    expect(file.closed).toBe(true)
    expect(await errorOf(() => file.touch())).toMatchObject(closedError)
    await file[Symbol.asyncDispose]()
  })

  test('works when the pool is closed before it, and when it is destroyed', async () => {
    for (const end of ['close', 'destroy']) {
      const pool = new Pool()
      const path = makeFile(folder, `of a pool: ${end}`, SIZE)
      const file = await open(path, { pool })
      const view = await file.view()
      await pool[end]()
      await file.close()
      expect(isZero(view)).toBe(true)
      expect(openFiles(path)).toEqual([])
      expect(mapLines(path)).toEqual([])
    }
  })

  test('works when the pool has no room for one more request', async () => {
    const pool = new Pool({ maxQueue: 1 })
    const file = await open(data, { pool })
    const other = await open(data, { pool })
    const pending = other.read()
    await file.close()
    expectContent(await pending, 0, SIZE)
    await other.close()
    await pool.close()
  })

  test('keeps the properties readable', async () => {
    const file = await open(data)
    await file.view(0, 10)
    const { buffer } = file
    await file.close()
    expect(file).toMatchObject({ byteLength: SIZE, path: data, flags: 'r', closed: true, damaged: 0 })
    expect(file.buffer).toBe(buffer)
    expect(file.stats).toMatchObject({ touches: 1, touchedBytes: 10, views: 1 })
  })
})

describe('after close()', () => {
  test('views and the buffer read zeros', async () => {
    const file = await open(data)
    const view = await file.view()
    const part = await file.view(PAGE + 5, 777)
    expect(isZero(view)).toBe(false)
    await file.close()
    expect(isZero(view)).toBe(true)
    expect(isZero(part)).toBe(true)
    expect(isZero(new Uint8Array(file.buffer))).toBe(true)
  })

  test.each(['r', 'r+'])('stores into a view reach nothing (opened %s)', async (flags) => {
    const path = makeFile(folder, `stored into ${flags}`, SIZE)
    const file = await open(path, flags)
    const view = await file.view()
    await file.close()
    view.fill(0xaa)
    expectContent(fs.readFileSync(path), 0, SIZE)
  })

  test('stores that were made before, with flags r+, are in the file', async () => {
    const path = makeFile(folder, 'kept', SIZE)
    const file = await open(path, 'r+')
    const view = await file.view(SIZE - 5, 5)
    view.write('saved')
    await file.close()
    expect(fs.readFileSync(path).toString('latin1', SIZE - 5)).toBe('saved')
  })

  test('views show nothing of a file that is opened next', async () => {
    const file = await open(data)
    const view = await file.view()
    await file.close()
    const others = await Promise.all(Array.from({ length: 20 }, () => open(data)))
    await Promise.all(others.map((other) => other.touch()))
    expect(isZero(view)).toBe(true)
    await Promise.all(others.map((other) => other.close()))
  })

  test('the descriptor is closed and no line of /proc/self/maps names the file', async () => {
    const path = makeFile(folder, 'named', SIZE)
    const file = await open(path)
    const view = await file.view()
    expect(openFiles(path)).toHaveLength(1)
    expect(mapLines(path).length).toBeGreaterThan(0)
    await file.close()
    expect(openFiles(path)).toEqual([])
    expect(mapLines(path)).toEqual([])
    expect(view).toHaveLength(SIZE)
  })

  test('the memory that stray stores took is free', async () => {
    const big = `${folder}/big`
    fs.writeFileSync(big, '')
    fs.truncateSync(big, 256 << 20)
    const file = await open(big)
    const view = await file.view()
    const before = anonymousBytes()
    view.fill(1)
    expect(anonymousBytes() - before).toBeGreaterThan(192 << 20)
    await file.close()
    expect(anonymousBytes() - before).toBeLessThan(64 << 20) // jest's own heap grows and shrinks as well
    expect(view[0]).toBe(0)
  })

  const hasShm = fs.existsSync(SHM) && isTmpfs(SHM)
  const inMemory = hasShm && temporaryFolder(SHM)
  const testShm = hasShm ? test : test.skip

  testShm(`the space of a file without a name is free${hasShm ? '' : ` (skipped: ${SHM} is no tmpfs)`}`, async () => {
    // Others take and free space at the same time, but hardly each time; a file that is kept is kept each time.
    let freed = 0
    for (let attempt = 0; attempt < 10 && freed < SPACE; attempt++) freed = await spaceFreedByClose(inMemory)
    expect(freed).toBeGreaterThanOrEqual(SPACE)
  })

  test('a hundred files leave nothing open and nothing mapped', async () => {
    const path = makeFile(folder, 'many', SIZE)
    for (let i = 0; i < 10; i++) {
      const files = await Promise.all(Array.from({ length: 10 }, () => open(path)))
      await Promise.all(files.map((file) => file.view()))
      await Promise.all(files.map((file) => file.close()))
    }
    expect(openFiles(path)).toEqual([])
    expect(mapLines(path)).toEqual([])
  })
})

const SPACE = 16 << 20

/** Bytes that a file system has more after a file of SPACE bytes, whose name was gone already, was closed. */
async function spaceFreedByClose(inMemory) {
  const doomed = makeFile(inMemory, 'doomed', SPACE)
  const file = await open(doomed)
  const view = await file.view()
  fs.unlinkSync(doomed)
  expectContent(view, 0, SPACE)
  const freeBytes = () => fs.statfsSync(inMemory).bfree * fs.statfsSync(inMemory).bsize
  const held = freeBytes()
  await file.close()
  const freed = freeBytes() - held
  expect(isZero(view.subarray(0, 4 * PAGE))).toBe(true)
  return freed
}

/** Private memory of this process that no file backs. */
function anonymousBytes() {
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]) * 1024
}

describe('the garbage collector', () => {
  const GIB = 2 ** 30
  let report
  beforeAll(async () => {
    report = await childResult('collected.js', [folder], { execArgv: ['--expose-gc'] })
  })

  test('finds closed files whose views are held: the address range stays, all else is free', () => {
    const { start, held } = report.closed
    expect(held.descriptors).toBe(start.descriptors)
    expect(held.lines).toBe(0)
    expect(held.addressSpace - start.addressSpace).toBeGreaterThan(19 * GIB)
  })

  test('gives the address range back when the last view is gone', () => {
    const { start, end } = report.closed
    expect(end).toMatchObject({ mappings: start.mappings, descriptors: start.descriptors, lines: 0 })
    expect(end.addressSpace - start.addressSpace).toBeLessThan(GIB)
  })

  test('keeps a file that nobody closed as long as a view is held, and its bytes', () => {
    const { held } = report.forgotten
    expect(held).toMatchObject({ mappings: 20, lines: 20, wrongViews: 0 })
  })

  testUnlessLaid('gives everything back of files that nobody closed', () => {
    const { start, end } = report.forgotten
    expect(end).toMatchObject({ mappings: start.mappings, descriptors: start.descriptors, lines: 0 })
    expect(end.addressSpace - start.addressSpace).toBeLessThan(GIB)
  })
})

describe('close() that the system refuses', () => {
  let refusals
  let fresh
  let Leases
  beforeAll(() => {
    jest.doMock('../lib/run-surely', () => {
      const { closeMapping, ...rest } = jest.requireActual('../lib/run-surely')
      const refuse = () => Promise.resolve(-constants.errno.ENOMEM)
      return { ...rest, closeMapping: (...args) => refusals-- > 0 ? refuse() : closeMapping(...args) }
    })
    jest.isolateModules(() => {
      fresh = require('faultless')
      Leases = require('../lib/leases').Leases
    })
    jest.dontMock('../lib/run-surely')
  })

  afterEach(() => jest.restoreAllMocks())

  test('rejects, and may be called again', async () => {
    refusals = 1
    const path = makeFile(folder, 'refused', PAGE)
    const file = await fresh.open(path)
    const closed = jest.fn()
    file.on('close', closed)
    const [first, same] = [file.close(), file.close()]
    expect(await errorOf(() => first)).toMatchObject({ code: 'ENOMEM', syscall: 'mmap' })
    await expect(same).rejects.toMatchObject({ code: 'ENOMEM' })
    expect([file.closed, closed.mock.calls.length]).toEqual([true, 0])
    await file.close()
    await file.close()
    expect(closed).toHaveBeenCalledTimes(1)
    expect(openFiles(path)).toEqual([])
  })

  // What another copy of the package has made is for this one as if another thread had.
  test('gives its place in the pool of another thread back, and has no other file of that pool given one more', async () => {
    const pool = new Pool()
    const { memory } = clientOf(pool)
    const owners = () => Array.from({ length: memory.control[Control.CHANNELS] }, (_, i) => memory.channel(i).header[ChannelMemory.OWNER])
    const held = () => owners().filter((word) => !isFree(word))
    const attachLast = async () => {
      const file = await open(data, { pool })
      const { handle } = file
      const attached = fresh.attach(handle)
      await attached.touch()
      await file.close()
      return { attached, handle }
    }
    for (let round = 0; round < 3; round++) {
      refusals = 1
      const { attached: refused } = await attachLast()
      expect(await errorOf(() => refused.close())).toMatchObject({ code: 'ENOMEM' })
      const { attached, handle } = await attachLast()
      await refused.close()
      const other = fresh.attach(handle)
      await other.touch()
      expect(held()).toHaveLength(1)
      await attached.close()
      await other.close()
      expect(held()).toEqual([])
    }
    await pool.close()
  })

  test('lets go once more, when it has succeeded, of what the file was laid over', async () => {
    const letGo = jest.spyOn(native, 'letGo').mockImplementationOnce(() => {}) // refused as well
    refusals = 1
    const file = await fresh.open(data)
    expect(await errorOf(() => file.close())).toMatchObject({ code: 'ENOMEM' })
    await file.close()
    expect(letGo).toHaveBeenCalledTimes(2)
  })

  test('lets go once where other handles hold that', async () => {
    const letGo = jest.spyOn(native, 'letGo')
    const file = await fresh.open(data)
    const other = fresh.attach(file.handle)
    jest.spyOn(Leases.prototype, 'close').mockRejectedValueOnce(new Error('refused'))
    expect((await errorOf(() => file.close())).message).toBe('refused')
    await file.close()
    expect(letGo).toHaveBeenCalledTimes(1)
    await other.close()
  })
})
