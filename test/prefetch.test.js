'use strict'
// A long range is prefetched slice by slice, also where the device's queue is full: a slice that was not would be read page by
// page, which takes many times as long.

jest.mock('node:worker_threads', () =>
  require('./fixtures/watched-threads')(jest.requireActual('node:worker_threads')))

const path = require('node:path')
const { setEnvironmentData, watched } = require('node:worker_threads')
const { open, Pool } = require('..')
const { PAGE, makeFile, temporaryFolder } = require('./helpers')

const SLICE = 4 * PAGE

const folder = temporaryFolder()

test.each([1, 2, 3, 10])('all of %i slices are prefetched, where each prefetch blocks', async (slices) => {
  const prefetched = new Int32Array(new SharedArrayBuffer(4))
  setEnvironmentData('prefetched', prefetched.buffer)
  watched.script = path.join(__dirname, 'fixtures', 'slow-prefetch-thread.js')
  const pool = new Pool({ maxThreads: 1, sliceSize: SLICE })
  const file = await open(makeFile(folder, `${slices}`, slices * SLICE), { pool, freshness: 0 })
  await file.touch()
  expect(prefetched[0]).toBe(slices * SLICE)
  await file.close()
  await pool.close()
})
