'use strict'
// After touch(…, { write: true }) stores to every page cost the main thread no fault at all, neither major nor minor. And
// the controls: without it they do.

const { once } = require('node:events')
const fs = require('node:fs')
const nodePath = require('node:path')
const { Worker } = require('node:worker_threads')
const { open } = require('..')
const { PAGE, childResult, errorOf, isTmpfs, makeFile, temporaryFolder } = require('./helpers')

const PAGES = 2000
const MEMORY = ['/dev/shm', '/run/shm'].find((folder) => fs.existsSync(folder) && isTmpfs(folder))

const folder = temporaryFolder()

async function expectNoFaults(where) {
  const { forWriting, listForWriting, ...others } =
    await childResult('store-faults.js', [makeFile(where, 'stores', PAGES * PAGE), PAGES])
  // The kernel may write a page back, and protect it for that, in the midst of one of the rounds; not of each.
  expect([Math.min(...forWriting), Math.min(...listForWriting)]).toEqual([0, 0])
  return others
}

test('stores to a file on a disk: no fault after a touch for writing, many after another one', async () => {
  const { forReading, untouched } = await expectNoFaults(folder)
  expect(Math.max(...forReading)).toBeGreaterThan(PAGES / 32)
  expect(Math.max(...untouched)).toBeGreaterThan(0) // pages of a large folio may have one fault
})

if (MEMORY === undefined) {
  test.skip('stores to a file in memory (skipped: there is no tmpfs)', () => {})
} else {
  const memory = temporaryFolder(MEMORY)

  test('stores to a file in memory: no fault after a touch for writing, many without a touch', async () => {
    const { untouched } = await expectNoFaults(memory)
    expect(Math.max(...untouched)).toBeGreaterThan(PAGES / 32)
  })
}

/** What `act` resolves with in a worker thread. */
async function inThread(act, path) {
  const script = `
    const { parentPort, workerData } = require('node:worker_threads')
    const { open } = require(workerData.faultless)
    void (${act})({ open, fs: require('node:fs'), path: workerData.path }).then((result) => parentPort.postMessage(result))`
  const worker = new Worker(script, { eval: true, workerData: { path, faultless: nodePath.join(__dirname, '..') } })
  const exit = once(worker, 'exit')
  const [result] = await once(worker, 'message')
  await exit
  return result
}

describe('touch with the option write', () => {
  test('allocates holes, and changes no byte', async () => {
    const path = makeFile(folder, 'holes', 10 * PAGE)
    fs.truncateSync(path, 400 * PAGE)
    const before = fs.statSync(path).blocks
    const file = await open(path, 'r+')
    let told = 0
    await file.touch(0, file.byteLength, { write: true, onProgress: (touched) => (told = touched) })
    expect(told).toBe(400 * PAGE)
    await file.flush()
    expect((fs.statSync(path).blocks - before) * 512).toBeGreaterThanOrEqual(389 * PAGE)
    expect(Buffer.compare(fs.readFileSync(path).subarray(10 * PAGE), Buffer.alloc(390 * PAGE))).toBe(0)
    await file.close()
  })

  test('is there for touchSync() as well', async () => {
    const { blocks, codes } = await inThread(async ({ open: openFile, fs: files, path }) => {
      files.truncateSync(path, 1 << 20)
      const file = await openFile(path, 'r+')
      const before = files.statSync(path).blocks
      file.touchSync(0, 1 << 20, { write: true })
      await file.flush()
      const readOnly = await openFile(path)
      let code
      try {
        readOnly.touchSync(0, 1, { write: true })
      } catch (error) {
        code = error.code
      }
      await Promise.all([file.close(), readOnly.close()])
      return { blocks: files.statSync(path).blocks - before, codes: [code] }
    }, makeFile(folder, 'sync', 1))
    expect(codes).toEqual(['ERR_MAP_READ_ONLY'])
    expect(blocks * 512).toBeGreaterThanOrEqual((1 << 20) - 4 * PAGE)
  })

  test('is checked, and rejects with ERR_MAP_TRUNCATED past the end of the file', async () => {
    const path = makeFile(folder, 'checked', 10 * PAGE)
    const file = await open(path, 'r+')
    for (const write of [1, 'yes', null]) {
      expect((await errorOf(() => file.touch(0, 1, { write }))).code).toBe('ERR_INVALID_ARG_TYPE')
    }
    fs.truncateSync(path, 5 * PAGE)
    expect((await errorOf(() => file.touch(0, 6 * PAGE, { write: true }))).code).toBe('ERR_MAP_TRUNCATED')
    expect([file.damaged, fs.statSync(path).size]).toEqual([0, 5 * PAGE])
    await file.close()
  })
})
