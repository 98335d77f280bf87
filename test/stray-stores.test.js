'use strict'
// A file that is mapped 'r' is safe from whoever stores into a view of it, and so is the process; and what makes it so,
// copy-on-write, costs no memory while nobody stores. Where the system refuses it, the library says so and goes on.

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const nodePath = require('node:path')
const JSZip = require('jszip')
const { open } = require('faultless')
const { childResult, contentAt, makeFile, runChild, temporaryFolder } = require('./helpers')
const memoryOf = require('./fixtures/life-memory-of')

const MIB = 1 << 20
const SIZE = MIB + 123

const folder = temporaryFolder()
const path = makeFile(folder, 'content', SIZE)
const run = (...args) => childResult('life-stray-stores.js', args)

describe('a store into a file that is mapped \'r\'', () => {
  const spared = { unseen: [], others: true, file: true, copyOnWrite: true }

  test.each(['open', 'map'])('is seen in its view, not in the file nor in another handle: %s()', async (how) => {
    expect(await run('storesInto', path, how, 'touched')).toEqual(spared)
  })

  test('that is the first to reach a page does not reach the file either', async () => {
    expect(await run('storesInto', path, 'open', 'untouched')).toEqual(spared)
  })

  test('from several worker threads does not reach the file', async () => {
    expect(await run('storesInWorkers', path)).toEqual({ codes: [0, 0, 0], seen: true, file: true })
  })

  test('changes neither size nor times of the file', async () => {
    const pick = ({ size, mtimeMs, ctimeMs }) => ({ size, mtimeMs, ctimeMs })
    const before = pick(fs.statSync(path))
    const file = await open(path)
    const view = await file.view()
    view.fill(1)
    await file.close()
    expect(pick(fs.statSync(path))).toEqual(before)
  })
})

describe('JSZip, which stores into its input,', () => {
  const texts = Object.fromEntries(Array.from({ length: 20 }, (_, i) =>
    [`folder/${i}.txt`, contentAt(i, 5000 * (i + 1)).toString('base64')]))

  test.each(['STORE', 'DEFLATE'])('unpacks out of a view, and the file stays as it is: %s', async (compression) => {
    const zip = new JSZip()
    for (const [name, text] of Object.entries(texts)) zip.file(name, text)
    const bytes = await zip.generateAsync({ type: 'nodebuffer', compression, compressionOptions: { level: 1 } })
    const archive = nodePath.join(folder, `${compression}.zip`)
    fs.writeFileSync(archive, bytes)

    const { stored, entries } = await run('unzips', archive)
    expect(Object.fromEntries(entries)).toEqual(mapValues(texts, (text) => text.length))
    expect(fs.readFileSync(archive).equals(bytes)).toBe(true)
    expect(stored).toBeGreaterThan(0) // it does store: pages of the mapping became copies
  })
})

const mapValues = (object, act) => Object.fromEntries(Object.entries(object).map(([key, value]) => [key, act(value)]))

describe('without a store', () => {
  const BIG = 64 * MIB
  const big = nodePath.join(folder, 'big')

  beforeAll(() => {
    makeFile(folder, 'big', BIG)
    const fd = fs.openSync(big)
    fs.fsyncSync(fd) // the kernel also counts pages as dirty that the page cache has not written yet
    fs.closeSync(fd)
  })

  const privateBytes = () => {
    const { Private_Dirty: dirty, Anonymous: anonymous } = memoryOf(big)
    return { dirty, anonymous }
  }

  test('all pages of a file that is touched and read are those of the page cache', async () => {
    const file = await open(big)
    await file.touch()
    expect(file.stats.copyOnWrite).toBe(true)
    expect(memoryOf(big).Rss).toBe(BIG)
    expect(privateBytes()).toEqual({ dirty: 0, anonymous: 0 })

    const view = await file.view()
    expect(view.equals(contentAt(0, BIG))).toBe(true)
    await Promise.all(Array.from({ length: 64 }, (_, i) => file.read(i * MIB, MIB)))
    await file.residency()
    expect(privateBytes()).toEqual({ dirty: 0, anonymous: 0 })

    view[5 * MIB] = 1 // and the figures would tell
    expect(privateBytes()).toEqual({ dirty: file.pageSize, anonymous: file.pageSize })
    await file.close()
  })
})

describe('where the system refuses copy-on-write', () => {
  // A limit on data counts private writable mappings, as strict overcommit does, and needs no change of the machine.
  const ROOM = 8192 * MIB // for the code ranges that V8 reserves for each pool thread
  const LENGTH = 3 * MIB
  const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0
  const testLimited = (name, act) => (hasPrlimit ? test(name, act) : test.skip(`${name} (skipped: no prlimit)`, act))
  const huge = nodePath.join(folder, 'huge')

  beforeAll(() => {
    makeFile(folder, 'huge', 4 * MIB)
    fs.truncateSync(huge, 4 * ROOM)
  })

  testLimited('a file opens nevertheless, says so in its stats, and is read', async () => {
    const report = await run('opensRefused', huge, ROOM, LENGTH)
    expect(report).toEqual({ copyOnWrite: false, ofWritten: false, zeros: true, withinLimit: true })
  })

  testLimited('a small file beside it is copy-on-write as ever', async () => {
    const report = await run('opensRefused', makeFile(folder, 'small', 4 * MIB), ROOM, LENGTH)
    expect(report).toMatchObject({ copyOnWrite: true, zeros: true })
  })

  testLimited('a file that shrinks costs zeros, as ever', async () => {
    const shrinking = makeFile(folder, 'shrinking', 4 * MIB)
    fs.truncateSync(shrinking, 4 * ROOM)
    const report = await run('shrinksRefused', shrinking, ROOM, LENGTH)
    expect(report).toEqual({ copyOnWrite: false, zeros: true, damagedPages: 1 })
  })

  // The control of this file: so ends a store where nothing is copied.
  testLimited('a store kills the process', async () => {
    const ended = await runChild('life-stray-stores.js', ['storesIntoRefused', huge, ROOM])
    expect(ended).toMatchObject({ code: null, signal: 'SIGSEGV', stdout: 'storing\n' })
  })
})
