'use strict'
// write(): what it takes, that exactly these bytes reach the file, whatever becomes of their memory meanwhile, and how it
// refuses.

const fs = require('node:fs')
const { map, open, Pool, PROT_READ, PROT_WRITE, MAP_SHARED } = require('..')
const native = require('../native/binding')
const { PAGE, contentAt, errorOf, expectContent, makeFile, temporaryFolder } = require('./helpers')

const folder = temporaryFolder()
const SIZE = 300 * PAGE + 1234
const path = makeFile(folder, 'data', SIZE)

let file
beforeEach(async () => {
  makeFile(folder, 'data', SIZE)
  file = await open(path, 'r+')
})
afterEach(() => file.close())

/** The file has the bytes there, its own everywhere else, and so has the mapping. */
function expectWritten(offset, bytes) {
  const wanted = contentAt(0, SIZE)
  wanted.set(bytes, offset)
  expect(Buffer.compare(fs.readFileSync(path), wanted)).toBe(0)
  expect(Buffer.compare(Buffer.from(file.buffer), wanted)).toBe(0)
}

const bytes = (length) => contentAt(0, length, 7)
const copyInto = (memory, source) => {
  new Uint8Array(memory).set(source)
  return memory
}

describe('write() takes', () => {
  test.each([
    ['a Buffer', (source) => Buffer.from(source)],
    ['a part of a Buffer', (source) => Buffer.concat([Buffer.alloc(5), source, Buffer.alloc(9)]).subarray(5, -9)],
    ['a DataView', (source) => new DataView(copyInto(new ArrayBuffer(source.length), source))],
    ['a Float64Array', (source) => new Float64Array(copyInto(new ArrayBuffer(source.length), source))],
    ['an ArrayBuffer', (source) => copyInto(new ArrayBuffer(source.length), source)],
    ['a SharedArrayBuffer', (source) => copyInto(new SharedArrayBuffer(source.length), source)],
    ['a Buffer over shared memory', (source) => Buffer.from(copyInto(new SharedArrayBuffer(source.length), source))]
  ])('%s, short and long, at any offset', async (_, make) => {
    for (const [offset, length] of [[0, 8], [5, 4096], [4095, 4104], [77, 300_000], [SIZE - 1_000_000, 1_000_000]]) {
      fs.writeFileSync(path, contentAt(0, SIZE), { flag: 'r+' }) // in place: Windows cuts no file that is mapped
      const data = make(bytes(length))
      expect(await file.write(offset, data)).toBe(length)
      expectWritten(offset, bytes(length))
    }
  })

  test('a string, as UTF-8, and tells its bytes', async () => {
    expect(await file.write(10, 'naïve 🧵')).toBe(11)
    expectWritten(10, Buffer.from('naïve 🧵'))
  })

  test('a view of a mapping, cold or not, its own as well', async () => {
    const other = await open(makeFile(folder, 'other', SIZE, 3))
    await other.evict()
    await file.write(0, new Uint8Array(other.buffer))
    expectContent(fs.readFileSync(path), 0, SIZE, 3)
    await file.write(0, new Uint8Array(file.buffer, 200 * PAGE, 50 * PAGE))
    expectContent(fs.readFileSync(path).subarray(0, 50 * PAGE), 200 * PAGE, 50 * PAGE, 3)
    await other.close()
  })

  test('a view of its own that overlaps what it is written to, up to 256 KiB, as memmove(3) does', async () => {
    for (const distance of [-100, 100]) {
      fs.writeFileSync(path, contentAt(0, SIZE), { flag: 'r+' })
      const length = 256 << 10
      await file.write(PAGE + distance, new Uint8Array(file.buffer, PAGE, length))
      expectWritten(PAGE + distance, contentAt(PAGE, length))
      fs.writeFileSync(path, contentAt(0, SIZE), { flag: 'r+' })
      const longer = new Uint8Array(file.buffer, PAGE, length + 1)
      const error = await errorOf(() => file.write(PAGE + distance, longer))
      expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' })
      expect(error.message).toContain(`from ${PAGE + distance} on`)
      expectWritten(0, [])
    }
    expect(await file.write(PAGE, new Uint8Array(file.buffer, PAGE, 500_000))).toBe(500_000) // where it is
    expect(await file.write(0, new Uint8Array(file.buffer, 500_000, 500_000))).toBe(500_000) // beside
    expectWritten(0, contentAt(500_000, 500_000))
  })

  test('no bytes at all, anywhere', async () => {
    for (const data of ['', Buffer.alloc(0), new ArrayBuffer(0)]) expect(await file.write(SIZE, data)).toBe(0)
    expectWritten(0, [])
  })

  test('a callback, as node-mmap has it', async () => {
    const told = await new Promise((resolve) => {
      expect(file.write(3, 'abc', (...outcome) => resolve(outcome))).toBeUndefined()
    })
    expect(told).toEqual([null, 3])
    const [error] = await new Promise((resolve) => file.write(SIZE, 'abc', (...outcome) => resolve(outcome)))
    expect(error.code).toBe('ERR_OUT_OF_RANGE')
    expectWritten(3, Buffer.from('abc'))
  })

  test('a file of map() with PROT_WRITE and MAP_SHARED, and one that starts within the file', async () => {
    const fd = fs.openSync(path, 'r+')
    const mapped = map(SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd)
    fs.closeSync(fd)
    await mapped.write(0, 'one')
    await mapped.close()
    const late = await open(path, { flags: 'r+', offset: 4099, length: 10 })
    await late.write(7, 'two')
    await late.close()
    const wanted = contentAt(0, SIZE)
    wanted.write('one', 0)
    wanted.write('two', 4106)
    expect(Buffer.compare(fs.readFileSync(path), wanted)).toBe(0)
  })

  test('many at once, and counts them', async () => {
    await file.write(0, bytes(1)) // now the pool has lent its stage
    // By their ids, since what the process has lent in all may change: a test file before has a pool that is collected some day.
    const [lend, takeBack] = [jest.spyOn(native, 'lend'), jest.spyOn(native, 'takeBack')]
    const offsets = Array.from({ length: 1000 }, (_, i) => i * 1000)
    const written = await Promise.all(offsets.map((offset) => file.write(offset, bytes(1000))))
    expect(written.every((count) => count === 1000)).toBe(true)
    expectWritten(0, Buffer.concat(offsets.map(() => bytes(1000))))
    expect(file.stats).toMatchObject({ writes: 1001, writtenBytes: 1_000_001 })
    await file.write(0, bytes(1_000_000))
    const lent = lend.mock.results.map(({ value }) => value)
    expect(lent.length).toBeGreaterThan(0)
    expect(takeBack.mock.calls.map(([id]) => id).sort()).toEqual(lent.sort())
    jest.restoreAllMocks()
  })
})

describe('the memory of what is written', () => {
  test('may be given away, shrunk or collected meanwhile: the right bytes are written, or EFAULT', async () => {
    const pool = new Pool({ sliceSize: PAGE })
    const slow = await open(path, { flags: 'r+', pool })
    const total = 256 << 10
    const makers = [
      () => new ArrayBuffer(total),
      () => new ArrayBuffer(total, { maxByteLength: total })
    ]
    for (let round = 0; round < 20; round++) {
      const memories = Array.from({ length: 4 }, (_, i) => copyInto(makers[i % 2](), bytes(total)))
      const outcomes = memories.map((memory) => slow.write(0, memory).catch((error) => error.code))
      const late = memories.map((memory) => slow.write(total * 2, memory).catch((error) => error.code))
      for (const memory of memories) {
        if (memory.resizable) memory.resize(10)
        else structuredClone(memory, { transfer: [memory] })
      }
      for (const outcome of await Promise.all([...outcomes, ...late])) expect([total, 'EFAULT']).toContain(outcome)
      expect(Buffer.compare(fs.readFileSync(path).subarray(0, total), bytes(total))).toBe(0)
    }
    await slow.close()
    await pool.close()
  })

  test('is what it was when it was copied, or lent: nobody waits for the pool to change heap memory of 4 KiB', async () => {
    const data = Buffer.from('before')
    const written = file.write(0, data)
    data.write('after!')
    await written
    expectWritten(0, Buffer.from('before'))
  })
})

describe('write() refuses', () => {
  test.each([
    ['a number', 5, 'type number (5)'], ['nothing', undefined, 'undefined'], ['null', null, 'null'],
    ['an object', { length: 1 }, 'an instance of Object'], ['a list', [1, 2], 'an instance of Array']
  ])('%s: ERR_INVALID_ARG_TYPE', async (_, data, received) => {
    const error = await errorOf(() => file.write(0, data))
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
    expect(error.message).toContain(`Received ${received}`)
  })

  test.each([
    ['an ArrayBuffer', (memory) => memory], ['a Buffer', (memory) => Buffer.from(memory)],
    ['a DataView', (memory) => new DataView(memory)]
  ])('%s whose memory was transferred: ERR_INVALID_ARG_VALUE', async (_, make) => {
    const memory = new ArrayBuffer(8)
    const data = make(memory)
    structuredClone(memory, { transfer: [memory] })
    const error = await errorOf(() => file.write(0, data))
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' })
    expect(error.message).toMatch(/'data'.*transferred/)
  })

  test.each([['a Uint8Array', Uint8Array], ['a Float64Array', Float64Array], ['a DataView', DataView]])(
    '%s whose memory was made smaller than it: ERR_INVALID_ARG_VALUE', async (_, View) => {
      const memory = new ArrayBuffer(64, { maxByteLength: 128 })
      const data = new View(memory, 16, 4)
      memory.resize(17)
      const error = await errorOf(() => file.write(0, data))
      expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' })
      expect(error.message).toMatch(/'data'.*made smaller/)
    })

  test.each([
    [-1, 'ERR_OUT_OF_RANGE'], [1.5, 'ERR_OUT_OF_RANGE'], [SIZE + 1, 'ERR_OUT_OF_RANGE'], [SIZE - 1, 'ERR_OUT_OF_RANGE'],
    ['0', 'ERR_INVALID_ARG_TYPE'], [undefined, 'ERR_INVALID_ARG_TYPE']
  ])('two bytes at %p: %s', async (offset, code) => {
    expect((await errorOf(() => file.write(offset, 'ab'))).code).toBe(code)
    expectWritten(0, [])
  })

  test('\'r\' files: ERR_MAP_READ_ONLY', async () => {
    const readOnly = await open(path)
    expect(await errorOf(() => readOnly.write(0, 'a'))).toMatchObject({ code: 'ERR_MAP_READ_ONLY' })
    expect(await errorOf(() => readOnly.touch(0, 1, { write: true }))).toMatchObject({ code: 'ERR_MAP_READ_ONLY' })
    expect(await errorOf(() => readOnly.resize(1))).toMatchObject({ code: 'ERR_MAP_READ_ONLY' })
    await readOnly.flush()
    await readOnly.close()
    expectWritten(0, [])
  })

  test('a file that was cut: ERR_MAP_TRUNCATED, and does not make it grow again', async () => {
    fs.truncateSync(path, 10 * PAGE + 10)
    expect(await errorOf(() => file.write(20 * PAGE, 'abc'))).toMatchObject({ code: 'ERR_MAP_TRUNCATED', offset: 20 * PAGE })
    expect(await errorOf(() => file.write(10 * PAGE + 9, 'ab'))).toMatchObject({ code: 'ERR_MAP_TRUNCATED' })
    expect(fs.statSync(path).size).toBe(10 * PAGE + 10)
    expect(file.damaged).toBe(0)
  })

  test('pages that are damaged, until refresh()', async () => {
    fs.truncateSync(path, 0)
    expect(new Uint8Array(file.buffer)[5 * PAGE]).toBe(0)
    fs.truncateSync(path, SIZE)
    expect(await errorOf(() => file.write(5 * PAGE, 'abc'))).toMatchObject({ code: 'ERR_MAP_TRUNCATED' })
    await file.refresh()
    await file.write(5 * PAGE, 'abc')
    expect(fs.readFileSync(path, 'latin1').slice(5 * PAGE, 5 * PAGE + 3)).toBe('abc')
  })

  test('when the file or the pool is closed, also what waits for others: nothing stays pending', async () => {
    const pool = new Pool({ maxThreads: 1 })
    const closing = await open(path, { flags: 'r+', pool })
    const pending = Array.from({ length: 50 }, (_, i) => closing.write(i, Buffer.alloc(500_000)).catch((error) => error.code))
    await closing.close()
    for (const outcome of await Promise.all(pending)) expect(['ERR_MAP_CLOSED', 500_000]).toContain(outcome)
    expect((await errorOf(() => closing.write(0, 'a'))).code).toBe('ERR_MAP_CLOSED')

    const orphan = await open(path, { flags: 'r+', pool })
    const more = Array.from({ length: 50 }, (_, i) => orphan.write(i, Buffer.alloc(500_000)).catch((error) => error.code))
    await pool.destroy()
    for (const outcome of await Promise.all(more)) expect(['ERR_POOL_CLOSED', 500_000]).toContain(outcome)
    expect((await errorOf(() => orphan.write(0, 'a'))).code).toBe('ERR_POOL_CLOSED')
    await orphan.close()
  })
})
