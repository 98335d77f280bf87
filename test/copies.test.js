'use strict'
// read(), readv() and slice() copy past the mapping, out of the page cache: no page is entered in the page table for a copy. But
// who was handed the memory may have stored to it, and sees that in copies as well.

const fs = require('node:fs')
const nodePath = require('node:path')
const { attach, map, open, MAP_PRIVATE, PROT_READ, PROT_WRITE } = require('faultless')
const { DISK, contentAt, isWindows, makeFile, temporaryFolder, testUnlessLaid } = require('./helpers')
const memoryOf = require('./fixtures/life-memory-of')

const MIB = 1 << 20
const SIZE = 4 * MIB + 123

const folder = temporaryFolder(DISK)
const path = makeFile(folder, 'content', SIZE)

// Of statfs(2): file systems whose reads can be told not to wait.
const KNOWN = { ext4: 0xef53, xfs: 0x58465342, btrfs: 0x9123683e }
const isKnown = !isWindows && Object.values(KNOWN).includes(fs.statfsSync(folder).type)

/** Bytes that the page table holds of the file. */
const entered = () => memoryOf(path).Rss

const sorts = {
  'read() of a short range': async (file, at) => expectAt(at, await file.read(at, 1000)),
  'read() of many pages': async (file, at) => expectAt(at, await file.read(at, 300_000)),
  'read() of all of it': async (file) => expectAt(0, await file.read()),
  'readv()': async (file, at) => {
    const [one, other] = await file.readv([[at, 5000], [at + 100_000, 70_000]])
    expectAt(at, one)
    expectAt(at + 100_000, other)
  },
  'slice()': async (file, at) => expectAt(at, Buffer.from(await file.slice(at, at + 20_000)))
}

function expectAt(offset, bytes) {
  expect(bytes.equals(contentAt(offset, bytes.length))).toBe(true)
}

describe('of memory that nobody was handed', () => {
  const why = isKnown ? '' : ' (skipped: not known of this file system)'
  const testKnown = isKnown ? testUnlessLaid : (name, act) => test.skip(`${name}${why}`, act)

  for (const [name, copy] of Object.entries(sorts)) {
    testKnown(`no page is entered by ${name}, cold or not`, async () => {
      const file = await open(path)
      await file.evict()
      await copy(file, 4000)
      await copy(file, 1_000_001)
      await copy(file, 1_000_001)
      expect(entered()).toBe(0)
      expect(new Uint8Array(file.buffer)[5]).toBe(contentAt(5, 1)[0]) // a load does enter one, and the figure would tell
      expect(entered()).toBeGreaterThan(0)
      await file.close()
    })
  }

  testKnown('nor is any for a thread that has the file attached, and makes copies alone', async () => {
    const file = await open(path)
    const other = attach(file.handle)
    expectAt(4000, await file.read(4000, 1000))
    expectAt(1_000_001, await other.read(1_000_001, 300_000))
    expect(entered()).toBe(0)
    await Promise.all([file.close(), other.close()])
  })

  testKnown('what was read is known to be resident', async () => {
    const file = await open(path)
    await file.evict()
    expect(file.tryView(8192, 4096)).toBe(undefined)
    await file.read(8192, 4096)
    const { hits } = file.stats
    expectAt(8192, file.tryView(8192, 4096))
    expect(file.stats.hits).toBe(hits + 1)
    await file.close()
  })
})

describe('a store into memory that was handed out is in copies', () => {
  const firstOf = async (chunks) => (await chunks[Symbol.asyncIterator]().next()).value
  const ways = {
    'by buffer': (file) => new Uint8Array(file.buffer, 0, 1000),
    'by view()': (file) => file.view(0, 1000),
    'by view() of what is hot': async (file) => {
      await file.touch()
      return file.view(0, 1000)
    },
    'by tryView()': async (file) => {
      await file.touch()
      return file.tryView(0, 1000)
    },
    'by chunks()': (file) => firstOf(file.chunks({ chunkSize: 4096 })),
    'by createReadStream()': (file) => firstOf(file.createReadStream()),
    'by pin()': async (file) => (await file.pin(0, 1000)).view,
    'by another handle of the mapping': async (file) => attach(file.handle).view(0, 1000)
  }

  test.each(Object.entries(ways))('%s', async (_, hand) => {
    const file = await open(path)
    expectAt(0, await file.read(0, 500)) // past the mapping, as yet
    const bytes = await hand(file)
    bytes[7] ^= 0xff
    expect((await file.read(7, 1))[0]).toBe(contentAt(7, 1)[0] ^ 0xff)
    expect(new Uint8Array(await file.slice(0, 100_000))[7]).toBe(bytes[7])
    expect((await file.readv([[0, 8]]))[0][7]).toBe(bytes[7])
    await file.close()
    expectAt(0, fs.readFileSync(path))
  })

  test('of a mapping that was made to be stored to: MAP_PRIVATE', async () => {
    const fd = fs.openSync(path)
    const file = map(SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0)
    fs.closeSync(fd)
    new Uint8Array(file.buffer)[100] ^= 0xff
    expect((await file.read(100, 1))[0]).toBe(contentAt(100, 1)[0] ^ 0xff)
    await file.close()
  })

  test('and with \'r+\' without a flush', async () => {
    const other = nodePath.join(folder, 'other')
    fs.copyFileSync(path, other)
    const file = await open(other, { flags: 'r+' })
    new Uint8Array(file.buffer)[100] ^= 0xff
    expect((await file.read(100, 1))[0]).toBe(contentAt(100, 1)[0] ^ 0xff)
    await file.close()
  })
})

test('a range that begins within a page of the file is copied from its own place', async () => {
  const file = await open(path, { offset: 4096 * 3 + 77, length: 100_000 })
  expectAt(4096 * 3 + 77, await file.read())
  expectAt(4096 * 3 + 77 + 50_000, await file.read(50_000, 1))
  await file.close()
})

test('where the file ends before the range no copy is made', async () => {
  const short = makeFile(folder, 'short', 10_000)
  const file = await open(short, { reserve: 100_000 })
  fs.truncateSync(short, 5000)
  await expect(file.read(0, 10_000)).rejects.toThrow(expect.objectContaining({ code: 'ERR_MAP_TRUNCATED' }))
  await expect(file.read(4000, 2000)).rejects.toThrow(expect.objectContaining({ code: 'ERR_MAP_TRUNCATED' }))
  expectAt(4000, await file.read(4000, 1000))
  await file.close()
})
