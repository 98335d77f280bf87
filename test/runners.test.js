'use strict'
// What test runners do to the program under test: timers and ticks of their own, and realms that are not Node's.

const { createHook } = require('node:async_hooks')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { open } = require('faultless')
const { childResult, lookUntil, makeFile, temporaryFolder } = require('./helpers')

const LIB = path.join(__dirname, '..', 'lib', path.sep)
const folder = temporaryFolder()
const file = makeFile(folder, 'data', 100_000)

afterEach(() => jest.useRealTimers())

test('with fake timers a callback is called, and a stream flows, as those of fs do', async () => {
  const mapped = await open(file)
  jest.useFakeTimers()
  const copy = await new Promise((resolve, reject) => mapped.read(10, 20, (error, data) => error ? reject(error) : resolve(data)))
  let bytes = 0
  for await (const chunk of mapped.createReadStream({ highWaterMark: 30_000 })) bytes += chunk.length
  jest.useRealTimers()
  expect(copy.equals(fs.readFileSync(file).subarray(10, 30))).toBe(true)
  expect(bytes).toBe(100_000)
  await mapped.close()
})

test('errors and Buffers are instances of what the test knows by these names', async () => {
  const mapped = await open(file)
  expect(await mapped.view(0, 10)).toBeInstanceOf(Uint8Array)
  await expect(mapped.read(-1)).rejects.toBeInstanceOf(RangeError)
  await mapped.close()
  await expect(mapped.read()).rejects.toBeInstanceOf(Error)
})

test('a realm of which all files were closed, or forgotten, is collected', async () => {
  const left = await childResult('realms.js', [file], { execArgv: ['--expose-gc'] })
  expect(left).toEqual({ nothing: 0, closed: 0, waited: 0, forgotten: 0, forgottenAfterUse: 0 })
})

test('nothing of a closed file is left that a runner takes for an open handle', async () => {
  const active = []
  const hook = createHook({
    init(id, type, _, resource) {
      // As Jest's --detectOpenHandles asks; Jest has timers of its own.
      if (/^(PROMISE|Immediate|TickObject|RANDOMBYTESREQUEST)$/.test(type)) return
      if (type === 'Timeout' && !new Error().stack.includes(LIB)) return
      active.push([id, type, 'hasRef' in resource ? () => resource.hasRef() : () => true])
    },
    destroy(id) {
      active.splice(0, active.length, ...active.filter(([other]) => other !== id))
    }
  }).enable()
  let fresh
  jest.isolateModules(() => (fresh = require('faultless')))
  const mapped = await fresh.open(file)
  await mapped.read()
  await mapped.close()
  expect(await lookUntil([], () => active.filter(([, , isActive]) => isActive()).map(([, type]) => type))).toEqual([])
  hook.disable()
})

test('several copies in one thread hear each of damage, and of the ends of their waits', async () => {
  const copies = [0, 1].map(() => {
    let fresh
    jest.isolateModules(() => (fresh = require('faultless')))
    return fresh
  })
  const paths = copies.map((_, i) => makeFile(folder, `copied-${i}`, 100_000))
  const files = await Promise.all(copies.map((copy, i) => copy.open(paths[i], 'r+')))
  const waits = files.map((mapped) => mapped.wait(0, new Int32Array(mapped.buffer)[0], { timeout: 20 }))
  expect(await Promise.all(waits)).toEqual(['timed-out', 'timed-out'])
  await (await copies[0].open(file)).close() // whoever closes takes nobody's listener away
  const other = await copies[0].open(file)
  const heard = Promise.all(files.map((mapped) => once(mapped, 'damage')))
  await other.close()
  for (const [i, mapped] of files.entries()) {
    fs.truncateSync(paths[i], 10)
    void new Uint8Array(mapped.buffer)[50_000]
  }
  expect((await heard).map(([{ length }]) => length > 0)).toEqual([true, true])
  await Promise.all(files.map((mapped) => mapped.close()))
  expect(await files[0].wait(0, 0).catch(({ code }) => code)).toBe('ERR_MAP_CLOSED')
})
