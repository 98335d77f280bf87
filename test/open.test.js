'use strict'
// What open() takes, what it refuses and how it says so, and that a refusal leaves nothing open or mapped behind.

const { execFileSync, spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { pathToFileURL } = require('node:url')
const { inspect, types } = require('node:util')
const vm = require('node:vm')
const { MappedFile, open, Pool } = require('faultless')
const {
  PAGE, canMapFrom, childResult, errnoOf, errorOf, expectContent, isWindows, lookUntil, makeFile, mapLines, openFiles,
  temporaryFolder, testAsRoot, useClosing
} = require('./helpers')

const SIZE = 5 * PAGE + 123
const folder = temporaryFolder()
const data = makeFile(folder, 'data', SIZE)

const closeLater = useClosing()
const openHere = async (...args) => closeLater(await open(...args))

async function expectWholeFile(file, offset = 0, length = SIZE - offset) {
  expect(file.byteLength).toBe(length)
  expectContent(await file.view(), offset, length)
}

/** What is in one list and not in the other, where each entry of that stands for one. */
function without(list, others) {
  const rest = [...others]
  return list.filter((entry) => {
    const at = rest.indexOf(entry)
    if (at >= 0) rest.splice(at, 1)
    return at < 0
  })
}

/**
 * Runs `act`, after which the process has nothing open or mapped that it had not before. What was still being let go of then may
 * be gone.
 */
async function expectNothingLeft(act) {
  const inventory = () => [...openFiles(), ...mapLines().filter((line) => line.includes('/'))]
  const before = inventory()
  const result = await act()
  expect(await lookUntil([], () => without(inventory(), before))).toEqual([])
  return result
}

/** The error of open(), which must leave nothing behind. */
const refusal = (...args) => expectNothingLeft(() => errorOf(() => open(...args)))

describe('open() takes', () => {
  test('a path', async () => {
    const file = await openHere(data)
    await expectWholeFile(file)
    expect(file).toMatchObject({ path: data, flags: 'r', closed: false, damaged: 0 })
    expect(types.isSharedArrayBuffer(file.buffer)).toBe(true)
    if (!isWindows) expect(file.pageSize).toBe(Number(execFileSync('getconf', ['PAGESIZE'])))
  })

  test('a path relative to the working directory', async () => {
    const file = await openHere(path.relative(process.cwd(), data))
    await expectWholeFile(file)
  })

  test('a symbolic link', async () => {
    const link = path.join(folder, 'link')
    fs.symlinkSync(data, link)
    await expectWholeFile(await openHere(link))
  })

  test('a path in a Buffer', async () => {
    const file = await openHere(Buffer.from(data))
    await expectWholeFile(file)
    expect(file.path).toBe(data)
  })

  test('a path in a Buffer that is no UTF-8', async () => {
    const odd = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x66, 0xff, 0xfe])])
    fs.writeFileSync(odd, 'odd')
    const file = await openHere(odd)
    expect(String(await file.read())).toBe('odd')
  })

  test('a URL, with its escapes', async () => {
    const spaced = makeFile(folder, 'with space and % and é', SIZE)
    const file = await openHere(pathToFileURL(spaced))
    await expectWholeFile(file)
    expect(file.path).toBe(spaced)
  })

  test('a URL and bytes of another realm, and names them', async () => {
    const file = await openHere(vm.runInNewContext('Uint8Array.from(bytes)', { bytes: [...Buffer.from(data)] }))
    const { href, protocol, hostname, pathname } = pathToFileURL(data)
    const other = await openHere({ href, protocol, hostname, pathname })
    for (const each of [file, other]) expect(each.path).toBe(data)
    await expectWholeFile(file)
    await expectWholeFile(other)
  })

  const testLeased = process.platform === 'linux' ? test : test.skip

  testLeased('a file on which somebody has a lease (fcntl(2), of Linux), once that is given up, as fs.open() does', async () => {
    const leased = makeFile(folder, 'leased', 100)
    const holder = spawn('python3', [path.join(__dirname, 'fixtures', 'lease.py'), leased], { stdio: ['pipe', 'pipe', 'inherit'] })
    await once(holder.stdout, 'data')
    const file = await openHere(leased)
    expectContent(await file.read(), 0, 100)
    holder.stdin.end()
    await once(holder, 'close')
  })

  test('a descriptor, which stays open, keeps its position and stays the caller’s to close', async () => {
    const fd = fs.openSync(data, 'r')
    fs.readSync(fd, Buffer.alloc(10))
    const file = await openHere(fd)
    await expectWholeFile(file)
    expect(file.path).toBeUndefined()
    await file.close()
    const next = Buffer.alloc(10)
    fs.readSync(fd, next)
    expectContent(next, 10, 10)
    fs.closeSync(fd)
    expect(openFiles(data)).toEqual([])
  })

  test('a descriptor that is closed as soon as the promise has resolved', async () => {
    const fd = fs.openSync(data, 'r')
    const file = await openHere(fd)
    fs.closeSync(fd)
    await expectWholeFile(file)
  })

  test('a FileHandle, which stays open and stays the caller’s to close', async () => {
    const handle = await fs.promises.open(data)
    const file = await openHere(handle)
    await expectWholeFile(file)
    await file.close()
    expect((await handle.stat()).size).toBe(SIZE)
    await handle.close()
  })

  test('a file whose name is gone by the time it is read', async () => {
    const doomed = makeFile(folder, 'doomed', SIZE)
    const file = await openHere(doomed)
    fs.unlinkSync(doomed)
    await expectWholeFile(file)
  })

  test('a hundred files at once, with one descriptor each', async () => {
    const many = makeFile(folder, 'many', SIZE)
    const files = await Promise.all(Array.from({ length: 100 }, () => openHere(many)))
    expect(openFiles(many)).toHaveLength(isWindows ? 1 : 100) // which does not tell how often
    await Promise.all(files.map((file) => expectWholeFile(file)))
    await Promise.all(files.map((file) => file.close()))
    expect(openFiles(many)).toEqual([])
    expect(mapLines(many)).toEqual([])
  })
})

describe('the options of open()', () => {
  test.each([['a string', 'r'], ['an option', { flags: 'r' }]])(
    'flags r as %s: stores into the memory never reach the file', async (_, options) => {
      const file = await openHere(data, options)
      expect(file.flags).toBe('r')
      expect(file.stats.copyOnWrite).toBe(true)
      const view = await file.view()
      view.fill(0)
      expectContent(fs.readFileSync(data), 0, SIZE)
    })

  test.each([['a string', 'r+'], ['an option', { flags: 'r+' }]])(
    'flags r+ as %s: stores into the memory reach the file', async (_, options) => {
      const target = makeFile(folder, 'target', SIZE)
      const file = await openHere(target, options)
      expect(file.flags).toBe('r+')
      expect(file.stats.copyOnWrite).toBe(false)
      const view = await file.view(PAGE - 2, 4)
      view.write('XXXX')
      const now = fs.readFileSync(target)
      expect(now.toString('latin1', PAGE - 2, PAGE + 2)).toBe('XXXX')
      expectContent(now.subarray(0, PAGE - 2), 0, PAGE - 2)
      expectContent(now.subarray(PAGE + 2), PAGE + 2, SIZE - PAGE - 2)
    })

  test.each([0, 1, 777, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE + 5, SIZE - 1, SIZE].filter(canMapFrom))(
    'offset %d maps from there to the end', async (offset) => {
      await expectWholeFile(await openHere(data, { offset }), offset)
    })

  test.each([[0, 0], [0, 1], [0, SIZE], [777, 0], [777, PAGE], [PAGE, PAGE], [PAGE - 1, 2], [SIZE - 1, 1], [SIZE, 0]].filter(([offset]) => canMapFrom(offset)))(
    'offset %d and length %d map exactly that', async (offset, length) => {
      await expectWholeFile(await openHere(data, { offset, length }), offset, length)
    })

  test('advice is taken and changes no byte', async () => {
    for (const advice of ['normal', 'random', 'sequential', 'willneed', 'dontneed', 'cold', 'pageout']) {
      await expectWholeFile(await openHere(data, { advice }))
    }
  })

  test('a pool of the caller’s does the work', async () => {
    const pool = new Pool({ maxThreads: 1 })
    const file = await openHere(data, { pool })
    expect(pool.stats.threads).toBe(0)
    await expectWholeFile(file)
    expect(pool.stats).toMatchObject({ threads: 1, completed: 1, failed: 0 })
    await file.close()
    await pool.close()
  })

  test('undefined stands for the default everywhere', async () => {
    const nothing = { flags: undefined, offset: undefined, length: undefined, advice: undefined, pool: undefined }
    await expectWholeFile(await openHere(data, undefined))
    await expectWholeFile(await openHere(data, nothing))
  })
})

describe('open() refuses with the error that fs gives, and leaves nothing behind:', () => {
  const missing = path.join(folder, 'missing')
  const loop = path.join(folder, 'loop')
  beforeAll(() => fs.symlinkSync(loop, loop))

  test.each([
    ['a missing file', 'ENOENT', missing],
    ['a missing file in a Buffer', 'ENOENT', Buffer.from(missing)],
    ['a missing file as a URL', 'ENOENT', pathToFileURL(missing)],
    ['an empty path', 'ENOENT', ''],
    ['a path through a file', 'ENOTDIR', path.join(data, 'x')],
    ['a symbolic link to itself', 'ELOOP', loop],
    ['a name that is too long', 'ENAMETOOLONG', path.join(folder, 'n'.repeat(300))],
    ['a null byte in a path', 'ERR_INVALID_ARG_VALUE', `${folder}/a\0b`],
    ['a null byte in a Buffer', 'ERR_INVALID_ARG_VALUE', Buffer.from(`${folder}/a\0b`)],
    ['a URL that is no file’s', 'ERR_INVALID_URL_SCHEME', new URL('https://localhost/data')],
    ['a URL of another host', 'ERR_INVALID_FILE_URL_HOST', new URL('file://elsewhere/data')]
  ])('%s: %s', async (_, code, file) => {
    const wanted = await errorOf(() => fs.promises.open(file))
    expect(wanted.code).toBe(code)
    for (const flags of ['r', 'r+']) {
      const { message, errno, syscall, path: named } = await errorOf(() => fs.promises.open(file, flags))
      const error = await refusal(file, flags)
      expect(error).toMatchObject({ code, message })
      expect([error.errno, error.syscall, error.path]).toEqual([errno, syscall, named])
    }
  })

  test.each([
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['an object', {}, 'Object'],
    ['an array', [data], 'Array'],
    ['a boolean', true, 'true'],
    ['a bigint', 3n, '3n'],
    ['a function', function someFile() {}, 'someFile'],
    ['a symbol', Symbol('file'), 'Symbol(file)']
  ])('%s instead of a path: ERR_INVALID_ARG_TYPE', async (_, file, received) => {
    const error = await refusal(file)
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
    expect(error.message).toContain(received)
    expect(error.message).toContain('a file descriptor or a FileHandle')
  })
})

describe('open() refuses what cannot be mapped, and leaves nothing behind:', () => {
  const systemError = (code, errno, syscall, file) => ({
    code, errno, syscall, path: file, message: expect.stringMatching(new RegExp(`^${code}: .*, ${syscall} '${file}'$`))
  })

  test('a directory: EISDIR', async () => {
    expect(await refusal(folder)).toMatchObject(systemError('EISDIR', -21, 'mmap', folder))
    expect(await refusal(folder, 'r+')).toMatchObject(systemError('EISDIR', -21, 'open', folder))
    const handle = await fs.promises.open(folder)
    expect(await refusal(handle)).toMatchObject({ code: 'EISDIR', syscall: 'mmap' })
    await handle.close()
  })

  test.each(['/dev/null', '/dev/zero', '/sys/kernel/mm/transparent_hugepage/enabled', '/proc/self/status'])(
    '%s: ENODEV', async (file) => {
      expect(await refusal(file)).toMatchObject(systemError('ENODEV', -19, 'mmap', file))
    })

  test('every file of /proc that says it is empty and is not: an error of mmap, never an empty mapping', async () => {
    for (const file of ['/proc/version', '/proc/self/maps', '/proc/self/mem', '/proc/cpuinfo', '/proc/meminfo']) {
      const error = await refusal(file)
      expect(['ENODEV', 'EIO']).toContain(error.code)
      expect(error).toMatchObject(systemError(error.code, error.errno, 'mmap', file))
    }
  })

  // In a child, which can be killed: waiting for a writer would occupy a thread of this process for ever.
  test.each(['r', 'r+'])('a FIFO that nobody writes to, with flags %s: ENODEV, at once', async (flags) => {
    const fifo = path.join(folder, `fifo ${flags}`)
    execFileSync('mkfifo', [fifo])
    const error = await childResult('open-error.js', [fifo, flags])
    expect(error).toMatchObject({ code: 'ENODEV', errno: errnoOf('ENODEV'), syscall: 'mmap', path: fifo })
  })

  testAsRoot('a file that the process may not read: EACCES, as fs gives it', async () => {
    fs.chmodSync(folder, 0o755)
    const secret = makeFile(folder, 'secret', 10)
    fs.chmodSync(secret, 0o000)
    const { ofFs, ...error } = await childResult('open-error.js', [secret, 'r', 65534])
    expect(error).toMatchObject(
      { code: 'EACCES', errno: errnoOf('EACCES'), syscall: 'open', path: secret, leftOpen: 0, leftMapped: 0 })
    expect(error.message).toBe(ofFs)
  })

  testAsRoot('a file that the process may not write, with flags r+: EACCES, as fs gives it', async () => {
    fs.chmodSync(folder, 0o755)
    const readable = makeFile(folder, 'readable', 10)
    fs.chmodSync(readable, 0o444)
    const { ofFs, ...error } = await childResult('open-error.js', [readable, 'r+', 65534])
    expect(error).toMatchObject({ code: 'EACCES', errno: errnoOf('EACCES'), syscall: 'open', path: readable, leftOpen: 0 })
    expect(error.message).toBe(ofFs)
  })
})

describe('open() refuses descriptors, and leaves nothing behind:', () => {
  test('one that is not open: EBADF', async () => {
    expect(await refusal(1_000_000)).toMatchObject({ code: 'EBADF', errno: errnoOf('EBADF'), syscall: 'fstat' })
  })

  test('a FileHandle that is closed: EBADF', async () => {
    const handle = await fs.promises.open(data)
    await handle.close()
    expect(await refusal(handle)).toMatchObject({ code: 'EBADF', errno: errnoOf('EBADF'), syscall: 'fstat' })
  })

  test.each([['write-only', 'a', 'r'], ['write-only', 'a', 'r+'], ['read-only', 'r', 'r+']])(
    'one that is %s (%s), with flags %s: EACCES, as of mmap', async (_, mode, flags) => {
      const fd = fs.openSync(data, mode)
      expect(await refusal(fd, flags)).toMatchObject({ code: 'EACCES', errno: errnoOf('EACCES'), syscall: 'mmap' })
      fs.closeSync(fd)
    })

  test('one of an empty file that is write-only: EACCES as well', async () => {
    const fd = fs.openSync(path.join(folder, 'empty'), 'w')
    expect(await refusal(fd)).toMatchObject({ code: 'EACCES', errno: errnoOf('EACCES'), syscall: 'mmap' })
    fs.closeSync(fd)
  })

  test.each([NaN, 1.5, 2 ** 31, 2 ** 40, Infinity])('%d in a FileHandle: ERR_OUT_OF_RANGE', async (fd) => {
    const error = await refusal({ fd })
    expect(error).toMatchObject({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' })
    expect(error.message).toContain('"file.fd" is out of range')
  })

  test.each([NaN, -1, 1.5, 2 ** 31, Infinity])('%d: ERR_OUT_OF_RANGE', async (fd) => {
    const error = await refusal(fd)
    expect(error).toMatchObject({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' })
    expect(error.message).toContain(`"fd" is out of range`)
    expect(error.message).toMatch(new RegExp(`Received ${fd}$`))
  })
})

describe('open() refuses options, names the value, and leaves nothing behind:', () => {
  const ends = (text) => expect.stringMatching(new RegExp(`Received ${text.replace(/[[\]().{}*+]/g, '\\$&')}$`))

  test.each([
    ['w', "'w'"], ['wx+', "'wx+'"], ['a', "'a'"], ['rw', "'rw'"], ['R', "'R'"], ['', "''"], [' r', "' r'"]
  ])('flags %p: ERR_INVALID_ARG_VALUE', async (flags, received) => {
    const wanted = { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE', message: ends(received) }
    expect(await refusal(data, flags)).toMatchObject(wanted)
    expect(await refusal(data, { flags })).toMatchObject(wanted)
  })

  test.each([
    [null, 'null'], [5, 'type number (5)'], [true, 'type boolean (true)'], [1n, 'type bigint (1n)'],
    [[], 'an instance of Array'], [() => {}, 'function ']
  ])('%p instead of options: ERR_INVALID_ARG_TYPE', async (options, received) => {
    const error = await refusal(data, options)
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE', message: ends(received) })
    expect(error.message).toContain('"options"')
  })

  test.each([
    [{ flags: null }, 'flags', 'null'], [{ flags: 0 }, 'flags', 'type number (0)'],
    [{ offset: '5' }, 'offset', "type string ('5')"], [{ offset: 5n }, 'offset', 'type bigint (5n)'],
    [{ offset: null }, 'offset', 'null'], [{ length: '5' }, 'length', "type string ('5')"],
    [{ length: 5n }, 'length', 'type bigint (5n)'], [{ length: null }, 'length', 'null'],
    [{ advice: null }, 'advice', 'null'], [{ advice: 1 }, 'advice', 'type number (1)'],
    [{ pool: null }, 'pool', 'null'], [{ pool: {} }, 'pool', 'an instance of Object'],
    [{ pool: 4 }, 'pool', 'type number (4)']
  ])('%p: ERR_INVALID_ARG_TYPE', async (options, name, received) => {
    const error = await refusal(data, options)
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE', message: ends(received) })
    expect(error.message).toContain(`"options.${name}"`)
  })

  test.each([
    [{ offset: NaN }, 'offset', 'NaN'], [{ offset: -1 }, 'offset', '-1'], [{ offset: 0.5 }, 'offset', '0.5'],
    [{ offset: Infinity }, 'offset', 'Infinity'], [{ offset: 2 ** 53 }, 'offset', '9007199254740992'],
    [{ offset: SIZE + 1 }, 'offset', `${SIZE + 1}`], [{ length: NaN }, 'length', 'NaN'],
    [{ length: -1 }, 'length', '-1'], [{ length: 0.5 }, 'length', '0.5'], [{ length: Infinity }, 'length', 'Infinity'],
    [{ length: 2 ** 53 }, 'length', '9007199254740992'], [{ length: SIZE + 1 }, 'length', `${SIZE + 1}`],
    [{ offset: 1, length: SIZE }, 'length', `${SIZE}`], [{ offset: SIZE, length: 1 }, 'length', '1']
  ])('%p: ERR_OUT_OF_RANGE', async (options, name, received) => {
    const error = await refusal(data, options)
    expect(error).toMatchObject({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE', message: ends(received) })
    expect(error.message).toContain(`"options.${name}"`)
  })

  test('an advice that does not exist: ERR_INVALID_ARG_VALUE', async () => {
    const error = await refusal(data, { advice: 'WILLNEED' })
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE', message: ends("'WILLNEED'") })
    expect(error.message).toContain("'options.advice'")
  })

  test('advice that a closed pool cannot give: ERR_POOL_CLOSED, and the mapping is given back', async () => {
    const pool = new Pool()
    await pool.close()
    const error = await errorOf(() => open(data, { pool, advice: 'random' }))
    expect(error).toMatchObject({ code: 'ERR_POOL_CLOSED' })
    // At once: a little later a garbage collection might have done it.
    expect([openFiles(data), mapLines(data)]).toEqual([[], []])
  })
})

test('a MappedFile is made by open() alone, and shows what it is', async () => {
  class Own extends MappedFile {}
  for (const Class of [MappedFile, Own]) {
    expect(await errorOf(() => new Class())).toMatchObject({ code: 'ERR_ILLEGAL_CONSTRUCTOR', message: expect.stringContaining('MappedFile') })
  }
  const file = await open(__filename)
  const shown = `MappedFile { path: '${__filename}', flags: 'r', byteLength: ${file.byteLength}, closed: false }`
  expect(inspect(file, { breakLength: Infinity })).toBe(shown)
  for (const other of [[[[file]]], new Proxy(file, {}), Object.create(file)]) expect(inspect(other)).toContain('[MappedFile]')
  const pin = await file.pin(0, 10)
  expect(inspect(pin)).toBe('Pin { offset: 0, length: 10, released: false }')
  const pool = new Pool()
  expect(inspect(pool)).toBe('Pool { threads: 0, idle: 0, inFlight: 0, queued: 0, closed: false }')
  for (const other of [[[[pool]]], new Proxy(pool, {}), Object.create(pool)]) expect(inspect(other)).toContain('[Pool]')
  await pool.close()
  await file.close()
})

describe('open() with w+ leaves the file as it was where it is known before that nothing can come of it:', () => {
  const kept = makeFile(folder, 'kept', 100)
  const refuse = (pool, code) => async () => {
    expect(await errorOf(() => open(kept, { flags: 'w+', size: 10, pool }))).toMatchObject({ code })
    expectContent(fs.readFileSync(kept), 0, 100)
  }

  test('a pool that is closed', async () => {
    const pool = new Pool()
    await pool.close()
    await refuse(pool, 'ERR_POOL_CLOSED')()
  })

  test('a pool that takes no more', async () => {
    const pool = new Pool({ maxQueue: 1 })
    const busy = await openHere(data, { pool })
    const pending = busy.read()
    await refuse(pool, 'ERR_POOL_QUEUE_FULL')()
    await pending
    await busy.close()
    await pool.close()
  })
})

test('a thousand refusals of each kind leave no descriptor, no mapping and no line in /proc/self/maps', async () => {
  const { before, after, codes } = await childResult('open-refusals.js', [data, folder])
  expect(after).toEqual(before)
  expect(codes).toEqual(['EACCES', 'EBADF', 'EISDIR', 'ENODEV', 'ENOENT', 'ERR_INVALID_ARG_VALUE', 'ERR_OUT_OF_RANGE'])
})
