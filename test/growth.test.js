'use strict'
// Files that outgrow their buffer: a SharedArrayBuffer cannot grow, so the file has another one from then on, and whoever holds
// views of the former sees the same file. With the option reserve that is put off: resize.test.js.

const fc = require('fast-check')
const { subscribe, unsubscribe } = require('node:diagnostics_channel')
const fs = require('node:fs')
const { once } = require('node:events')
const nodePath = require('node:path')
const { setImmediate: nextTurn } = require('node:timers/promises')
const { Pool, attach, open } = require('..')
const native = require('../native/binding')
const { ChannelMemory, PoolMemory } = require('../worker/layout')
const {
  PAGE, advised, canMapFrom, childResult, contentAt, errorOf, expectContent, isLaid, isTmpfs, isWindows, lookUntil, makeFile, mapLines, openFiles,
  temporaryFolder, testUnlessLaid, useClosing
} = require('./helpers')
const { testTraced } = require('./tracing')

const folder = temporaryFolder()
const SIZE = 10 * PAGE + 100
const LARGER = 100 * PAGE + 7

const name = (() => {
  let count = 0
  return () => `file-${count++}`
})()
const make = (size = SIZE) => makeFile(folder, name(), size)
const sizeOf = (path) => fs.statSync(path).size
const closing = useClosing()
const openFile = async (path, options) => closing(await open(path, options))

/** Gives a file its content from `from` on, up to the size of LARGER. */
const append = (path, from = SIZE, to = LARGER) => fs.appendFileSync(path, contentAt(from, to - from))

/** A file that has grown to LARGER, and another handle on it, which has not followed. */
async function growBesideAnother(path) {
  const file = await openFile(path, 'r+')
  const other = closing(attach(file.handle))
  await file.resize(LARGER)
  await file.write(SIZE, contentAt(SIZE, LARGER - SIZE))
  return { file, other }
}

const TMPFS = '/dev/shm'
const hasTmpfs = !isWindows && fs.existsSync(TMPFS)

const testHere = (can, why) => can ? test : (title, act) => test.skip(`${title} (skipped: ${why})`, act)
const testWhereMappedFilesAreCut = testHere(!isWindows, 'Windows does not let a mapped file be cut')
const testOnLinux = testHere(process.platform === 'linux', 'only Linux tells')
const testWithLeases = testHere(!isWindows, 'Windows cannot lay pages over memory')

/** kB that this process has locked: proc_pid_status(5). */
const lockedKb = () => Number(/^VmLck:\s+(\d+) kB$/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1])

describe('resize() past the end of the buffer', () => {
  test('gives the file another buffer, with room for as much again, and its blocks', async () => {
    const path = make()
    const file = await openFile(path, 'r+')
    const { buffer } = file
    for (const size of [SIZE + 1, 3 * SIZE, LARGER]) {
      await file.resize(size)
      expect([file.byteLength, sizeOf(path)]).toEqual([size, size])
      expect(file.buffer.byteLength).toBeGreaterThanOrEqual(size)
      if (!isWindows) expect(fs.statSync(path).blocks * 512).toBeGreaterThanOrEqual(size)
    }
    expect([file.buffer === buffer, buffer.byteLength]).toEqual([false, SIZE])
    expectContent(await file.read(0, SIZE), 0, SIZE)
    await file.write(SIZE, contentAt(SIZE, LARGER - SIZE))
    expectContent(await file.view(), 0, LARGER)
    expectContent(fs.readFileSync(path), 0, LARGER)
    expect(file.damaged).toBe(0)
  })

  test('views of the former buffer, and those that pend, are of the same file', async () => {
    const path = make()
    const file = await openFile(path, 'r+')
    const early = await file.view(0, SIZE)
    const pending = [file.view(PAGE, PAGE), file.read(2 * PAGE, PAGE), file.touch(), file.pin(3 * PAGE, PAGE)]
    await file.resize(LARGER)
    const [view, copy, , pin] = await Promise.all(pending)
    expectContent(early, 0, SIZE)
    expectContent(view, PAGE, PAGE)
    expectContent(copy, 2 * PAGE, PAGE)
    expectContent(pin.view, 3 * PAGE, PAGE)
    const late = await file.view(0, LARGER)
    early[5] = 0xa5
    late[SIZE - 1] = 0x5a
    expect([late[5], early[SIZE - 1]]).toEqual([0xa5, 0x5a])
    await file.flush()
    expect([fs.readFileSync(path)[5], fs.readFileSync(path)[SIZE - 1]]).toEqual([0xa5, 0x5a])
    await file.write(0, early.subarray(PAGE, 3 * PAGE)) // out of the former buffer
    expectContent(await file.read(0, 2 * PAGE), PAGE, 2 * PAGE)
    await file.close()
    expect([early, late, view, pin.view].map((bytes) => bytes.every((byte) => byte === 0))).toEqual([true, true, true, true])
  })

  test('of an empty file, and one that is mapped from within', async () => {
    const empty = await openFile(make(0), 'r+')
    expect([empty.byteLength, empty.buffer.byteLength]).toEqual([0, 0])
    await empty.resize(5)
    await empty.write(0, 'hello')
    expect((await empty.view()).toString()).toBe('hello')
    const offset = canMapFrom(PAGE + 7) ? PAGE + 7 : PAGE
    const file = await openFile(make(), { flags: 'r+', offset })
    await file.resize(LARGER)
    expect(file.byteLength).toBe(LARGER - offset)
    await file.write(SIZE - offset, contentAt(SIZE, LARGER - SIZE))
    expectContent(await file.read(), offset, LARGER - offset)
    expectContent(await file.view(3 * PAGE), offset + 3 * PAGE, LARGER - offset - 3 * PAGE)
    await file.resize(offset - 1)
    expect(file.byteLength).toBe(0)
  })

  test('and what comes with it is done in the order of the calls', async () => {
    const path = make()
    const file = await openFile(path, 'r+')
    const sizes = [5 * PAGE, 300 * PAGE, 10, 900 * PAGE, 30 * PAGE + 3]
    await Promise.all([file.write(SIZE - 4, 'abcd'), ...sizes.flatMap((size) => [file.resize(size), file.refresh()])])
    expect([file.byteLength, sizeOf(path)]).toEqual([sizes.at(-1), sizes.at(-1)])
    expectContent(await file.read(0, 10), 0, 10)
    expect((await file.read(10)).every((byte) => byte === 0)).toBe(true)
    expect(file.tryView(20 * PAGE, PAGE)?.every((byte) => byte === 0)).toBe(true)
    await file.resize(31 * PAGE)
    expect((await file.view(30 * PAGE)).every((byte) => byte === 0)).toBe(true)
  })

  test('many times at once takes few mappings and descriptors, and is done in order', async () => {
    const path = make(1)
    const before = native.mappingCount()
    const file = await openFile(path, 'r+')
    await Promise.all(Array.from({ length: 300 }, (_, i) => file.resize((i + 2) * PAGE)))
    expect([file.byteLength, sizeOf(path)]).toEqual([301 * PAGE, 301 * PAGE])
    expect(native.mappingCount() - before).toBeLessThanOrEqual(7) // of 1 byte, 16 pages, 32, …, 512
  })

  test('is one request: a pool that takes one at a time, and whoever listens, see no more', async () => {
    const started = []
    const listen = ({ kind }) => started.push(kind)
    const pool = new Pool({ maxQueue: 1 })
    const file = await openFile(make(), { flags: 'r+', pool })
    for (const size of [LARGER, 3 * LARGER]) await file.resize(size)
    const { completed } = pool.stats
    subscribe('faultless:touch:start', listen)
    await file.flush()
    unsubscribe('faultless:touch:start', listen)
    for (const act of [() => file.evict(), () => file.advise('random'), () => file.refresh()]) await act()
    expect([started, pool.stats.completed - completed]).toEqual([['flush'], 4])
    await file.close()
    await pool.close()
  })

  test('byte by byte takes few mappings and descriptors, which close() gives back', async () => {
    const path = make(1)
    const before = native.mappingCount()
    const file = await open(path, 'r+')
    for (let size = 2; size <= 60; size++) await file.resize(size * PAGE)
    expect(native.mappingCount() - before).toBeLessThanOrEqual(4) // 1 byte, 16 pages, 32, 64
    await file.write(59 * PAGE, contentAt(59 * PAGE, PAGE))
    expectContent(await file.view(59 * PAGE), 59 * PAGE, PAGE)
    expect([openFiles(path).length > 0, mapLines(path).length > 0]).toEqual([true, true])
    await file.close()
    expect(await lookUntil([0, 0], () => [openFiles(path).length, mapLines(path).length])).toEqual([0, 0])
  })
})

describe('refresh() of a file that others have made grow', () => {
  test.each(['r', 'r+'])('with %p: what was appended can be touched, viewed, read, pinned and scanned', async (flags) => {
    const path = make()
    const file = await openFile(path, flags)
    append(path)
    expect(file.byteLength).toBe(SIZE)
    await file.refresh()
    expect([file.byteLength, file.damaged]).toEqual([LARGER, 0])
    expectContent(await file.view(), 0, LARGER)
    expectContent(file.tryView(0, LARGER), 0, LARGER)
    expectContent(await file.read(SIZE, 100), SIZE, 100)
    expectContent(await file.slice(SIZE - 50, SIZE + 50), SIZE - 50, 100)
    const pin = await file.pin(SIZE)
    expectContent(pin.view, SIZE, LARGER - SIZE)
    await pin.release()
    const chunks = []
    for await (const chunk of file.chunks({ chunkSize: 3 * PAGE + 1 })) chunks.push(chunk)
    expectContent(Buffer.concat(chunks), 0, LARGER)
    expect(await file.residency()).toMatchObject({ pages: Math.ceil(LARGER / PAGE) })
  })

  test('a scan that began before goes on to the end that it had', async () => {
    const path = make()
    const file = await openFile(path, 'r')
    const chunks = []
    for await (const chunk of file.chunks({ chunkSize: PAGE, dropBehind: true })) {
      if (chunks.length === 2) {
        append(path)
        await file.refresh()
      }
      chunks.push(Buffer.from(chunk))
    }
    expectContent(Buffer.concat(chunks), 0, SIZE)
    expect(file.byteLength).toBe(LARGER)
  })

  test('keeps stray stores of \'r\' in the former buffer, and away from the file', async () => {
    const path = make()
    const file = await openFile(path)
    const early = await file.view(0, PAGE)
    early.fill(9)
    append(path)
    await file.refresh()
    expect([early[0], fs.readFileSync(path)[0]]).toEqual([9, contentAt(0, 1)[0]])
    expectContent(await file.view(0, PAGE), 0, PAGE)
  })

  testHere(hasTmpfs, 'there is no /dev/shm')('to more than can be mapped rejects, and the file stays as far as it is mapped', async () => {
    const path = makeFile(TMPFS, `faultless-growth-${process.pid}`, SIZE)
    try {
      const file = await openFile(path, 'r+')
      const { buffer } = file
      fs.truncateSync(path, 2 ** 50)
      expect(await errorOf(() => file.refresh())).toMatchObject({ code: isLaid ? 'ERR_MAP_UNSUPPORTED' : 'ENOMEM' })
      expect([file.byteLength, file.buffer === buffer]).toEqual([SIZE, true])
      expectContent(await file.view(), 0, SIZE)
      fs.truncateSync(path, LARGER)
      await file.refresh()
      expect(file.byteLength).toBe(LARGER)
    } finally {
      fs.rmSync(path)
    }
  })
})

describe('what was there before goes on', () => {
  testOnLinux('pins stay locked until they are released, of either buffer', async () => {
    const path = make()
    const file = await openFile(path, 'r+')
    const before = lockedKb()
    const [first, second] = [await file.pin(0, 2 * PAGE), await file.pin(4 * PAGE, PAGE)]
    await file.resize(LARGER)
    const third = await file.pin(50 * PAGE, 4 * PAGE)
    expect([lockedKb() - before, first.released]).toEqual([7 * PAGE / 1024, false])
    await Promise.all([first.release(), third.release()])
    expect([lockedKb() - before, first.released, second.released]).toEqual([PAGE / 1024, true, false])
    await file.close()
    expect([lockedKb() - before, second.released]).toEqual([0, true])
  })

  testWithLeases('waits are woken by way of the other buffer, and ended by close()', async () => {
    const file = await openFile(make(), 'r+')
    const word = new Int32Array(file.buffer, 8, 1)[0]
    const waits = [file.wait(8, word), file.wait(8, word)]
    await file.resize(LARGER)
    expect(await lookUntil(1, () => file.notify(8, 1))).toBe(1) // once they sleep
    expect(await Promise.race(waits)).toBe('ok')
    const late = file.wait(60 * PAGE, 0)
    const ends = Promise.all([Promise.allSettled(waits), Promise.allSettled([late])])
    await file.close()
    const [[one, other], [last]] = await ends
    expect([one, other].filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect([one, other, last].filter(({ reason }) => reason?.code === 'ERR_MAP_CLOSED')).toHaveLength(2)
  })

  testWithLeases('leases show the file, and new ones may be of what it has grown by', async () => {
    const path = make()
    const file = await openFile(path)
    const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true })
    const first = await file.mapInto(memory, 0, { offset: 0, length: 4 * PAGE })
    append(path)
    await file.refresh()
    const second = await file.mapInto(memory, 16 * PAGE, { offset: 12 * PAGE, length: 4 * PAGE })
    expectContent(new Uint8Array(memory.buffer, 0, 4 * PAGE), 0, 4 * PAGE)
    expectContent(new Uint8Array(memory.buffer, 16 * PAGE, 4 * PAGE), 12 * PAGE, 4 * PAGE)
    await Promise.all([first.release(), second.release()])
  })

  testWhereMappedFilesAreCut('damage of either buffer is told of once, counted, and mended by refresh()', async () => {
    const path = make(2 * SIZE)
    const file = await openFile(path, 'r')
    const early = await file.view(0, 2 * SIZE)
    append(path, 2 * SIZE)
    await file.refresh()
    const late = await file.view(0, LARGER)
    fs.truncateSync(path, PAGE)
    const told = []
    file.on('damage', ({ offset, length }) => told.push([offset, length]))
    const first = once(file, 'damage')
    expect(early[5 * PAGE]).toBe(0)
    await first
    const second = once(file, 'damage')
    expect(late[50 * PAGE]).toBe(0)
    await second
    await nextTurn()
    expect([told, file.damaged]).toEqual([[[5 * PAGE, PAGE], [50 * PAGE, PAGE]], 2 * PAGE])
    expect((await errorOf(() => file.read(5 * PAGE, 1))).code).toBe('ERR_MAP_TRUNCATED')
    append(path, PAGE)
    await file.refresh()
    expect([file.damaged, file.byteLength]).toEqual([0, LARGER])
    expectContent(early, 0, 2 * SIZE)
    expectContent(late, 0, LARGER)
    const third = once(file, 'damage')
    fs.truncateSync(path, PAGE)
    expect(early[5 * PAGE]).toBe(0)
    expect((await third)[0]).toMatchObject({ offset: 5 * PAGE, length: PAGE })
  })

  testWhereMappedFilesAreCut('what was cut is the file\'s again in views of either buffer, once it has grown again', async () => {
    const path = make()
    const file = await openFile(path, 'r+')
    const early = await file.view(0, SIZE)
    const { handle } = file
    await file.resize(LARGER)
    await file.resize(PAGE)
    const other = closing(attach(handle)) // of the former
    expect([early[5 * PAGE], file.damaged, other.byteLength]).toEqual([0, PAGE, PAGE])
    await file.resize(LARGER)
    expect(file.damaged).toBe(0)
    await file.write(5 * PAGE, 'hello')
    expect(early.subarray(5 * PAGE, 5 * PAGE + 5).toString()).toBe('hello')
    early[5 * PAGE] = 0x4a
    await file.flush()
    expect(fs.readFileSync(path).subarray(5 * PAGE, 5 * PAGE + 5).toString()).toBe('Jello')
  })

  testOnLinux('evict() drops what is in the page table by way of either', async () => {
    const path = make()
    const file = await openFile(path, 'r+')
    await file.touch()
    await file.resize(LARGER)
    await file.touch()
    await file.flush()
    await file.evict()
    expect(await file.residency()).toMatchObject({ resident: 0 })
  })

  testOnLinux('advice for the whole file holds for what it has grown into', async () => {
    const path = make()
    const file = await openFile(path, { flags: 'r+', advice: 'sequential' })
    await file.resize(LARGER)
    const flagsOf = () => advised(path)
    expect(flagsOf()).toEqual(['sr', 'sr'])
    await file.advise('random')
    expect(flagsOf()).toEqual(['rr', 'rr'])
    await Promise.all([file.advise('sequential'), file.resize(3 * LARGER), file.advise('sequential')])
    expect(flagsOf()).toEqual(['sr', 'sr', 'sr'])
  })

  testOnLinux('also where another thread has followed the file before', async () => {
    const path = make()
    const file = await openFile(path)
    const other = closing(attach(file.handle))
    append(path)
    await other.refresh()
    await file.advise('random')
    await file.refresh()
    expect(new Set(advised(path))).toEqual(new Set(['rr']))
  })

  testOnLinux('but not what was advised for a part, though that is all of the former buffer', async () => {
    const path = make(PAGE)
    const { file, other } = await growBesideAnother(path)
    await file.advise('sequential', 0, PAGE)
    await file.close()
    await other.resize(2 * LARGER)
    expect(advised(path).sort()).toEqual(['rr', 'sr'])
  })

  testOnLinux('also where what lies between was given up', async () => {
    const path = make()
    const file = await openFile(path, { flags: 'r+', advice: 'sequential' })
    const other = closing(attach(file.handle))
    const growing = [errorOf(() => file.resize(50 * PAGE)), other.resize(500 * PAGE)]
    await file.close()
    await Promise.all(growing)
    expect(new Set(advised(path))).toEqual(new Set(['sr']))
  })

  testOnLinux('advice for an empty file, too; and that for a range stays where it was given', async () => {
    const path = make(0)
    const file = await openFile(path, { flags: 'r+', advice: 'random' })
    await file.resize(32 * PAGE)
    expect(advised(path)).toEqual(['rr'])
    await file.advise('sequential', 0, 16 * PAGE)
    await file.resize(LARGER)
    expect(advised(path)).toEqual(['rr', 'sr', 'rr'])
  })

  test('who has attached the file keeps what he had, and follows by a refresh() of his own', async () => {
    const path = make()
    const { file, other } = await growBesideAnother(path)
    const later = closing(attach(file.handle))
    expect([other.byteLength, later.byteLength, later.buffer === file.buffer]).toEqual([SIZE, LARGER, true])
    expectContent(await other.view(), 0, SIZE)
    await file.close()
    expect(file.closed).toBe(true)
    expectContent(await later.view(), 0, LARGER)
    await other.refresh()
    expectContent(await other.view(), 0, LARGER)
    await Promise.all([other.close(), later.close()])
    expect(await lookUntil([0, 0], () => [openFiles(path).length, mapLines(path).length])).toEqual([0, 0])
  })

  testUnlessLaid('threads that follow it have the same memory again, which ends with the last of them', async () => {
    const path = make()
    const { file, other } = await growBesideAnother(path)
    const old = closing(attach({ ...other.handle })) // as one that was posted before
    expect([other.byteLength, old.byteLength]).toEqual([SIZE, LARGER])
    await other.refresh()
    expect(other.byteLength).toBe(LARGER)
    expect(mapLines(path)).toHaveLength(2)
    const views = await Promise.all([file, other, old].map((one) => one.view()))
    views[0][LARGER - 1] ^= 1
    expect(views.map((view) => view[LARGER - 1])).toEqual(Array(3).fill(contentAt(LARGER - 1, 1)[0] ^ 1))
    views[0][LARGER - 1] ^= 1
    await file.close()
    await old.close()
    for (const view of views) expectContent(view, 0, LARGER)
    await other.close()
    expect(views.every((view) => view.every((byte) => byte === 0))).toBe(true)
    expect(await lookUntil([0, 0], () => [openFiles(path).length, mapLines(path).length])).toEqual([0, 0])
  })

  test('of an empty file all that follow have the same bytes, and each closes for itself', async () => {
    const path = make(0)
    const file = await openFile(path)
    const other = closing(attach(file.handle))
    append(path, 0)
    for (const one of [file, other]) {
      await one.refresh()
      expectContent(await one.view(), 0, LARGER)
    }
    await other.close()
    expectContent(await file.view(), 0, LARGER)
    expectContent(await file.read(PAGE, PAGE), PAGE, PAGE)
  })

  const testCut = isWindows ? testWhereMappedFilesAreCut : testUnlessLaid
  testCut('what is done by way of a buffer that it has outgrown is done to the others', async () => {
    const path = make()
    const { file, other } = await growBesideAnother(path)
    const view = await file.view()
    await other.flush()
    if (process.platform === 'linux' && !isTmpfs(folder)) {
      await other.evict()
      expect((await file.residency()).bitmap.subarray(0, Math.floor(SIZE / PAGE))).toEqual(Buffer.alloc(Math.floor(SIZE / PAGE)))
    }
    fs.truncateSync(path, PAGE)
    expect([view[5 * PAGE], file.damaged]).toEqual([0, PAGE])
    fs.truncateSync(path, LARGER)
    await other.refresh()
    expect([file.damaged, other.byteLength]).toEqual([0, LARGER])
    await file.close()
    await other.close()
  })

  testWithLeases('it is one file to its pool, of which others are left a thread and slots', async () => {
    const path = make()
    const pool = new Pool()
    const file = await openFile(path, { pool })
    const other = closing(attach(file.handle)) // which has what the file has outgrown
    append(path)
    await file.refresh()
    const late = closing(attach(file.handle))
    const memory = new WebAssembly.Memory({ initial: 2, maximum: 2, shared: true })
    const { header, mapping, file: ids } = new PoolMemory(file.handle.pool.memory).channel(0)
    await Promise.all([file.touch(0, PAGE), other.touch(0, PAGE), late.touch(0, PAGE), file.mapInto(memory, 0, { length: PAGE })])
    const slots = header[ChannelMemory.HIGH_WATER]
    expect(new Set(mapping.subarray(0, slots)).size).toBe(3) // two of its own, and the lease's
    expect(new Set(ids.subarray(0, slots)).size).toBe(1)
    await pool.close()
  })

  test('a long write from what one handle has grown into, over itself, is refused by the other as well', async () => {
    const file = await openFile(make(), 'r+')
    const other = closing(attach(file.handle))
    await file.resize(4 << 20)
    const data = new Uint8Array(file.buffer, 0, 1 << 20)
    for (const one of [file, other]) {
      await one.refresh()
      expect(await errorOf(() => one.write(PAGE, data))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
    }
  })

  test('a length that was given stays', async () => {
    const path = make()
    const file = await openFile(path, { flags: 'r+', length: SIZE })
    const { buffer } = file
    await file.resize(LARGER)
    await file.refresh()
    expect([file.byteLength, file.buffer === buffer, sizeOf(path)]).toEqual([SIZE, true, LARGER])
  })
})

describe('growth that fails leaves nothing behind', () => {
  test('where it cannot be mapped, the file has the size that it had', async () => {
    const path = make()
    const file = await openFile(path, 'r+')
    const before = [native.mappingCount(), openFiles(path)]
    for (const size of [2 ** 50, Number.MAX_SAFE_INTEGER]) {
      expect((await errorOf(() => file.resize(size))).code).toMatch(isLaid ? /^ERR_MAP_UNSUPPORTED$/ : /^(ENOMEM|EOVERFLOW)$/)
    }
    expect([sizeOf(path), file.byteLength, file.buffer.byteLength]).toEqual([SIZE, SIZE, SIZE])
    expect([native.mappingCount(), openFiles(path)]).toEqual(before)
  })

  test('where the file is closed meanwhile', async () => {
    const path = make()
    const file = await open(path, 'r+')
    const growing = Promise.allSettled([file.write(0, contentAt(0, SIZE)), file.resize(LARGER), file.refresh()])
    await file.close()
    expect((await growing).map(({ reason }) => reason?.code)).toEqual(Array(3).fill('ERR_MAP_CLOSED'))
    expect(await lookUntil([0, 0], () => [openFiles(path).length, mapLines(path).length])).toEqual([0, 0])
  })

  test('where it is closed amid its growth, also while a close() is refused', async () => {
    const seen = await childResult('growth.js', ['closed', make()], { execArgv: ['--expose-gc'] })
    expect(seen).toEqual({ codes: Array(10).fill('ERR_MAP_CLOSED'), held: [0, 0], mappings: 0, refused: 'ENOMEM', again: 'resolved', left: [0, 0] })
  })

  testTraced('where the system refuses the size, and a write-back that has failed is told of until refresh()', async () => {
    const limit = 16 << 20
    const under = ['prlimit', `--fsize=${limit}:${limit}`, 'strace', '-f', '-o', '/dev/null', '-e', 'inject=msync:error=EIO:when=1']
    const seen = await childResult('growth.js', ['refused', make()], { under })
    expect(seen).toEqual({
      refused: 'EFBIG', same: true, descriptors: 1, mapped: 1, lost: 'ERR_MAP_IO', stillLost: 'ERR_MAP_IO', size: LARGER, flushed: 'resolved'
    })
  })

  testTraced('a write-back that fails is told of by every flush until a refresh(), and each flush is one, of all mappings', async () => {
    const log = nodePath.join(folder, 'msync.log')
    const under = ['strace', '-f', '-o', log, '-e', 'trace=msync', '-e', 'inject=msync:error=EIO:when=1']
    expect(await childResult('growth.js', ['lost', make()], { under })).toEqual({
      all: ['ERR_MAP_IO', 'ERR_MAP_IO'], beyond: 'ERR_MAP_IO', refreshed: ['resolved', 'resolved'], flushed: 'resolved'
    })
    expect(fs.readFileSync(log, 'latin1').match(/msync\(/g)).toHaveLength(4)
  })

  testOnLinux('where twice as much would leave no room for others, it takes what it needs', async () => {
    const { buffer, size } = await childResult('growth.js', ['narrow', make()])
    expect(buffer).toBe(size)
  })

  const testSparing = process.platform === 'linux' ? testUnlessLaid : (title, act) => test.skip(`${title} (skipped: prlimit is Linux's)`, act)
  const spares = async (how) => {
    const seen = await childResult('growth.js', [how, make()], { execArgv: ['--expose-gc'] })
    expect(seen).toEqual({ refused: 'EFBIG', same: true, view: true })
  }
  testSparing('what another handle has grown into is spared, also when it was collected', () => spares('spared'))
  testSparing('and when it was collected after yet another was closed', () => spares('sparedBesideClosed'))

  testUnlessLaid('what lies between, and was collected, is given back with the last that is closed', async () => {
    const seen = await childResult('growth.js', ['between', make()], { execArgv: ['--expose-gc'] })
    expect(seen).toEqual({ held: [0, 0], view: LARGER })
  })

  testUnlessLaid('a file that has grown and is forgotten is unmapped when it is collected', async () => {
    expect(await childResult('growth.js', ['forgotten', make()], { execArgv: ['--expose-gc'] })).toEqual({ before: [2, 2], after: [0, 0] })
  })
})

/** What the file must hold, and how each step of a sequence changes it: by us, or by somebody else. */
class Model {
  bytes = contentAt(0, SIZE)
  views = [] // that are held, with where they begin

  constructor(path, file) {
    this.path = path
    this.file = file
  }

  async resize({ size }) {
    await this.file.resize(size)
    this.#setSize(size)
  }

  async growByOther({ size }) {
    const end = this.bytes.length
    fs.appendFileSync(this.path, contentAt(end, size))
    this.bytes = Buffer.concat([this.bytes, contentAt(end, size)])
    await this.file.refresh()
  }

  async cutByOther({ at }) {
    const size = Math.floor(at * this.bytes.length)
    fs.truncateSync(this.path, size)
    this.#setSize(size)
    await this.file.refresh()
  }

  async write({ at, size, seed }) {
    const offset = Math.floor(at * this.bytes.length)
    const data = contentAt(offset, Math.min(size, this.bytes.length - offset), seed)
    await this.file.write(offset, data)
    data.copy(this.bytes, offset)
  }

  async storeToView({ at, seed }) {
    const { view, offset } = this.views[Math.floor(at * this.views.length)] ?? {}
    const length = Math.min(view?.length ?? 0, this.bytes.length - offset, 100)
    if (!(length > 0)) return
    contentAt(offset, length, seed).copy(view)
    contentAt(offset, length, seed).copy(this.bytes, offset)
  }

  async holdView({ at, size }) {
    const offset = Math.floor(at * this.bytes.length)
    const view = await this.file.view(offset, Math.min(size, this.bytes.length - offset))
    this.views = [...this.views.slice(-6), { view, offset }]
  }

  async evict() {
    await this.file.evict()
  }

  async flush() {
    await this.file.flush()
  }

  #setSize(size) {
    const larger = Buffer.alloc(size)
    this.bytes.copy(larger)
    this.bytes = larger
  }

  /** The file, a copy, a view, a view at once and the views that are held: as far as the file goes. */
  async check() {
    const { bytes, file } = this
    const same = (given) => Buffer.compare(given, bytes) === 0
    const quick = file.tryView()
    const held = this.views.every(({ view, offset }) => {
      const there = Math.max(0, Math.min(view.length, bytes.length - offset))
      return Buffer.compare(view.subarray(0, there), bytes.subarray(offset, offset + there)) === 0
    })
    const seen = {
      byteLength: file.byteLength,
      read: same(await file.read()),
      view: same(await file.view()),
      quick: quick === undefined || same(quick),
      file: same(fs.readFileSync(this.path)),
      held
    }
    expect(seen).toEqual({ byteLength: bytes.length, read: true, view: true, quick: true, file: true, held: true })
  }
}

const SIZES = fc.nat(200 * PAGE)
const step = fc.record({
  name: fc.constantFrom('resize', 'resize', 'growByOther', 'growByOther', ...isWindows ? [] : ['cutByOther'], 'write', 'write',
    'storeToView', 'holdView', 'holdView', 'evict', 'flush'),
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  size: SIZES,
  seed: fc.integer({ min: 2, max: 1000 })
})

test('any order of growing, cutting, writing and storing: the file, copies and views of all buffers hold the same', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
    const path = make()
    const file = await open(path, 'r+')
    const model = new Model(path, file)
    for (const { name: act, ...about } of steps) {
      await model[act](about)
      await model.check()
    }
    await file.close()
    fs.rmSync(path)
  }), { numRuns: 60 })
})

testOnLinux('no page of what a file has grown by is faulted in by the main thread', async () => {
  const path = make(4 << 20)
  expect(await childResult('growth.js', ['faults', path])).toEqual({ majorFaults: 0, sum: expect.any(Number), hits: 1 })
  expect(nodePath.dirname(path)).toBe(folder)
})
