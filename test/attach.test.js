'use strict'
// A file that several threads have attached: the same memory, one pool, and threads that end in any order. What may end
// the process runs in children.

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const { once } = require('node:events')
const { setTimeout: sleep } = require('node:timers/promises')
const { Worker } = require('node:worker_threads')
const { attach, map, open, MAP_PRIVATE, PROT_READ, Pool } = require('..')
const native = require('../native/binding')
const { claimPlace } = require('../lib/place')
const { clientOf } = require('../lib/pool')
const { PoolMemory, ChannelMemory, Control, GONE, MAX_CHANNELS, State, ThreadStatus, isUsed, nextHolder, running } =
  require('../worker/layout')
const until = require('./fixtures/until')
const { PAGE, canMapFrom, childResult, errorOf, expectContent, isWindows, makeFile, openFiles, temporaryFolder } =
  require('./helpers')

const SIZE = 1024 * PAGE

const folder = temporaryFolder()
const path = makeFile(folder, 'content', SIZE)
const run = (...scenarios) => childResult('attach.js', [scenarios.join(), path], { execArgv: ['--expose-gc'] })

const nothingLeft = { mappings: 0, transfers: 0, lines: 0, open: 0 }

const files = []

async function openFile(options) {
  const file = await open(path, options)
  files.push(file)
  return file
}

function attachFile(handle) {
  const file = attach(handle)
  files.push(file)
  return file
}

afterEach(() => Promise.all(files.splice(0).map((file) => file.close())))

describe('threads that have attached a file', () => {
  let ends, seen
  beforeAll(async () => {
    ends = await run('endInAnyOrder', 'terminateAttachers', 'terminateAskers', 'collected')
    seen = await run('shares', 'onePool', 'knows', 'closes', 'closesFirst', 'takesOver', 'touchSync', 'otherProcess',
      ...isWindows ? [] : ['damage']) // it cuts a mapped file
  })

  test('may end in any order and way, the one that opened it first or last', () => {
    expect(ends.endInAnyOrder).toEqual(nothingLeft)
  })

  test('may be terminated amid attach()', () => {
    expect(ends.terminateAttachers).toEqual(nothingLeft)
  })

  test('may be terminated amid thousands of requests: those of others are all served, and right', () => {
    const served = { askedSome: true, failures: [], inFlight: 0, failed: 0, threads: 0 }
    expect(ends.terminateAskers).toEqual({ ...served, ...nothingLeft })
  })

  test('see each other\'s stores, and wake each other by Atomics', () => {
    const worker = { woken: 'ok', flags: 'r+', path: expect.any(String), byteLength: SIZE }
    expect(seen.shares).toEqual({ seen: 77, stored: 77, woken: 'ok', worker, isItsPath: true })
  })

  test('use one pool, start no threads of their own, and have figures of their own', () => {
    expect(seen.onePool).toEqual({ seen: [0, 0, 0, 0], reads: 17, ownReads: 0, started: 1, threads: 1, completed: 0 })
  })

  test('know what others have touched', () => {
    expect(seen.knows).toEqual({ starts: 0, inTime: true, completed: 1 })
  })

  test('keep the file open until the last of them closes it', () => {
    expect(seen.closes).toEqual({
      closed: true, code: 'ERR_MAP_CLOSED', before: 1, after: { open: 0, zeros: true }, late: 'ERR_MAP_CLOSED'
    })
  })

  test('close it by their end when others have closed it', () => {
    expect(seen.closesFirst).toEqual({ openBefore: 1, zeros: true })
  })

  test('may attach it when nobody has it any more but its handle, and leave nothing', () => {
    expect(ends.collected).toEqual(nothingLeft)
  })

  test('take over what pool threads had in hand that ended with another thread', () => {
    expect(seen.takesOver).toEqual({ codes: { right: 300 }, before: 1, after: 2, own: 1 })
  })

  test('may wait for the device themselves, by touchSync(), and the main thread may not', () => {
    const progress = [1, 2, 3].map((slices) => [slices * 256 * PAGE, SIZE - PAGE]).concat([[SIZE - PAGE, SIZE - PAGE]])
    const truncated = isWindows ? [] : ['ERR_MAP_TRUNCATED'] // a mapped file cannot be cut there
    expect(seen.touchSync).toEqual({
      before: isWindows ? null : 0,
      after: isWindows ? null : SIZE / PAGE - 1,
      progress,
      told: [[1, PAGE + 1], [PAGE + 1, PAGE + 1]],
      refused: ['ERR_OUT_OF_RANGE', 'ERR_INVALID_ARG_TYPE', 'ABORT_ERR', 'ERR_MAP_READ_ONLY', ...truncated, 'ERR_MAP_CLOSED'],
      inMain: 'ERR_MAP_MAIN_THREAD'
    })
  })

  test('hear of damage that others met, and again when another has had it repaired', () => {
    const lost = { offset: 2 * PAGE, length: PAGE }
    expect(seen.damage).toEqual({ told: [lost, lost], damaged: 0 })
  })

  test('are of one process', () => {
    expect(seen.otherProcess).toEqual({
      cloned: expect.stringMatching('Error'), foreign: 'ERR_INVALID_ARG_VALUE', text: 'ERR_INVALID_ARG_TYPE'
    })
  })
})

describe('a pool of several threads', () => {
  let seen
  beforeAll(async () => {
    seen = await run('fairness', 'fairnessOfLongRanges', 'poolEnds')
  })

  // Eight slots of each thread may be in hand at a time, and eight more may come before the others' turn.
  test('serves one touch beside ten thousand of another thread after a few of them', () => {
    expect(seen.fairness).toEqual({ turns: [expect.any(Number)], flood: { right: 10_000 } })
    expect(seen.fairness.turns[0]).toBeLessThanOrEqual(16)
  })

  test('serves slices of one long range in turn with those of hundreds of another thread', () => {
    const { turns, flood } = seen.fairnessOfLongRanges
    expect(flood).toEqual({ right: 300 })
    expect(turns).toHaveLength(10)
    expect(turns.at(-1)).toBeLessThanOrEqual(16 + 2 * 10)
  })

  test('that is closed finishes what all of them have asked for', () => {
    expect(seen.poolEnds.close).toEqual({ own: ['right'], other: { right: 1000 }, threads: 0 })
  })

  test('that is destroyed rejects what all of them have asked for', () => {
    expect(seen.poolEnds.destroy).toEqual({ own: ['ERR_POOL_CLOSED'], other: { ERR_POOL_CLOSED: 1000 }, threads: 0 })
  })

  test.each([true, false])('keeps its threads for files of another thread, until that is terminated (which asks: %p)', async (asks) => {
    const pool = new Pool({ minThreads: 2, maxThreads: 2, idleTimeout: 1 })
    const file = await openFile({ pool })
    const code = `
      const { parentPort, workerData: { handle, asks } } = require('node:worker_threads')
      const file = require(${JSON.stringify(require.resolve('..'))}).attach(handle)
      void Promise.resolve(asks && file.read()).then(() => parentPort.postMessage('attached'))
      parentPort.on('message', () => {})`
    const worker = new Worker(code, { eval: true, workerData: { handle: file.handle, asks } })
    await once(worker, 'message')
    await file.close()
    expect(isUsed(clientOf(pool).memory.control)).toBe(true)
    expect(pool.stats.threads).toBe(2)
    await worker.terminate()
    await until(() => pool.stats.threads === 0)
    await pool.close()
  })
})

describe('attach() in the same thread', () => {
  test('gives a handle of its own, with the same memory and pool', async () => {
    const pool = new Pool({ maxThreads: 1 })
    const offset = canMapFrom(5000) ? 5000 : 2 * PAGE
    const file = await openFile({ pool, offset, length: 9000, freshness: 0 })
    const other = attachFile(file.handle)
    expect(other).toMatchObject({ path, flags: 'r', byteLength: 9000, closed: false })
    expect(other.buffer).toBe(file.buffer)
    expect(other.stats).toMatchObject({ touches: 0, copyOnWrite: file.stats.copyOnWrite })
    expectContent(await other.read(100, 5000), offset + 100, 5000)
    expect(pool.stats).toMatchObject({ completed: 1 })
    await file.close()
    expectContent(await other.view(100, 5000), offset + 100, 5000)
    await other.close()
    expect(openFiles(path)).toEqual([])
    await pool.close()
  })

  test('rejects at close() what is pending on that handle alone', async () => {
    const file = await openFile({ freshness: 0 })
    const other = attachFile(file.handle)
    const [lost, kept] = [other.read(0, PAGE), file.read(0, PAGE)]
    const closed = other.close()
    expect(await errorOf(() => lost)).toMatchObject({ code: 'ERR_MAP_CLOSED' })
    expectContent(await kept, 0, PAGE)
    await closed
    expect(other.closed).toBe(true)
    expect(file.closed).toBe(false)
  })

  test('tells \'close\' after the call, of each handle once', async () => {
    const file = await openFile()
    const other = attachFile(file.handle)
    const told = []
    for (const [name, mapped] of [['file', file], ['other', other]]) mapped.on('close', () => told.push(name, mapped.closed))
    const closing = other.close()
    expect(told).toEqual([])
    await closing
    await other.close()
    expect(told).toEqual(['other', true])
    await file.close()
    expect(told).toEqual(['other', true, 'file', true])
  })

  test('works for files of no bytes, and for what map() gives', async () => {
    const empty = await open(makeFile(folder, 'empty', 0))
    files.push(empty)
    expect(attachFile(empty.handle).byteLength).toBe(0)
    const fd = fs.openSync(path)
    const mapped = map(SIZE, PROT_READ, MAP_PRIVATE, fd, 0)
    fs.closeSync(fd)
    files.push(mapped)
    const other = attachFile(mapped.handle)
    expect(other.path).toBeUndefined()
    expectContent(await other.read(3, 5), 3, 5)
  })

  test('is refused for a closed file, and so is its handle', async () => {
    const file = await openFile()
    const { handle } = file
    await file.close()
    expect(await errorOf(() => attach(handle))).toMatchObject({ code: 'ERR_MAP_CLOSED', message: expect.stringContaining(path) })
    expect(await errorOf(() => file.handle)).toMatchObject({ code: 'ERR_MAP_CLOSED' })
  })
})

describe('a file that grows and shrinks', () => {
  test('is as large for each handle as when that last looked', async () => {
    const file = await open(path.replace('content', 'growing'), { flags: 'w+', size: PAGE, reserve: 8 * PAGE })
    files.push(file)
    const other = attachFile(file.handle)
    expect([other.byteLength, other.buffer.byteLength]).toEqual([PAGE, 8 * PAGE])
    await file.resize(4 * PAGE)
    await file.write(3 * PAGE, 'grown')
    expect(other.byteLength).toBe(PAGE)
    await other.refresh()
    expect([other.byteLength, `${await other.view(3 * PAGE, 5)}`]).toEqual([4 * PAGE, 'grown'])
    await file.resize(2 * PAGE)
    expect(attachFile(other.handle).byteLength).toBe(2 * PAGE) // the last that any of them has found
    await expect(other.view(3 * PAGE, 5)).rejects.toMatchObject({ code: 'ERR_MAP_TRUNCATED' })
    expect(other.tryView(3 * PAGE, 5)).toBeUndefined()
    await other.refresh()
    await expect(other.view(3 * PAGE, 5)).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
  })
})

describe('attach() refuses', () => {
  test.each([undefined, null, 5, 'handle', [], () => {}, Symbol('handle')])('%p', async (value) => {
    expect(await errorOf(() => attach(value))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
  })

  const shared = () => new SharedArrayBuffer(SIZE)
  test.each([
    ['no id', { id: undefined }, 'ERR_INVALID_ARG_TYPE'],
    ['an id that is none', { id: 0.5 }, 'ERR_OUT_OF_RANGE'],
    ['an id that nobody has', { id: Number.MAX_SAFE_INTEGER }, 'ERR_MAP_CLOSED'],
    ['no buffer', { buffer: undefined }, 'ERR_INVALID_ARG_TYPE'],
    ['a buffer of the thread', { buffer: new ArrayBuffer(SIZE) }, 'ERR_INVALID_ARG_TYPE'],
    ['other memory', { buffer: shared() }, 'ERR_INVALID_ARG_VALUE'],
    ['less memory', { buffer: new SharedArrayBuffer(0) }, 'ERR_INVALID_ARG_VALUE'],
    ['other flags', { flags: 'r+' }, 'ERR_INVALID_ARG_VALUE'],
    ['no flags', { flags: 5 }, 'ERR_INVALID_ARG_TYPE'],
    ['no path', { path: 5 }, 'ERR_INVALID_ARG_TYPE'],
    ['another process', { pid: process.pid + 1 }, 'ERR_INVALID_ARG_VALUE'],
    ['no pool', { pool: undefined }, 'ERR_INVALID_ARG_TYPE'],
    ['a pool of nothing', { pool: {} }, 'ERR_INVALID_ARG_TYPE'],
    ['a pool of other memory', { pool: { id: 1, memory: shared(), options: {} } }, 'ERR_INVALID_ARG_VALUE'],
    ['a pool without options', { pool: { id: 1, memory: new PoolMemory().memory } }, 'ERR_INVALID_ARG_TYPE'],
    ['a pool of no threads', { pool: { id: 1, memory: new PoolMemory().memory, options: { maxThreads: 0 } } }, 'ERR_OUT_OF_RANGE']
  ])('a handle with %s, and leaves the file as it was', async (_, changes, code) => {
    const file = await openFile()
    const error = await errorOf(() => attach({ ...file.handle, ...changes }))
    expect(error).toMatchObject({ code })
    await file.close()
    expect(openFiles(path)).toEqual([]) // the handle that was refused is not counted
  })
})

describe('places for channels, and numbers of threads', () => {
  const claimAll = (pool) => Array.from({ length: MAX_CHANNELS }, () => claimPlace(pool))

  test('are so many, and an error tells when all are taken; one that is given back can be had again', () => {
    const pool = new PoolMemory()
    const places = claimAll(pool)
    expect(() => claimPlace(pool)).toThrow(expect.objectContaining({ code: 'ERR_POOL_TOO_MANY_THREADS' }))
    places[7].giveBack()
    expect(claimPlace(pool).memory.header.byteOffset).toBe(places[7].memory.header.byteOffset)
    expect(() => claimPlace(pool)).toThrow('128')
  })

  test('that their thread\'s end has left are cleared, but for those of which a living thread has a slot in hand', () => {
    const pool = new PoolMemory()
    const places = claimAll(pool)
    const living = nextHolder(0, ThreadStatus.BUSY)
    pool.control[Control.STATUS + 3] = living
    const left = [
      [State.WAITING, State.PREFETCHED, State.DONE],
      [running(3, 1)], // in the hand of the living thread
      [running(3, 2)], // of one that had the number before
      [running(4, 1)] // of one that is gone
    ]
    left.forEach((states, i) => {
      const { header, state } = places[i].memory
      state.set(states)
      header[ChannelMemory.OWNER] |= GONE
      header[ChannelMemory.USED] = states.length
    })
    for (let i = 0; i < 3; i++) claimPlace(pool)
    expect(() => claimPlace(pool)).toThrow(expect.objectContaining({ code: 'ERR_POOL_TOO_MANY_THREADS' }))
    const states = left.map((_, i) => [...places[i].memory.state.subarray(0, 3)])
    expect(states).toEqual([[0, 0, 0], [running(3, 1), 0, 0], [0, 0, 0], [0, 0, 0]])
    Atomics.store(places[1].memory.state, 0, State.DONE)
    claimPlace(pool)
    expect(places[1].memory.state[0]).toBe(State.FREE)
  })

  test('are marked when their thread ends', async () => {
    const words = new Int32Array(new SharedArrayBuffer(16))
    const binding = require.resolve('../native/binding')
    const code = `
      const native = require(${JSON.stringify(binding)})
      const words = require('node:worker_threads').workerData
      for (let i = 0; i < 4; i++) native.claimWord(words, i, 0, 0x101)
      native.disclaimWord(words, 1)
      Atomics.store(words, 2, 0x201) // somebody else's by now
      Atomics.store(words, 3, 0x103)
      native.claimWord(words, 9, 0, 1)
      process.exit()`
    const worker = new Worker(code, { eval: true, workerData: words })
    await once(worker, 'exit')
    expect([...words]).toEqual([0x101 | GONE, 0x101, 0x201, 0x103 | GONE])
    expect(native.claimWord(words, 0, 0, 5)).toBe(false)
  })

  // All that tells a dead thread from one that may still write to its slots.
  test('are not marked before the threads have ended that their thread has started', async () => {
    const words = new Int32Array(new SharedArrayBuffer(4))
    const fifo = `${folder}/fifo`
    execFileSync('mkfifo', [fifo])
    const reader = fs.openSync(fifo, fs.constants.O_RDWR | fs.constants.O_NONBLOCK)
    const inner = `
      const fs = require('node:fs')
      fs.writeSync(fs.openSync(${JSON.stringify(fifo)}, 'w'), Buffer.alloc(1 << 20)) // in the kernel until all is read`
    const outer = `
      const { Worker, workerData } = require('node:worker_threads')
      require(${JSON.stringify(require.resolve('../native/binding'))}).claimWord(workerData, 0, 0, 0x101)
      new Worker(${JSON.stringify(inner)}, { eval: true })`
    const worker = new Worker(outer, { eval: true, workerData: words })
    await until(() => readSome(reader, 1))
    let isOver = false
    const over = worker.terminate().then(() => (isOver = true))
    for (let turns = 0; turns < 30; turns++) {
      await sleep(1)
      expect(Atomics.load(words, 0)).toBe(0x101)
    }
    await until(() => !readSome(reader, 1 << 16) && isOver)
    await over
    expect(words[0]).toBe(0x101 | GONE)
    fs.closeSync(reader)
  })
})

function readSome(fd, most) {
  try {
    return fs.readSync(fd, Buffer.alloc(most)) > 0
  } catch {
    return false // there is nothing yet
  }
}
