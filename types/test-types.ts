// Why: declarations are promises about lib/ that nothing else checks. This is real use that has to compile, through the
// package's own name as a user imports it; each @ts-expect-error is a misuse that has to stay an error. Never executed.

import { open as openHandle } from 'node:fs/promises'
import { closeSync, fstat, open as openDescriptor } from 'node:fs'
import { createHash } from 'node:crypto'
import { subscribe } from 'node:diagnostics_channel'
import { Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'

import * as faultless from 'faultless'
import { attach, configure, map, open, MappedFile, Pool, PROT_READ, PROT_WRITE, MAP_PRIVATE, MAP_SHARED } from 'faultless'
import type {
  Advice, ChunkOptions, FaultlessError, FaultlessErrorCode, MapIntoOptions, MappedFileHandle, MemoryLease, OpenOptions, Pin,
  PinOptions, PoolOptions, Range, ReadStreamOptions, Residency, TouchMessage, WaitOptions, WaitOutcome
} from 'faultless'

export async function everySource(): Promise<MappedFile[]> {
  const handle = await openHandle('data.bin')
  return Promise.all([
    open('data.bin'),
    open('data.bin', 'r'),
    open(pathToFileURL('data.bin'), 'r+'),
    open(Buffer.from('data.bin'), { flags: 'r+', offset: 1, length: 4097, advice: 'random' }),
    open(handle, { pool: new Pool(), freshness: 0 }),
    open('data.bin', { freshness: Infinity }),
    open(handle.fd),
    open('data.bin', { flags: 'w+', size: 4096, reserve: 1 << 20 })
  ])
}

export async function wrongSources(): Promise<void> {
  // @ts-expect-error a source is needed
  await open()
  // @ts-expect-error null is no source
  await open(null)
  // @ts-expect-error 'w' is not a way to map
  await open('data.bin', 'w')
  // @ts-expect-error 'w+' needs a size
  await open('data.bin', 'w+')
  // @ts-expect-error a misspelt option
  await open('data.bin', { lenght: 1 })
  // @ts-expect-error milliseconds, not a text
  await open('data.bin', { freshness: '250 ms' })
  // @ts-expect-error bytes are numbers, not bigints
  await open('data.bin', { offset: 1n })
  // @ts-expect-error made by open() and map() alone
  new MappedFile()
}

export async function zeroCopy(file: MappedFile): Promise<number> {
  const view: Buffer<SharedArrayBuffer> = await file.view(10, 100)
  const rest: Buffer = await file.view()
  const maybe = file.tryView(10, 100)
  // @ts-expect-error it may be undefined
  maybe.length
  if(maybe) createHash('sha256').update(maybe)
  const whole = new Uint8Array(file.buffer, 0, file.byteLength)
  // @ts-expect-error a view is shared memory, which APIs that ask for heap memory refuse
  const heap: Uint8Array<ArrayBuffer> = view
  return view.readUInt32LE(0) + rest.length + whole.length + heap.length
}

export function threads(file: MappedFile): MappedFile {
  const worker = new Worker('worker.js', { workerData: file.handle })
  worker.postMessage(file.handle satisfies MappedFileHandle)
  // @ts-expect-error made by a file alone
  attach({ path: 'data.bin' })
  const path: string | undefined = file.handle.path
  const other = attach(file.handle)
  other.touchSync()
  other.touchSync(1, 2, { onProgress: (touched, total) => touched / total })
  other.touchSync([[0, 1], [2, 3]], { signal: AbortSignal.timeout(1) })
  // @ts-expect-error it has no callback
  other.touchSync(0, 1, () => {})
  return path === undefined ? file : other
}

export async function copies(file: MappedFile): Promise<number> {
  const copy: Buffer<ArrayBuffer> = await file.read(10, 100)
  const ranges: Range[] = [[0, 10], [4096, 1]]
  const [first] = await file.readv(ranges)
  const constant = await file.readv([[0, 10], [4096, 1]] as const)
  file.on('damage', ({ offset, length }) => offset + length)
  await file.refresh()
  await file.flush(0, 4096)
  const piece: ArrayBuffer = await file.slice(8)
  // The AsyncBuffer of hyparquet.
  const asyncBuffer: { byteLength: number, slice(start: number, end?: number): Promise<ArrayBuffer> } = file
  // @ts-expect-error pairs, not a flat list
  await file.readv([0, 10])
  // @ts-expect-error an array of ranges has no end
  await file.readv([[0, 10]], 5)
  return copy.length + (first?.length ?? 0) + constant.length + piece.byteLength + asyncBuffer.byteLength
}

export async function touches(file: MappedFile, signal: AbortSignal): Promise<void> {
  await file.touch()
  await file.touch(4096)
  await file.touch(0, 4096, { signal })
  await file.touch([[0, 10], [8192, 10]], { signal, onProgress: (touched, total) => touched / total })
  const nothing: void = await file.touch(0, 1)
  // @ts-expect-error a touch gives no bytes
  const bytes: Buffer = await file.touch(0, 1)
  // @ts-expect-error the signal, not its controller
  await file.touch(0, 1, { signal: new AbortController() })
  // @ts-expect-error the length comes before the options
  await file.touch(0, { signal })
  return bytes ? nothing : undefined
}

export async function scans(file: MappedFile, signal: AbortSignal): Promise<number> {
  const options: ChunkOptions = { chunkSize: 4096, start: 1, end: 9, readAhead: 0, dropBehind: true, signal }
  let total = 0
  for await (const chunk of file.chunks(options)) {
    const shared: Buffer<SharedArrayBuffer> = chunk
    total += shared.length
  }
  await file.chunks().return()
  const streamOptions: ReadStreamOptions = { highWaterMark: 4096, start: 1, end: Infinity, dropBehind: false, encoding: 'utf8' }
  const stream: Readable = file.createReadStream(streamOptions)
  stream.pipe(process.stdout)
  // @ts-expect-error a stream has a highWaterMark, and chunks a chunkSize
  file.createReadStream({ chunkSize: 4096 })
  // @ts-expect-error and the other way round
  file.chunks({ highWaterMark: 4096 })
  // @ts-expect-error no encoding
  file.createReadStream({ encoding: 'utf-9' })
  // @ts-expect-error an async iterator is no iterator
  for (const chunk of file.chunks()) total += chunk.length
  return total
}

export async function webAssembly(file: MappedFile, signal: AbortSignal): Promise<number> {
  // As lib.dom.d.ts and others declare a WebAssembly.Memory.
  const memory = { buffer: new SharedArrayBuffer(65536) as ArrayBuffer | SharedArrayBuffer, grow: (delta: number) => delta }
  const options: MapIntoOptions = { offset: 0, length: 4096, signal }
  const lease: MemoryLease = await file.mapInto(memory, 0, options)
  await using rest = await file.mapInto(memory)
  file.on('damage', ({ lease: of }) => of === lease)
  // @ts-expect-error the memory, not its buffer
  await file.mapInto(memory.buffer)
  // @ts-expect-error the place in the memory comes before the options
  await file.mapInto(memory, { offset: 0 })
  // @ts-expect-error released by hand, or at the end of `await using`: it takes time
  using early = lease
  const nothing: void = await lease.release()
  if (lease.released) return nothing ?? lease.damaged
  return lease.byteOffset + lease.offset + lease.length + rest.memory.buffer.byteLength + lease.file.byteLength
}

export async function pins(file: MappedFile, signal: AbortSignal): Promise<number> {
  using scoped = await file.pin()
  await using waited = await file.pin(4096)
  const options: PinOptions = { signal }
  const pin: Pin = await file.pin(0, 4096, options)
  const view: Buffer<SharedArrayBuffer> = pin.view
  // @ts-expect-error its view stays
  pin.view = view
  // @ts-expect-error a pin is of one range
  await file.pin([[0, 10]])
  // @ts-expect-error release() takes nothing
  pin.release(0)
  const nothing: void = await pin.release()
  return pin.released ? pin.offset + pin.length + scoped.length + waited.view.length : Number(nothing)
}

export async function changes(file: MappedFile): Promise<number> {
  const written: number = await file.write(0, 'text') + await file.write(4, Buffer.alloc(1))
  await file.write(0, new Float64Array(2))
  await file.write(0, new DataView(new ArrayBuffer(4)))
  await file.write(0, new SharedArrayBuffer(4))
  file.write(0, 'text', (error, count) => { if (!error) count.toFixed() })
  await file.touch(0, 4096, { write: true })
  await file.resize(8192)
  const { writes, writtenBytes } = file.stats
  // @ts-expect-error the offset comes first
  await file.write('text')
  // @ts-expect-error bytes, not numbers
  await file.write(0, [1, 2])
  // @ts-expect-error bytes are numbers, not texts
  await file.resize('8 KiB')
  return written + writes + writtenBytes
}

export function callbacks(file: MappedFile): void {
  file.touch((error) => { if (error) console.error(error.code) })
  file.touch(4096, (error) => { if (error) console.error(error.code) })
  file.touch(0, 4096, (error) => { if (error) console.error(error.code) })
  file.touch([[0, 1]], {}, (error) => { if (error) console.error(error.syscall) })
  file.read(0, 4096, (error, data) => {
    if (error) throw error
    data.toString('latin1')
  })
  file.read((error, data) => { if (!error) data.toString('latin1') })
  file.read(4096, (error, data) => { if (!error) data.toString('latin1') })
  // @ts-expect-error with a callback there is no promise
  file.read(0, 4096, () => {}).then(() => {})
  // @ts-expect-error with a callback alone neither
  file.read(() => {}).then(() => {})
  // @ts-expect-error options come after the length, also before a callback
  file.touch(0, {}, () => {})
}

export async function advice(file: MappedFile): Promise<number | null> {
  const names: Advice[] = ['normal', 'random', 'sequential', 'willneed', 'dontneed', 'cold', 'pageout', 'hugepage']
  for(const name of names) await file.advise(name, 0, 4096)
  // @ts-expect-error the names are lower case, without MADV_
  await file.advise('MADV_RANDOM')
  await file.evict()
  const { pageSize, pages, resident, bitmap }: Residency = await file.residency(0, 1 << 20)
  // @ts-expect-error the kernel may not say
  resident.toFixed()
  return resident === null ? pages * pageSize : bitmap[0] ?? null
}

export async function processes(file: MappedFile, signal: AbortSignal): Promise<number> {
  const options: WaitOptions = { signal, timeout: 0.5 }
  const outcome: WaitOutcome = await file.wait(4, 0, options)
  // @ts-expect-error it is 'timed-out'
  if (outcome === 'timeout') return 0
  // @ts-expect-error words have 32 bits
  await file.wait(8, 0n)
  // @ts-expect-error the timeout is an option
  await file.wait(4, 0, 1000)
  const woken = file.notify(4, Infinity)
  // @ts-expect-error it may be undefined
  woken.toFixed()
  return file.notify(4) ?? 0
}

export async function life(): Promise<boolean> {
  await using scoped = await open('data.bin')
  const file = await open('data.bin')
  file.once('close', () => console.log('closed', file.path?.length, file.flags, file.pageSize))
  // @ts-expect-error no such event
  file.on('closed', () => {})
  // @ts-expect-error properties are read-only
  file.byteLength = 0
  // @ts-expect-error the descriptor is the core's own
  file.fd
  const { touches, touchedBytes, reads, readBytes, views, copyOnWrite, hits, misses, damaged, majorFaults } = file.stats
  await file.close()
  return file.closed && copyOnWrite && touches + touchedBytes + reads + readBytes + views + hits + misses + damaged + majorFaults + scoped.byteLength > 0
}

export async function pools(): Promise<number> {
  const options: PoolOptions = {
    minThreads: 0,
    maxThreads: 4,
    idleTimeout: 1000,
    maxQueue: 1024,
    resourceLimits: { maxOldGenerationSizeMb: 16 },
    spin: 50,
    sliceSize: 8 << 20
  }
  configure({ maxThreads: 2 })
  const pool = new Pool(options)
  pool.on('drain', () => {}).on('error', (error) => error.message)
  const openOptions: OpenOptions = { pool }
  await using file = await open('data.bin', openOptions)
  // @ts-expect-error piscina's name is idleTimeout
  new Pool({ idleTimeoutMs: 1 })
  // @ts-expect-error a pool is not its options
  await open('data.bin', { pool: options })
  const { threads, idle, inFlight, queued, completed, failed, slices, started, died, waitNs, runNs, deliveryNs } = pool.stats
  const slow: number = waitNs.percentile(99) + runNs.max + deliveryNs.mean + pool.stats.touchedBytes + pool.stats.majorFaults
  runNs.reset()
  subscribe('faultless:touch:end', (message) => {
    const { kind, path, waitMs } = message as TouchMessage
    // @ts-expect-error there may be no path
    path.length
    return kind === 'touch' && waitMs !== undefined
  })
  await pool.close()
  await pool.destroy()
  return threads + idle + inFlight + completed + failed + slices + started + died + queued + slow + file.byteLength
}

export async function errors(): Promise<string> {
  // @ts-expect-error not a code
  const wrong: FaultlessErrorCode = 'ERR_MAP_TRUNCATE'
  try {
    await open('data.bin')
  } catch (thrown) {
    const error = thrown as FaultlessError
    if (error.code === 'ERR_MAP_TRUNCATED' || error.code === 'ERR_POOL_QUEUE_FULL') return error.code
    if (error.code === 'ERR_MAP_PIN_LIMIT') console.error(error.limit, error.locked, error.pinned, error.howToRaise)
    if (error.code === 'ENOENT') console.error(error.syscall, error.path, error.errno)
  }
  return wrong
}

// The call of node-mmap.
export function nodeMmap(): void {
  const mmap = faultless
  openDescriptor('/path/to/file', 'r', function (_, fd) {
    fstat(fd, function (_, stats) {
      const mapped = mmap.map(stats.size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
      closeSync(fd)
      mapped.read(0, 16, function (error, data) { if (!error) console.log(data.length) })
    })
  })
  const file: MappedFile = map(4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0)
  // @ts-expect-error map() is synchronous
  file.then(() => {})
  // @ts-expect-error a descriptor is needed
  map(4096, PROT_READ, MAP_PRIVATE)
}
