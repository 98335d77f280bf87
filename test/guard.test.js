'use strict'
// The fault guard: a mapped file that shrinks costs zeros and a count of damage instead of the process, calls that ask
// for what is gone are rejected, and a SIGBUS that is not the guard's business still kills. Each case is a child, since
// what goes wrong here ends the process.

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const path = require('node:path')
const { PAGE, childResult, makeFile, runChild, temporaryFolder } = require('./helpers')

const PAGES = 16 // of the file, before it shrinks to half of them and a bit
const LEFT = 8 * PAGE + 100

const folder = temporaryFolder()
let made = 0

/** A file of its own for each child, which shrinks it. */
const run = (scenario, ...args) =>
  childResult('guard.js', [scenario, makeFile(folder, `file-${made++}`, PAGES * PAGE), LEFT, ...args])

describe('a load beyond the end of a file that has shrunk', () => {
  test('gives zeros and counts the page as damaged, and the process lives', async () => {
    expect(await run('loads')).toEqual({ before: 0, zeros: true, rightBefore: true, damaged: PAGE })
  })

  test('damages each page once, however often it is loaded', async () => {
    expect(await run('loadsAll')).toEqual({ zeros: true, damaged: (PAGES - 9) * PAGE })
  })

  test('in the last page that the file still reaches into gives zeros without damage', async () => {
    expect(await run('loadsLastPage')).toEqual({ zeros: true, damaged: 0 })
  })

  test('through a view that was taken before gives zeros', async () => {
    expect(await run('loadsThroughView')).toEqual({ zeros: true, damaged: PAGE })
  })

  test('in a worker thread gives zeros, and both threads see the damage', async () => {
    expect(await run('loadsInWorker')).toEqual({ zeros: true, code: 0, damaged: PAGE })
  })

  test('of a file mapped \'r+\' gives zeros, and a store there does no harm', async () => {
    expect(await run('storesShared')).toEqual({ zeros: true, stored: 7, damaged: PAGE, size: LEFT })
  })

  test('of a file that is truncated to nothing gives zeros everywhere', async () => {
    expect(await run('loadsNothingLeft')).toEqual({ zeros: true, damaged: PAGES * PAGE })
  })

  test('leaves other mappings alone', async () => {
    expect(await run('spares', makeFile(folder, 'other', PAGES * PAGE))).toEqual({ right: true, damaged: 0 })
  })
})

describe('process.on(\'SIGBUS\')', () => {
  test.each(['before', 'after'])('that is called %s the first open() leaves the guard in its place', async (when) => {
    const guarded = { zeros: true, damaged: PAGE }
    expect(await run('listens', when)).toEqual([guarded, guarded, guarded])
  })

  test('leaves it also where a worker has opened the file', async () => {
    expect(await run('listensForWorker')).toEqual({ byte: 0, damaged: PAGE })
  })

  test('never makes two copies of the package pass a signal to one another for ever', async () => {
    expect(await run('listensTwice', folder)).toEqual({ heard: 3, isMapped: true, byteLength: PAGES * PAGE })
  })

  test('nor where ours comes before the other again', async () => {
    expect(await run('comesBackBeforeAnother', folder)).toEqual({ heard: 1, isMapped: true, zeros: true, damaged: PAGE, more: 2 })
  })

  test('that comes and goes while a realm has no file open leaves it the guard for the next one', async () => {
    expect(await run('listensInRealm')).toEqual({ zeros: true, damaged: PAGE })
  })

  test('hears of signals that were sent', async () => {
    expect(await run('hears')).toBe('heard')
  })
})

describe('where the file no longer reaches', () => {
  const rejected = { code: 'ERR_MAP_TRUNCATED', named: true }

  test.each(['touch', 'view', 'read'])('%s() rejects with ERR_MAP_TRUNCATED', async (how) => {
    const { beyond, across, within } = await run('asks', how)
    expect(beyond).toEqual(rejected)
    expect(across).toEqual(rejected)
    expect(within).toBe('right')
  })

  test.each(['touch', 'view', 'read'])('%s() rejects with it also after a load has put zeros there', async (how) => {
    const { beyond, across, within } = await run('asksAfterLoad', how)
    expect(beyond).toEqual(rejected)
    expect(across).toEqual(rejected)
    expect(within).toBe('right')
  })

  test('tryView() gives nothing', async () => {
    expect(await run('triesView')).toEqual({ beyond: 'nothing', damaged: 'nothing', within: 'right' })
  })

  test('readv() and a touch of a list reject when one of their ranges is there', async () => {
    expect(await run('asksLists')).toEqual({ readv: rejected, touch: rejected })
  })

  test('no pool thread dies of it', async () => {
    expect(await run('manyAtOnce')).toEqual({ rejected: 1000, right: 1000, died: 0 })
  })

  test('a file that shrinks again and again under readers gives right bytes or rejects', async () => {
    const { wrong, right, truncated, died } = await run('shrinksUnderReaders')
    expect(wrong).toEqual([])
    expect(died).toBe(0)
    expect(right).toBeGreaterThan(0)
    expect(truncated).toBeGreaterThan(0)
  })
})

describe('a SIGBUS that comes from elsewhere', () => {
  test('kills the process, as it would without the library', async () => {
    const child = spawn(process.execPath, [path.join(__dirname, 'fixtures', 'guard.js'), 'waits',
      makeFile(folder, 'waits', PAGE), LEFT], { stdio: ['pipe', 'pipe', 'inherit'] })
    const closed = once(child, 'close')
    await once(child.stdout, 'data')
    process.kill(child.pid, 'SIGBUS')
    expect(await closed).toEqual([null, 'SIGBUS'])
  })

  test('kills it also when it has sent it to itself', async () => {
    const file = makeFile(folder, 'itself', PAGE)
    expect(await runChild('guard.js', ['killsItself', file, LEFT])).toMatchObject({ code: null, signal: 'SIGBUS' })
  })

  test('kills it also after the guard has been at work', async () => {
    const file = makeFile(folder, 'at-work', PAGES * PAGE)
    expect(await runChild('guard.js', ['guardsThenKillsItself', file, LEFT])).toMatchObject({
      code: null, signal: 'SIGBUS', stdout: `${PAGE}\n`
    })
  })
})
