'use strict'
// What several test files need: folders that go away again, bytes that can be checked at any place without being kept,
// what the kernel says of this process, and children.

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')
const { getSystemErrorMap, inspect, isDeepStrictEqual } = require('node:util')
const mix = require('../cli/trial/mix')
const native = require('../native/binding')

const FIXTURES = path.join(__dirname, 'fixtures')
const PAGE = native.pageSize // of this many bytes most sizes here are made

const TMPFS = 0x01021994 // statfs(2)

const isTmpfs = (folder) => fs.statfsSync(folder).type === TMPFS

/** A folder for files that a device holds: on tmpfs nothing can be evicted and nothing is read. */
const DISK = [os.tmpdir(), '/var/tmp', __dirname].find((folder) => fs.existsSync(folder) && !isTmpfs(folder))

const PREFIX = 'faultless-test-'

/** A folder for the calling test file, removed after its last test. @returns {string} */
function temporaryFolder(parent = DISK ?? os.tmpdir()) {
  clearLeftovers(parent)
  const folder = fs.mkdtempSync(path.join(parent, PREFIX))
  afterAll(() => removeFolder(folder))
  return folder
}

/** For the calling test file: a function that gives back what it is given, and has it closed after the test. */
function useClosing() {
  const opened = []
  afterEach(() => Promise.all(opened.splice(0).map((file) => file.close())))
  return (file) => {
    opened.push(file)
    return file
  }
}

/** Windows keeps files that are still mapped, or open in a child that was killed: a later run clears them away. */
function removeFolder(folder) {
  try {
    fs.rmSync(folder, { recursive: true, force: true })
  } catch (error) {
    if (process.platform !== 'win32') throw error
  }
}

/** What runs left that were killed, or of which `-t` chose no test: then jest runs no afterAll. No run takes a day. */
function clearLeftovers(parent) {
  for (const name of fs.readdirSync(parent).filter((entry) => entry.startsWith(PREFIX))) {
    const folder = path.join(parent, name)
    const status = fs.statSync(folder, { throwIfNoEntry: false })
    const isOurs = status?.uid === process.getuid?.()
    if (isOurs && Date.now() - status.mtimeMs > 86_400_000) fs.rmSync(folder, { recursive: true, force: true })
  }
}

const { floor, imul } = Math // a global of jest's costs a look-up at every use

/** A random whole number from 0 up to, but not with, `end`; the same seed gives the same numbers. */
function randomFrom(seed) {
  let count = 0
  const word = () => mix(mix(seed) + imul(++count, 0x9e3779b9))
  return (end) => floor(((word() * 2 ** 21 + (word() >>> 11)) / 2 ** 53) * end)
}

/** Ranges of a file of `size` bytes, each of 1 to `longest` bytes, at any offset. @returns {[number, number][]} */
function randomRanges(seed, count, size, longest) {
  const random = randomFrom(seed)
  return Array.from({ length: count }, () => {
    const length = 1 + random(Math.min(longest, size))
    return [random(size - length + 1), length]
  })
}

/** The bytes of a test file: they depend on seed and position alone. @returns {Buffer} */
function contentAt(offset, length, seed = 1) {
  const first = floor(offset / 4)
  const words = new Uint32Array(Math.ceil((offset + length) / 4) - first)
  for (let i = 0; i < words.length; i++) {
    const k = first + i
    words[i] = mix((k >>> 0) ^ mix(seed + floor(k / 2 ** 32)))
  }
  return Buffer.from(words.buffer, offset - first * 4, length)
}

/** Fills a range of an open file with its content, or with another file's (`seed`). */
function writeContent(fd, offset, length, seed = 1) {
  const STEP = 4 << 20
  for (let at = 0; at < length; at += STEP) {
    const bytes = contentAt(offset + at, Math.min(STEP, length - at), seed)
    if (fs.writeSync(fd, bytes, 0, bytes.length, offset + at) !== bytes.length) throw new Error('the disk is full')
  }
}

/** Makes a file of `size` bytes with its content. @returns {string} its path */
function makeFile(folder, name, size, seed = 1) {
  const file = path.join(folder, name)
  const fd = fs.openSync(file, 'w')
  try {
    writeContent(fd, 0, size, seed)
  } finally {
    fs.closeSync(fd)
  }
  return file
}

/** Writes what is dirty of a file to the device: a dirty page cannot be evicted. */
function syncFile(file) {
  const fd = fs.openSync(file, 'r+') // Windows syncs for nobody who may only read
  fs.fsyncSync(fd)
  fs.closeSync(fd)
}

/**
 * Throws unless the bytes are the content at this offset: the first that is not, and not two dumps of a MiB.
 * @param {Uint8Array | ArrayBuffer} bytes
 */
function expectContent(bytes, offset, length, seed = 1) {
  const given = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)
  if (given.length !== length) throw new Error(`${given.length} bytes instead of ${length}`)
  const wanted = contentAt(offset, length, seed)
  if (Buffer.compare(wanted, given) === 0) return
  const at = wanted.findIndex((byte, i) => byte !== given[i])
  throw new Error(`byte ${offset + at} of the file is ${given[at]} instead of ${wanted[at]}`)
}

/**
 * Looks until what it finds is as wanted, since descriptors and memory are given back by threads of the core, a moment
 * later; gives up after ten seconds. @returns {Promise<unknown>} what it found last
 */
async function lookUntil(wanted, look) {
  const plain = (value) => JSON.parse(JSON.stringify(value)) // jest's arrays are not of the same class as fs's
  const end = Date.now() + 10_000
  for (;;) {
    const found = await look()
    if (isDeepStrictEqual(plain(found), plain(wanted)) || Date.now() > end) return found
    await sleep(1)
  }
}

/** Node's number of a system error: the negative errno, but on Windows. */
function errnoOf(code) {
  for (const [number, [name]] of getSystemErrorMap()) if (name === code) return number
  throw new Error(`no such error: ${code}`)
}

/** The error that `act` throws or rejects with; a failed test when there is none. */
async function errorOf(act) {
  let value
  try {
    value = await act()
  } catch (error) {
    return error
  }
  throw new Error(`expected an error, got ${inspect(value, { depth: 1, breakLength: Infinity })}`)
}

const isWindows = process.platform === 'win32'
const OPEN_ALONE = 0x10000000 // UV_FS_O_EXLOCK of libuv, which Node's constants leave out

/** Windows tells of one file alone, and not how often: nobody gets it for himself while anybody has it open. */
function isOpen(file) {
  try {
    fs.closeSync(fs.openSync(file, fs.constants.O_RDONLY | OPEN_ALONE))
    return false
  } catch (error) {
    if (error.code !== 'EBUSY' && error.code !== 'ENOENT') throw error
    return error.code === 'EBUSY'
  }
}

/** Nor who maps it, but a file that anybody maps cannot be cut. What was cut is put back at once. */
function isMapped(file) {
  if (!fs.existsSync(file)) return false
  const bytes = fs.readFileSync(file)
  try {
    fs.truncateSync(file)
  } catch (error) {
    if (error.code !== 'UNKNOWN') throw error
    return true
  }
  fs.writeFileSync(file, bytes)
  return false
}

/**
 * What this process has open in the file system, as sorted paths: files, folders, devices, FIFOs. Pipes, sockets and
 * event descriptors are left out, since threads and jest have those. On Windows a file is there once, whoever has it open.
 * @param {string} [file] only this one
 */
function openFiles(file) {
  if (isWindows) return file !== undefined && isOpen(file) ? [file] : []
  return linksIn('/proc/self/fd').filter((link) => {
    if (!link.startsWith('/') || /^\/proc\/\d+\/fd$/.test(link)) return false
    return file === undefined || link === file || link === `${file} (deleted)`
  }).sort()
}

function linksIn(folder) {
  return fs.readdirSync(folder).flatMap((name) => {
    try {
      return [fs.readlinkSync(path.join(folder, name))]
    } catch {
      return [] // closed meanwhile
    }
  })
}

/** Lines of /proc/self/maps, all or those of one file. On Windows one line, of a file that has bytes and is mapped. */
function mapLines(file) {
  if (isWindows) return file !== undefined && isMapped(file) ? [file] : []
  const lines = fs.readFileSync('/proc/self/maps', 'utf8').split('\n').filter(Boolean)
  return file === undefined ? lines : lines.filter((line) => line.endsWith(file) || line.endsWith(`${file} (deleted)`))
}

const ADVICE = new Set(['sr', 'rr', 'hg']) // MADV_SEQUENTIAL, MADV_RANDOM, MADV_HUGEPAGE

/** What was advised for each map entry of a file, in the order of addresses: proc_pid_smaps(5). */
function advised(file) {
  const entries = fs.readFileSync('/proc/self/smaps', 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
  return entries.filter((entry) => entry.split('\n', 1)[0].endsWith(` ${file}`))
    .map((entry) => /^VmFlags: (.*)$/m.exec(entry)[1].split(' ').filter((flag) => ADVICE.has(flag)).join())
}

/** Whether a thread of this process waits for a device: its state is D (proc(5)). */
function hasThreadInDevice() {
  return fs.readdirSync('/proc/self/task').some((thread) => {
    try {
      return /\) D /.test(fs.readFileSync(`/proc/self/task/${thread}/stat`, 'utf8'))
    } catch {
      return false // it has ended meanwhile
    }
  })
}

/** Bytes that this process, all threads together, has made the device read. */
function deviceReadBytes() {
  return Number(/^read_bytes: (\d+)$/m.exec(fs.readFileSync('/proc/self/io', 'utf8'))[1])
}

/**
 * Whether files are laid over buffers of the runtime's own here (docs/internals.md): by FAULTLESS_TEST_NO_EXTERNAL. Some
 * things cannot be had then, and tests of them are left out.
 */
const isLaid = process.env.FAULTLESS_TEST_NO_EXTERNAL !== undefined

const canMapFrom = (offset) => !isLaid || offset % PAGE === 0

function testUnlessLaid(name, act) {
  if (isLaid) test.skip(`${name} (skipped: files are laid over buffers of the runtime's own)`, act)
  else test(name, act)
}

const isRoot = process.getuid?.() === 0

/** A test that changes its user id; where that is forbidden, its name says why it does not run. */
function testAsRoot(name, act) {
  if (isRoot) test(name, act)
  else test.skip(`${name} (skipped: only root can change its user id)`, act)
}

/** Whether cgroups with a limit can be made, of either version: as root, where they are not mounted read-only. */
function canLimitMemory() {
  const [folderOfCgroups] = ['/sys/fs/cgroup/memory', '/sys/fs/cgroup'].filter((name) => fs.existsSync(name))
  try {
    const probe = fs.mkdtempSync(path.join(folderOfCgroups, 'faultless-probe-'))
    const limits = fs.readdirSync(probe).filter((name) => name === 'memory.limit_in_bytes' || name === 'memory.max')
    fs.rmdirSync(probe)
    return limits.length > 0
  } catch {
    return false
  }
}

/**
 * Options of Node for children that call process.exit() amid work. V8's compiler threads may then wait for a collection by the
 * main thread, which waits for their end: Node hangs, about one time in a hundred (nodejs/node#54918). This has no such threads.
 */
const EXITING = ['--single-threaded']

/** How many times as long as elsewhere children may take: an emulated machine is slow, and no child is measured by its end. */
const PATIENCE = Number(process.env.FAULTLESS_TEST_PATIENCE ?? 1)

/**
 * Runs a script of test/fixtures with this Node. A child that hangs is killed, so `signal` says 'SIGKILL'.
 * @param {string} script name in test/fixtures, or an absolute path
 * @param {Array<string | number>} [args]
 * @param {{execArgv?: string[], env?: object, timeout?: number, under?: string[]}} [options] timeout in ms; `under`: the
 *   command that runs it, such as strace with its options
 * @returns {Promise<{code: number | null, signal: string | null, stdout: string, stderr: string}>}
 */
function runChild(script, args = [], { execArgv = [], env = {}, timeout = 50_000 * PATIENCE, under = [] } = {}) {
  return new Promise((resolve, reject) => {
    const argv = [...under, process.execPath, ...execArgv, path.resolve(FIXTURES, script), ...args.map(String)]
    const child = spawn(argv[0], argv.slice(1), {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout,
      killSignal: 'SIGKILL'
    })
    const output = { stdout: '', stderr: '' }
    for (const name of Object.keys(output)) child[name].setEncoding('utf8').on('data', (text) => (output[name] += text))
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal, ...output }))
  })
}

/** What a child printed as JSON in its last line; its errors become the test's. */
async function childResult(...args) {
  const { code, signal, stdout, stderr } = await runChild(...args)
  if (code !== 0) throw new Error(`the child ended with ${signal ?? code}\n${stdout}\n${stderr}`)
  return JSON.parse(stdout.trimEnd().split('\n').at(-1))
}

module.exports = {
  DISK, EXITING, PAGE, PATIENCE, advised, canLimitMemory, canMapFrom, childResult, contentAt, deviceReadBytes, errnoOf, errorOf,
  expectContent, hasThreadInDevice, isLaid, isRoot, isTmpfs, isWindows, lookUntil, makeFile, mapLines, openFiles,
  randomFrom, randomRanges, runChild, syncFile, temporaryFolder, testAsRoot, testUnlessLaid, useClosing, writeContent
}
