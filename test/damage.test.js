'use strict'
// Pages that a load found lost: the event 'damage', and refresh() once the file has them again.

const fs = require('node:fs')
const path = require('node:path')
const { open } = require('faultless')
const { DamageReport } = require('../lib/damage')
const native = require('../native/binding')
const { DISK, PAGE, advised, childResult, errorOf, temporaryFolder, testUnlessLaid } = require('./helpers')

const folder = temporaryFolder()

const canBypass = fs.constants.O_DIRECT !== undefined && DISK !== undefined
const testDirect = canBypass ? testUnlessLaid : (name, act) => test.skip(`${name} (skipped: nothing bypasses the cache here)`, act)

const testOnLinux = process.platform === 'linux' ? testUnlessLaid : (name, act) => test.skip(`${name} (skipped: only Linux tells)`, act)

const run = (scenario) =>
  childResult('damage.js', [scenario, path.join(folder, scenario)], { execArgv: ['--expose-gc'] })

describe('\'damage\'', () => {
  test('is emitted on every file that has lost pages, with offset and length', async () => {
    const { bytes, events, otherEvents, damaged } = await run('tells')
    expect(bytes).toEqual([0, 0, 0, 0])
    const pages = events.flatMap(({ offset, length }) =>
      Array.from({ length: length / PAGE }, (_, i) => offset / PAGE + i))
    expect(pages.sort((a, b) => a - b)).toEqual([5, 6, 9])
    expect(otherEvents).toEqual([{ offset: PAGE, length: PAGE }])
    expect(damaged).toEqual([3 * PAGE, PAGE])
  })

  test('reaches listeners that nothing but the file holds, until they are removed', async () => {
    expect(await run('forgotten')).toEqual({
      events: ['first', 'once', 'after all were removed'],
      held: { first: true, once: false, removed: false, 'after all were removed': true, closed: false }
    })
  })

  test('needs no pool: none is made for a file that nobody asks anything of', async () => {
    const told = await childResult('default-pool.js', ['damaged', path.join(folder, 'asks nothing')])
    expect(told).toEqual({ byte: 0, offset: 0, pools: 0 })
  })

  test('is told in full, and to other files, when a listener throws', async () => {
    expect(await run('throwsOnce')).toEqual({ told: [2, 1], errors: ['a bug of the user\'s'] })
  })

  test('reaches uncaughtException when a listener throws', async () => {
    expect(await run('throws')).toEqual({ message: 'a bug of the user\'s' })
  })
})

// The kernel reads for itself, and gets no signal.
test('a system call that is given a view of a lost page fails with EFAULT, and makes no page zeros', async () => {
  const name = path.join(folder, 'given away')
  fs.writeFileSync(name, Buffer.alloc(4 * PAGE, 1))
  const file = await open(name)
  const view = await file.view(2 * PAGE, PAGE)
  fs.truncateSync(name, PAGE)
  expect(() => fs.writeFileSync(path.join(folder, 'its copy'), view)).toThrow(expect.objectContaining({ code: 'EFAULT' }))
  expect(file.damaged).toBe(0)
  expect(view[0]).toBe(0) // a load
  expect(file.damaged).toBe(PAGE)
  await file.close()
})

test('each look for news goes over the pages of a file once, however many runs of them are lost', () => {
  const lost = [[0, PAGE], [3 * PAGE, 2 * PAGE], [9 * PAGE, 1]].map(([offset, length]) => ({ offset, length }))
  const next = jest.spyOn(native, 'nextDamage').mockImplementation((id, seen, from) => lost.find(({ offset }) => offset >= from))
  expect(new DamageReport(0, 10 * PAGE).news()).toEqual(lost)
  expect(next.mock.calls.map(([, , from]) => from)).toEqual([0, PAGE, 5 * PAGE, 9 * PAGE + 1])
  next.mockRestore()
})

describe('refresh()', () => {
  testUnlessLaid('maps again what the file has again, and leaves the rest damaged', async () => {
    expect(await run('refreshes')).toEqual({
      before: 'ERR_MAP_TRUNCATED',
      grown: 'ERR_MAP_TRUNCATED',
      half: { damaged: PAGE, code: 'resolved', byte: 9 },
      beyond: 'ERR_OUT_OF_RANGE',
      whole: { damaged: 0, copy: [3, 3, 3] },
      again: 1
    })
  })

  testDirect('maps again what a descriptor was opened for that bypasses the page cache', async () => {
    const file = path.join(folder, 'direct')
    fs.writeFileSync(file, Buffer.alloc(2 * PAGE, 1))
    const fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_DIRECT)
    const mapped = await open(fd)
    fs.closeSync(fd)
    fs.truncateSync(file, 0)
    const bytes = new Uint8Array(mapped.buffer)
    expect([bytes[PAGE], mapped.damaged]).toEqual([0, PAGE])
    fs.writeFileSync(file, Buffer.alloc(2 * PAGE, 2))
    expect(await errorOf(() => mapped.touch(PAGE, 1))).toMatchObject({ code: 'ERR_MAP_TRUNCATED' })
    await mapped.refresh()
    expect([bytes[PAGE], mapped.damaged]).toEqual([2, 0])
    expect([...await mapped.read(PAGE + 1, 2)]).toEqual([2, 2])
    await mapped.close()
  })

  testOnLinux('gives pages that it maps anew the advice that holds for the whole file', async () => {
    const name = path.join(folder, 'advised')
    fs.writeFileSync(name, Buffer.alloc(4 * PAGE, 1))
    const file = await open(name, { advice: 'sequential' })
    await file.advise('hugepage').catch(() => {}) // which not every kernel has
    const [before] = advised(name)
    fs.truncateSync(name, 0)
    expect(new Uint8Array(file.buffer)[2 * PAGE]).toBe(0) // a load
    fs.writeFileSync(name, Buffer.alloc(4 * PAGE, 2))
    await file.refresh()
    expect(file.damaged).toBe(0)
    expect(before).toMatch(/^sr(,hg)?$/)
    expect(new Set(advised(name))).toEqual(new Set([before]))
    await file.close()
  })

  test('rejects with ERR_MAP_CLOSED after close()', async () => {
    expect(await run('closed')).toEqual({ code: 'ERR_MAP_CLOSED', damaged: 0 })
  })
})
