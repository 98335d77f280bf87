'use strict'
// flush(): stores into an 'r+' file are on the device when it resolves, and it never says so of stores that are lost.

const fs = require('node:fs')
const { once } = require('node:events')
const { open } = require('..')
const { PAGE, childResult, contentAt, errorOf, makeFile, temporaryFolder } = require('./helpers')
const { testTraced } = require('./tracing')

const folder = temporaryFolder()
const SIZE = 40 * PAGE + 100

/** KiB of the file's pages that are dirty, as the kernel counts them for the mapping. */
function unwritten(path) {
  const smaps = fs.readFileSync('/proc/self/smaps', 'utf8').split(/\n(?=[0-9a-f]+-)/)
  const mine = smaps.filter((entry) => entry.split('\n')[0].endsWith(path))
  expect(mine.length).toBeGreaterThan(0)
  return mine.reduce((sum, entry) =>
    sum + [...entry.matchAll(/_Dirty: +(\d+)/g)].reduce((dirty, [, kib]) => dirty + Number(kib), 0), 0)
}

test('writes the pages of the range that were stored to, and the file has them', async () => {
  const path = makeFile(folder, 'stores', SIZE)
  const fd = fs.openSync(path, 'r+')
  fs.fsyncSync(fd)
  const file = await open(path, 'r+')
  const view = await file.view()
  view[5] ^= 0xff
  view[SIZE - 1] ^= 0xff
  expect(unwritten(path)).toBeGreaterThanOrEqual(2 * PAGE / 1024) // a folio of several pages is dirty as a whole
  await file.flush()
  expect(unwritten(path)).toBe(0)
  const expected = contentAt(0, SIZE)
  expected[5] ^= 0xff
  expected[SIZE - 1] ^= 0xff
  expect(Buffer.compare(fs.readFileSync(fd), expected)).toBe(0)
  fs.closeSync(fd)
  await file.close()
})

test('resolves where there is nothing to write: of \'r\', of no bytes, of an empty file', async () => {
  const file = await open(makeFile(folder, 'nothing', SIZE))
  await file.flush()
  await file.flush(SIZE)
  await file.close()
  const empty = await open(makeFile(folder, 'empty', 0), 'r+')
  await empty.flush()
  await empty.close()
})

test('rejects where pages are damaged, also when the file has grown again', async () => {
  const path = makeFile(folder, 'damaged', SIZE)
  const file = await open(path, 'r+')
  fs.truncateSync(path, PAGE)
  const damage = once(file, 'damage')
  new Uint8Array(file.buffer)[10 * PAGE] = 1
  const keepAlive = setInterval(() => {}, 1 << 30)
  await damage
  clearInterval(keepAlive)
  expect((await errorOf(() => file.flush(10 * PAGE, 1))).code).toBe('ERR_MAP_TRUNCATED')
  fs.truncateSync(path, SIZE)
  expect((await errorOf(() => file.flush())).code).toBe('ERR_MAP_TRUNCATED')
  await file.flush(0, PAGE)
  await file.refresh()
  await file.flush()
  await file.close()
})

const inject = (what) => ({ under: ['strace', '-f', '-o', '/dev/null', '-e', `inject=${what}`] })

testTraced('rejects whatever the file system answers a write with', async () => {
  for (const code of ['EIO', 'EBADF', 'EINVAL', 'ENOSYS', 'EOPNOTSUPP']) {
    const path = makeFile(folder, `answered-${code}`, SIZE)
    const told = await childResult('write-back.js', ['flush', path], inject(`msync:error=${code}:when=1`))
    expect(told).toEqual({ flushed: ['ERR_MAP_IO', 'ERR_MAP_IO', 'resolved'] }) // the last after refresh()
  }
})

testTraced('rejects where evict() was told of it, and not where evict() may not write', async () => {
  const evict = (what) => childResult('write-back.js', ['evict', makeFile(folder, 'evicted', SIZE)], inject(what))
  // The first call of each evict() does nothing.
  expect(await evict('sync_file_range:error=EINVAL:when=2')).toEqual({ evicted: 'EINVAL', flushed: ['ERR_MAP_IO', 'ERR_MAP_IO', 'resolved'] })
  expect(await evict('sync_file_range:error=EPERM')).toEqual({ evicted: 'resolved', flushed: ['resolved', 'resolved', 'resolved'] })
})

testTraced('a write that the file system answers with EAGAIN rejects with that', async () => {
  const path = makeFile(folder, 'written', SIZE)
  expect(await childResult('write-back.js', ['write', path], inject('pwrite64:error=EAGAIN'))).toEqual({ written: 'EAGAIN' })
})

testTraced('a file is opened also where a filter refuses statx(2)', async () => {
  for (const code of ['EPERM', 'EINVAL', 'ENOSYS']) {
    const path = makeFile(folder, `filtered-${code}`, SIZE)
    expect(await childResult('write-back.js', ['describe', path], inject(`statx:error=${code}`))).toEqual({ length: SIZE })
  }
})

test('checks its range, and the file', async () => {
  const file = await open(makeFile(folder, 'range', SIZE), 'r+')
  expect((await errorOf(() => file.flush(0, SIZE + 1))).code).toBe('ERR_OUT_OF_RANGE')
  expect((await errorOf(() => file.flush('0'))).code).toBe('ERR_INVALID_ARG_TYPE')
  await file.close()
  expect((await errorOf(() => file.flush())).code).toBe('ERR_MAP_CLOSED')
})
