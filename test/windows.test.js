'use strict'
// What is different on Windows: what a mapped file refuses, names and sizes that only Windows makes difficult, and what is
// said of the parts that it has not.

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { Worker } = require('node:worker_threads')
const { open } = require('faultless')
const { jsonOf, runCli } = require('./cli-helpers')
const { contentAt, errorOf, expectContent, lookUntil, makeFile, temporaryFolder } = require('./helpers')

const isWindows = process.platform === 'win32'
const onWindows = (name, act) => isWindows ? test(name, act) : test.skip(`${name} (skipped: not Windows)`, act)

// Windows lets nobody cut a mapped file. Under Wine, programs of the host can, which is how a page gets lost here.
const hasHost = isWindows && fs.existsSync('Z:\\usr\\bin\\truncate') && __dirname.startsWith('Z:')
const underWine = (name, act) =>
  hasHost ? test(name, act) : test.skip(`${name} (skipped: needs Wine, and truncate(1) of its host)`, act)

const hostName = (name) => name.replace(/^Z:/, '').replaceAll('\\', '/')
const runOnHost = (...argv) => spawnSync('start.exe', ['/wait', '/unix', ...argv], { stdio: 'ignore' })

const cutByHost = async (name, size) => {
  runOnHost('/usr/bin/truncate', '-s', String(size), hostName(name))
  expect(await lookUntil(size, () => fs.statSync(name).size)).toBe(size)
}

/** KiB that the process which has mapped this file has locked: Windows does not tell, but the host of Wine does. */
async function lockedKiB(name) {
  const [script, seen] = [`${name}.sh`, `${name}.locked`]
  const [file, output] = [name, seen].map(hostName)
  fs.writeFileSync(script, `for maps in $(grep -ls ${file} /proc/[0-9]*/maps)
do grep VmLck \${maps%maps}status
done > ${output}.part
mv ${output}.part ${output}\n`)
  fs.rmSync(seen, { force: true })
  runOnHost('/bin/sh', hostName(script))
  await lookUntil(true, () => fs.existsSync(seen)) // which Wine does not always wait for
  return Number(/VmLck:\s+(\d+) kB/.exec(fs.readFileSync(seen, 'utf8'))[1])
}

const folder = temporaryFolder()
const SIZE = 300_001

describe('a mapped file', () => {
  onWindows('cannot be cut: fs gives UNKNOWN, until it is closed', async () => {
    const name = makeFile(folder, 'cut', SIZE)
    const file = await open(name)
    const { code, syscall } = await errorOf(() => fs.truncateSync(name, 10))
    expect({ code, syscall }).toEqual({ code: 'UNKNOWN', syscall: 'ftruncate' })
    expectContent(await file.read(), 0, SIZE)
    await file.close()
    fs.truncateSync(name, 10)
    expect(fs.statSync(name).size).toBe(10)
  })

  onWindows('cannot be replaced by another: fs gives EPERM, until it is closed', async () => {
    const name = makeFile(folder, 'old', SIZE)
    const other = makeFile(folder, 'new', SIZE, 2)
    const file = await open(name)
    expect((await errorOf(() => fs.renameSync(other, name))).code).toMatch(/^(EPERM|EBUSY)$/)
    expectContent(await file.read(), 0, SIZE)
    await file.close()
    fs.renameSync(other, name)
    expectContent(fs.readFileSync(name), 0, SIZE, 2)
  })

  onWindows('is cut and grown by its own resize(), also while other threads load from it', async () => {
    const name = makeFile(folder, 'resized', SIZE)
    const file = await open(name, { flags: 'r+', reserve: 1 << 20 })
    const worker = new Worker(`
      const { parentPort, workerData } = require('node:worker_threads')
      const bytes = new Uint8Array(workerData)
      let sum = 0
      parentPort.once('message', () => process.exit(0))
      setInterval(() => { for (let i = 0; i < 8192; i += 64) sum += bytes[i] }, 0)
      parentPort.postMessage('loads')`, { eval: true, workerData: file.buffer })
    await new Promise((resolve) => worker.once('message', resolve))
    for (let round = 0; round < 50; round++) {
      await file.resize(10_000)
      await file.resize(SIZE)
    }
    worker.postMessage('end')
    expect(await new Promise((resolve) => worker.once('exit', resolve))).toBe(0)
    expectContent(await file.read(0, 10_000), 0, 10_000)
    expect((await file.read(10_000)).every((byte) => byte === 0)).toBe(true)
    expect(file.damaged).toBe(0)
    await file.close()
  })

  onWindows('that is mapped a second time is not cut by resize(): EBUSY', async () => {
    const name = makeFile(folder, 'twice', SIZE)
    const file = await open(name, 'r+')
    const second = await open(name)
    expect(await errorOf(() => file.resize(10))).toMatchObject({ code: 'EBUSY' })
    expectContent(await file.read(), 0, SIZE)
    await second.close()
    expect(await file.resize(10)).toBe(undefined)
    await file.close()
  })

  onWindows('shows what was written to it, and keeps stray stores to itself', async () => {
    const name = makeFile(folder, 'stores', SIZE)
    const [reader, writer] = [await open(name), await open(name, 'r+')]
    new Uint8Array(reader.buffer)[70_000] ^= 255
    await writer.write(5, Buffer.from('hello'))
    ;(await writer.view(100, 1))[0] = 33
    await writer.flush()
    expect((await reader.read(5, 5)).toString()).toBe('hello')
    const bytes = fs.readFileSync(name)
    expect([bytes.toString('latin1', 5, 10), bytes[100]]).toEqual(['hello', 33])
    expectContent(bytes.subarray(65_536), 65_536, SIZE - 65_536)
    await Promise.all([reader.close(), writer.close()])
  })

  onWindows('gives stray stores up by advise(\'dontneed\') of the whole, and keeps them all by that of a part', async () => {
    const name = makeFile(folder, 'strayed', SIZE)
    const file = await open(name)
    const bytes = new Uint8Array(file.buffer)
    const read = () => [0, 70_000, SIZE - 1].map((at) => bytes[at])
    const before = read()
    for (const at of [0, 70_000, SIZE - 1]) bytes[at] ^= 255
    await file.advise('dontneed', 0, 100_000)
    expect(read()).toEqual(before.map((byte) => byte ^ 255))
    await file.advise('dontneed')
    expect(read()).toEqual(before)
    expectContent(await file.read(), 0, SIZE)
    await file.close()
  })

  onWindows('leaves zeros when it is closed, however long it was', async () => {
    const name = path.join(folder, 'long')
    fs.writeFileSync(name, 'x')
    const file = await open(name, { flags: 'r+', reserve: 2 ** 33 })
    const bytes = new Uint8Array(file.buffer, 0, 2 ** 31)
    expect(bytes[0]).toBe(120)
    await file.close()
    expect([bytes[0], bytes[1], bytes[2 ** 30], bytes[2 ** 31 - 1]]).toEqual([0, 0, 0, 0])
    bytes[2 ** 30] = 1 // nobody's
  })
})

describe('a pin', () => {
  const folderOfHost = hasHost ? temporaryFolder(__dirname) : undefined

  underWine('stays when the file is cut and grown by its own resize()', async () => {
    const name = makeFile(folderOfHost, 'pinned', 2 << 20)
    const file = await open(name, { flags: 'r+', reserve: 1 << 24 })
    const { pageSize } = file
    const pin = await file.pin(0, 16 * pageSize)
    const seen = [await lockedKiB(name)]
    for (const pages of [40, 8, 100]) {
      await file.resize(pages * pageSize)
      seen.push(await lockedKiB(name))
    }
    await pin.release()
    expect([...seen, await lockedKiB(name)]).toEqual([16, 16, 8, 16, 0].map((pages) => pages * pageSize / 1024))
    await file.close()
  })
})

describe('names and sizes', () => {
  onWindows('a path of more than 260 characters', async () => {
    const deep = path.join(folder, ...Array.from({ length: 6 }, () => 'd'.repeat(60)))
    fs.mkdirSync(deep, { recursive: true })
    const name = makeFile(deep, 'file', SIZE)
    expect(name.length).toBeGreaterThan(260)
    const file = await open(name)
    expectContent(await file.read(), 0, SIZE)
    await file.close()
  })

  for (const name of ['ä€', 'Дом', '\u{1F4BE}', 'a b', 'e\u0301']) {
    onWindows(`a path with ${name} in it`, async () => {
      const file = await open(makeFile(folder, `unicode ${name}`, SIZE))
      expectContent(await file.read(), 0, SIZE)
      await file.close()
    })
  }

  onWindows('an empty file', async () => {
    const file = await open(makeFile(folder, 'empty', 0))
    expect([file.byteLength, (await file.read()).length]).toEqual([0, 0])
    await file.close()
  })

  onWindows('a file of more than 4 GiB: views, reads and writes past it', async () => {
    const at = 2 ** 32 + 12_345
    const name = path.join(folder, 'large')
    const fd = fs.openSync(name, 'w')
    fs.writeSync(fd, contentAt(at, 100_000), 0, 100_000, at)
    fs.closeSync(fd)
    const file = await open(name, 'r+')
    expect(file.byteLength).toBe(at + 100_000)
    expectContent(await file.view(at, 100_000), at, 100_000)
    await file.write(at, Buffer.from('there'))
    expect((await file.read(at, 5)).toString()).toBe('there')
    await file.close()
    fs.unlinkSync(name)
  })
})

describe('what Windows has not', () => {
  onWindows('is refused with ENOTSUP: evict(), mapInto(), wait() and notify()', async () => {
    const file = await open(makeFile(folder, 'refusals', SIZE), 'r+')
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })
    const calls = [
      () => file.evict(),
      () => file.mapInto(memory, 0, { length: file.pageSize }),
      () => file.wait(0, new Int32Array(file.buffer, 0, 1)[0]),
      () => file.notify(0, 1)
    ]
    for (const call of calls) expect((await errorOf(call)).code).toBe('ENOTSUP')
    await file.close()
  })

  onWindows('is what the page cache holds: resident is null, and what was touched is known', async () => {
    const file = await open(makeFile(folder, 'residency', SIZE))
    expect(file.tryView(0, 100)).toBe(undefined)
    await file.touch(0, 100)
    expect((await file.residency(0, 100)).resident).toBe(null)
    expectContent(file.tryView(0, 100), 0, 100)
    await file.close()
  })
})

describe('the command faultless', () => {
  const place = path.join(folder, 'command')
  const inPlace = (...names) => path.join(place, ...names)

  beforeAll(() => {
    fs.mkdirSync(inPlace('deep'), { recursive: true })
    for (const name of ['a.idx', path.join('deep', 'b.bin'), path.join('deep', 'c.idx')]) makeFile(place, name, SIZE)
    makeFile(place, 'large', 1 << 20)
  })

  onWindows('stat and touch walk folders, and say why they do not know what is in memory', async () => {
    const { code, results } = await jsonOf(['stat', '--only', '*.idx', place])
    expect({ code, paths: results.map((result) => path.normalize(result.path)) }).toEqual({ code: 0, paths: [inPlace('a.idx'), inPlace('deep', 'c.idx')] })
    const touched = await runCli(['touch', place])
    expect(touched).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('unknown (Windows does not tell what it has in memory)') })
  })

  onWindows('evict is refused for each file', async () => {
    const { code, stderr } = await runCli(['evict', inPlace('a.idx')], { env: { FAULTLESS_WARM_FILES: '' } })
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/a\.idx: .*\(ENOTSUP, fadvise\)\n$/) })
  })

  onWindows('bench compares, and says that nothing was cold', async () => {
    const { code, stderr, results: [{ random, verdict }] } = await jsonOf(['bench', '--reads', 50, '--time', '1h', inPlace('large')])
    expect({ code, stderr, verdict }).toEqual({ code: 0, stderr: '', verdict: 'NOT COLD: Windows drops no file from memory.' })
    expect(random.map(({ reads, mainThreadFaults, cold }) => [reads, mainThreadFaults, cold])).toEqual(Array(3).fill([50, null, null]))
  })
})

describe('a page that cannot be loaded', () => {
  const folderOfHost = hasHost ? temporaryFolder(__dirname) : undefined

  underWine('is zeros and damage to a load, and an error to a touch', async () => {
    const name = makeFile(folderOfHost, 'lost', SIZE)
    const file = await open(name)
    await cutByHost(name, 0)
    expect((await errorOf(() => file.touch(200_000, 1))).code).toBe('ERR_MAP_TRUNCATED')
    expect(file.damaged).toBe(0)
    const events = new Promise((resolve) => file.once('damage', resolve))
    expect(new Uint8Array(file.buffer)[200_000]).toBe(0)
    expect(file.damaged).toBe(file.pageSize)
    expect(await events).toMatchObject({ offset: 200_000 - 200_000 % file.pageSize })
    await file.close()
  })
})
