'use strict'
// faultless bench and faultless report: the figures are counted, not believed, and the page is opened in a browser.

const fs = require('node:fs')
const path = require('node:path')
const { execFile, execFileSync } = require('node:child_process')
const { setTimeout: sleep } = require('node:timers/promises')
const { promisify } = require('node:util')
const { PNG } = require('pngjs')
const { open } = require('faultless')
const { CLI, ROOT, findCommand, jsonOf, runCli, startCli, testWith } = require('./cli-helpers')
const { PAGE, isTmpfs, isWindows, makeFile, syncFile, temporaryFolder, testAsRoot } = require('./helpers')

const folder = temporaryFolder()
const testOnDisk = (name, act) => testWith(!isTmpfs(folder), 'nothing is evicted on tmpfs', name, act)

const SIZE = 2 << 20
const READS = 200
const page = path.join(folder, 'page.html')
let data

beforeAll(() => {
  data = makeFile(folder, isWindows ? 'a & b.bin' : 'a<b> & "c".bin', SIZE)
  syncFile(data)
})

describe('bench', () => {
  testOnDisk('finds the file cold, and counts who waited for the device', async () => {
    const { code, stderr, results: [{ random, scan, size, verdict }] } = await jsonOf(['bench', '--reads', READS, '--time', '1h', data])
    expect({ code, stderr, size }).toEqual({ code: 0, stderr: '', size: SIZE })
    expect(verdict).toMatch(/^Cold: /)
    expect(random.map(({ reader, reads, bytes, cold }) => ({ reader, reads, bytes, cold }))).toEqual(
      ['direct', 'fs', 'faultless'].map((reader) => ({ reader, reads: READS, bytes: READS * PAGE, cold: true })))
    expect(random.map(({ mainThreadFaults }) => mainThreadFaults)).toEqual([READS, 0, 0])
    for (const run of [...random, ...scan]) {
      expect(run.deviceBytes).toBeGreaterThanOrEqual(run.bytes)
      expect(run.pagesBefore).toBe(0)
      expect(run.timeline.length).toBeGreaterThan(0)
      expect(run.late.max).toBeGreaterThanOrEqual(run.late.p99)
    }
    expect(scan.map(({ bytes }) => bytes)).toEqual([SIZE, SIZE, SIZE])
  })

  // As of Debian, whose Node is a library that a small program loads, or of a version manager.
  test.each([['nothing but a line of shell', 0], ['three blocks long', 3 * PAGE]])('warms up on a program that is %s', async (_, length) => {
    const program = path.join(folder, `node-${length}`)
    fs.writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' "$@"\n`.padEnd(length, '#'), { mode: 0o755 })
    const NODE_OPTIONS = `--require ${path.join(ROOT, 'scripts', 'platforms', 'qemu-node.js')}`
    const env = { NODE_OPTIONS, FAULTLESS_QEMU_NODE: program }
    const { code, stderr, results: [{ random }] } = await jsonOf(['bench', '--reads', 20, '--time', '1h', data], { env })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(random.map(({ reads }) => reads)).toEqual([20, 20, 20])
  })

  const isChosen = !isWindows && !isTmpfs(folder) // by TMPDIR
  testWith(isChosen, 'the file goes elsewhere', 'removes the file that it has made, also where nobody reads what it says', async () => {
    const place = fs.mkdtempSync(path.join(folder, 'sample-'))
    const { child, ended } = startCli(['bench', '--reads', 9], { env: { TMPDIR: place } })
    while (fs.readdirSync(place).length === 0) await sleep(5)
    child.stdout.destroy()
    expect(await ended).toEqual({ code: 141, signal: null, stdout: '', stderr: '' })
    expect(fs.readdirSync(place)).toEqual([])
  })

  test('says what is too small, and what is not there', async () => {
    const small = makeFile(folder, 'small', PAGE)
    const { code, stdout, stderr } = await runCli(['bench', small])
    expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: '', stderr: expect.stringContaining(`too small to compare anything: ${PAGE} bytes`) })
  })

  test('says what is no file', async () => {
    const { code, stdout, stderr } = await runCli(['bench', '--json', folder])
    expect({ code, stderr }).toEqual({ code: 1, stderr: `faultless: ${folder}: not a regular file: a folder (ERR_NOT_A_FILE)\n` })
    expect(JSON.parse(stdout)).toEqual([{ path: folder, error: { code: 'ERR_NOT_A_FILE', message: 'not a regular file: a folder' } }])
    if (!isWindows) expect((await runCli(['bench', '/dev/zero'])).stderr).toContain('not a regular file: a character device')
  })
})

/** What a browser makes of a page: its document after the scripts have run, what it complains of, and a picture. */
async function browse(chromium, file) {
  const picture = path.join(folder, 'picture.png')
  const { stdout, stderr } = await promisify(execFile)(chromium, [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars', '--window-size=1000,2000',
    `--user-data-dir=${path.join(folder, 'browser')}`, '--enable-logging=stderr', `--screenshot=${picture}`, '--dump-dom', `file://${encodeURI(file)}`
  ], { timeout: 50_000, killSignal: 'SIGKILL', maxBuffer: 1 << 24 })
  const complaints = stderr.split('\n').filter((line) => line.includes('CONSOLE'))
  return { dom: stdout, complaints, picture: PNG.sync.read(fs.readFileSync(picture)) }
}

/** How many pixels have exactly this colour, as `#rrggbb`. */
function pixelsOf({ data: bytes }, color) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16))
  let count = 0
  for (let i = 0; i < bytes.length; i += 4) if (bytes[i] === r && bytes[i + 1] === g && bytes[i + 2] === b) count++
  return count
}

/** The first of the two sets of colours in the style sheet: of light pages. */
function lightColor(name) {
  const css = fs.readFileSync(path.join(__dirname, '..', 'cli', 'report', 'page.css'), 'utf8')
  return new RegExp(`--${name}: (#\\w{6})`).exec(css)[1]
}

describe('report', () => {
  const chromium = process.env.CHROMIUM ?? findCommand('chromium-headless-shell', 'chrome-headless-shell', 'chromium', 'chromium-browser', 'google-chrome')
  let html

  beforeAll(async () => {
    const { code, stderr, stdout } = await runCli(['report', '-o', page, '--reads', READS, data])
    expect({ code, stderr, stdout }).toEqual({ code: 0, stderr: '', stdout: expect.stringContaining('page.html: ') })
    html = fs.readFileSync(page, 'utf8')
  })

  test('is one file that names no address', () => {
    expect(html).not.toMatch(/\w+:\/\/|["'(]\/\/\w/)
    expect(html).not.toMatch(/<link|@import|\bsrc=|url\(|fetch\(|XMLHttpRequest|import\(/)
    expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"`)
    expect(Buffer.byteLength(html)).toBeLessThan(200_000)
    expect(fs.readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  testWith(chromium !== undefined, 'no Chromium is installed', 'a browser draws it and complains of nothing', async () => {
    const { dom, complaints, picture } = await browse(chromium, page)
    expect(complaints).toEqual([])
    expect(dom).toContain('data-charts="5"')
    expect(dom.match(/<canvas/g)).toHaveLength(5)
    const countOf = (name) => pixelsOf(picture, lightColor(name))
    expect(['direct', 'fs', 'faultless'].filter((name) => countOf(name) < 2000)).toEqual([]) // bars and lines
    const cells = ['none', 'some1', 'some2', 'some3', 'some4', 'some5', 'all'].map(countOf)
    expect(cells.reduce((sum, count) => sum + count)).toBeGreaterThan(50_000) // the map
  })

  testOnDisk('the map alone shows what is in memory, and leaves it there', async () => {
    const map = path.join(folder, 'map.html')
    const file = await open(data, { freshness: 0 }) // as long as it is mapped the kernel keeps it
    await file.evict()
    await file.touch(0, SIZE / 2)
    const { code, results } = await jsonOf(['report', '--no-bench', '-o', map, data])
    await file.close()
    const shown = fs.readFileSync(map, 'utf8')
    expect({ code, results }).toMatchObject({ code: 0, results: [{ path: data, pages: 512, resident: 256, output: map, outputBytes: Buffer.byteLength(shown) }] })
    expect(shown).toContain('a&lt;b&gt; &amp; &quot;c&quot;.bin')
    expect(shown).toContain('<b>1 MiB</b> of 2 MiB were in memory when the report was made:\n256 of 512 pages, 50.0 %.')
    expect(shown.match(/<rect class="all"/g)).toHaveLength(4) // of 8 rows
    expect(shown).not.toContain('<script')
  })

  test('does not write over the file, nor leave anything where it cannot write', async () => {
    expect(await runCli(['report', '--no-bench', '-o', data, data])).toMatchObject({ code: 2, stderr: expect.stringContaining('is the file itself') })
    expect(fs.statSync(data).size).toBe(SIZE)
    const nowhere = path.join(folder, 'missing', 'page.html')
    const { code, stderr } = await runCli(['report', '--no-bench', '-o', nowhere, data])
    expect({ code, stderr }).toEqual({ code: 1, stderr: `faultless: ${nowhere}: no such file or directory (ENOENT, access)\n` })
  })

  // None of these tests names a device of the system: a command that replaced it would leave the machine without.
  const testHere = (name, act) => testWith(!isWindows, 'Windows has none', name, act)
  const makeMap = (to) => runCli(['report', '--no-bench', '-o', to, data])
  const END = /<\/html>\s*$/

  testHere('replaces what a link leads to, and leaves the link', async () => {
    const [link, target, lost] = ['link.html', 'target.html', 'lost.html'].map((name) => path.join(folder, name))
    const other = fs.openSync(target, 'w+')
    fs.symlinkSync('target.html', link)
    expect(await makeMap(link)).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('link.html: ') })
    expect(fs.readlinkSync(link)).toBe('target.html')
    expect(fs.readFileSync(target, 'utf8')).toMatch(END)
    expect(fs.fstatSync(other).size).toBe(0) // nobody who has it open finds half a page
    fs.closeSync(other)

    fs.symlinkSync('nothing.html', lost)
    expect(await makeMap(lost)).toMatchObject({ code: 1, stderr: `faultless: ${lost}: no such file or directory (ENOENT, access)\n` })
    expect(fs.readlinkSync(lost)).toBe('nothing.html')
  })

  testHere('writes to a FIFO', async () => {
    const fifo = path.join(folder, 'fifo')
    execFileSync('mkfifo', [fifo])
    const fd = fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
    expect(await makeMap(fifo)).toMatchObject({ code: 0, stderr: '' })
    const bytes = Buffer.alloc(1 << 20)
    const text = bytes.toString('utf8', 0, fs.readSync(fd, bytes))
    fs.closeSync(fd)
    expect(fs.lstatSync(fifo).isFIFO()).toBe(true)
    expect(text).toMatch(END)
  })

  testAsRoot('writes to a device', async () => {
    const [none, full] = ['null', 'full'].map((name) => path.join(folder, name))
    execFileSync('mknod', [none, 'c', '1', '3'])
    execFileSync('mknod', [full, 'c', '1', '7'])
    expect(await makeMap(none)).toMatchObject({ code: 0, stderr: '' })
    expect(await makeMap(full)).toMatchObject({ code: 1, stderr: `faultless: ${full}: no space left on device (ENOSPC, write)\n` })
    for (const name of [none, full]) expect(fs.lstatSync(name).isCharacterDevice()).toBe(true)
  })

  testHere('says nothing but the page where that is stdout', async () => {
    const link = path.join(folder, 'stdout')
    fs.symlinkSync('/proc/self/fd/1', link)
    const { code, stderr, stdout } = await makeMap(link)
    expect({ code, stderr, stdout }).toEqual({ code: 0, stderr: '', stdout: expect.stringMatching(END) })
    expect(stdout).toMatch(/^<!doctype html>/i)
    const into = path.join(folder, 'into.html')
    execFileSync('sh', ['-c', '"$0" "$1" report --no-bench -o "$2" "$3" >"$4"', process.execPath, CLI, link, data, into])
    expect(fs.readFileSync(into, 'utf8')).toMatch(END)
    expect(fs.readlinkSync(link)).toBe('/proc/self/fd/1')
  })
})
