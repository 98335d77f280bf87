'use strict'
// A file that another process shrinks and grows without pause, under threads that read it in every way: nobody dies,
// what resolves is right, and a load gives the file's bytes or zeros. Without the guard it would be the end (control).

const fs = require('node:fs')
const { PAGE, childResult, isTmpfs, makeFile, runChild, temporaryFolder } = require('./helpers')

const PAGES = 64
const TIMES = 4000
const SHM = '/dev/shm'

const hasShm = fs.existsSync(SHM) && isTmpfs(SHM)
const folders = { 'a disk': temporaryFolder(), memory: hasShm ? temporaryFolder(SHM) : undefined }

describe.each(Object.keys(folders))('a file on %s that shrinks and grows under four reading threads', (where) => {
  const folder = folders[where]
  const testThere = folder === undefined ? test.skip : test

  testThere.each(['r', 'r+'])(`costs no process, no promise and no wrong byte: opened '%s'`, async (flags) => {
    const path = makeFile(folder, `storm ${flags}`, PAGES * PAGE)
    const { code, seen } = await childResult('life-storm.js', [path, TIMES, flags])
    expect(code).toBe(0)
    expect(seen).toHaveLength(4)
    for (const each of seen) {
      expect(each).toMatchObject({ wrong: 0, errors: [] })
      expect(each.rounds).toBeGreaterThan(1)
    }
    const sum = (name) => seen.reduce((total, each) => total + each[name], 0)
    for (const name of ['copies', 'views', 'truncated', 'damaged']) expect([name, sum(name) > 0]).toEqual([name, true])
  })
})

describe('without the guard', () => {
  test('one load of what is gone kills the process', async () => {
    const ended = await runChild('life-unguarded.js', [makeFile(folders['a disk'], 'unguarded', PAGE)])
    expect(ended).toMatchObject({ code: null, signal: 'SIGBUS', stdout: 'loading\n' })
  })
})
