'use strict'
// A file that several processes have mapped to write to: each sees what the others wrote, every byte; and what was flushed
// is there after a process was killed.

const { fork, spawn, spawnSync } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { PAGE, contentAt, expectContent, makeFile, temporaryFolder } = require('./helpers')
const { testTraced } = require('./tracing')

const folder = temporaryFolder()
const fixture = (name) => path.join(__dirname, 'fixtures', name)

test.each([['on pages', PAGE, 2], ['within pages', 1000, 3]])(
  'processes that write stripes %s see those of the others', async (_, stripe, processes) => {
    const size = 100 * PAGE + 77
    const rounds = 3
    const name = makeFile(folder, `stripes-${processes}`, size)
    const children = Array.from({ length: processes }, (__, i) =>
      fork(fixture('stripes.js'), [name, i, processes, rounds, stripe].map(String)))
    const exits = children.map((child) => once(child, 'exit'))
    const all = () => Promise.all(children.map(async (child, i) => {
      const first = await Promise.race([once(child, 'message'), exits[i].then(([code]) => { throw new Error(`it ended with ${code}`) })])
      return first[0]
    }))
    for (let round = 1; round <= rounds; round++) {
      expect(await all()).toEqual(children.map(() => 'written'))
      for (const child of children) child.send('check')
      expect(await all()).toEqual(children.map(() => 2 * size * round))
      for (const child of children) child.send('go on')
    }
    expect((await Promise.all(exits)).map(([code]) => code)).toEqual(children.map(() => 0))
    expectContent(fs.readFileSync(name), 0, size, rounds)
  })

describe('a process that is killed', () => {
  const LENGTH = 5000
  const RECORDS = 2000

  /** Kills it when it has said so many lines. @returns {Promise<number>} how many it had said by then */
  async function killAfter(lines, name) {
    const child = spawn(process.execPath, [fixture('flush-until-killed.js'), name, String(LENGTH)], { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.setEncoding('latin1').on('data', (text) => {
      output += text
      if (output.split('\n').length > lines) child.kill('SIGKILL')
    })
    const [, signal] = await once(child, 'close')
    expect(signal).toBe('SIGKILL')
    return output.split('\n').length - 1
  }

  test('has lost nothing of what was flushed', async () => {
    for (const lines of [1, 20]) {
      const name = path.join(folder, `killed-${lines}`)
      fs.writeFileSync(name, Buffer.alloc(LENGTH * RECORDS))
      const flushed = await killAfter(lines, name)
      expect(flushed).toBeGreaterThanOrEqual(lines)
      expect(flushed).toBeLessThan(RECORDS)
      const bytes = fs.readFileSync(name)
      expectContent(bytes.subarray(0, flushed * LENGTH), 0, flushed * LENGTH)
      // Of the record after these there may be a part, and nothing of any later one.
      const rest = bytes.subarray(flushed * LENGTH)
      const wanted = contentAt(flushed * LENGTH, 2 * LENGTH)
      expect(rest.subarray(0, 2 * LENGTH).every((byte, i) => byte === 0 || byte === wanted[i])).toBe(true)
      expect(Buffer.compare(rest.subarray(2 * LENGTH), Buffer.alloc(rest.length - 2 * LENGTH))).toBe(0)
    }
  })

  testTraced('had them sent to the device by msync(MS_SYNC) before it said so', () => {
    const name = path.join(folder, 'traced')
    const records = 5
    fs.writeFileSync(name, Buffer.alloc(records * LENGTH))
    const log = path.join(folder, 'strace')
    const { status } = spawnSync('strace', ['-f', '-o', log, '-e', 'trace=msync,write', process.execPath, fixture('flush-until-killed.js'), name, String(LENGTH)], { stdio: 'ignore' })
    expect(status).toBe(0)
    const calls = fs.readFileSync(log, 'latin1').split('\n')
      .filter((line) => /msync\(.*MS_SYNC\) = 0|msync resumed.* = 0|write\(1, "\d/.test(line))
      .map((line) => (line.includes('msync') ? 'msync' : 'said'))
    expect(calls).toEqual(Array.from({ length: records }, () => ['msync', 'said']).flat())
  })
})
