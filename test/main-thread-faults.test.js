'use strict'
// What the library is for: 20,000 random blocks of a cold file, read through touch() and view(), cost the main thread
// not one major fault, and every byte is right. And the control: read without touch(), the same blocks do cost faults.
// FAULTLESS_BIG_TESTS=1 takes a file of 1 GiB.

const fs = require('node:fs')
const os = require('node:os')
const nodePath = require('node:path')
const { isInMemory } = require('../cli/trial/temporary-folder')
const { PAGE, childResult, makeFile, syncFile, temporaryFolder } = require('./helpers')

const SIZE = process.env.FAULTLESS_BIG_TESTS === '1' ? 1 << 30 : 256 << 20
const BLOCKS = 20_000
const TIMEOUT = 10 * 60_000

// In memory no file is ever cold.
const disk = [os.tmpdir(), '/var/tmp', __dirname].find((folder) => fs.existsSync(folder) && !isInMemory(folder))

if (disk === undefined) {
  test.skip('20,000 blocks of a cold file (skipped: every folder to write to is in memory)', () => {})
} else {
  const folder = temporaryFolder(disk)
  const file = nodePath.join(folder, 'cold')
  const warmUp = nodePath.join(folder, 'warm-up')

  /** Of the device, in blocks: each, and next to nothing else. */
  function expectEachReadOnce(deviceReads) {
    expect(deviceReads).toBeGreaterThanOrEqual(BLOCKS)
    expect(deviceReads).toBeLessThanOrEqual(1.05 * BLOCKS)
  }

  const run = (how) =>
    childResult('main-thread-faults.js', [how, file, SIZE, BLOCKS, warmUp], { timeout: TIMEOUT })

  beforeAll(() => {
    for (const [name, size] of [['cold', SIZE], ['warm-up', 1024 * PAGE]]) {
      syncFile(makeFile(folder, name, size))
    }
  }, TIMEOUT)

  describe(`20,000 random blocks of a cold file of ${SIZE >> 20} MiB`, () => {
    test('through touch() and view() cost the main thread no major fault, and every byte is right', async () => {
      const { residentBefore, blocks, right, majorFaults, deviceReads } = await run('touched')
      expect(residentBefore).toBe(0)
      expect(blocks).toBe(BLOCKS)
      expect(right).toBe(BLOCKS)
      expect(majorFaults).toBe(0)
      expectEachReadOnce(deviceReads)
    }, TIMEOUT)

    test('through view() alone cost it none either', async () => {
      const { residentBefore, right, majorFaults, deviceReads } = await run('viewed')
      expect(residentBefore).toBe(0)
      expect(right).toBe(BLOCKS)
      expect(majorFaults).toBe(0)
      expectEachReadOnce(deviceReads)
    }, TIMEOUT)

    test('through read() cost it none either', async () => {
      const { residentBefore, right, majorFaults, deviceReads } = await run('copied')
      expect(residentBefore).toBe(0)
      expect(right).toBe(BLOCKS)
      expect(majorFaults).toBe(0)
      expectEachReadOnce(deviceReads)
    }, TIMEOUT)

    test('without touch() cost it major faults, so that the figures above mean something', async () => {
      const { residentBefore, right, majorFaults } = await run('direct')
      expect(residentBefore).toBe(0)
      expect(right).toBe(BLOCKS)
      expect(majorFaults).toBeGreaterThan(100)
    }, TIMEOUT)
  })
}
