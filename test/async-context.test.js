'use strict'
// AsyncLocalStorage: whatever a request calls finds the store of who asked, and what outlives it keeps none.

const { AsyncLocalStorage } = require('node:async_hooks')
const { open, Pool } = require('faultless')
const { childResult, makeFile, temporaryFolder } = require('./helpers')

const MIB = 2 ** 20
const folder = temporaryFolder()
const path = makeFile(folder, 'data', 12 * MIB)
const storage = new AsyncLocalStorage()

test('onProgress, callbacks and promises of requests at the same time each have their own store', async () => {
  const pool = new Pool({ sliceSize: 16 << 10 })
  const file = await open(path, { pool, freshness: 0 })
  const seen = { A: new Set(), B: new Set(), C: new Set() }
  const note = (name) => seen[name].add(storage.getStore())
  await Promise.all(Object.keys(seen).map((name, i) => storage.run(name, async () => {
    await file.touch(i * 4 * MIB, 4 * MIB, { onProgress: () => note(name) })
    note(name)
    await new Promise((resolve) => file.read(i * MIB, 10, () => resolve(note(name))))
    note(name)
  })))
  expect(seen).toEqual({ A: new Set('A'), B: new Set('B'), C: new Set('C') })
  await file.close()
  await pool.close()
})

test('no timer and no thread keeps the store of the first request', async () => {
  const kept = await childResult('async-context.js', [path], { execArgv: ['--expose-gc'] })
  expect(kept).toEqual({ first: false, second: false })
})
