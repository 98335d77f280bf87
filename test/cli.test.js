'use strict'
// The command `faultless`, run as a user runs it.

const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { execFileSync, spawnSync } = require('node:child_process')
const { open } = require('faultless')
const { VERBS, makeProgram } = require('../cli/program')
const { findCommand, hasTerminal, jsonOf, onTerminal, plain, runCli, startCli, testWith, CLI } = require('./cli-helpers')
const { isTmpfs, isWindows, lookUntil, makeFile, syncFile, temporaryFolder, testAsRoot, PAGE } = require('./helpers')

const folder = temporaryFolder()
const SIZE = 4 << 20
const PAGES = SIZE / PAGE
const inFolder = (name) => path.join(folder, name)
const onDisk = !isTmpfs(folder)
const testOnDisk = (name, act) => testWith(onDisk, 'nothing is evicted on tmpfs', name, act)

let data

beforeAll(() => {
  data = makeFile(folder, 'data.bin', SIZE)
  syncFile(data)
})

async function withFile(name, use) {
  const file = await open(name, { freshness: 0 })
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}

/** As the kernel tells this process. */
const residentIn = (name) => withFile(name, async (file) => (await file.residency()).resident)

/** Makes exactly these ranges resident. */
const setResident = (name, ranges) => withFile(name, async (file) => {
  await file.evict()
  await file.touch(ranges)
})

const held = []

/** The same, and keeps them so until the test ends: pages that somebody has mapped are the last to be dropped. */
async function holdResident(name, ranges) {
  const file = await open(name, { freshness: 0 })
  held.push(file)
  await file.evict()
  await file.touch(ranges)
}

afterEach(async () => {
  for (const file of held.splice(0)) await file.close()
})

/**
 * For exact figures of pages that nobody has mapped: when memory is short, also in a cgroup that has nothing to do with
 * them, the kernel drops some at any moment, so what failed is tried again.
 */
async function again(act, times = 5) {
  for (;;) {
    try {
      return await act()
    } catch (error) {
      if (--times === 0) throw error
    }
  }
}

const paths = (results) => results.map((result) => path.relative(folder, result.path))

describe('stat', () => {
  testOnDisk('tells what is resident, and where', async () => {
    await holdResident(data, [[SIZE / 2, SIZE / 4]])
    const { code, results, stderr } = await jsonOf(['stat', data])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const heat = Array.from({ length: 64 }, (_, i) => (i >= 32 && i < 48 ? 1 : 0))
    expect(results).toEqual([{
      path: data, size: SIZE, offset: 0, length: SIZE, pageSize: PAGE, pages: PAGES, resident: PAGES / 4, heat,
      allocated: expect.any(Number)
    }])
    expect(await residentIn(data)).toBe(PAGES / 4)
  })

  testOnDisk('draws it within 80 columns', async () => {
    await holdResident(data, [[SIZE / 2, SIZE / 4]])
    const { stdout } = await runCli(['stat', data])
    expect(stdout).toContain('256 pages, 1 MiB (25.0 %)')
    expect(stdout).toContain(`  ${'·'.repeat(38)}${'█'.repeat(19)}${'·'.repeat(19)}\n`)
    expect(Math.max(...stdout.split('\n').slice(1).map((line) => line.length))).toBeLessThanOrEqual(80)
  })

  testOnDisk('looks at a part of the file', async () => {
    await holdResident(data, [[SIZE / 2, SIZE / 4]])
    const { results: [part] } = await jsonOf(['stat', data, '--offset', '2.5MiB', '--length', '1G'])
    expect(part).toMatchObject({ size: SIZE, offset: 2.5 * 2 ** 20, length: 1.5 * 2 ** 20, pages: 384, resident: 128 })
  })

  test('an offset past the end is an error of that file alone', async () => {
    const { code, results, stderr } = await jsonOf(['stat', '--offset', '1G', data])
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('offset 1073741824 lies past the end') })
    expect(results).toEqual([{ path: data, error: { code: 'ERR_OUT_OF_RANGE', message: expect.any(String) } }])
  })

  test('knows sparse and empty files', async () => {
    fs.writeFileSync(inFolder('empty'), '')
    fs.closeSync(fs.openSync(inFolder('sparse'), 'w'))
    fs.truncateSync(inFolder('sparse'), 1 << 30)
    const { code, results } = await jsonOf(['stat', inFolder('empty'), inFolder('sparse')])
    expect(code).toBe(0)
    expect(results[0]).toMatchObject({ size: 0, pages: 0, resident: 0, heat: [], allocated: 0 })
    expect(results[1]).toMatchObject({ size: 1 << 30, pages: 262144, resident: 0, allocated: 0 })
    const { stdout } = await runCli(['stat', inFolder('sparse')])
    expect(stdout).toContain('1 GiB (1,073,741,824 bytes, 0 bytes on the device: it has holes)')
  })

  test('says once how large a small file is', async () => {
    fs.writeFileSync(inFolder('small'), '0123456789')
    expect((await runCli(['stat', inFolder('small')])).stdout).toContain('  size      10 bytes\n')
    fs.writeFileSync(inFolder('small'), '')
    fs.truncateSync(inFolder('small'), 100)
    expect((await runCli(['stat', inFolder('small')])).stdout).toContain('  size      100 bytes (0 bytes on the device: it has holes)\n')
  })

  testAsRoot('says that it does not know where the kernel hides it', async () => {
    const nobody = 65534
    // Where root's folder cannot be entered by others.
    const foreign = makeFile(fs.mkdtempSync(path.join(os.tmpdir(), 'faultless-test-')), 'foreign', PAGE)
    fs.chmodSync(path.dirname(foreign), 0o755)
    fs.chmodSync(foreign, 0o644)
    const asNobody = (...args) => spawnSync(process.execPath, [path.join(__dirname, 'fixtures', 'cli-as-nobody.js'), nobody, ...args],
      { encoding: 'utf8', env: { ...process.env, FAULTLESS_MAX_THREADS: '1' } })
    try {
      const { stdout } = asNobody('stat', '--json', foreign)
      expect(JSON.parse(stdout)).toMatchObject([{ pages: 1, resident: null, heat: null }])
      const touched = asNobody('touch', foreign)
      expect(touched).toMatchObject({ status: 0, stderr: '', stdout: expect.stringMatching(/ unknown {3}unknown {2}\?{24} .*1 file unknown\n/s) })
      expect(touched.stdout).toContain('unknown (the kernel hides the residency of files that you neither own nor may write)')
    } finally {
      fs.rmSync(path.dirname(foreign), { recursive: true })
    }
  })
})

describe('touch and evict', () => {
  testOnDisk('after a touch all is resident, after an eviction nothing', () => again(async () => {
    await setResident(data, [[0, PAGE]])
    const touched = await jsonOf(['touch', data])
    expect(touched).toMatchObject({ code: 0, stderr: '' })
    expect(touched.results).toMatchObject([{ before: 1, resident: PAGES, touched: SIZE, interrupted: false }])
    expect(await residentIn(data)).toBe(PAGES)
    const evicted = await jsonOf(['evict', data])
    expect(evicted).toMatchObject({ code: 0, stderr: '' })
    expect(evicted.results).toMatchObject([{ before: PAGES, resident: 0 }])
    expect(await residentIn(data)).toBe(0)
  }))

  testOnDisk('a part', () => again(async () => {
    await setResident(data, [])
    const { results } = await jsonOf(['touch', data, '--offset', '1M', '--length', '64k'])
    expect(results).toMatchObject([{ offset: 1 << 20, length: 64 << 10, pages: 16, resident: 16 }])
    expect(await residentIn(data)).toBe(16)
  }))

  testOnDisk('evict says what stayed', async () => {
    await withFile(data, async (file) => {
      await file.touch(0, 3 * PAGE)
      const { code, stderr } = await runCli(['evict', data])
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/data.bin: \d+ pages stayed in memory: mapped or locked/) })
    })
  })

  testOnDisk('writes dirty pages back before it drops them', async () => {
    const dirty = makeFile(folder, 'dirty', SIZE)
    expect((await jsonOf(['evict', dirty])).results).toMatchObject([{ resident: 0 }])
    expect(fs.readFileSync(dirty).equals(fs.readFileSync(data))).toBe(true)
  })

  testWith(hasTerminal, 'script is not installed', 'a touch shows how far it is on a terminal, and only there', async () => {
    const { text, code } = await onTerminal(['touch', data])
    expect(code).toBe(0)
    expect(plain(text)).toMatch(/[█░]{24} +\d+ % {2}.* of 4 MiB, .*\/s/)
    expect(plain(text)).toContain('1,024 of 1,024 pages in memory (100.0 %)')
  })
})

describe('files', () => {
  let tree

  beforeAll(() => {
    tree = inFolder('tree')
    fs.mkdirSync(path.join(tree, 'deep', 'deeper'), { recursive: true })
    makeFile(tree, 'a.idx', PAGE)
    makeFile(path.join(tree, 'deep'), 'b.bin', 3 * PAGE)
    makeFile(path.join(tree, 'deep', 'deeper'), 'c.idx', 2 * PAGE)
    fs.linkSync(path.join(tree, 'a.idx'), path.join(tree, 'z-again.idx'))
    if (!isWindows) fs.symlinkSync('deep/b.bin', path.join(tree, 'link')) // where not everybody may make one
    if (!isWindows) fs.symlinkSync('..', path.join(tree, 'deep', 'up'))
    if (!isWindows) execFileSync('mkfifo', [path.join(tree, 'pipe')])
  })

  const found = async (...args) => paths((await jsonOf(['stat', ...args])).results)

  test('folders are walked; links, FIFOs and second names of a file are passed over, which is no failure', async () => {
    const { code, stderr, results } = await jsonOf(['stat', `${tree}/`])
    expect({ code, paths: paths(results) }).toEqual({ code: 0, paths: ['tree/a.idx', 'tree/deep/b.bin', 'tree/deep/deeper/c.idx'] })
    expect(stderr.split('\n').filter(Boolean).map((line) => line.replace(tree, ''))).toEqual([
      'faultless: /deep/up: passed over, a symbolic link (--follow follows it)',
      'faultless: /link: passed over, a symbolic link (--follow follows it)',
      'faultless: /pipe: passed over, a FIFO'
    ])
  })

  test('what --only or --ignore leaves out is not told of either', async () => {
    expect((await jsonOf(['stat', '--only', '*.idx', tree])).stderr).toBe('')
    const { stderr } = await jsonOf(['stat', '--ignore', 'pipe', '--ignore', 'up', tree])
    expect(stderr).toBe(`faultless: ${tree}/link: passed over, a symbolic link (--follow follows it)\n`)
  })

  test('a file that is named twice, or by a link as well, counts once', async () => {
    const name = path.join(tree, 'a.idx')
    expect(await found(name, `${tree}/./a.idx`)).toEqual(['tree/a.idx'])
    expect(await found('--hard-links', name, name)).toEqual(['tree/a.idx', 'tree/a.idx'])
    const link = path.join(tree, 'link')
    expect(await found('--follow', link, link)).toEqual(['tree/link'])
    expect(await found(tree, tree)).toHaveLength(3)
  })

  test('what is named and lies in a folder that is named, before it or after it, counts once', async () => {
    const [file, deep, list] = [path.join(tree, 'deep', 'b.bin'), path.join(tree, 'deep'), inFolder('list')]
    const all = ['tree/a.idx', 'tree/deep/b.bin', 'tree/deep/deeper/c.idx']
    for (const name of [file, deep]) {
      expect(await found(tree, name)).toEqual(all)
      expect((await found(name, tree)).sort()).toEqual(all)
      fs.writeFileSync(list, name)
      expect(await found(tree, '--files-from', list)).toEqual(all)
    }
    expect(await found(file, tree, deep)).toEqual(['tree/deep/b.bin', 'tree/a.idx', 'tree/deep/deeper/c.idx'])
    if (isWindows) return // where not everybody may make a link
    expect((await jsonOf(['stat', '--follow', tree, deep])).stderr).toContain('deep/up: passed over, a loop of symbolic links')
  })

  test('options choose', async () => {
    expect(await found('--hard-links', '--only', '*.idx', tree)).toEqual(['tree/a.idx', 'tree/deep/deeper/c.idx', 'tree/z-again.idx'])
    expect(await found('--ignore', 'deeper', '--ignore', 'li[a-n]k', '--max-size', '8k', tree)).toEqual(['tree/a.idx'])
    const followed = await jsonOf(['stat', '--follow', tree])
    expect(paths(followed.results)).toEqual(['tree/a.idx', 'tree/deep/b.bin', 'tree/deep/deeper/c.idx'])
    expect(await found('--follow', '--hard-links', '--only', 'l*k', tree)).toEqual(['tree/link'])
    expect(followed.stderr).toContain('up: passed over, a loop of symbolic links')
  })

  test('names can come from a list', () => {
    const run = (args, input) => spawnSync(process.execPath, [CLI, 'stat', '--json', ...args], { input, encoding: 'utf8' })
    const list = ['a.idx', 'deep/b.bin'].map((name) => path.join(tree, name))
    const fromLines = run(['--files-from', '-'], `${list.join('\n')}\n`)
    expect(paths(JSON.parse(fromLines.stdout))).toEqual(['tree/a.idx', 'tree/deep/b.bin'])
    const odd = makeFile(folder, 'two\nlines', PAGE)
    const fromZero = run(['-0', '-b', '-'], `${odd}\0${list[0]}`)
    expect(JSON.parse(fromZero.stdout).map((result) => result.path)).toEqual([odd, list[0]])
    fs.rmSync(odd)
  })

  test('a list that cannot be read keeps nothing from the files that are named beside it', async () => {
    const missing = inFolder('no list')
    for (const verb of ['stat', 'touch', 'evict']) {
      const { code, results } = await jsonOf([verb, data, '--files-from', missing])
      expect({ code, results }).toMatchObject({ code: 1, results: [{ path: data, size: fs.statSync(data).size }, { path: missing, error: { code: 'ENOENT' } }] })
    }
  })

  test('a list that cannot be read is named', async () => {
    const missing = inFolder('no list')
    expect(await runCli(['stat', '--files-from', missing])).toMatchObject({
      code: 1, stdout: '', stderr: `faultless: ${missing}: no such file or directory (ENOENT, open)\n`
    })
    if (isWindows) return // which opens no folder
    expect(await runCli(['stat', '--files-from', tree])).toMatchObject({
      code: 1, stdout: '', stderr: `faultless: ${tree}: illegal operation on a directory (EISDIR, read)\n`
    })
    const fd = fs.openSync(inFolder('write only'), 'w')
    const given = { stdio: [fd, 'pipe', 'pipe'], encoding: 'utf8' }
    const { status, stderr } = spawnSync(process.execPath, [CLI, 'stat', '-b', '-'], given)
    fs.closeSync(fd)
    expect({ status, stderr }).toEqual({ status: 1, stderr: 'faultless: stdin: bad file descriptor (EBADF, read)\n' })
  })

  test('what cannot be handled is told of, all else is done, and the exit code is 1', async () => {
    const odd = Buffer.from(inFolder('caf\xe9'), 'latin1') // no UTF-8
    const oddFolder = inFolder('odd')
    fs.mkdirSync(oddFolder)
    fs.writeFileSync(Buffer.concat([Buffer.from(`${oddFolder}/`), Buffer.from([0xe9, 0x1b])]), odd)
    const missing = inFolder('missing')
    const { code, stdout, stderr } = await runCli(['stat', missing, path.join(tree, 'pipe'), path.join(tree, 'link'), '/dev/null', oddFolder, data])
    expect(code).toBe(1)
    expect(stderr.split('\n').filter(Boolean)).toEqual([
      `faultless: ${missing}: no such file or directory (ENOENT, lstat)`,
      `faultless: ${path.join(tree, 'pipe')}: not a regular file: a FIFO (ERR_NOT_A_FILE)`,
      `faultless: ${path.join(tree, 'link')}: not a regular file: a symbolic link (--follow follows it) (ERR_NOT_A_FILE)`,
      'faultless: /dev/null: not a regular file: a character device (ERR_NOT_A_FILE)'
    ])
    expect(stdout).toContain('odd/\ufffd\\x1b\n') // a terminal obeys nothing of it
    expect(stdout).toContain('data.bin\n2 files, ')
  })

  testAsRoot('a file or folder that may not be read is one of them', () => {
    const secret = makeFile(folder, 'secret', PAGE)
    const closed = inFolder('closed')
    fs.chmodSync(secret, 0)
    fs.mkdirSync(closed, { mode: 0 })
    fs.chmodSync(folder, 0o755)
    const { status, stderr } = spawnSync(process.execPath, [path.join(__dirname, 'fixtures', 'cli-as-nobody.js'), 65534, 'stat', secret, closed],
      { encoding: 'utf8', env: { ...process.env, FAULTLESS_MAX_THREADS: '1' } })
    expect(status).toBe(1)
    expect(stderr).toBe(`faultless: ${secret}: permission denied (EACCES, open)\nfaultless: ${closed}: permission denied (EACCES, scandir)\n`)
    fs.rmdirSync(closed)
    fs.rmSync(secret)
  })
})

describe('vmtouch', () => {
  const vmtouch = findCommand('vmtouch')
  const testBeside = (name, act) => testWith(vmtouch !== undefined && onDisk, onDisk ? 'vmtouch is not installed' : 'nothing is evicted on tmpfs', name, act)

  /** Its figures, from its summary. */
  function ask(...args) {
    const text = execFileSync(vmtouch, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    const [, files] = /Files: (\d+)/.exec(text)
    const [, resident, pages] = /Resident Pages: (\d+)\/(\d+)/.exec(text) ?? []
    return { files: Number(files), resident: Number(resident), pages: Number(pages) }
  }

  async function figures(...args) {
    const { results } = await jsonOf(['stat', ...args])
    const sum = (key) => results.reduce((total, result) => total + result[key], 0)
    return { files: results.length, resident: sum('resident'), pages: sum('pages') }
  }

  testBeside('agrees on every file, whatever is resident of it', async () => {
    const place = inFolder('beside')
    fs.mkdirSync(place)
    const some = makeFile(place, 'some', SIZE + 1)
    const cases = [some, makeFile(place, 'all', SIZE), makeFile(place, 'none', SIZE), makeFile(place, 'short', 10)]
    fs.closeSync(fs.openSync(path.join(place, 'holes'), 'w'))
    fs.truncateSync(path.join(place, 'holes'), SIZE)
    cases.push(path.join(place, 'holes'))
    await holdResident(some, Array.from({ length: 100 }, (_, i) => [i * i * 97 % PAGES * PAGE, PAGE]))
    await holdResident(path.join(place, 'none'), [])
    for (const name of ['all', 'short']) await holdResident(path.join(place, name))
    const { results } = await jsonOf(['stat', ...cases])
    const theirs = cases.map((name) => ask(name))
    expect(results.map(({ resident, pages }) => ({ files: 1, resident, pages }))).toEqual(theirs)
    expect(new Set(theirs.map(({ resident }) => resident)).size).toBeGreaterThan(3) // the cases do differ
    expect(results.find((result) => result.path === some).resident).toBeGreaterThan(50)

    fs.linkSync(some, path.join(place, 'some too'))
    fs.symlinkSync('some', path.join(place, 'link'))
    expect(await figures(place)).toEqual(ask(place))
    expect(await figures('--hard-links', '--follow', place)).toEqual(ask('-h', '-f', place))
    const chosen = ['--only', 's*', '--ignore', 'short', '--max-size', '4M']
    // It counts files that it leaves out for their size.
    expect(await figures(...chosen, place)).toEqual({ ...ask('-I', 's*', '-i', 'short', '-m', '4M', place), files: 0 })
    expect(await figures('--offset', '1M', '--length', '2M', path.join(place, 'all'))).toEqual(ask('-p', '1M-3M', path.join(place, 'all')))
  })

  testBeside('sees what touch and evict did, and the other way round', () => again(async () => {
    await runCli(['evict', data])
    expect(ask(data).resident).toBe(0)
    await runCli(['touch', data])
    expect(ask(data).resident).toBe(PAGES)
    ask('-e', data)
    expect((await figures(data)).resident).toBe(0)
  }))
})

describe('pin', () => {
  /** Bytes that a process has locked. */
  const lockedBy = (pid) => Number(/^VmLck:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024

  test('keeps files in memory until it is interrupted', async () => {
    const { child, output, ended } = startCli(['pin', data])
    expect(await lookUntil(true, () => output.stdout.includes('pinned 4 MiB, until ctrl-C'))).toBe(true)
    expect(lockedBy(child.pid)).toBeGreaterThanOrEqual(SIZE)
    await runCli(['evict', data])
    expect(await residentIn(data)).toBe(PAGES)
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 0, signal: null, stderr: '' })
  })

  test('ends by itself, and goes on with the others where one fails', async () => {
    const { code, results } = await jsonOf(['pin', '--for', '1ms', inFolder('missing'), data])
    expect({ code, results }).toMatchObject({ code: 1, results: [{ error: { code: 'ENOENT' } }, { pages: PAGES, resident: isWindows ? null : PAGES, pinned: SIZE }] })
  })

  test('does not wait where there is nothing to wait for', async () => {
    expect(await runCli(['pin', inFolder('missing')])).toMatchObject({ code: 1, stdout: '' })
  })

  const prlimit = findCommand('prlimit')
  testWith(prlimit !== undefined, 'prlimit is not installed', 'names the limit that is in the way', async () => {
    const setpriv = findCommand('setpriv')
    // CAP_IPC_LOCK lifts the limit for root.
    const under = [prlimit, '--memlock=65536:65536', ...(process.getuid() === 0 && setpriv ? [setpriv, '--bounding-set=-ipc_lock', '--inh-caps=-ipc_lock', '--'] : [])]
    const { code, stderr } = await runCli(['pin', '--for', '1ms', data], { under })
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/data.bin: .*\(ERR_MAP_PIN_LIMIT\)\n/) })
  })
})

describe('watch', () => {
  testOnDisk('tells of each look', async () => {
    await holdResident(data, [[0, SIZE / 4]])
    const { code, results } = await jsonOf(['watch', '--count', '2', '--interval', '1ms', data])
    expect({ code, results }).toMatchObject({ code: 0, results: Array(2).fill({ path: data, pages: PAGES, resident: PAGES / 4, milliseconds: expect.any(Number) }) })
    const { stdout } = await runCli(['watch', '--for', '1ms', '--ascii', data])
    expect(stdout).toMatch(/^ +\d.* {2}1 MiB {3}25.0 % {2}#{8}\.{24} {2}\+0 bytes -0 bytes\n$/)
  })

  test('counts from the first look on, however long that takes', async () => {
    const { results: [first, second] } = await jsonOf(['watch', '--count', '2', '--interval', '50ms', data])
    expect(first.milliseconds).toBe(0)
    expect(second.milliseconds).toBeGreaterThanOrEqual(50)
  })

  test('draws at its pace while the event loop of the main thread stands still', async () => {
    const lines = inFolder('watched')
    const fd = fs.openSync(lines, 'w')
    const preload = path.join(__dirname, 'fixtures', 'cli-busy-loop.js')
    const { child, ended } = startCli(['watch', '--interval', '5ms', data], {
      execArgv: ['--require', preload], stdio: ['ignore', fd, 'pipe'], env: { CLI_OUTPUT: lines, CLI_LINES: '5' }
    })
    fs.closeSync(fd)
    let said = ''
    child.stderr.on('data', (text) => {
      said += text
      child.kill('SIGINT')
    })
    expect(await ended).toMatchObject({ code: 0, signal: null })
    expect(said).toBe('looked')
    expect(fs.readFileSync(lines, 'utf8').split('\n').length).toBeGreaterThan(5)
  })

  testWith(hasTerminal, 'script is not installed', 'draws in place on a terminal', async () => {
    const { text, code } = await onTerminal(['watch', '--count', '2', '--interval', '1ms', data])
    expect(code).toBe(0)
    const [, first, second] = /^([^]*?)\x1b\[(?:\d+)A([^]*)$/.exec(text) // eslint-disable-line no-control-regex
    const [lines, linesAgain] = [first, second].map((picture) => plain(picture).split('\n'))
    expect(text).toContain(`\x1b[${lines.length - 1}A`) // up by as many lines as were drawn
    expect(linesAgain.length).toBe(lines.length)
    expect(lines.length).toBeLessThanOrEqual(24)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80)
    // The terminal cuts what is too long for a line, as wide names may be, and wraps again afterwards.
    for (const picture of text.split('\x1b[?7l').slice(1)) expect(picture.indexOf('\x1b[?7h')).toBeGreaterThan(picture.indexOf('so far'))
  })

  test.each([['lines', []], ['JSON', ['--json']]])('ends with 141 when nobody reads its %s any more', async (_, options) => {
    const { child, ended } = startCli(['watch', '--interval', '1ms', ...options, data])
    await once(child.stdout, 'data')
    child.stdout.destroy()
    expect(await ended).toMatchObject({ code: 141, signal: null, stderr: '' })
  })

  test('fails where there is no file', async () => {
    const { code, stderr, results } = await jsonOf(['watch', folder])
    expect({ code, stderr }).toEqual({ code: 1, stderr: `faultless: ${folder}: illegal operation on a directory (EISDIR, mmap)\n` })
    expect(results).toMatchObject([{ path: folder, error: { code: 'EISDIR' } }])
  })
})

describe('the command line', () => {
  test.each([
    [[], 'Usage: faultless'],
    [['stat'], 'no file is named'],
    [['help', 'nope'], "faultless: unknown command 'nope'\nSee faultless --help.\n"],
    [['stat', '--frobnicate', 'x'], 'unknown option'],
    [['stat', '--max-size', '1 parsec', 'x'], 'A size is bytes, or such as 4k'],
    [['watch', '--count', '0', 'x'], 'It must be more than 0']
  ])('%j makes no sense: exit code 2', async (args, message) => {
    const { code, stdout, stderr } = await runCli(args)
    expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: expect.stringContaining(message) })
  })

  /** What `help` shows of a verb, without a process for each. */
  function helpOf(verb) {
    let text = ''
    const program = makeProgram(['node', 'faultless', verb], () => {})
    const command = program.commands.find((candidate) => candidate.name() === verb)
    command.configureOutput({ writeOut: (more) => (text += more), getOutHelpWidth: () => 80 }).outputHelp()
    return text
  }

  test('--help shows every verb, and examples, within 80 columns', async () => {
    const help = await runCli(['--help'])
    expect(help).toMatchObject({ code: 0, stderr: '' })
    const verbs = Object.keys(VERBS)
    expect(verbs).toEqual(['stat', 'touch', 'evict', 'pin', 'watch', 'bench', 'report'])
    const texts = verbs.map(helpOf)
    for (const text of [help.stdout, ...texts]) {
      expect(text).toContain('\nExamples:\n  faultless ')
      expect(text.split('\n').filter((line) => line.length > 80)).toEqual([])
    }
    for (const text of texts) expect(text).toContain('--json')
    // Without its unit 500 would be seconds, if somebody gave it.
    expect(texts[verbs.indexOf('watch')]).toContain('look so often (default: 500ms)')
    for (const verb of ['bench', 'report']) expect(texts[verbs.indexOf(verb)]).toContain('at most so long (default: 5s)')
    for (const verb of verbs) expect(help.stdout).toContain(`\n  ${verb} `)
    expect((await runCli(['--version'])).stdout).toBe(`${require('../package.json').version}\n`)
  })

  test('a reader that has seen enough ends it quietly', () => {
    const { stdout, stderr } = spawnSync('sh', ['-c', `"$0" "$1" stat "$2" "$2" | true`, process.execPath, CLI, data], { encoding: 'utf8' })
    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' })
  })
})

// Not that of the system, which a mistake here would replace.
testAsRoot('where stdout cannot be written, that is told in a line, and the exit code is 1', () => {
  const full = inFolder('full')
  execFileSync('mknod', [full, 'c', '1', '7'])
  const to = (stdio, ...args) => spawnSync(process.execPath, [CLI, ...args], { stdio, encoding: 'utf8' })
  const fd = fs.openSync(full, 'w')
  try {
    const watch = ['watch', '--interval', '1ms', '--count', '3']
    const lines = [['stat', data], ['stat', '--json', data], ['touch', data], [...watch, data], [...watch, '--json', data], ['--help']]
    for (const args of lines) {
      const { status, stderr } = to(['ignore', fd, 'pipe'], ...args)
      expect({ args, status, stderr }).toEqual({ args, status: 1, stderr: 'faultless: stdout: no space left on device (ENOSPC, write)\n' })
    }
    expect(to(['ignore', 'pipe', fd], 'stat', inFolder('missing'))).toMatchObject({ status: 1, stdout: '' })
  } finally {
    fs.closeSync(fd)
  }
})

describe('what it looks like', () => {
  const ESCAPE = '\x1b['

  test('no colours when piped, unless they are asked for', async () => {
    expect((await runCli(['stat', data])).stdout).not.toContain(ESCAPE)
    expect((await runCli(['stat', data], { env: { FORCE_COLOR: '1' } })).stdout).toContain(ESCAPE)
    expect((await runCli(['stat', data], { env: { FORCE_COLOR: '1', NO_COLOR: '1' } })).stdout).not.toContain(ESCAPE)
  })

  testWith(hasTerminal, 'script is not installed', 'colours on a terminal, unless they are not wanted', async () => {
    expect((await onTerminal(['stat', data])).text).toContain(ESCAPE)
    expect((await onTerminal(['stat', '--no-color', data])).text).not.toContain(ESCAPE)
    const { text } = await onTerminal(['stat', data], { columns: 60, env: { NO_COLOR: '1' } })
    expect(text).not.toContain(ESCAPE)
    expect(text).toMatch(/^ {2}[·▁-█]{56}\r\n {2}0 bytes +4 MiB\r$/m)
  })

  test('characters that the locale has', async () => {
    expect((await runCli(['stat', data], { env: { LC_ALL: 'C' } })).stdout).toMatch(/# all in memory {3}1 to 9 some of it {3}\. none/)
  })

  test('nothing but what failed, with --quiet', async () => {
    const { code, stdout, stderr } = await runCli(['touch', '--quiet', data, inFolder('missing')])
    expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(/^faultless: .*missing: no such file[^\n]*\n$/) })
  })
})

describe('docs/cli.md', () => {
  const markdown = fs.readFileSync(path.join(__dirname, '..', 'docs', 'cli.md'), 'utf8')
  const commands = [...markdown.matchAll(/^```sh\n([^]*?)^```$/gm)].flatMap(([, code]) => code.trimEnd().split('\n'))

  test('its commands run as they stand', () => {
    const place = inFolder('docs')
    const bin = path.join(place, 'bin')
    fs.mkdirSync(path.join(place, 'folder'), { recursive: true })
    fs.mkdirSync(bin)
    // As npm makes it.
    fs.symlinkSync(CLI, path.join(bin, 'faultless'))
    makeFile(place, 'data.bin', 1 << 20)
    makeFile(path.join(place, 'folder'), 'more.bin', 10 * PAGE)
    expect(commands.length).toBeGreaterThan(10)
    const { status, stderr } = spawnSync('sh', ['-euc', commands.join('\n')], {
      cwd: place, encoding: 'utf8', env: { ...process.env, PATH: `${bin}:${path.dirname(process.execPath)}:${process.env.PATH}` }
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(fs.readFileSync(path.join(place, 'map.html'), 'utf8')).toContain('data.bin')
  })

  test('it names every option, and no other', () => {
    const options = new Set(['--help', '--version'])
    for (const name of Object.keys(VERBS)) {
      const { commands: verbs } = makeProgram(['node', 'faultless', name], () => {})
      for (const { long } of verbs.find((verb) => verb.name() === name).options) options.add(long)
    }
    const named = new Set(markdown.match(/--[a-z][a-z-]+/g))
    for (const other of ['--global', '--version']) { // npm's; and what needs no word
      named.delete(other)
      options.delete(other)
    }
    expect([...named].sort()).toEqual([...options].sort())
  })
})
