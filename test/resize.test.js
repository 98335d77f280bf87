'use strict'
// resize(), refresh(), the option reserve and the flags 'w+': the file has the size that was asked for, the buffer stays
// where it is, and byteLength says how much of it there is.

const fs = require('node:fs')
const { once } = require('node:events')
const nodePath = require('node:path')
const { map, open, PROT_READ, PROT_WRITE, MAP_SHARED } = require('..')
const { PAGE, childResult, contentAt, errorOf, expectContent, isWindows, makeFile, temporaryFolder } = require('./helpers')
const { testTraced } = require('./tracing')

const folder = temporaryFolder()
const SIZE = 10 * PAGE + 100
const RESERVE = 64 << 20

const name = (() => {
  let count = 0
  return () => nodePath.join(folder, `file-${count++}`)
})()
const make = (size = SIZE) => makeFile(folder, nodePath.basename(name()), size)
const blocksOf = (path) => isWindows ? Infinity : fs.statSync(path).blocks // Wine makes sparse files, where Windows does not
const modeOf = (path) => isWindows ? undefined : fs.statSync(path).mode & 0o777 // Windows knows none
const sizeOf = (path) => fs.statSync(path).size

const testAdvised = (title, act) => process.platform === 'linux' ? test(title, act) : test.skip(`${title} (skipped: only Linux tells)`, act)

/** The map entries of a file that is mapped once, in order, in bytes of the file, with what was advised: proc_pid_smaps(5). */
function entriesOf(path) {
  const entries = fs.readFileSync('/proc/self/smaps', 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
  return entries.filter((entry) => entry.split('\n', 1)[0].endsWith(` ${path}`)).map((entry) => {
    const [, from, to, offset] = /^([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+)/.exec(entry)
    const start = parseInt(offset, 16)
    const advice = /^VmFlags: (.*)$/m.exec(entry)[1].split(' ').filter((flag) => flag === 'sr' || flag === 'rr')
    return { start, end: start + parseInt(to, 16) - parseInt(from, 16), advice }
  })
}

describe('with reserve', () => {
  test('the buffer stays while the file grows, and what is stored, written and read there is the file\'s', async () => {
    const path = make()
    const file = await open(path, { flags: 'r+', reserve: RESERVE })
    const { buffer } = file
    const early = await file.view(0, SIZE)
    expect([file.byteLength, buffer.byteLength]).toEqual([SIZE, RESERVE])
    for (const size of [SIZE + 1, 20 * PAGE, 5 << 20, RESERVE]) {
      const before = file.byteLength
      await file.resize(size)
      expect([file.byteLength, sizeOf(path), file.buffer === buffer]).toEqual([size, size, true])
      expect(blocksOf(path) * 512).toBeGreaterThanOrEqual(size)
      await file.write(before, contentAt(before, Math.min(size - before, 1 << 20)))
      const view = await file.view(size - 1, 1)
      view[0] = 0xa5
      expect(fs.readFileSync(path)[size - 1]).toBe(0xa5)
      view[0] = contentAt(size - 1, 1)[0]
      expectContent(await file.read(before, Math.min(size - before, 1 << 20)), before, Math.min(size - before, 1 << 20))
    }
    expectContent(early, 0, SIZE)
    await file.close()
  })

  test('a buffer that starts within the file has so many bytes from there on', async () => {
    const path = make()
    const file = await open(path, { flags: 'r+', offset: PAGE + 7, reserve: 20 * PAGE })
    expect([file.byteLength, file.buffer.byteLength]).toEqual([SIZE - PAGE - 7, 20 * PAGE])
    await file.resize(21 * PAGE + 7)
    expect([file.byteLength, file.buffer.byteLength]).toEqual([20 * PAGE, 20 * PAGE])
    await file.resize(21 * PAGE + 8)
    expect([file.byteLength, file.buffer.byteLength]).toEqual([20 * PAGE + 1, 40 * PAGE])
    await file.resize(PAGE)
    expect(file.byteLength).toBe(0)
    await file.close()
  })

  test('less than the file has changes nothing, and an empty file may grow', async () => {
    const file = await open(make(), { reserve: PAGE })
    expect([file.byteLength, file.buffer.byteLength]).toEqual([SIZE, SIZE])
    await file.close()
    const empty = await open(make(0), { flags: 'r+', reserve: 5 * PAGE })
    expect([empty.byteLength, empty.buffer.byteLength]).toEqual([0, 5 * PAGE])
    expect(await empty.read()).toHaveLength(0)
    await empty.resize(5)
    await empty.write(0, 'hello')
    expect((await empty.read()).toString()).toBe('hello')
    await empty.close()
  })

  test('what lies beyond the end is out of range, and a load from there gives zeros until the file has grown', async () => {
    const path = make()
    const file = await open(path, { flags: 'r+', reserve: RESERVE })
    for (const act of [() => file.read(SIZE, 1), () => file.touch(0, SIZE + 1), () => file.write(SIZE - 1, 'ab')]) {
      expect((await errorOf(act)).code).toBe('ERR_OUT_OF_RANGE')
    }
    const bytes = new Uint8Array(file.buffer)
    expect([bytes[30 * PAGE], bytes[RESERVE - 1], file.damaged]).toEqual([0, 0, 2 * file.pageSize])
    await file.resize(40 * PAGE)
    expect(file.damaged).toBe(file.pageSize) // what is still beyond
    bytes[30 * PAGE] = 3
    await file.flush()
    expect(fs.readFileSync(path)[30 * PAGE]).toBe(3)
    await file.close()
  })

  test('refresh() follows a file that others make grow and cut, of \'r\' as well', async () => {
    const path = make()
    const file = await open(path, { reserve: RESERVE })
    fs.appendFileSync(path, contentAt(SIZE, 3 * PAGE))
    expect(file.byteLength).toBe(SIZE)
    await file.refresh()
    expect(file.byteLength).toBe(SIZE + 3 * PAGE)
    expectContent(await file.read(), 0, SIZE + 3 * PAGE)
    fs.truncateSync(path, 3 * PAGE + 5)
    await file.refresh()
    expect(file.byteLength).toBe(3 * PAGE + 5)
    expect((await errorOf(() => file.read(3 * PAGE, 6))).code).toBe('ERR_OUT_OF_RANGE')
    expectContent(await file.view(), 0, 3 * PAGE + 5)
    expect(file.tryView(3 * PAGE, 5)).toHaveLength(5)
    const { buffer } = file
    fs.truncateSync(path, RESERVE)
    await file.refresh()
    expect([file.byteLength, file.buffer === buffer]).toEqual([RESERVE, true])
    fs.truncateSync(path, RESERVE + 1)
    await file.refresh()
    expect([file.byteLength, file.buffer === buffer]).toEqual([RESERVE + 1, false])
    await file.close()
  })

  testAdvised('advice for the whole file holds for what the file grows into', async () => {
    const path = make()
    for (const [first, later, flags] of [['sequential', undefined, ['sr']], ['normal', 'random', ['rr']], [undefined, 'normal', []]]) {
      const file = await open(path, { flags: 'r+', reserve: RESERVE, advice: first })
      if (later !== undefined) await file.advise(later)
      await file.resize(SIZE + 20 * PAGE)
      const entries = entriesOf(path)
      expect(entries[0].start).toBe(0)
      expect(entries.at(-1).end).toBeGreaterThanOrEqual(SIZE + 20 * PAGE)
      expect(entries.map((entry) => entry.advice)).toEqual(entries.map(() => flags))
      await file.close()
    }
  })

  test('several calls at once are done in their order', async () => {
    const path = make()
    const file = await open(path, { flags: 'r+', reserve: RESERVE })
    const sizes = [5 * PAGE, 30 * PAGE, 10, 7 * PAGE + 3]
    await Promise.all([file.write(SIZE - 4, 'abcd'), ...sizes.flatMap((size) => [file.resize(size), file.refresh()])])
    expect([file.byteLength, sizeOf(path)]).toEqual([sizes.at(-1), sizes.at(-1)])
    expect(fs.readFileSync(path).subarray(10).every((byte) => byte === 0)).toBe(true)
    await file.close()
  })
})

testTraced('a size that the process may not give to a file takes no block on the way, and is told by the right call', async () => {
  const path = makeFile(folder, 'limited', 4 * PAGE)
  const limit = 64 << 20
  const under = ['prlimit', `--fsize=${limit}:${limit}`, 'strace', '-f', '-o', '/dev/null', '-e', 'inject=ftruncate:error=EPERM']
  const seen = await childResult('resize.js', [path], { under })
  expect(seen).toEqual({ grow: 'EFBIG fallocate', cut: 'EPERM ftruncate', size: 4 * PAGE, sameBlocks: true })
})

test('reserve of 16 TiB, whose mirror is more than a typed array of Node 20 can have', async () => {
  const file = await open(make(), { flags: 'r+', reserve: 2 ** 44 })
  expect(file.buffer.byteLength).toBe(2 ** 44)
  await file.resize(2 * SIZE)
  await file.write(2 * SIZE - 3, 'end')
  expect((await file.view(2 * SIZE - 3)).toString()).toBe('end')
  expect(file.tryView(2 * SIZE - 3).toString()).toBe('end')
  const pin = await file.pin(0, PAGE)
  expect(file.tryView(0, PAGE)).toHaveLength(PAGE)
  await pin.release()
  await file.close()
})

describe('without reserve', () => {
  test('a file may be cut and grow again, and keeps its buffer', async () => {
    const path = make()
    const file = await open(path, 'r+')
    const { buffer } = file
    await file.resize(2 * PAGE)
    expect([file.byteLength, file.buffer.byteLength, sizeOf(path)]).toEqual([2 * PAGE, SIZE, 2 * PAGE])
    const bytes = new Uint8Array(file.buffer)
    expect([bytes[5 * PAGE], file.damaged]).toEqual([0, file.pageSize])
    expect((await errorOf(() => file.view(2 * PAGE, 1))).code).toBe('ERR_OUT_OF_RANGE')
    await file.resize(SIZE)
    expect([file.byteLength, file.damaged, file.buffer === buffer]).toEqual([SIZE, 0, true])
    await file.write(5 * PAGE, 'again')
    expect(Buffer.from(file.buffer, 5 * PAGE, 5).toString()).toBe('again')
    expectContent(await file.read(0, 2 * PAGE), 0, 2 * PAGE)
    await file.close()
  })

  test('a length that was given stays, whatever becomes of the file', async () => {
    const path = make()
    const fd = fs.openSync(path, 'r+')
    const ways = [
      () => open(path, { flags: 'r+', offset: 10, length: 2 * PAGE }),
      () => map(2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 10)
    ]
    for (const way of ways) {
      const file = await way()
      await file.resize(50 * PAGE)
      expect([file.byteLength, sizeOf(path)]).toEqual([2 * PAGE, 50 * PAGE])
      await file.resize(PAGE)
      await file.refresh()
      expect([file.byteLength, sizeOf(path)]).toEqual([2 * PAGE, PAGE])
      expect((await errorOf(() => file.read())).code).toBe('ERR_MAP_TRUNCATED')
      await file.close()
    }
    fs.closeSync(fd)
  })

  test('what pends where the file is cut rejects with ERR_MAP_TRUNCATED, and so does a scan', async () => {
    const path = make(4 << 20)
    const file = await open(path, 'r+')
    const scan = file.chunks({ chunkSize: PAGE, dropBehind: true })
    await scan.next()
    const cut = file.resize(PAGE)
    const late = file.write(2 << 20, 'late') // it is checked before the cut, and waits for it
    await cut
    expect((await errorOf(() => late)).code).toBe('ERR_MAP_TRUNCATED')
    expect((await errorOf(() => scan.next())).code).toBe('ERR_MAP_TRUNCATED')
    expect(sizeOf(path)).toBe(PAGE)
    await file.close()
  })
})

describe('resize() and reserve are refused', () => {
  test.each([[-1, 'ERR_OUT_OF_RANGE'], [0.5, 'ERR_OUT_OF_RANGE'], [NaN, 'ERR_OUT_OF_RANGE'], [2 ** 53, 'ERR_OUT_OF_RANGE'],
    ['1', 'ERR_INVALID_ARG_TYPE'], [undefined, 'ERR_INVALID_ARG_TYPE'], [1n, 'ERR_INVALID_ARG_TYPE']
  ])('%p: %s', async (size, code) => {
    const path = make()
    const file = await open(path, { flags: 'r+', reserve: RESERVE })
    expect((await errorOf(() => file.resize(size))).code).toBe(code)
    expect([file.byteLength, sizeOf(path)]).toEqual([SIZE, SIZE])
    if (size !== undefined) expect((await errorOf(() => open(path, { reserve: size }))).code).toBe(code)
    await file.close()
    expect((await errorOf(() => file.resize(1))).code).toBe('ERR_MAP_CLOSED')
  })

  test('more reserve than there is address space: the system\'s error', async () => {
    const path = make()
    for (const reserve of [2 ** 47, Number.MAX_SAFE_INTEGER]) {
      expect((await errorOf(() => open(path, { reserve }))).code).toMatch(/^(ENOMEM|EOVERFLOW)$/)
    }
    expect((await errorOf(() => open(path, { reserve: 1, length: 1 }))).code).toBe('ERR_INVALID_ARG_VALUE')
  })
})

describe('\'w+\'', () => {
  test('makes a file of so many bytes, with its blocks, that the umask lets others use', async () => {
    const path = name()
    const umask = process.umask(0o027)
    const file = await open(path, { flags: 'w+', size: 1_000_001 })
    process.umask(umask)
    const size = sizeOf(path)
    expect([size, modeOf(path), file.flags, file.byteLength]).toEqual([1_000_001, isWindows ? undefined : 0o640, 'w+', 1_000_001])
    expect(blocksOf(path) * 512).toBeGreaterThanOrEqual(size)
    expect(fs.readFileSync(path).every((byte) => byte === 0)).toBe(true)
    await file.write(1_000_000, 'x')
    ;(await file.view(0, 1))[0] = 1
    await file.flush()
    expect([fs.readFileSync(path)[0], fs.readFileSync(path)[1_000_000]]).toEqual([1, 120])
    await file.close()
  })

  test('truncates a file that is there, and keeps its mode', async () => {
    const path = make()
    fs.chmodSync(path, 0o600)
    const file = await open(path, { flags: 'w+', size: 3 * PAGE, offset: 5, reserve: RESERVE })
    expect([file.byteLength, file.buffer.byteLength]).toEqual([3 * PAGE - 5, RESERVE])
    expect((await file.read()).every((byte) => byte === 0)).toBe(true)
    expect([sizeOf(path), modeOf(path)]).toEqual([3 * PAGE, isWindows ? undefined : 0o600])
    await file.close()
    const empty = await open(path, { flags: 'w+', size: 0 })
    expect([empty.byteLength, sizeOf(path)]).toEqual([0, 0])
    await empty.close()
  })

  test('is refused before anything is truncated: without a size, with a bad one, of a descriptor', async () => {
    const path = make()
    const refusals = [
      ['w+', 'ERR_INVALID_ARG_TYPE'], [{ flags: 'w+' }, 'ERR_INVALID_ARG_TYPE'],
      [{ flags: 'w+', size: -1 }, 'ERR_OUT_OF_RANGE'], [{ flags: 'w+', size: '1' }, 'ERR_INVALID_ARG_TYPE'],
      [{ flags: 'w+', size: 5, offset: 6 }, 'ERR_OUT_OF_RANGE'], [{ flags: 'w+', size: 5, length: 6 }, 'ERR_OUT_OF_RANGE'],
      [{ flags: 'r+', size: 5 }, 'ERR_INVALID_ARG_VALUE'], [{ size: 5 }, 'ERR_INVALID_ARG_VALUE']
    ]
    for (const [options, code] of refusals) expect((await errorOf(() => open(path, options))).code).toBe(code)
    const fd = fs.openSync(path, 'r+')
    expect((await errorOf(() => open(fd, { flags: 'w+', size: 5 }))).code).toBe('ERR_INVALID_ARG_VALUE')
    fs.closeSync(fd)
    expectContent(fs.readFileSync(path), 0, SIZE)
    expect(await errorOf(() => open(folder, { flags: 'w+', size: 5 }))).toMatchObject({ code: 'EISDIR' })
    expect(await errorOf(() => open(nodePath.join(folder, 'none', 'x'), { flags: 'w+', size: 5 }))).toMatchObject({ code: 'ENOENT' })
  })
})

test('\'damage\' tells of loads beyond the end, where reserve lets the buffer go on', async () => {
  const file = await open(make(), { flags: 'r+', reserve: RESERVE })
  const damage = once(file, 'damage')
  expect(new Uint8Array(file.buffer)[50 * PAGE]).toBe(0)
  const keepAlive = setInterval(() => {}, 1 << 30)
  expect(await damage).toEqual([{ offset: 50 * PAGE, length: file.pageSize }])
  clearInterval(keepAlive)
  await file.close()
})
