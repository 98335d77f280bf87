'use strict'
// What open() opens at once, on the calling thread, since nobody has to be waited for; and what it leaves to a thread of libuv's.
// These threads start with the first of it, all of them, so that a process that has just begun tells the two apart.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { once } = require('node:events')
const { Worker } = require('node:worker_threads')
const { open } = require('faultless')
const { DISK, childResult, errorOf, openFiles, temporaryFolder } = require('./helpers')

const THREADS = 3 // libuv's, where it has started them
const FILE_SYSTEMS = { ext4: 0xef53, xfs: 0x58465342, btrfs: 0x9123683e, tmpfs: 0x01021994 }

const folder = temporaryFolder(DISK)
const file = path.join(folder, 'a file')
fs.writeFileSync(file, 'content')

/** Why nothing is opened at once here; undefined where it should be. */
function whyNot() {
  if (process.platform !== 'linux') return 'only Linux opens a path on the condition that nobody is waited for'
  const [major, minor] = os.release().split('.').map(Number)
  if (major < 6 || (major === 6 && minor < 8)) return 'Linux before 6.8 does not tell of what kind a file system is'
  if (!Object.values(FILE_SYSTEMS).includes(fs.statfsSync(folder).type)) return `${folder} is on a file system that may wait`
  if (/^Seccomp:\s*[12]$/m.test(fs.readFileSync('/proc/self/status', 'utf8'))) return 'this process may not make every system call'
  return undefined
}

const run = (args, options) => childResult('open-path.js', args, { env: { UV_THREADPOOL_SIZE: String(THREADS) }, ...options })
const reason = whyNot()
const testHere = reason === undefined ? test : (name, act) => test.skip(`${name} (skipped: ${reason})`, act)

const found = (threads, name = file) => ({ text: 'content', path: name, threads })

describe('is opened without a thread of libuv’s:', () => {
  testHere('a path', async () => {
    expect(await run(['path', file])).toEqual(found(0))
  })

  testHere('a URL', async () => {
    expect(await run(['url', file])).toEqual(found(0))
  })

  testHere('a path relative to the working directory', async () => {
    const name = path.relative(process.cwd(), file)
    expect(await run(['path', name])).toEqual(found(0, name))
  })

  testHere('a symbolic link that has been followed before', async () => {
    const link = path.join(folder, 'link')
    fs.symlinkSync('a file', link)
    fs.readFileSync(link)
    const { mtime } = fs.lstatSync(link)
    // File systems note that it was followed since it was made, if that is not known yet, and that may have to wait.
    fs.lutimesSync(link, new Date(Date.now() + 3_600_000), mtime)
    expect(await run(['path', link])).toEqual(found(0, link))
  })

  testHere('any number of files, when the event loop turns in between', async () => {
    expect(await run(['inTurn', file, 40])).toEqual(found(0))
  })

  testHere('sixteen in one turn of the event loop', async () => {
    expect(await run(['atOnce', file, 16])).toEqual(found(0))
  })
})

describe('is opened by a thread of libuv’s:', () => {
  testHere('the seventeenth in one turn, so that the event loop turns', async () => {
    expect(await run(['atOnce', file, 17])).toEqual(found(THREADS))
  })

  testHere('what is to be written to', async () => {
    expect(await run(['writable', file])).toEqual(found(THREADS))
  })

  testHere('a path in a Buffer, of which nobody knows the encoding', async () => {
    expect(await run(['buffer', file])).toEqual(found(THREADS))
  })
})

test('where a test environment has taken setImmediate away', async () => {
  const { setImmediate: own } = globalThis
  delete globalThis.setImmediate
  try {
    await (await open(file)).close()
  } finally {
    globalThis.setImmediate = own
  }
})

test('a path with a null byte is not taken for what stands before it', async () => {
  expect(await errorOf(() => open(`${file}\0`))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
})

test('a URL that is not of a file is not taken for the path that it looks like', async () => {
  fs.writeFileSync(path.join(folder, 'odd:name'), 'a file')
  const before = process.cwd()
  process.chdir(folder)
  try {
    expect(await errorOf(() => open(new URL('odd:name')))).toMatchObject({ code: 'ERR_INVALID_URL_SCHEME' })
  } finally {
    process.chdir(before)
  }
})

test('many at once leave no descriptor behind but their own', async () => {
  const files = await Promise.all(Array.from({ length: 100 }, () => open(file)))
  expect(openFiles(file)).toHaveLength(100)
  for (const each of files) await each.close()
  expect(openFiles(file)).toEqual([])
})

test('a worker thread that opens and closes is not told that it closed what it never opened', async () => {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads')
    const { open } = require(workerData.faultless)
    process.on('warning', ({ message }) => parentPort.postMessage(message))
    open(workerData.file).then((file) => file.close()).then(() => setImmediate(() => parentPort.postMessage('closed')))`
  const worker = new Worker(code, { eval: true, workerData: { faultless: require.resolve('faultless'), file } })
  expect(await once(worker, 'message')).toEqual(['closed'])
  await worker.terminate()
})

test('what a worker thread has opened at once is closed with the thread, wherever it is terminated', async () => {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads')
    parentPort.postMessage(require(workerData.binding).openCached(workerData.file))
    setInterval(() => {}, 1000)`
  const binding = require.resolve('../native/binding')
  const worker = new Worker(code, { eval: true, workerData: { binding, file } })
  const [fd] = await once(worker, 'message')
  expect(openFiles(file)).toHaveLength(fd < 0 ? 0 : 1)
  await worker.terminate()
  expect(openFiles(file)).toEqual([])
})

// Node 20 lets no addon in, and 22 asks for it by a name that its help shows.
const PERMISSION = '--permission'
const hasPermission = process.allowedNodeEnvironmentFlags.has(PERMISSION)
const testPermitted = hasPermission ? test : (name, act) => test.skip(`${name} (skipped: Node has no ${PERMISSION})`, act)

testPermitted('a process that may not read the file gets ERR_ACCESS_DENIED', async () => {
  const root = path.join(__dirname, '..')
  const modules = fs.realpathSync(path.join(root, 'node_modules')) // somewhere else in a copy of the checkout
  const allowed = [root, modules, '/etc', '/proc', '/lib', '/usr'].map((each) => `--allow-fs-read=${each}/`)
  const execArgv = [PERMISSION, '--allow-addons', '--allow-worker', '--no-warnings', ...allowed]
  const readme = path.join(root, 'README.md')
  expect(await run(['path', readme], { execArgv })).toMatchObject({ path: readme })
  expect(await run(['path', file], { execArgv })).toEqual({ code: 'ERR_ACCESS_DENIED' })
})
