'use strict'
// mapInto(): WebAssembly that scans a file without a copy. What it sees, what is refused, what is left in its memory, and that
// neither a truncated file nor a thread that ends does harm.

jest.mock('node:worker_threads', () =>
  require('./fixtures/watched-threads')(jest.requireActual('node:worker_threads')))

const { getEventListeners } = require('node:events')
const fs = require('node:fs')
const nodePath = require('node:path')
const { inspect } = require('node:util')
const { watched } = require('node:worker_threads')
const { open, Pool } = require('..')
const createCounter = require('../examples/count-lines/scanner')
const native = require('../native/binding')
const {
  DISK, PAGE, childResult, contentAt, errorOf, expectContent, lookUntil, makeFile, mapLines, openFiles, runChild, syncFile,
  temporaryFolder, useClosing
} = require('./helpers')
const until = require('./fixtures/until')

const WASM_PAGE = 64 << 10
const PAGES = 40
const TAIL = 100
const SIZE = PAGES * PAGE + TAIL
const FILLED = 0xee // what the memory holds before

const folder = temporaryFolder()
const path = makeFile(folder, 'content', SIZE)

function makeMemory(pages = 8) {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: 4 * pages, shared: true })
  new Uint8Array(memory.buffer).fill(FILLED)
  return memory
}

afterEach(() => watched.reset())
const closeLater = useClosing()
const openOne = async (options, name = path) => closeLater(await open(name, options))

const bytesOf = (memory, start, end) => Buffer.from(memory.buffer).subarray(start, end)
const isFilledWith = (byte, bytes) => bytes.every((one) => one === byte)

/** What lies before `start` and from `end` on is as it was. */
function expectUntouchedBut(memory, start, end) {
  expect(isFilledWith(FILLED, bytesOf(memory, 0, start))).toBe(true)
  expect(isFilledWith(FILLED, bytesOf(memory, end))).toBe(true)
}

describe('a range that is laid over a memory', () => {
  test('is what WebAssembly counts in, with nothing changed beside it', async () => {
    const file = await openOne()
    const memory = makeMemory()
    const lease = await file.mapInto(memory, 3 * PAGE, { offset: 2 * PAGE, length: 8 * PAGE })
    expectContent(bytesOf(memory, 3 * PAGE, 11 * PAGE), 2 * PAGE, 8 * PAGE)
    expectUntouchedBut(memory, 3 * PAGE, 11 * PAGE)
    const expected = contentAt(2 * PAGE, 8 * PAGE).filter((byte) => byte === 10).length
    expect(createCounter(memory)(3 * PAGE, 11 * PAGE, 10)).toBe(expected)
    expect(lease).toMatchObject({
      file, memory, byteOffset: 3 * PAGE, offset: 2 * PAGE, length: 8 * PAGE, released: false, damaged: 0
    })
  })

  test('is the whole file by default, with zeros to the end of its last page', async () => {
    const file = await openOne()
    const memory = makeMemory()
    await file.mapInto(memory)
    expectContent(bytesOf(memory, 0, SIZE), 0, SIZE)
    expect(isFilledWith(0, bytesOf(memory, SIZE, (PAGES + 1) * PAGE))).toBe(true)
    expectUntouchedBut(memory, 0, (PAGES + 1) * PAGE)
  })

  test('starts on a page of the file, also where the mapping does not', async () => {
    const file = await openOne({ offset: 100 })
    const memory = makeMemory()
    await file.mapInto(memory, PAGE, { offset: PAGE - 100 })
    expectContent(bytesOf(memory, PAGE, PAGE + SIZE - PAGE), PAGE, SIZE - PAGE)
    const error = await errorOf(() => file.mapInto(makeMemory(), PAGE))
    expect([error.code, error.message]).toEqual([
      'ERR_INVALID_ARG_VALUE',
      `The argument 'options.offset' must be a multiple of ${PAGE}, the size of a page less 100, by which the mapping starts within a page. Received 0`
    ])
  })

  test('may fill the memory to its end', async () => {
    const file = await openOne()
    const memory = makeMemory(1)
    const end = memory.buffer.byteLength
    await file.mapInto(memory, end - 2 * PAGE, { length: 2 * PAGE })
    expectContent(bytesOf(memory, end - 2 * PAGE), 0, 2 * PAGE)
  })

  test('may be empty, as a file may', async () => {
    fs.writeFileSync(nodePath.join(folder, 'empty'), '')
    const file = await openOne({}, nodePath.join(folder, 'empty'))
    const memory = makeMemory(1)
    const leases = await Promise.all([file.mapInto(memory, 0), file.mapInto(memory, memory.buffer.byteLength)])
    expect(leases.map(({ length }) => length)).toEqual([0, 0])
    await leases[0].release()
    expectUntouchedBut(memory, 0, 0)
  })

  test('stays where it is when the memory grows', async () => {
    for (const flags of ['r', 'r+']) {
      const file = await openOne(flags)
      const memory = makeMemory()
      const lease = await file.mapInto(memory, 0)
      expect(memory.grow(8)).toBe(8)
      const larger = Buffer.from(memory.buffer)
      expect(larger.length).toBe(16 * WASM_PAGE)
      expectContent(larger.subarray(0, SIZE), 0, SIZE)
      await lease.release()
      expect(isFilledWith(0, larger.subarray(0, SIZE))).toBe(true)
    }
  })

  test('takes stores to the file only with r+', async () => {
    const copy = makeFile(folder, 'stores', SIZE)
    for (const [flags, expected] of [['r', contentAt(PAGE, 1)[0]], ['r+', 77]]) {
      const file = await openOne(flags, copy)
      const memory = makeMemory()
      const lease = await file.mapInto(memory, 0, { offset: PAGE, length: PAGE })
      bytesOf(memory)[0] = 77
      expect((await file.read(PAGE, 1))[0]).toBe(expected)
      await lease.release()
      expect(fs.readFileSync(copy)[PAGE]).toBe(expected)
    }
  })

  test('leaves views of the file alone when it goes', async () => {
    const file = await openOne()
    const memory = makeMemory()
    const lease = await file.mapInto(memory, 0)
    const view = await file.view(0, PAGE)
    await lease.release()
    expectContent(view, 0, PAGE)
  })
})

test('refresh() and a lease are one call to a pool that takes one at a time', async () => {
  const pool = new Pool({ maxQueue: 1 })
  const file = await open(path, { pool })
  const memory = makeMemory()
  const leases = [await file.mapInto(memory, 0, { length: PAGE }), await file.mapInto(memory, PAGE, { length: PAGE })]
  await file.refresh()
  await file.touch(0, 1)
  expect(inspect(leases[1])).toBe('MemoryLease {\n' +
    `  byteOffset: ${PAGE},\n  offset: 0,\n  length: ${PAGE},\n  released: false,\n  damaged: 0\n}`)
  await file.close()
  await pool.close()
})

describe('release', () => {
  test('leaves zeros, in memory that can be stored to and laid over again', async () => {
    const file = await openOne()
    const memory = makeMemory()
    const lease = await file.mapInto(memory, PAGE, { length: 4 * PAGE })
    const first = lease.release()
    expect([lease.released, lease.release() === first, await first]).toEqual([true, true, undefined])
    expect(isFilledWith(0, bytesOf(memory, PAGE, 5 * PAGE))).toBe(true)
    expectUntouchedBut(memory, PAGE, 5 * PAGE)
    bytesOf(memory, PAGE, 5 * PAGE).fill(5)
    expect(isFilledWith(5, bytesOf(memory, PAGE, 5 * PAGE))).toBe(true)
    const again = await file.mapInto(memory, 0, { offset: PAGE, length: 4 * PAGE })
    expectContent(bytesOf(memory, 0, 4 * PAGE), PAGE, 4 * PAGE)
    await again[Symbol.asyncDispose]()
    expect(isFilledWith(0, bytesOf(memory, 0, 4 * PAGE))).toBe(true)
  })

  test('gives everything back, window after window', async () => {
    const file = await openOne()
    const memory = makeMemory()
    // V8's heap comes and goes in pages of 256 KiB; windows here have a page of memory.
    const isNotOfHeap = (line) => !/^(\w+)[048c]0000-(\w+)[048c]0000 rw-p 0+ 00:00 0 *$/.test(line)
    const count = () => ({
      fds: openFiles(path).length, ofFile: mapLines(path).length, all: mapLines().filter(isNotOfHeap).length, mappings: native.mappingCount()
    })
    const window = async (i) => (await file.mapInto(memory, 0, { offset: i * PAGE, length: PAGE })).release()
    await window(0)
    const before = count()
    for (let i = 0; i < PAGES; i++) await window(i)
    const wanted = { ...before, all: true, mappings: true }
    expect(await lookUntil(wanted, () => {
      const now = count()
      const all = now.all < before.all + PAGES / 2 // which threads of the process may have changed a little
      return { ...now, all, mappings: now.mappings <= before.mappings } // those of tests before may be collected meanwhile
    })).toEqual(wanted)
  })

  test('is what close() of the file does to all leases', async () => {
    const file = await openOne()
    const memory = makeMemory()
    const leases = [await file.mapInto(memory, 0, { length: PAGE }), await file.mapInto(memory, PAGE, { length: PAGE })]
    const other = await openOne()
    await other.mapInto(memory, 2 * PAGE, { length: PAGE })
    await file.close()
    expect(leases.map(({ released }) => released)).toEqual([true, true])
    expect(isFilledWith(0, bytesOf(memory, 0, 2 * PAGE))).toBe(true)
    expectContent(bytesOf(memory, 2 * PAGE, 3 * PAGE), 0, PAGE)
    await leases[0].release()
  })

  test('works after the pool was closed', async () => {
    const pool = new Pool()
    const file = await openOne({ pool })
    const memory = makeMemory()
    const lease = await file.mapInto(memory, 0, { length: PAGE })
    await pool.close()
    await lease.release()
    expect(isFilledWith(0, bytesOf(memory, 0, PAGE))).toBe(true)
  })
})

describe('what does not fit is refused, and changes nothing', () => {
  const forged = Object.create(WebAssembly.Memory.prototype, { buffer: { value: new SharedArrayBuffer(WASM_PAGE) } })
  const refusals = [
    ['a memory that is not shared', () => [new WebAssembly.Memory({ initial: 8 })], 'ERR_INVALID_ARG_VALUE', "'memory' must be shared"],
    ['a buffer', (memory) => [memory.buffer], 'ERR_INVALID_ARG_TYPE', '"memory" argument must be an instance of WebAssembly.Memory'],
    ['what only looks like a memory', () => [forged], 'ERR_INVALID_ARG_TYPE', '"memory"'],
    ['nothing', () => [], 'ERR_INVALID_ARG_TYPE', 'Received undefined'],
    ['a place within a page', (memory) => [memory, 100], 'ERR_INVALID_ARG_VALUE', `'byteOffset' must be a multiple of ${PAGE}, the size of a page. Received 100`],
    ['a place that is no number', (memory) => [memory, '0'], 'ERR_INVALID_ARG_TYPE', '"byteOffset"'],
    ['a place past the end', (memory) => [memory, 9 * WASM_PAGE], 'ERR_OUT_OF_RANGE', `"byteOffset" is out of range. It must be >= 0 && <= ${8 * WASM_PAGE}`],
    ['a place before the start', (memory) => [memory, -PAGE], 'ERR_OUT_OF_RANGE', '"byteOffset"'],
    ['an offset within a page', (memory) => [memory, 0, { offset: 1 }], 'ERR_INVALID_ARG_VALUE', `'options.offset' must be a multiple of ${PAGE}`],
    ['an offset past the end', (memory) => [memory, 0, { offset: SIZE + 1 }], 'ERR_OUT_OF_RANGE', '"options.offset"'],
    ['an end within a page', (memory) => [memory, 0, { length: PAGE + 1 }], 'ERR_INVALID_ARG_VALUE', `'options.length' must be a multiple of ${PAGE}`],
    ['more than the file has', (memory) => [memory, 0, { length: SIZE + 1 }], 'ERR_OUT_OF_RANGE', '"options.length"'],
    ['more than the memory has', (memory) => [memory, 6 * WASM_PAGE], 'ERR_OUT_OF_RANGE', `"options.length" is out of range. It must be <= ${2 * WASM_PAGE}, the bytes of the memory from byteOffset on. Received ${SIZE}`],
    ['options that are none', (memory) => [memory, 0, 5], 'ERR_INVALID_ARG_TYPE', '"options"'],
    ['a signal that is none', (memory) => [memory, 0, { signal: 5 }], 'ERR_INVALID_ARG_TYPE', 'options.signal']
  ]

  test.each(refusals)('%s', async (_, makeArgs, code, words) => {
    const file = await openOne()
    const memory = makeMemory()
    const error = await errorOf(() => file.mapInto(...makeArgs(memory)))
    expect([error.code, error.message]).toEqual([code, expect.stringContaining(words)])
    expectUntouchedBut(memory, 0, 0)
    expect(mapLines(path).length).toBe(1)
  })

  test('a page that another lease has, of whichever file', async () => {
    const [file, other] = [await openOne(), await openOne()]
    const memory = makeMemory()
    const lease = await file.mapInto(memory, 4 * PAGE, { length: 4 * PAGE })
    for (const byteOffset of [3 * PAGE, 4 * PAGE, 7 * PAGE]) {
      const error = await errorOf(() => other.mapInto(memory, byteOffset, { offset: 8 * PAGE, length: 2 * PAGE }))
      expect(error).toMatchObject({ code: 'ERR_MAP_OVERLAP', offset: byteOffset, length: 2 * PAGE })
    }
    expectUntouchedBut(memory, 4 * PAGE, 8 * PAGE)
    expectContent(bytesOf(memory, 4 * PAGE, 8 * PAGE), 0, 4 * PAGE)
    await lease.release()
    await other.mapInto(memory, 7 * PAGE, { offset: 8 * PAGE, length: 2 * PAGE })
  })

  test('anything at all where the file or the pool is closed', async () => {
    const pool = new Pool()
    const file = await openOne({ pool })
    const memory = makeMemory()
    await pool.close()
    expect((await errorOf(() => file.mapInto(memory))).code).toBe('ERR_POOL_CLOSED')
    await file.close()
    expect((await errorOf(() => file.mapInto(memory))).code).toBe('ERR_MAP_CLOSED')
    const late = await openOne()
    const closes = {
      get signal() {
        void late.close()
        return undefined
      }
    }
    expect((await errorOf(() => late.mapInto(memory, 0, closes))).code).toBe('ERR_MAP_CLOSED')
    expectUntouchedBut(memory, 0, 0)
  })

  test('what the file no longer has', async () => {
    const copy = makeFile(folder, 'shrinks', SIZE)
    const file = await openOne({}, copy)
    fs.truncateSync(copy, 4 * PAGE)
    const memory = makeMemory()
    expect(await errorOf(() => file.mapInto(memory, 0, { offset: 2 * PAGE, length: 4 * PAGE }))).toMatchObject({
      code: 'ERR_MAP_TRUNCATED', path: copy, offset: 2 * PAGE, length: 4 * PAGE
    })
    expect(isFilledWith(0, bytesOf(memory, 0, 4 * PAGE))).toBe(true)
    await file.mapInto(memory, 0, { offset: 2 * PAGE, length: 2 * PAGE })
    expectContent(bytesOf(memory, 0, 2 * PAGE), 2 * PAGE, 2 * PAGE)
  })
})

describe('given up', () => {
  /** A file whose pages do not come until the gate is opened. */
  async function openGated() {
    const gate = watched.closeGate()
    const pool = new Pool({ maxThreads: 1, sliceSize: PAGE })
    return { gate, file: await openOne({ pool, freshness: 0 }) }
  }

  test('before it began, it changes nothing', async () => {
    const file = await openOne()
    const memory = makeMemory()
    const error = await errorOf(() => file.mapInto(memory, 0, { signal: AbortSignal.abort('why') }))
    expect([error.code, error.cause]).toEqual(['ABORT_ERR', 'why'])
    expectUntouchedBut(memory, 0, 0)
  })

  test.each(['abort', 'close'])('by %s while pages come, it leaves the memory free', async (how) => {
    const { gate, file } = await openGated()
    const memory = makeMemory()
    const controller = new AbortController()
    const mapped = file.mapInto(memory, 0, { length: 8 * PAGE, signal: controller.signal })
    const failed = errorOf(() => mapped)
    await until(() => gate.arrived === 1)
    const closed = how === 'close' ? file.close() : controller.abort()
    gate.open()
    expect((await failed).code).toBe(how === 'close' ? 'ERR_MAP_CLOSED' : 'ABORT_ERR')
    expect(isFilledWith(0, bytesOf(memory, 0, 8 * PAGE))).toBe(true)
    expectUntouchedBut(memory, 0, 8 * PAGE)
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    await closed
    const other = await openOne()
    await other.mapInto(memory, 0, { length: 8 * PAGE })
    expectContent(bytesOf(memory, 0, 8 * PAGE), 0, 8 * PAGE)
  })

  test('a long one lets others have their turn between two slices', async () => {
    const { gate, file } = await openGated()
    const memory = makeMemory()
    let isMapped = false
    const mapped = file.mapInto(memory, 0).then(() => (isMapped = true))
    await until(() => gate.arrived === 1)
    const touched = file.touch(0, 1)
    gate.permit(4) // of the 41 slices
    await touched
    expect(isMapped).toBe(false)
    gate.open()
    await mapped
  })
})

describe('in a process of its own', () => {
  const run = (scenario, ...args) => childResult('wasm.js', [scenario, ...args], { execArgv: ['--expose-gc'] })

  if (DISK === undefined) {
    test.skip('a scan of a cold file (skipped: every folder to write to is in memory)', () => {})
  } else {
    const cold = makeFile(folder, 'cold', 16 << 20)
    syncFile(cold)

    test('a scan of a cold file costs its thread no major fault', async () => {
      const { resident, found, expected, majorFaults } = await run('scansCold', cold)
      expect([resident, found, majorFaults]).toEqual([0, expected, 0])
    })

    test('a scan of pages that nobody made resident costs some, so that this means something', async () => {
      const { resident, majorFaults } = await run('scansUntouched', cold)
      expect(resident).toBe(0)
      expect(majorFaults).toBeGreaterThan(100)
    })
  }

  test('a scan past the end of a truncated file gives zeros, and is told of', async () => {
    const copy = makeFile(folder, 'truncated', 16 * PAGE)
    expect(await run('scansTruncated', copy)).toEqual({
      zeros: 13 * PAGE,
      damaged: 13 * PAGE,
      told: [[3 * PAGE, 13 * PAGE, true]],
      isRightAgain: true,
      after: 0,
      kept: 2 * PAGE,
      ofFile: 0
    })
  })

  test('a scan that goes on while lost pages are taken away harms neither', async () => {
    const copy = makeFile(folder, 'scanned', 16 * PAGE)
    expect(await run('scansInWorker', copy)).toEqual({ code: 0, kept: 300 })
  })

  test.each(['ends', 'is terminated'])('the lease of a thread that %s leaves zeros to the others', async (how) => {
    const { during, zeros, nines, mappings } = await run('outlivesItsThread', path, how)
    expect({ during, zeros, nines, mappings }).toEqual({ during: true, zeros: 16 * PAGE, nines: 18 * PAGE, mappings: 0 })
  })

  test('memories that everybody forgot stay as long as pages are laid over them', async () => {
    expect(await run('forgets', path)).toEqual({ laid: 3, left: 2 })
  })

  test('a lease does not keep the process alive', async () => {
    expect(await runChild('wasm.js', ['exits', path])).toMatchObject({ code: 0, stdout: '"mapped"\n', stderr: '' })
  })
})

describe('examples/count-lines.js', () => {
  const run = (...args) => runChild(nodePath.join(__dirname, '..', 'examples', 'count-lines.js'), args)

  test('counts the lines of a file of several windows', async () => {
    const lines = nodePath.join(folder, 'lines')
    fs.writeFileSync(lines, 'one\ntwo\n\nfour'.repeat(3_500_000))
    const { code, stdout, stderr } = await run(lines)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^10500000 lines in 45500000 bytes, /)
  })

  test('makes a file where none is named, and removes it', async () => {
    const { code, stdout } = await run('--mib', '1')
    expect(code).toBe(0)
    const [, made, lines] = /^making (.+), 1 MiB\n(\d+) lines in 1048576 bytes/.exec(stdout)
    expect([fs.existsSync(made), Number(lines) > 1000]).toEqual([false, true])
  })

  test('says what is wrong', async () => {
    expect(await run('/nowhere')).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^count-lines: ENOENT/) })
  })
})
