'use strict'
// A file system that is full: a write that resolved is in the file, every other is rejected with ENOSPC, and so are
// touches for writing and resize(); nothing crashes, and nothing is lost unnoticed.

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { open } = require('..')
const { PAGE, contentAt, errorOf, mapLines, randomFrom, temporaryFolder } = require('./helpers')
const { makeExt4, makeTmpfs, whyNot } = require('./fixtures/small-disks')

const folder = temporaryFolder()
const why = whyNot(folder)
const suite = why === undefined ? describe : describe.skip
const skipped = why === undefined ? '' : ` (skipped: ${why})`

const SIZE = 24 << 20 // of a sparse file: more than either disk has
const BLOCK = 50_000 // bytes of a write: not on pages
const DISK = '10M'
const HALF = 10 << 20 // bytes

function makeSparse(file) {
  fs.closeSync(fs.openSync(file, 'w'))
  fs.truncateSync(file, SIZE)
  return file
}

/** Leaves no block free. */
function fill(at) {
  const fd = fs.openSync(path.join(at, 'filler'), 'w')
  try {
    for (const length of [1 << 20, PAGE, 1]) for (;;) if (fs.writeSync(fd, Buffer.alloc(length, 1)) === 0) break
  } catch (error) {
    if (error.code !== 'ENOSPC') throw error
  }
  for (let written = 1; written > 0;) {
    try {
      written = fs.writeSync(fd, Buffer.alloc(PAGE, 1))
    } catch {
      written = 0
    }
  }
  fs.closeSync(fd)
}

/** Writes blocks in random order, many at a time, until none fits. @returns {Promise<number[]>} blocks that resolved */
async function writeUntilFull(file) {
  const random = randomFrom(1)
  const blocks = Array.from({ length: Math.floor(SIZE / BLOCK) }, (_, i) => i).sort(() => random(3) - 1)
  const resolved = []
  const codes = new Set()
  await Promise.all(blocks.map((block) => file.write(block * BLOCK, contentAt(block * BLOCK, BLOCK))
    .then(() => resolved.push(block), ({ code }) => codes.add(code))))
  expect([...codes]).toEqual(['ENOSPC'])
  expect(resolved.length).toBeGreaterThan(50)
  expect(resolved.length).toBeLessThan(blocks.length)
  return resolved
}

/** What did not resolve is there in part, or is zero. */
function expectBlocks(name, resolved) {
  const bytes = fs.readFileSync(name)
  expect(bytes.length).toBe(SIZE)
  const wanted = contentAt(0, SIZE)
  for (const block of resolved) {
    const [start, end] = [block * BLOCK, (block + 1) * BLOCK]
    if (Buffer.compare(bytes.subarray(start, end), wanted.subarray(start, end)) !== 0) throw new Error(`block ${block} is lost`)
  }
  const empty = Buffer.alloc(PAGE)
  for (let at = 0; at < SIZE; at += PAGE) {
    const [page, right] = [bytes, wanted].map((buffer) => buffer.subarray(at, at + PAGE))
    if (Buffer.compare(page, right) === 0 || Buffer.compare(page, empty) === 0) continue
    expect([...page].every((byte, i) => byte === 0 || byte === right[i])).toBe(true)
  }
}

suite(`on a full disk${skipped}`, () => {
  const kinds = [['ext4', makeExt4], ['tmpfs', makeTmpfs]]

  test.each(kinds)('%s: what write() resolved for is in the file, also after a remount; the rest is ENOSPC', async (kind, make) => {
    const disk = make(fs.mkdtempSync(path.join(folder, `writes-${kind}-`)), DISK)
    try {
      const name = makeSparse(path.join(disk.at, 'sparse'))
      const file = await open(name, 'r+')
      const resolved = await writeUntilFull(file)
      expectBlocks(name, resolved)
      await file.close()
      if (disk.mount !== undefined) {
        disk.unmount()
        disk.mount()
      }
      expectBlocks(name, resolved)
    } finally {
      disk.unmount()
    }
  })

  test.each(kinds)('%s: resize() is ENOSPC and changes nothing; what it has made grow takes every store', async (kind, make) => {
    const disk = make(fs.mkdtempSync(path.join(folder, `sizes-${kind}-`)), DISK)
    try {
      const name = path.join(disk.at, 'file')
      const file = await open(name, { flags: 'w+', size: 1 << 20, reserve: SIZE })
      await file.write(0, contentAt(0, 1 << 20))
      const free = () => fs.statfsSync(disk.at).bavail
      const before = free()
      expect(await errorOf(() => file.resize(SIZE))).toMatchObject({ code: 'ENOSPC', syscall: 'fallocate', path: name })
      expect([file.byteLength, fs.statSync(name).size]).toEqual([1 << 20, 1 << 20])
      expect(before - free()).toBeLessThan(16) // blocks; no more than what keeps the book
      await file.resize(4 << 20)
      fill(disk.at)
      expect((await errorOf(() => file.resize((4 << 20) + 100_000))).code).toBe('ENOSPC')
      expect([file.byteLength, fs.statSync(name).size]).toEqual([4 << 20, 4 << 20])
      new Uint8Array(file.buffer, 0, file.byteLength).set(contentAt(0, 4 << 20))
      expect(file.damaged).toBe(0)
      await file.flush()
      await file.close()
      if (disk.mount !== undefined) {
        disk.unmount()
        disk.mount()
      }
      expect(Buffer.compare(fs.readFileSync(name), contentAt(0, 4 << 20))).toBe(0)
      const error = await errorOf(() => open(path.join(disk.at, 'new'), { flags: 'w+', size: SIZE }))
      expect(error).toMatchObject({ code: 'ENOSPC', syscall: 'fallocate' })
      expect(fs.statSync(path.join(disk.at, 'new')).size).toBe(0)
    } finally {
      disk.unmount()
    }
  })

  test.each(kinds)('%s: resize() takes the blocks that the file has past its end, where no other is free', async (kind, make) => {
    const disk = make(fs.mkdtempSync(path.join(folder, `kept-${kind}-`)), DISK)
    try {
      const name = path.join(disk.at, 'file')
      fs.writeFileSync(name, '')
      execFileSync('fallocate', ['--keep-size', '--length', String(4 << 20), name])
      fill(disk.at)
      const file = await open(name, { flags: 'r+', reserve: SIZE })
      await file.resize(4 << 20)
      await file.write(0, contentAt(0, 4 << 20))
      expect((await errorOf(() => file.resize((4 << 20) + 100_000))).code).toBe('ENOSPC')
      await file.close()
      expect(Buffer.compare(fs.readFileSync(name), contentAt(0, 4 << 20))).toBe(0)
    } finally {
      disk.unmount()
    }
  })

  test.each(kinds)('%s: a hole is ENOSPC for a touch that makes it writable; a store into it is damage that flush() tells of',
    async (kind, make) => {
      const disk = make(fs.mkdtempSync(path.join(folder, `holes-${kind}-`)), DISK)
      try {
        const file = await open(makeSparse(path.join(disk.at, 'sparse')), 'r+')
        await file.touch(0, 10 * PAGE, { write: true })
        fill(disk.at)
        expect(await errorOf(() => file.touch(50 * PAGE, PAGE, { write: true }))).toMatchObject({ code: 'ENOSPC' })
        expect(file.damaged).toBe(0)
        const bytes = new Uint8Array(file.buffer)
        for (let page = 0; page < 10; page++) bytes[page * PAGE] = 1
        expect(file.damaged).toBe(0)
        await file.flush(0, 10 * PAGE)
        bytes[100 * PAGE] = 1
        expect([bytes[100 * PAGE], file.damaged]).toEqual([1, file.pageSize]) // a page of nobody's took it
        expect(['ERR_MAP_IO', 'ERR_MAP_TRUNCATED']).toContain((await errorOf(() => file.flush())).code)
        await file.flush(0, 10 * PAGE)
        fs.rmSync(path.join(disk.at, 'filler'))
        await file.refresh()
        expect([bytes[100 * PAGE], file.damaged]).toEqual([0, 0])
        bytes[100 * PAGE] = 2
        await file.flush()
        await file.close()
      } finally {
        disk.unmount()
      }
    })

  // An image with holes, on a disk that is smaller: the loop device fails when it comes to write them.
  async function withFailingDevice(act) {
    const outer = makeTmpfs(fs.mkdtempSync(path.join(folder, 'outer-')), DISK)
    let inner
    try {
      inner = makeExt4(fs.mkdtempSync(path.join(outer.at, 'inner-')), '64M')
      const file = await open(path.join(inner.at, 'file'), { flags: 'w+', size: 2 * HALF })
      await file.flush()
      fill(outer.at)
      new Uint8Array(file.buffer, HALF, HALF).fill(7)
      await act(file)
      await file.refresh()
      await file.flush(0, PAGE)
      await file.close()
    } finally {
      inner?.unmount()
      outer.unmount()
    }
  }

  test('a device that does not take what was stored: flush() rejects, for any range, until refresh()', () =>
    withFailingDevice(async (file) => {
      const error = await errorOf(() => file.flush(HALF, HALF))
      expect(error.code).toBe('ERR_MAP_IO')
      expect(['EIO', 'ENOSPC']).toContain(error.cause.code)
      // The kernel has told of it by now, and calls what it has dropped written.
      for (const range of [[HALF, HALF], [0, PAGE]]) expect((await errorOf(() => file.flush(...range))).code).toBe('ERR_MAP_IO')
    }))

  test('a device that does not take what was stored: flush() rejects as well when evict() was told of it', () =>
    withFailingDevice(async (file) => {
      expect(['EIO', 'ENOSPC']).toContain((await errorOf(() => file.evict(HALF, HALF))).code)
      for (const range of [[HALF, HALF], [0, PAGE]]) expect((await errorOf(() => file.flush(...range))).code).toBe('ERR_MAP_IO')
    }))

  test('a device that does not take what was stored: no flush() at the same time as another passes', () =>
    withFailingDevice(async (file) => {
      const parts = Array.from({ length: 8 }, (_, i) => [HALF + i * HALF / 8, HALF / 8])
      const errors = await Promise.all(parts.map((part) => errorOf(() => file.flush(...part))))
      expect(errors.map((error) => error?.code)).toEqual(parts.map(() => 'ERR_MAP_IO'))
    }))

  test('stores into more holes than a process may have map entries: damage, and no dead process', async () => {
    const disk = makeTmpfs(fs.mkdtempSync(path.join(folder, 'many-holes-')), DISK)
    try {
      const name = path.join(disk.at, 'sparse')
      const pages = 20_000
      fs.closeSync(fs.openSync(name, 'w'))
      fs.truncateSync(name, pages * PAGE)
      fill(disk.at)
      const file = await open(name, 'r+')
      const bytes = new Uint8Array(file.buffer)
      for (let page = 0; page < pages; page += 2) bytes[page * PAGE] = 1
      expect(mapLines().length).toBeLessThan(10_000)
      expect(file.damaged).toBeGreaterThanOrEqual(pages / 2 * PAGE)
      fs.rmSync(path.join(disk.at, 'filler'))
      await file.refresh()
      expect([bytes[0], file.damaged]).toEqual([0, 0])
      await file.close()
    } finally {
      disk.unmount()
    }
  })
})

if (why !== undefined) test('says why nothing was tested', () => expect(why).toMatch(/./))
