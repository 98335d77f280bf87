'use strict'
// Pool threads that are ended from outside, run out of memory or cannot start: every request settles, rightly where
// that can be, the pool starts as many threads as it should and no more, and serves on. Each case is a child of its own
// (fixtures/pool-faults.js), so that a pool which starts threads for ever ends with the child.

const { childResult, makeFile, temporaryFolder } = require('./helpers')

const path = makeFile(temporaryFolder(), 'content', 4 << 20)
const run = (scenario, ...args) => childResult('pool-faults.js', [scenario, path, ...args])

const FAILED = 'ERR_POOL_THREAD_FAILED'

describe('a thread that is ended', () => {
  test('with requests in hand and waiting is replaced: all of them settle right', async () => {
    expect(await run('endedOnce')).toEqual({ right: 600, codes: [], starts: 2, died: 1, after: 'right' })
  })

  test('beside others is missed by nobody: they take its requests over', async () => {
    expect(await run('endedBesideOthers')).toMatchObject({ right: 600, codes: [], died: 1, after: 'right' })
  })

  test('twice with the same request in hand costs that request alone', async () => {
    expect(await run('endedTwice')).toEqual({ right: 599, codes: [FAILED], starts: 3, died: 2, after: 'right' })
  })

  test('while it sleeps is replaced when it is needed', async () => {
    expect(await run('endedAsleep')).toEqual({ right: 1, codes: [], starts: 2, died: 1, after: 'right' })
  })

  test('before it has started is replaced', async () => {
    expect(await run('endedAtStart')).toMatchObject({ right: 600, codes: [], starts: 2, died: 1, after: 'right' })
  })

  test('while the pool is closing keeps no request from being finished', async () => {
    expect(await run('endedWhileClosing')).toMatchObject({ right: 600, codes: [], threads: 0 })
  })

  test('while a file is being closed does not keep it open', async () => {
    const codes = Array(600).fill('ERR_MAP_CLOSED')
    expect(await run('endedWhileFileCloses')).toEqual({ closed: true, codes, open: 0 })
  })

  test('again and again in a storm of touches, views and reads: all settle, none with wrong bytes', async () => {
    const result = await run('storm')
    expect(result.wrong).toEqual([])
    expect(result.right + result.failed).toBe(result.asked)
    expect(result.otherCodes).toEqual([])
    expect(result.right).toBeGreaterThan(0)
    expect(result.died).toBeGreaterThanOrEqual(20)
    expect(result).toMatchObject({ inFlight: 0, transfers: 0, after: 'right' })
  })
})

describe('a thread that cannot start', () => {
  const CAUSES = ['script', 'constructor', 'memory']

  test.each(CAUSES)('(%s) is tried three times, then what waits is rejected', async (why) => {
    expect(await run('unstartable', why)).toMatchObject({
      codes: Array(600).fill(FAILED), starts: 3, threads: 0, inFlight: 0, queued: 0
    })
  })

  test.each(CAUSES)('(%s) is tried anew for a later request', async (why) => {
    expect(await run('unstartable', why)).toMatchObject({ secondCodes: Array(600).fill(FAILED), secondStarts: 3 })
  })

  test.each(['script', 'constructor'])('(%s) is no more in the way once the cause is gone', async (why) => {
    const result = await run('unstartable', why)
    expect(result.after).toBe('right')
    // On a busy machine the first one may seem stuck, and a second one is right.
    expect(result.afterStarts).toBeGreaterThanOrEqual(1)
  })

  test('is named as the cause of the error', async () => {
    expect(await run('unstartable', 'script')).toMatchObject({ cause: 'thrown by the test\'s thread' })
    expect(await run('unstartable', 'constructor')).toMatchObject({ cause: 'refused by the test' })
    expect(await run('unstartable', 'memory')).toMatchObject({ cause: 'ERR_WORKER_OUT_OF_MEMORY' })
  })

  test('fails also what is asked for by whoever hears that', async () => {
    expect(await run('unstartableAgain')).toEqual({ first: FAILED, again: FAILED })
  })

  test('is not tried for ever when several are wanted at a time', async () => {
    expect(await run('unstartableMany')).toMatchObject({ codes: [FAILED], starts: 4, threads: 0 })
  })

  test('is not tried for ever beside one that is stuck', async () => {
    expect(await run('unstartableSecond')).toEqual({ right: 600, codes: [], starts: 4, after: 'right' })
  })

  test('is not tried for ever when it fails before it has taken a request', async () => {
    const result = await run('startsAndFails')
    expect(result.codes).toEqual([FAILED])
    expect(result.starts).toBeLessThanOrEqual(10)
  })

  test('keeps no pool from being closed, and no file', async () => {
    expect(await run('unstartableThenClosed')).toEqual({ codes: [FAILED], threads: 0, open: 0 })
  })
})

describe('the event \'error\'', () => {
  test('tells of every failed start, with its cause', async () => {
    const event = { code: FAILED, cause: 'refused by the test' }
    expect(await run('errorEvents')).toEqual({ codes: [FAILED], events: [event, event, event] })
  })

  test('is not needed: nobody listens, and nothing crashes', async () => {
    expect(await run('noErrorListener')).toEqual({ codes: [FAILED] })
  })

  test('does not come for a thread that leaves by itself', async () => {
    expect(await run('leaves')).toEqual({ events: [], threads: 0, died: 0 })
  })
})
