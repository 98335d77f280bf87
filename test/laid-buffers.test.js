'use strict'
// Files where the runtime makes no buffer over memory that it was given: laid over buffers of its own. Other suites run like
// this as well: npm run test:laid.

const { PAGE, childResult, temporaryFolder } = require('./helpers')

const SIZE = 20 * PAGE + 100

const folder = temporaryFolder()
const nothing = { lines: 0, open: 0 }

let report
beforeAll(async () => {
  report = await childResult('laid-buffers.js', [folder], { execArgv: ['--expose-gc'], env: { FAULTLESS_TEST_NO_EXTERNAL: '1' } })
})

describe('a file that is laid over a buffer of the runtime\'s', () => {
  test('is all of that buffer, resident where it was touched, and leaves zeros and writable memory', () => {
    expect(report.isLaid).toBe(true)
    expect(report.lies).toEqual({
      length: SIZE, growable: true, line: 'rw-p', right: true, there: true, zeros: true, stored: 7, ...nothing
    })
  })

  test('takes stores as everywhere: of \'r+\' they reach the file', () => {
    expect(report.stores).toBe('r+')
  })

  const whereItGoes = Number(process.versions.node.split('.')[0]) >= 22 ? test : test.skip
  whereItGoes('may be larger than all memory (Node 22 and newer)', () => {
    expect(report.huge).toEqual({ length: 2 ** 40, fits: true })
  })

  test('cannot start within a page, nor be larger than the runtime\'s largest: the error says why, and nothing is left', () => {
    const { errors: [within, large], empty, ...left } = report.refuses
    expect(within).toEqual({
      code: 'ERR_MAP_UNSUPPORTED', message: expect.stringContaining(`offset has to be a multiple of ${PAGE}`)
    })
    expect(large).toEqual({ code: 'ERR_MAP_UNSUPPORTED', message: expect.stringContaining(`none of ${2 ** 52} bytes`) })
    expect(empty).toBe('opened')
    expect(left).toEqual(nothing)
  })

  test('turns to zeros with the end of the thread that opened it, but for threads that have attached it', () => {
    expect(report.outlives).toEqual({ before: true, zeros: true, gone: nothing, still: true, ...nothing })
  })

  test('is closed by the last of several threads, whichever way it ends', () => {
    expect(report.shares).toEqual({ rights: [true, true, true], open0: 1, ...nothing })
  })

  test('stays where nobody closes it', () => {
    expect(report.forgotten).toEqual({ lines: 1, open: 1 })
  })
})
