'use strict'
// What the library means for the life of a process and of a user's own worker thread: what keeps them alive, what does
// not, and that they end as they would without it. A child that should end and does not is killed: signal 'SIGKILL'.

const fs = require('node:fs')
const nodePath = require('node:path')
const { EXITING, childResult, makeFile, runChild, temporaryFolder } = require('./helpers')

const folder = temporaryFolder()
const path = makeFile(folder, 'content', 4 << 20)
const sparse = nodePath.join(folder, 'sparse')
fs.writeFileSync(sparse, '')
fs.truncateSync(sparse, 2 ** 32)

const run = (scenario, { given = path, ...options } = {}) => runChild('process.js', [scenario, given], options)
const ended = (stdout, code = 0) => ({ code, signal: null, stdout, stderr: '' })

describe('a process ends by itself with exit code 0', () => {
  test('when it has only awaited a touch', async () => {
    expect(await run('awaitsTouch')).toEqual(ended('touched\n'))
  })

  test('when it has only opened a file', async () => {
    expect(await run('opens')).toEqual(ended('opened\n'))
  })

  test('when it has only mapped a file with map()', async () => {
    expect(await run('maps')).toEqual(ended('mapped\n'))
  })

  test('when it has only made a pool', async () => {
    expect(await run('makesPool')).toEqual(ended('made\n'))
  })

  test('with an idle pool, though its idleTimeout is Infinity', async () => {
    expect(await run('idlePool')).toEqual(ended('idle\n'))
  })

  test('with a pool that is closed, or destroyed', async () => {
    expect(await run('closesPool')).toEqual(ended('closed\n'))
    expect(await run('destroysPool')).toEqual(ended('destroyed\n'))
  })

  test('when its only request was aborted, though a thread is stuck with it', async () => {
    expect(await run('abortsStuckTouch')).toEqual(ended('ABORT_ERR\n'))
  })

  test('when a request was rejected', async () => {
    expect(await run('failsToTouch')).toEqual(ended('ERR_MAP_TRUNCATED\n'))
  })
})

describe('a pending request keeps the process alive', () => {
  test.each(['touch', 'view'])('until it has settled: %s()', async (how) => {
    expect(await run(`waitsFor:${how}`)).toEqual(ended('pending\nsettled\n'))
  })

  test('also after a garbage collection', async () => {
    expect(await run('waitsFor:touch', { execArgv: ['--expose-gc'] })).toEqual(ended('pending\nsettled\n'))
  })

  test('also after an idle time without any', async () => {
    expect(await run('waitsAgain')).toEqual(ended('idle\npending\nsettled\n'))
  })

  test('also when nobody awaits it', async () => {
    expect(await run('callback')).toEqual(ended('called back\n'))
  })
})

describe('process.exit()', () => {
  test('in a callback ends the process with its code', async () => {
    expect(await run('exitsInCallback', { execArgv: EXITING })).toEqual(ended('read\n', 7))
  })

  test('with thousands of requests in flight ends the process with its code', async () => {
    expect(await run('exitsInFlight', { given: sparse, execArgv: EXITING })).toEqual(ended('in flight\n', 7))
  })

  test('while threads are stuck ends the process with its code', async () => {
    expect(await run('exitsWhileStuck', { execArgv: EXITING })).toEqual(ended('stuck\n', 7))
  })
})

describe('what is not caught', () => {
  test('in a callback ends the process, as with fs', async () => {
    const { code, stderr } = await run('throwsInCallback')
    expect(code).toBe(1)
    expect(stderr).toContain('thrown in a callback')
  })

  test('of a rejected touch ends the process, as with fs.promises', async () => {
    const { code, stderr } = await run('rejectsUnhandled')
    expect(code).toBe(1)
    expect(stderr).toContain('ERR_OUT_OF_RANGE')
  })
})

describe('an ES module', () => {
  test('finds every name of the package', async () => {
    const names = await childResult('named-imports.mjs', [path])
    expect(names.sort()).toEqual(Object.keys(require('..')).sort())
    expect(names).toEqual(expect.arrayContaining(['Pool', 'configure', 'map', 'open']))
  })
})

describe('a worker thread of the user\'s', () => {
  test('opens, touches, views and reads, and ends by itself', async () => {
    expect(await run('worker:uses')).toEqual(ended('right\nexit 0\n'))
  })

  test('maps the same file as the main thread does, at the same time', async () => {
    expect(await run('workersAndMain')).toEqual(ended('right\nright\nright\nright\n'))
  })

  test('that has ended leaves its views readable for whoever was sent them', async () => {
    const { code, signal, stdout, stderr } = await run('postsView', { execArgv: ['--expose-gc'] })
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
    expect(stdout).toBe('exit 0\nright\nunmapped\n')
  })

  test('that has ended leaves nothing mapped once its views are collected', async () => {
    expect(await run('dropsView', { execArgv: ['--expose-gc'] })).toEqual(ended('exit 0\nunmapped\n'))
  })

  test('can be terminated with requests in flight', async () => {
    const result = await childResult('process.js', ['terminates', path], { execArgv: ['--expose-gc'] })
    expect(result).toEqual({ terminated: 20, mappings: 0, transfers: 0, open: 0 })
  })

  test('can be terminated in the midst of a touch of gigabytes', async () => {
    expect(await run('worker:touchesAll', { given: sparse })).toEqual(ended('in flight\nexit 1\n'))
  })

  test('can end by process.exit() with requests in flight', async () => {
    expect(await run('worker:exits')).toEqual(ended('exit 7\n'))
  })
})
