// Why: the public API, with what a type alone cannot say (units, ranges, error codes, threads) where an editor shows
// it. Written by hand, and compiled against real use in types/test-types.ts. docs/api.md is made of it by `npm run docs`
// (scripts/reference.js); `@thread` is a tag of our own. Needs TypeScript 5.7 and @types/node.

/// <reference types="node" />

/**
 * Every export, method, property, option, event and error code of faultless, as they are implemented. Which of them to use
 * for what is in [choosing.md](../docs/choosing.md); what can go wrong and what to do about it is in
 * [safety.md](../docs/safety.md); how it works is in [internals.md](../docs/internals.md).
 *
 * Offsets, lengths and sizes are bytes, given as safe integers; they need not be page-aligned. Where an option is
 * `undefined`, its default holds. What is not named here is not part of the API, also where an object has it. The
 * declarations, `types/index.d.ts`, need TypeScript 5.7 or newer and `@types/node`.
 *
 * @packageDocumentation
 * @example
 * ```js
 * const { open, map, attach, configure, Pool, MappedFile } = require('faultless')
 * const { PROT_READ, PROT_WRITE, MAP_SHARED, MAP_PRIVATE } = require('faultless')
 * ```
 *
 * ```mjs
 * import { open, map, attach, configure, Pool, MappedFile } from 'faultless'
 * ```
 */

import { EventEmitter } from 'node:events'
import { FileHandle } from 'node:fs/promises'
import { RecordableHistogram } from 'node:perf_hooks'
import { Readable } from 'node:stream'
import { ResourceLimits } from 'node:worker_threads'

// `options` is `& object` since a string has a `length` as well, and any string would pass for options.
/**
 * Opens and maps a file. Nothing of its content is read: that is what {@link MappedFile.touch}, {@link MappedFile.view}
 * and {@link MappedFile.read} do, on the threads of a pool. An empty file gives an empty mapping, which is no error.
 *
 * @param source - A path, a `file:` URL, a path as Buffer, a descriptor, or a FileHandle. The mapping keeps a duplicate of a
 *   descriptor: the caller keeps its own, and may close it as soon as the promise resolves.
 * @param options - How to open it; a string is short for `{ flags }`. With `'w+'` an object is needed, for its `size`.
 * @thread One of libuv opens a path, or the calling one where nobody is to be waited for: with `'r'` on Linux 6.8 and newer, a
 *   path that the kernel has in memory, on ext4, XFS, Btrfs or tmpfs. Mapping takes microseconds on the calling one; a pool's
 *   does what `'w+'` and `advice` ask.
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` or `ERR_OUT_OF_RANGE` for a bad argument or option, or a range
 *   that leaves the file.
 * @throws The system's errors, with `code`, `errno`, `syscall` and, for a path, `path`: `ENOENT`, `EACCES`, `EISDIR` (a
 *   directory), `ENODEV` or `EIO` (what cannot be mapped: pipes, devices, files in `/proc`), `EBADF`, `EMFILE`, `ENOMEM`
 *   (no address space left), `ENOTSUP` (`advice` that the system does not know, or a buffer that Node.js refuses to make), and
 *   others. Those of Node.js where it says no by itself: `ERR_INVALID_URL_SCHEME` and others of URLs, `ERR_ACCESS_DENIED`.
 * @throws `ERR_MAP_UNSUPPORTED` on runtimes that make no SharedArrayBuffer over memory that they are given, as Deno and
 *   Electron: where `offset` is no multiple of {@link MappedFile.pageSize}, or the buffer would be larger than theirs may be.
 *   See [safety.md](../docs/safety.md#runtimes-that-have-a-memory-of-their-own).
 * @example
 * ```js
 * const { open } = require('faultless')
 *
 * async function main() {
 *   const file = await open('data.bin')
 *   console.log(file.byteLength, file.path)
 *   await file.close()
 * }
 *
 * main()
 * ```
 */
export function open(source: Source, options?: Exclude<OpenFlags, 'w+'> | (OpenOptions & object)): Promise<MappedFile>

/**
 * The call of node-mmap: maps a part of an open file for the default pool, synchronously. Mapping reads nothing, so it
 * takes microseconds whatever the size; reading stays asynchronous, as with {@link open}.
 *
 * Stores reach the file with `MAP_SHARED` and `PROT_WRITE` together; `file.flags` is then `'r+'`, and the descriptor must
 * be open for reading and writing. With anything else `file.flags` is `'r'` and stores stay private.
 *
 * @param size - Bytes to map, from 0. May reach past the end of the file: touching what lies there rejects with
 *   `ERR_MAP_TRUNCATED`.
 * @param prot - {@link PROT_READ}, {@link PROT_WRITE}, or both with `|`.
 * @param flags - {@link MAP_SHARED} or {@link MAP_PRIVATE}.
 * @param fd - An open descriptor; it is duplicated, so the caller may close it after the call.
 * @param offset - Bytes into the file, from 0, by default 0; need not be page-aligned, unlike for mmap(2).
 * @thread The calling one. It waits for no device, but may for the server of a network file system.
 * @throws What {@link open} rejects with, `ERR_MAP_UNSUPPORTED` among it, at once; but no range is checked against the file's
 *   size, and errors have no `path`.
 * @example
 * ```js
 * const fs = require('node:fs')
 * const { map, PROT_READ, MAP_SHARED } = require('faultless')
 *
 * const fd = fs.openSync('data.bin')
 * const file = map(fs.fstatSync(fd).size, PROT_READ, MAP_SHARED, fd)
 * fs.closeSync(fd)
 * file.read(0, 16, (error, data) => {
 *   if (error) throw error
 *   console.log(data)
 * })
 * ```
 */
export function map(size: number, prot: number, flags: number, fd: number, offset?: number): MappedFile

/**
 * Makes a file of another one's {@link MappedFile.handle}, in any thread of the process: the same memory, the same
 * knowledge of what is resident and the same pool, with requests, events, `stats` and a life of its own. How to use it is
 * in [sharing.md](../docs/sharing.md).
 *
 * - Attaching starts no threads, and makes no default pool. Requests of all threads go to the one pool by turns, eight short
 *   ones of each at a time: a thread that asks for ten thousand ranges delays another's single one by no more than that.
 *   A pool serves up to 128 JavaScript threads.
 * - `byteLength` is each handle's own: at first what was found last, in whatever thread; later it follows this handle's
 *   `resize` and {@link MappedFile.refresh}. What another thread has cut off rejects with `ERR_MAP_TRUNCATED` until then.
 * - Writes of several threads to one place land in any order.
 * - Whoever attaches calls {@link MappedFile.close} for itself. The mapping is closed with the last one.
 * - Threads may end in any order, also by `worker.terminate()`. Pool threads end with the thread that has started them, and
 *   others are started where they are missed; requests that they had in hand are taken over some 20 ms later.
 *
 * @param handle - What `file.handle` gave, as it arrived in this thread.
 * @thread The calling one; it waits for nothing.
 * @throws `ERR_MAP_CLOSED` when the file was closed meanwhile; `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` or
 *   `ERR_OUT_OF_RANGE` for what is no handle of this process.
 */
export function attach(handle: MappedFileHandle): MappedFile

/** For {@link map}: the file's bytes may be read. 1, as for mmap(2) on Linux. */
export const PROT_READ: number
/** For {@link map}: stores into the buffer are meant. Together with {@link MAP_SHARED} they reach the file. 2. */
export const PROT_WRITE: number
/** For {@link map}: the mapping and the file are one. 1. */
export const MAP_SHARED: number
/** For {@link map}: stores stay in this process. 2. */
export const MAP_PRIVATE: number

/**
 * Sets the options of the default pool, which serves every file that was opened without a pool of its own. Each JavaScript
 * thread that loads faultless has a default pool of its own. The first {@link open} or {@link map} that names no pool settles
 * what its options are; `configure` comes before that. It is made when it first has something to do.
 *
 * Called again it replaces what the call before has set.
 *
 * Options win over the environment variables `FAULTLESS_MIN_THREADS` and `FAULTLESS_MAX_THREADS` (whole numbers, for
 * default pools only), and these win over the defaults. A bad value in the environment is thrown or rejected by the call
 * that first needs it.
 *
 * @param options - As for a {@link Pool}.
 * @thread The calling one; it starts none.
 * @throws `ERR_POOL_IN_USE` after `open` or `map` was called for the default pool, also in vain; `ERR_INVALID_ARG_TYPE`,
 *   `ERR_INVALID_ARG_VALUE` or `ERR_OUT_OF_RANGE` for a bad option.
 * @example
 * ```js
 * const { configure, open } = require('faultless')
 *
 * configure({ maxThreads: 8 })
 * open('data.bin').then((file) => file.close())
 * ```
 */
export function configure(options: PoolOptions): void

/** What {@link open} takes: a path, a `file:` URL, a path as Buffer, a descriptor, or a FileHandle. */
export type Source = string | URL | Buffer | number | FileHandle

/** How a file is opened, and where stores into its memory go. */
export type OpenFlags =
  /** A store into the memory makes a private copy of its page and never reaches the file. */
  | 'r'
  /** Stores reach the file, which is opened for reading and writing. */
  | 'r+'
  /**
   * The same with a new file. It is made, with the mode 0666 less the umask, or truncated; given {@link OpenOptions.size}
   * bytes, all zeros; and its blocks are allocated, so that no store finds the disk full later. Needs a path: a descriptor
   * is `ERR_INVALID_ARG_VALUE`. When the disk has not so much room, `open` rejects with `ENOSPC` and an empty file is left.
   */
  | 'w+'

/** What {@link MappedFile.write} takes; a string is written as UTF-8. */
export type Data = string | NodeJS.ArrayBufferView | ArrayBuffer | SharedArrayBuffer

/** How a range will be used; the names of madvise(2), in lower case. */
export type Advice =
  /**
   * The default of the system: a page fault also reads what lies around the page. So does a touch, or a slice of one, of up to
   * 128 KiB: it reads the whole blocks of 128 KiB of the file that it reaches into; unless `'hugepage'` was advised as well.
   */
  | 'normal'
  /** A page fault reads its page alone, and a touch its range. So every mapping starts here. */
  | 'random'
  /** A page fault reads far ahead, and a touch the 256 KiB that follow its range; unless `'hugepage'` was advised as well. */
  | 'sequential'
  /** Start reading now, wait for nothing. */
  | 'willneed'
  /** Take the pages out of this mapping, not out of the page cache; drops private copies, on Windows of the whole file alone. */
  | 'dontneed'
  /** The first to be evicted when memory is short. */
  | 'cold'
  /** Evict now. */
  | 'pageout'
  /**
   * Use huge pages, where the file system can. Long touches of the file then read it by 2 MiB, for a fifth of the
   * processor's time (0.3 s and not 1.6 s for 4 GiB). But a virtual machine that gives free memory back to its host has
   * to get such pages back at the first load of each, which may cost several times what was saved.
   */
  | 'hugepage'

/**
 * A range: `[offset, length]`, both in bytes and within the mapping. Where TypeScript is to see that an array is one, as in
 * `numbers.map((number) => [number * 64, 64] as const)`, it has to be told.
 */
export type Range = readonly [offset: number, length: number]

/**
 * What `read`, `write` and `touch` also take as the last argument, after any of the arguments before it:
 * `read(callback)`, `read(offset, length, callback)`, `write(offset, data, callback)`, `touch(ranges, options, callback)`.
 * They then return `undefined` and call it once, in a later tick, on the calling thread, with `error` null when it
 * succeeded; bad arguments come this way as well. `touch` has no `data`, and that of `write` is the number of bytes. What
 * it throws is an uncaught exception.
 */
export type Callback<T> = (error: NodeJS.ErrnoException | null, data: T) => void

/** What {@link open} takes. */
export interface OpenOptions {
  /** How to open it. @defaultValue `'r'` */
  flags?: OpenFlags | undefined
  /** The first byte of the file to map: 0 to the file's size. @defaultValue 0 */
  offset?: number | undefined
  /**
   * Bytes to map: 0 to the file's size less `offset`. {@link MappedFile.byteLength} then stays so, whatever becomes of the
   * file.
   * @defaultValue to the end of the file
   */
  length?: number | undefined
  /** Bytes of the file, from 0: with the flags `'w+'`, where it is required, and only with them. */
  size?: number | undefined
  /**
   * Bytes that {@link MappedFile.buffer} has at least, from 0. Not together with `length`.
   *
   * A SharedArrayBuffer cannot grow. So the buffer has `reserve` bytes from the beginning, if that is more than the file
   * has, and {@link MappedFile.byteLength} says how many of them are the file's. When the file grows, by
   * {@link MappedFile.resize} or by others, which {@link MappedFile.refresh} notices, `byteLength` grows with it, and the
   * buffer stays as it is. Reserve takes address space and next to no memory; 64 GiB of it are fine.
   *
   * A file that outgrows its buffer gets another one. Views that are held of the former show the same file, but for stray
   * stores of `'r'`, which stay where they were made; and its pages are entered in the page table once more. Threads that
   * {@link attach} the file keep the former until they call `refresh` themselves, and have the same memory again then, but each
   * by a buffer of its own: `Atomics.notify` by way of one wakes nobody who waits by way of the other. Where that matters,
   * reserve; or use {@link MappedFile.wait}.
   *
   * Ranges beyond `byteLength` are `ERR_OUT_OF_RANGE`. A load from the buffer there gives zeros, and counts as
   * [damage](../docs/safety.md#the-file-shrinks) until the file has grown; what is stored there is lost. In the page in which
   * the file ends, stores past its end may show when it grows: store nothing there.
   *
   * @defaultValue 0
   * @example
   * ```mjs
   * import { open } from 'faultless'
   *
   * const log = await open('log.bin', { flags: 'w+', size: 0, reserve: 1 << 30 })
   * for (const line of ['one\n', 'two\n']) {
   *   const end = log.byteLength
   *   await log.resize(end + line.length)
   *   await log.write(end, line)
   * }
   * console.log(log.byteLength, log.buffer.byteLength) // 8 1073741824
   * await log.close()
   * ```
   */
  reserve?: number | undefined
  /**
   * Advice for the whole mapping, given before `open` resolves. By default both small and large touches read what they
   * need, and no more.
   * @defaultValue see {@link MappedFile.advise}
   */
  advice?: Advice | undefined
  /** The pool whose threads take this file's page faults. @defaultValue the thread's default pool */
  pool?: Pool | undefined
  /**
   * For how many milliseconds at most `tryView`, `view` and `touch` believe what they know of pages without asking: a whole
   * number from 0, or `Infinity`.
   *
   * faultless remembers which pages are in memory: touches and answers of the kernel tell it, and of what is in use a
   * thread of the core asks the kernel again, about twice in this time. `tryView`, `view` and `touch` of a range that is
   * known to be resident make no system call and go to no thread. What is remembered is not believed for longer than this,
   * so an eviction by the kernel or by another process is noticed after that at the latest; one by {@link MappedFile.evict}
   * or `advise('pageout')` is known at once.
   *
   * - A small value finds evictions sooner, and costs more of that thread's time: never more than a tenth of one
   *   processor for the asking, so for GiBs in use it may come later than you ask for.
   * - 0 believes nothing but {@link MappedFile.pin | pins}: `tryView` asks the kernel at each call, `view` and `touch` go to
   *   the pool.
   * - `Infinity` always believes: for files that stay in memory, or where a fault does no harm, and that nobody cuts off. A
   *   cut through a page that held zeros before it may stay unseen by `tryView`, `view` and `touch`.
   *
   * What a belief can cost that has become wrong is in [safety.md](../docs/safety.md#eviction-between-touch-and-use). When
   * nobody has looked for some multiples of this time, nothing is asked any more, and the next look asks the kernel first.
   *
   * @defaultValue 50
   * @example
   * ```js
   * const { open } = require('faultless')
   *
   * async function main() {
   *   const file = await open('data.bin', { freshness: 1000 })
   *   await file.touch()
   *   console.log(file.tryView(0, 4096).length) // no system call was made
   *   await file.close()
   * }
   *
   * main()
   * ```
   */
  freshness?: number | undefined
}

/** What {@link MappedFile.wait} takes. */
export interface WaitOptions {
  /** Ends the wait: the promise rejects with an `AbortError`, unless a notification came first. */
  signal?: AbortSignal | undefined
  /**
   * Milliseconds from 0, whole or not, after which the wait ends; 0 tells whether the word holds what is expected.
   * @defaultValue `Infinity`
   */
  timeout?: number | undefined
}

/** How a {@link MappedFile.wait | wait} has ended. */
export type WaitOutcome =
  /** The word was notified, or may have been. */
  | 'ok'
  /**
   * The time is over, and it held what was expected, as often as somebody looked: where its page has to be read first, nobody
   * does before that is there. With a `timeout` of 0 that is waited for.
   */
  | 'timed-out'
  /**
   * It held something else when it was first looked at. That is some time after the call, for the first wait of a process some ms:
   * a word that changes just after the call may give this or `'ok'`.
   */
  | 'not-equal'

/** What {@link MappedFile.touch} and {@link MappedFile.touchSync} take. */
export interface TouchOptions {
  /**
   * Gives up: the promise rejects at once, with an `AbortError` whose `cause` is the signal's reason. The pool stops between
   * two slices, and what is resident by then stays resident.
   */
  signal?: AbortSignal | undefined
  /**
   * Called on the calling thread as slices end, or steps of such, with bytes of all ranges. Several slices may come in one call; when all is
   * touched, the last call has `touched === total`. Not called for empty ranges. If it throws, the promise rejects with that.
   */
  onProgress?: ((touched: number, total: number) => void) | undefined
  /**
   * Makes the pages writable as well, so that a store to them is no page fault, neither major nor minor, until the kernel
   * has written them back; and allocates blocks where the file has holes. For `'r+'` and `'w+'` alone: else
   * `ERR_MAP_READ_ONLY`. A disk that is full is `ENOSPC`. The pages count as changed, and are written to the device sooner or
   * later.
   * @defaultValue `false`
   */
  write?: boolean | undefined
}

/** What {@link MappedFile.pin} takes. */
export interface PinOptions {
  /**
   * Gives up: the promise rejects at once, with an `AbortError` whose `cause` is the signal's reason; what was locked is
   * unlocked soon after.
   */
  signal?: AbortSignal | undefined
}

/**
 * A range that the kernel may not evict, made by {@link MappedFile.pin}. It holds until it is released, until the file is
 * closed, or until the thread that made it ends. As a last resort the garbage collector ends it, when neither the file, the
 * pin nor its {@link view} can be reached any more (parts of the view do not count). Do not count on that: it may come late.
 */
export interface Pin {
  /**
   * A zero-copy Buffer over the range; loads from it cause no page fault while the pin holds. The same object every time.
   * Zeros after the file's `close`.
   */
  readonly view: Buffer<SharedArrayBuffer>
  /** Bytes from the start of the mapping, as given. */
  readonly offset: number
  /** Bytes, as given; pages are locked whole. */
  readonly length: number
  /** True from the first call of {@link release}, or of the file's `close`. */
  readonly released: boolean
  /**
   * Lets go. Resolves when pages that no other pin holds are unlocked; further calls give the same promise. The view stays
   * valid, but can fault again.
   *
   * @thread A pool's; a large range is unlocked slice by slice.
   * @throws Never.
   */
  release(): Promise<void>
  /** `release()` without waiting for it, for `using pin = await file.pin(…)` (Node 24 and later, and TypeScript). */
  [Symbol.dispose](): void
  /** `release()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * What both ways to scan a file take: {@link MappedFile.chunks} and {@link MappedFile.createReadStream}.
 *
 * **Reading ahead** starts with 2 MiB, and doubles each time that you have to wait for a chunk, up to `readAhead`. So a
 * consumer that is slower than the device keeps it small, and one that stops asking has at most that much read. A chunk
 * itself may be larger. A scan has at most 4 requests of the pool pending for that, so that random touches of the same
 * file come through; with `dropBehind` one more. They are of 1 to 4 MiB each, the more the faster the device answers; while
 * this thread has asked the pool for anything else there are 2, of 1 MiB, which they are not of a file that is read in blocks
 * (`'hugepage'`).
 *
 * **Dropping behind** is for scans of what is larger than memory: see {@link MappedFile.evict} for what that drops and what
 * not. Of `chunks` a chunk is dropped at the earliest when the chunk after the next is asked for, so the one before the
 * chunk in your hand is still resident; the last one stays. Of `createReadStream` the last 4 chunks, and no less than
 * 8 MiB, are kept, since stages of a pipeline hold chunks in their buffers. Eviction goes in steps of 4 MiB, and reading
 * waits for it when 16 MiB are left to drop. A chunk that you hold longer stays valid, and shows the same bytes; but a load
 * from it may be a major page fault on your thread, and stores into it are lost with `'r'`. Whoever else uses the range, be
 * it another scan, finds it gone as well. Where the kernel fails to write dirty pages back, the scan fails with that error.
 */
export interface ScanOptions {
  /** The first byte: 0 to `byteLength`. @defaultValue 0 */
  start?: number | undefined
  /**
   * Bytes beyond the chunk in the consumer's hand that are read ahead at most, from 0. With 0, each chunk is touched when
   * it is asked for.
   * @defaultValue 16777216
   */
  readAhead?: number | undefined
  /** Evicts what was passed. @defaultValue `false` */
  dropBehind?: boolean | undefined
  /** Gives the scan up, also while a chunk is waited for: an `AbortError` whose `cause` is the signal's reason. */
  signal?: AbortSignal | undefined
}

/** What {@link MappedFile.chunks} takes, with all of {@link ScanOptions}. */
export interface ChunkOptions extends ScanOptions {
  /** The byte after the last: EXCLUSIVE, as for `slice`. `start` to `byteLength`. @defaultValue `byteLength` */
  end?: number | undefined
  /**
   * Bytes of a chunk, from 1 to `buffer.constants.MAX_LENGTH`; need not be page-aligned. The last may be shorter.
   * @defaultValue 1048576
   */
  chunkSize?: number | undefined
}

/** What {@link MappedFile.createReadStream} takes, with all of {@link ScanOptions}. */
export interface ReadStreamOptions extends ScanOptions {
  /**
   * The last byte: INCLUSIVE, as for `fs.createReadStream`. `start` to `byteLength - 1`, or `Infinity` for the end of the
   * mapping. Where `start` is `byteLength`, also `start`: nothing comes then.
   * @defaultValue `Infinity`
   */
  end?: number | undefined
  /**
   * Bytes of a chunk, from 1 to `buffer.constants.MAX_LENGTH`; the last may be shorter. The stream's buffer holds as many.
   * @defaultValue 1048576
   */
  highWaterMark?: number | undefined
  /**
   * The stream gives strings in it, as `setEncoding` has it: a character that two chunks share comes whole. Strings are copies,
   * decoded on the calling thread. `null`: Buffers.
   * @defaultValue `null`
   */
  encoding?: BufferEncoding | null | undefined
}

/** What {@link MappedFile.mapInto} takes. */
export interface MapIntoOptions {
  /**
   * The first byte of the mapping that is laid, from 0. It must lie on a page boundary of the file: be a multiple of
   * `pageSize`, unless the mapping itself starts within a page.
   * @defaultValue 0
   */
  offset?: number | undefined
  /**
   * Bytes, from 0: a multiple of `pageSize`, unless the range ends where the mapping does. Then the rest of its last page
   * shows zeros past the end of the file, or what the file has after the mapping.
   * @defaultValue all that follows `offset`
   */
  length?: number | undefined
  /** Gives up between two slices: the promise rejects with an `AbortError` when the memory is the caller's again. */
  signal?: AbortSignal | undefined
}

/**
 * What {@link MappedFile.mapInto} takes for a memory: what has `buffer` and `grow` as a `WebAssembly.Memory` has them, so that
 * no declarations of the DOM are needed. When it runs, nothing but a real one passes.
 */
export interface WasmMemory {
  /** Its bytes. */
  readonly buffer: ArrayBufferLike
  /**
   * Makes it larger by so many pages of WebAssembly.
   *
   * @thread The calling one.
   * @throws As `WebAssembly.Memory` does.
   */
  grow(delta: number): number
}

/**
 * Pages of a file in the memory of a WebAssembly instance, from {@link MappedFile.mapInto} until `release()`, the file's
 * `close()`, or the end of the thread that made it. It is never collected, and holds its file and its memory.
 */
export interface MemoryLease {
  /** Whose pages they are. */
  readonly file: MappedFile
  /** The memory that was given. */
  readonly memory: WasmMemory
  /** The first byte of the memory that shows the file. */
  readonly byteOffset: number
  /** The byte of the mapping that is there. */
  readonly offset: number
  /** Bytes that were asked for. */
  readonly length: number
  /** Whether `release()` was called. */
  readonly released: boolean
  /**
   * Bytes of the memory, in whole pages, that turned into zeros since the file shrank or its device failed. Look at it after
   * a scan: if it is not 0, zeros may have been taken for data. It stays after the release.
   */
  readonly damaged: number
  /**
   * Takes the pages away. Resolves when zeros are there instead: **do not use that part of the memory before**. It can be
   * used and laid over again then. A second call waits for the first.
   *
   * @thread A pool's.
   * @throws `ENOMEM` where the system has no room left for a mapping; then the pages stay, and it can be called again.
   */
  release(): Promise<void>
  /** `release()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** What {@link MappedFile.residency} resolves with. */
export interface Residency {
  /** Bytes in a page. */
  pageSize: number
  /** Pages that the range lies on, the first and the last counted whole. */
  pages: number
  /**
   * How many of them are in memory. `null` where the kernel will not say: since Linux 5.2 it tells only those who own
   * the file or may write to it.
   */
  resident: number | null
  /**
   * One byte a page: 1 when it is in memory, otherwise 0; all zeros where `resident` is `null`. A copy: it does not change
   * afterwards.
   */
  bitmap: Uint8Array
}

declare const handleBrand: unique symbol

/**
 * What {@link attach} takes: a plain object that can be posted, in `workerData`, in messages of `worker_threads`, in a
 * BroadcastChannel. But for `path`, the file's, its fields are not for use. It is of no use in other processes, and cannot be
 * sent to them. While a handle is held or on its way, and in `workerData` until that worker ends, the mapping is not
 * collected; it may well be closed.
 */
export type MappedFileHandle = { readonly path: string | undefined } & { readonly [handleBrand]: true }

/** What a file did so far, by this handle. */
export interface FileStats {
  /** Ranges that `touch`, `touchSync` and `view` were asked for, and those that scans have read ahead. */
  touches: number
  /** Bytes in these ranges. */
  touchedBytes: number
  /** Ranges that `read`, `readv` and `slice` were asked for. */
  reads: number
  /** Bytes in these ranges. */
  readBytes: number
  /** Calls of `write` that have succeeded. */
  writes: number
  /** Bytes that they have written. */
  writtenBytes: number
  /** Buffers handed out by `view`, `tryView`, scans and pins. */
  views: number
  /** Calls of `touch`, `view` and `tryView` that found the range known to be resident, and asked no thread. */
  hits: number
  /** Those that did not; touches of lists, for writing or with `onProgress` do not look, and count as neither. */
  misses: number
  /** Bytes that are zeros since a load met lost pages: as {@link MappedFile.damaged}. */
  damaged: number
  /** Major page faults of the calling thread since it began, whatever caused them; 0 on Windows, which does not count them by thread. */
  majorFaults: number
  /**
   * True when a store into the buffer makes a private copy of its page instead of changing the file. False for `'r+'`; false
   * for `'r'` where the system grants no copy-on-write, and then a store kills the process: see
   * [stray stores](../docs/safety.md#stray-stores).
   */
  copyOnWrite: boolean
}

/**
 * A mapped file, made by {@link open}, {@link map} and {@link attach}, never by `new`; the class is there for `instanceof`. It
 * is an EventEmitter: see {@link MappedFileEvents}.
 *
 * Every `offset` is in bytes from the start of the mapping, and every `length` in bytes. `offset` defaults to 0 and `length`
 * to all that follows. A range must lie within the mapping; one of length 0 is valid everywhere and needs no thread.
 *
 * What returns a promise works on a thread of the pool, `touch` and `view` only where the range is not
 * {@link OpenOptions.freshness | known} to be resident. A promise rejects, also for bad arguments, with
 *
 * - `ERR_MAP_CLOSED` after {@link close}, also for what was pending then;
 * - `ERR_OUT_OF_RANGE`, `ERR_INVALID_ARG_TYPE` or `ERR_INVALID_ARG_VALUE` for a bad offset, length, range or option;
 * - `ERR_POOL_QUEUE_FULL`, `ERR_POOL_CLOSED`, `ERR_POOL_TOO_MANY_THREADS` or `ERR_POOL_THREAD_FAILED` from the pool.
 *
 * What a method rejects with besides these is said at the method. A request that is pending keeps the process alive, and
 * its file with it. Operations of the pool may run in any order, and at the same time as loads from the memory.
 */
export class MappedFile extends EventEmitter<MappedFileEvents> {
  private constructor()

  /**
   * The mapped memory itself. A load from a page that is not resident stops the thread until the device answers: touch
   * first, or take a {@link view}. Longer than {@link byteLength} with {@link OpenOptions.reserve}, and where the file has
   * been cut, or has outgrown its first one: there it reads as zeros, and what is stored there is lost. It is one buffer in
   * all threads that {@link attach} the file, so `Atomics` work across them, as long as it does not outgrow that
   * ({@link OpenOptions.reserve}).
   *
   * Another one once {@link resize} or {@link refresh} has found the file to reach past its end: ask for it anew after these.
   * The former stays mapped until the file is closed, with a descriptor of its own; a page that is lost there and here counts
   * twice as damage, and one that is pinned there and here twice against the limit of locked memory. So that there are never many, each has room for twice as much as the one before, if the system has that.
   */
  readonly buffer: SharedArrayBuffer
  /**
   * Bytes of the file that are mapped. {@link resize} and {@link refresh} set it to what the file has from `offset` on,
   * unless a `length` was given; else it stays, also when the file is closed.
   */
  readonly byteLength: number
  /** The path it was opened by, as a string; `undefined` for a descriptor or a FileHandle. */
  readonly path: string | undefined
  /** Bytes in a page of memory. */
  readonly pageSize: number
  /** How it was opened: stores reach the file for `'r+'` and `'w+'`. */
  readonly flags: OpenFlags
  /**
   * What {@link attach} takes in another thread; a new object each time. Throws `ERR_MAP_CLOSED` after {@link close}. Taking
   * one starts the `minThreads` of the pool in the thread that takes it, since they last as long as that.
   */
  readonly handle: MappedFileHandle
  /** True from the first call of {@link close} on this handle. */
  readonly closed: boolean
  /**
   * Bytes, in whole pages, that became zeros when a load met them after the file had shrunk or while its device failed; see
   * [safety.md](../docs/safety.md#the-file-shrinks). Operations on them reject with `ERR_MAP_TRUNCATED` or `ERR_MAP_IO`.
   */
  readonly damaged: number
  /** What this handle did so far; a new object each time. */
  readonly stats: FileStats

  /**
   * Makes the pages of a range, or of all ranges of a list, resident, and enters them in the page table. Loads from there
   * then cause no major page fault, for as long as the kernel does not evict the pages. One call is one request with one
   * promise, however many ranges it has; the device sees them at once, and ranges that touch or overlap are read as one.
   *
   * A touch of one range of at most 64 pages that is {@link OpenOptions.freshness | known} to be resident, and that has neither
   * `onProgress` nor `write: true`, does nothing. The page may be missing in the page table of the process then, as with {@link tryView}.
   *
   * @thread A pool's, or none where such a range is known to be resident.
   * @throws `ERR_MAP_TRUNCATED` where the file no longer reaches to the end of a range, `ERR_MAP_IO` where the device failed,
   *   and an `AbortError` (`code` `'ABORT_ERR'`). The first range that fails rejects the whole; the others may or may not be
   *   resident then.
   * @example
   * ```mjs
   * import { open } from 'faultless'
   *
   * const file = await open('data.bin')
   * await file.touch([[0, 4096], [65536, 100]])
   * console.log(file.buffer.byteLength, new Uint8Array(file.buffer)[65536])
   * await file.close()
   * ```
   */
  touch(offset?: number, length?: number, options?: TouchOptions): Promise<void>
  /** A list of ranges is an array of {@link Range}. */
  touch(ranges: readonly Range[], options?: TouchOptions): Promise<void>
  /** With a {@link Callback}, nothing is returned. */
  touch(callback: Callback<undefined>): void
  /** With a {@link Callback}, nothing is returned. */
  touch(offset: number, callback: Callback<undefined>): void
  /** With a {@link Callback}, nothing is returned. */
  touch(offset: number, length: number, callback: Callback<undefined>): void
  /** With a {@link Callback}, nothing is returned. */
  touch(offset: number, length: number, options: TouchOptions, callback: Callback<undefined>): void
  /** With a {@link Callback}, nothing is returned. */
  touch(ranges: readonly Range[], callback: Callback<undefined>): void
  /** With a {@link Callback}, nothing is returned. */
  touch(ranges: readonly Range[], options: TouchOptions, callback: Callback<undefined>): void

  /**
   * What {@link touch} does, without the pool: for worker threads that may wait. It works after the pool was closed as well.
   *
   * @thread The calling one, which waits for the device; not the main thread, whose event loop is not to wait.
   * @throws `ERR_MAP_MAIN_THREAD` on the main thread, and what {@link touch} rejects with.
   */
  touchSync(offset?: number, length?: number, options?: TouchOptions): void
  /** A list of ranges is an array of {@link Range}. */
  touchSync(ranges: readonly Range[], options?: TouchOptions): void

  /**
   * Touches a range, and resolves with a Buffer over the mapped memory itself: no copy is made. It shows later changes of
   * the file, and zeros after {@link close}. Its `buffer` is {@link buffer}, the whole mapping. Some web APIs refuse shared
   * memory or garble it: [views are shared memory](../docs/safety.md#views-are-shared-memory). Use {@link read} for them.
   *
   * A range that is known to be resident comes without a turn of the event loop: a long loop over nothing but such ranges
   * keeps the loop to itself, as one over any promises does that are resolved. {@link chunks} sees to that itself.
   *
   * @thread A pool's, or none for a range of at most 64 pages that is known to be resident.
   * @throws As {@link touch}. A length over `buffer.constants.MAX_LENGTH` of the running Node.js is `ERR_OUT_OF_RANGE`.
   */
  view(offset?: number, length?: number): Promise<Buffer<SharedArrayBuffer>>

  /**
   * What {@link view} gives, at once: a Buffer when every page of the range is known to be in the page cache, otherwise
   * `undefined`. `undefined` also for damaged pages, and where the file no longer reaches to the end of the range.
   *
   * Where that is known within the file's {@link OpenOptions.freshness}, no system call is made. Where nothing is known, or
   * only of earlier, the kernel is asked by mincore(2) and statx(2): some microseconds, without waiting for a device. Where
   * the kernel hides residency, only what was touched within the freshness is known
   * ([safety.md](../docs/safety.md#residency-that-the-kernel-hides)). For a range that ends with zeros, as well as the bytes
   * after it in its page, the kernel is also asked the first time, and again when the file has changed: zeros are what a file
   * leaves in memory that was cut off.
   *
   * Pages in the page cache may still be missing in the page table of the process: the first load then costs a minor page
   * fault, which waits for no device.
   *
   * @thread The calling one.
   * @throws `ERR_MAP_CLOSED`, `ERR_OUT_OF_RANGE`, `ERR_INVALID_ARG_TYPE`.
   * @example
   * ```mjs
   * import { open } from 'faultless'
   *
   * const file = await open('data.bin')
   * const bytes = file.tryView(0, 64) ?? await file.view(0, 64)
   * console.log(bytes.length)
   * await file.close()
   * ```
   */
  tryView(offset?: number, length?: number): Buffer<SharedArrayBuffer> | undefined

  /**
   * A copy of a range on the heap. It stays as it is whatever happens to the file.
   *
   * @thread A pool's, the copying included.
   * @throws As {@link touch}, but it has no `signal`. A length over `buffer.constants.MAX_LENGTH` is `ERR_OUT_OF_RANGE`, and
   *   memory that cannot be had is `ENOMEM`.
   */
  read(offset?: number, length?: number): Promise<Buffer<ArrayBuffer>>
  /** With a {@link Callback}, nothing is returned. */
  read(callback: Callback<Buffer<ArrayBuffer>>): void
  /** With a {@link Callback}, nothing is returned. */
  read(offset: number, callback: Callback<Buffer<ArrayBuffer>>): void
  /** With a {@link Callback}, nothing is returned. */
  read(offset: number, length: number, callback: Callback<Buffer<ArrayBuffer>>): void

  /**
   * Copies of many ranges, in their order, in one request.
   *
   * @thread A pool's, the copying included.
   * @throws As {@link read}.
   */
  readv(ranges: readonly Range[]): Promise<Array<Buffer<ArrayBuffer>>>

  /**
   * A copy as ArrayBuffer. Unlike `ArrayBuffer.prototype.slice` it takes no negative numbers and cuts nothing off: that is
   * `ERR_OUT_OF_RANGE`. With {@link byteLength} it makes the file what hyparquet calls an AsyncBuffer.
   *
   * @param start - First byte, by default 0.
   * @param end - The byte after the last, by default {@link byteLength}.
   * @thread A pool's, the copying included.
   * @throws As {@link read}.
   * @example
   * ```mjs
   * import { open } from 'faultless'
   *
   * const file = await open('data.bin')
   * console.log(await file.slice(0, 4), await file.readv([[0, 2], [100, 2]]))
   * await file.close()
   * ```
   */
  slice(start?: number, end?: number): Promise<ArrayBuffer>

  /**
   * A range of the file in chunks, as an async iterator of zero-copy Buffers, in order. Each is what {@link view} gives,
   * resident when it is handed out, and what follows it is read ahead while you work. Nothing is read before the first
   * chunk is asked for.
   *
   * The event loop gets its turn once a millisecond, or once a chunk where that takes longer, also where all is in memory.
   *
   * Leaving the loop, by `break` or an error, gives up what pends. Several calls of `next()` at once are answered in order,
   * and a `return()` after them as well: to end a wait, use `signal`. Several scans of a file may run at the same time. A
   * scan that is neither finished nor left, but forgotten, holds the listener on its `signal`.
   *
   * @thread A pool's, for each chunk.
   * @throws `ERR_OUT_OF_RANGE` or `ERR_INVALID_ARG_TYPE` for a bad option, at the call. All else rejects the `next()` that
   *   comes to the chunk that failed, as {@link touch} does with the range of that chunk; the chunks before it have been
   *   delivered. After an error the scan has ended. A file that is closed or a signal that is aborted rejects the next
   *   `next()`, whatever had been read ahead.
   * @example
   * ```mjs
   * import { open } from 'faultless'
   *
   * const file = await open('data.bin')
   * let newlines = 0
   * for await (const chunk of file.chunks({ chunkSize: 65536 })) {
   *   for (let at = -1; (at = chunk.indexOf(10, at + 1)) !== -1;) newlines++
   * }
   * console.log(newlines)
   * await file.close()
   * ```
   */
  chunks(options?: ChunkOptions): AsyncGenerator<Buffer<SharedArrayBuffer>, void, void>

  /**
   * What {@link chunks} gives, as a Readable of bytes, or of strings with an `encoding`, for `pipe`, `pipeline` and HTTP
   * responses. Its options have the names that those of `fs.createReadStream` have, and **`end` is inclusive**, as there and
   * unlike that of {@link chunks}.
   *
   * - The file stays open when the stream ends or is destroyed. **Close it only when the destination is done**: what buffers
   *   of the stream and its destination still hold turns to zeros by {@link close}, like every view. A stream that has not
   *   handed out all of its range by then is destroyed with `ERR_MAP_CLOSED`, also while it waits for its destination. As with any
   *   stream that is an uncaught exception where it is read without a listener of `'error'`: `pipe` adds none, and `pipeline`
   *   does. Of a stream that nobody has begun to read it is none.
   * - Its chunks are views. As the body of a `Response` or `fetch`, and where heap memory is asked for, give
   *   `Readable.toWeb(stream)`, which copies each chunk (tried on Node 20.20, 22.23, 24.21 and 26.10).
   *
   * @thread A pool's, for each chunk.
   * @throws As {@link chunks} for a bad option, and `ERR_INVALID_ARG_VALUE` for an unknown encoding. Any other error destroys
   *   the stream, and is its `'error'`.
   * @example
   * ```mjs
   * import { createWriteStream } from 'node:fs'
   * import { pipeline } from 'node:stream/promises'
   * import { open } from 'faultless'
   *
   * const file = await open('data.bin')
   * await pipeline(file.createReadStream({ start: 0, end: 99999 }), createWriteStream('copy.bin')) // 100,000 bytes
   * await file.close()
   * ```
   */
  createReadStream(options?: ReadStreamOptions): Readable

  /**
   * Makes a range resident and locks it into memory, by mlock2(2). Until the {@link Pin} is released, the kernel does not
   * evict its pages, so loads from `pin.view` cause no page fault, whatever else wants memory. Nothing is copied. Pins may
   * overlap: how many hold a page is counted, and the last one unlocks it. A pin that fails or is aborted leaves nothing
   * locked that was not before.
   *
   * `tryView`, `view` and `touch` of pages that are pinned, by whichever pin of this file, answer at once, without a system
   * call and whatever the file's {@link OpenOptions.freshness}, also for more than 64 pages. Only for a range that ends with
   * zeros, as well as the bytes after it in its page, is the kernel asked as {@link tryView} says, with a `freshness` of 0
   * each time.
   *
   * - **The limit.** The pages count towards what the process may lock (RLIMIT_MEMLOCK, 8 MiB on many systems), once each
   *   however many pins hold them. More rejects with `ERR_MAP_PIN_LIMIT`, whose message and `howToRaise` say how to raise
   *   it: `ulimit -l`, `LimitMEMLOCK=` of systemd, `docker run --ulimit memlock=…`, or the capability CAP_IPC_LOCK, with which
   *   there is no limit.
   * - {@link evict} passes over pinned pages; the {@link advise | advice} `'dontneed'`, `'cold'` and `'pageout'` is `EINVAL`
   *   where any page of the range is pinned, and then nothing is done.
   * - Each pin whose neighbourhood is not pinned splits the mapping in the kernel's eyes, two map entries for each
   *   (vm.max_map_count, 65,530 by default for all of a process). Pins that touch or overlap share an entry. When all are
   *   released, the mapping is one entry again.
   *
   * What may still fault: see [safety.md](../docs/safety.md#what-a-pin-does-not-hold).
   *
   * @thread A pool's; a large range is locked slice by slice.
   * @throws As {@link touch}; `ERR_MAP_PIN_LIMIT`; `ENOMEM` when the process has half of the map entries that it may have (vm.max_map_count); `ENOSYS` where there is no mlock2(2)
   *   (Linux before 4.4); `ERR_OUT_OF_RANGE` for a length over `buffer.constants.MAX_LENGTH`.
   * @example
   * ```mjs
   * import { open } from 'faultless'
   *
   * const file = await open('data.bin')
   * const index = await file.pin(0, 65536) // what every look-up reads
   * console.log(index.view.readUInt32LE(0), index.view.length, index.released)
   * await index.release()
   * await file.close()
   * ```
   */
  pin(offset?: number, length?: number, options?: PinOptions): Promise<Pin>

  /**
   * Asks the kernel by mincore(2) which pages of a range are in memory. Pages past the end of the file count as not
   * resident, and so do those that were lost and are zeros now ({@link MappedFile.damaged}).
   *
   * @thread A pool's.
   * @throws The system's errors.
   */
  residency(offset?: number, length?: number): Promise<Residency>

  /**
   * Tells the kernel how a range will be used: madvise(2), on the pages that the range reaches into.
   *
   * Every mapping starts as `'random'`: a touch reads what was asked for and no more, however short or long that is, and so do
   * `view`, `read` and `pin`. With `'normal'` or `'sequential'` for all of the file they read more along with it, without
   * waiting for that; `'random'` takes it back. Advice for a part holds for direct loads from that part alone: see
   * [safety.md](../docs/safety.md#direct-loads-from-ranges-that-were-not-touched).
   *
   * @thread A pool's.
   * @throws `ERR_INVALID_ARG_VALUE` for an unknown advice, and the system's errors, such as `EINVAL` for an advice that the
   *   kernel does not know or does not take for this file, and for `'dontneed'`, `'cold'` and `'pageout'` where a page of the
   *   range is {@link pin | pinned}; `ENOMEM` where another advice for a part of the mapping would split it, and the process has
   *   half of the map entries that it may have (vm.max_map_count).
   */
  advise(advice: Advice, offset?: number, length?: number): Promise<void>

  /**
   * Takes the pages out of this mapping, has dirty pages of the range written to the device, and drops the range from the
   * page cache. Private copies that stores made are lost. Pages that another mapping holds stay, and so do pinned ones. The
   * range is widened to whole pages, but the kernel drops only whole folios, which may be MiBs large in a file that was just
   * written: a small range of such a file may stay as a whole.
   *
   * @thread A pool's.
   * @throws The system's errors, such as `EIO` or `ENOSPC` when dirty pages cannot be written.
   */
  evict(offset?: number, length?: number): Promise<void>

  /**
   * Writes bytes to an `'r+'` or `'w+'` file, so that neither a page fault nor the device stops the calling thread. Resolves
   * when all of them are in the file and in the mapping; {@link flush} has them sent to the device.
   *
   * - The file does not grow by it: see {@link resize}. But when another process cuts the file in the very moment of the
   *   write, the file may reach to the end of the write again.
   * - Writes of one thread to overlapping ranges land in the order of the calls; one that has to wait for others is
   *   in flight from its call on. Reads and touches are not ordered with them: await the write first.
   * - Do not change `data` before the promise has settled: it is copied piece by piece. When its memory is given away
   *   meanwhile (`postMessage` with a transfer list, `resize()` of an ArrayBuffer, a WebAssembly memory that grows), it
   *   may reject with `EFAULT`: where not all of it had been copied yet. When it was given away before the call, it rejects
   *   with `ERR_INVALID_ARG_VALUE`.
   * - A view of this file that overlaps what it is written to may have up to 256 KiB; a longer one rejects with
   *   `ERR_INVALID_ARG_VALUE`, unless it is written to where it is. Of other handles' views nobody can tell: do not do that.
   *
   * @param offset - The first byte.
   * @param data - A string, which is written as UTF-8, or bytes in any kind of view or buffer.
   * @returns How many bytes were written: for a string, those of its UTF-8.
   * @thread A pool's. Heap memory is copied on the calling one, in pieces of 256 KiB; shared memory, also that of another
   *   mapping or of this one, on the pool's.
   * @throws `ERR_MAP_READ_ONLY` for `'r'`; `ERR_OUT_OF_RANGE` for bytes past `byteLength`; `ERR_MAP_TRUNCATED` or
   *   `ERR_MAP_IO` where the file no longer reaches there, or pages are damaged; and the system's errors: `ENOSPC`, `EDQUOT`,
   *   `EIO`, and others. Some of the bytes may have been written then.
   * @example
   * ```mjs
   * import { open } from 'faultless'
   *
   * const file = await open('data.bin', 'r+')
   * console.log(await file.write(100, 'naïve')) // 6
   * await file.flush(100, 6)
   * console.log((await file.read(100, 6)).toString())
   * await file.close()
   * ```
   */
  write(offset: number, data: Data): Promise<number>
  /** With a {@link Callback}, nothing is returned. */
  write(offset: number, data: Data, callback: Callback<number>): void

  /**
   * Writes what was stored in a range of an `'r+'` file to the device, and waits for it, by msync(2). What {@link write} was
   * called for before, from this thread, is written to the file first. For `'r'` there is nothing to write.
   *
   * @thread A pool's.
   * @throws `ERR_MAP_TRUNCATED` or `ERR_MAP_IO` where the file no longer reaches there, and where pages of the range are damaged,
   *   be it that a store found no room on the device for a hole of the file: stores into these are lost;
   *   `ERR_MAP_IO` where the device does not take the pages. Of that the kernel tells once, for any range of the file, and
   *   then takes the pages for written; so from then on every flush of the file rejects, until you have called
   *   {@link refresh}. What was stored since the last flush that resolved has to be written once more.
   */
  flush(offset?: number, length?: number): Promise<void>

  /**
   * Gives an `'r+'` or `'w+'` file another size.
   *
   * - It grows by allocating blocks (fallocate(2)), and what it grows by is zeros. A disk without room is `ENOSPC` here and
   *   not a store that is lost later; the file has the size that it had then.
   * - {@link byteLength} follows, unless a `length` was given. Beyond the end of {@link buffer} that is another one
   *   afterwards, which is mapped on the calling thread; {@link OpenOptions.reserve} keeps it.
   * - Where it is cut, what pends rejects with `ERR_MAP_TRUNCATED`, and views show zeros, which count as damage when somebody
   *   looks at them. When the file grows again, the pages are the file's again.
   * - It begins when the writes before it have ended, and writes after it begin when it has.
   *
   * @param size - Bytes of the file, from 0, so `offset` counts as well.
   * @thread A pool's.
   * @throws `ERR_MAP_READ_ONLY` for `'r'`; `ENOMEM`, `EOVERFLOW`, `EMFILE` or `ERR_MAP_UNSUPPORTED`, before anything is done
   *   to the file, where so much cannot be mapped; the system's errors, as `ENOSPC`, `EFBIG` or `EPERM`.
   */
  resize(size: number): Promise<void>

  /**
   * Looks what size the file has, and has {@link byteLength} follow, unless a `length` was given: so what others have appended
   * can be touched and read, and what they have cut off is `ERR_OUT_OF_RANGE`. Where the file reaches past the end of
   * {@link buffer}, that is another one afterwards; {@link OpenOptions.reserve} keeps it.
   *
   * Maps damaged pages again where the file has them again and the device reads them, so that they can be touched, viewed and
   * read; those of leases too. What is still missing stays damaged. Pages that are pinned are locked again.
   *
   * @thread A pool's.
   * @throws The system's error, or `ERR_MAP_PIN_LIMIT` where others have meanwhile taken what pages that were lost gave back
   *   to the limit. `ENOMEM`, `EMFILE` or `ERR_MAP_UNSUPPORTED` where the file has more than can be mapped: `byteLength` then
   *   ends with the buffer.
   */
  refresh(): Promise<void>

  /**
   * Lays pages of the file over a range of a shared `WebAssembly.Memory`, and makes them resident: WebAssembly then scans
   * the file without a copy, and its thread takes no major fault. What the memory held in that range is lost.
   *
   * Every thread that has the memory sees the pages. What it stores there stays in this process with `'r'`, and reaches the
   * file with `'r+'`; {@link flush} writes it to the device. To scan a file that is larger than the memory, lay one window
   * while another is scanned, and release each before its place is laid over again, as `examples/count-lines.js` in the checkout
   * does.
   *
   * A single pass over a file that is in the page cache takes about as much processor time as with a copy, since pages have
   * to be entered in the page table. What is saved is the memory of the copy, and the copy itself with each pass more.
   *
   * @param memory - A `WebAssembly.Memory` made with `shared: true`. One that is not shared may be moved when it grows, and is
   *   refused. This one may grow meanwhile.
   * @param byteOffset - The first byte of the memory, by default 0: a multiple of `pageSize`.
   * @thread A pool's.
   * @throws As {@link touch}, and `ERR_INVALID_ARG_TYPE` for what is no memory; `ERR_INVALID_ARG_VALUE` for a memory that is
   *   not shared and for what is not on a page boundary; `ERR_OUT_OF_RANGE` where the memory has no room for the range;
   *   `ERR_MAP_OVERLAP` where another lease, of any file and in any thread, has some of the range. Not before the memory is
   *   yours again: as it was where no page had been laid, otherwise with zeros in the range.
   * @example
   * ```js
   * const { open } = require('faultless')
   *
   * async function main() {
   *   const file = await open('data.bin')
   *   const memory = new WebAssembly.Memory({ initial: 32, maximum: 32, shared: true }) // 2 MiB
   *   const lease = await file.mapInto(memory, file.pageSize, { offset: 0, length: 1 << 20 })
   *   // An instance that imports the memory finds the file at lease.byteOffset; JavaScript does as well.
   *   const bytes = new Uint8Array(memory.buffer, lease.byteOffset, lease.length)
   *   console.log(bytes[0], lease.damaged) // the file's first byte, and 0
   *   await lease.release()
   *   console.log(bytes[0]) // 0
   *   await file.close()
   * }
   *
   * main()
   * ```
   */
  mapInto(memory: WasmMemory, byteOffset?: number, options?: MapIntoOptions): Promise<MemoryLease>

  /**
   * Waits until a word of the file is notified, by this process or another one that has mapped the same file: it is to
   * processes what `Atomics.waitAsync` is to threads. The word is the 32 bits at `byteOffset`.
   *
   * - **No wake-up is lost where the word changes.** Who stores into the word with `Atomics`, so that it is no longer as
   *   expected, and then notifies it, wakes whoever waits, whenever the wait began. If the word is set back to `expected`
   *   before the waiter has looked, or never changed, the notification may be missed.
   * - **A wait may end with `'ok'` that nobody notified.** Look at the word again, and wait again where it is not as hoped.
   *   With several waits of one process on one word that has changed, this is the rule: one notification ends all of them.
   * - **A change without a notification wakes nobody**, as a rule.
   * - **There is no order** among those who wait.
   * - The word is looked at as it is in the file. For `'r'`, stores of your own into the memory do not count; waiting works
   *   there as well, and the page is not copied.
   * - A wait keeps the process alive.
   *
   * It works between processes that map the same file on one machine, on file systems that allow shared mappings. Programs
   * that are not faultless take part with futex(2), without `FUTEX_PRIVATE_FLAG`, on a shared mapping of the file.
   *
   * @param byteOffset - Of the word: its place in the file, so with the `offset` at which the file was mapped, is a multiple
   *   of 4.
   * @param expected - What the word holds if there is to be a wait: a whole number from -2^31 to 2^31 - 1.
   * @thread None of a pool, except to touch the word first where it is not in memory; `timeout` counts from the call. Threads
   *   of the core wait, each for up to 127 waits at a time, and use no processor time meanwhile. Where the kernel has no
   *   futex_waitv(2) (before Linux 5.16) a wait takes a thread.
   * @throws `ERR_INVALID_ARG_VALUE` for a word that is not at a multiple of 4; what {@link touch} rejects with where the word
   *   has to be touched; `ERR_MAP_TRUNCATED` where the file is cut off below the word, when its thread next wakes and not
   *   before; `EAGAIN` where more than 512 threads of the core were needed, which is after 65,024 waits, or 512; what mmap(2)
   *   says, such as `ENODEV`, where the file system allows no shared mapping.
   * @example
   * ```mjs
   * import { open } from 'faultless'
   *
   * const file = await open('data.bin', 'r+') // and so does the other process
   * const words = new Int32Array(file.buffer, 0, 1)
   *
   * // Resolves when the word has changed.
   * async function changed(old) {
   *   while (Atomics.load(words, 0) === old) await file.wait(0, old)
   *   return Atomics.load(words, 0)
   * }
   *
   * const next = changed(words[0])
   * Atomics.add(words, 0, 1) // as a rule in another process
   * file.notify(0)
   * console.log(await next)
   * await file.close()
   * ```
   */
  wait(byteOffset: number, expected: number, options?: WaitOptions): Promise<WaitOutcome>

  /**
   * Wakes those who wait on a word of an `'r+'` file, in all processes: what `Atomics.notify` is to threads. Store into the
   * word first. A wait that has not come as far as to sleep is not counted; it finds the word changed.
   *
   * @param byteOffset - Of the word, as for {@link wait}.
   * @param count - At most so many: a whole number from 0, or `Infinity`, the default.
   * @returns How many waits were woken; `undefined` where the page was evicted: then a pool thread touches it, and waits are
   *   woken when it is back in memory. That is rare, since the store before has just loaded the page. If the page cannot be
   *   loaded any more, nobody is woken and nobody is told.
   * @thread The calling one: a system call or two, of some microseconds, and never a page fault that waits for the device.
   * @throws `ERR_MAP_READ_ONLY` for `'r'`, since who cannot store has nothing to tell; `ERR_MAP_CLOSED`; `ERR_MAP_TRUNCATED`
   *   where the file no longer reaches there; and for a bad argument as {@link wait} does.
   */
  notify(byteOffset: number, count?: number): number | undefined

  /**
   * Rejects what is pending with `ERR_MAP_CLOSED` and ends the mapping: pages and descriptor are given back, and whoever
   * still holds the memory, in any thread, reads zeros. Its pins and leases are released. Resolves when that is done; a pool
   * thread that is inside a slice on this file finishes it first. A second call waits for the first.
   *
   * While other threads have the file {@link attach | attached}, it ends this handle alone, with its leases and pins, and
   * theirs go on: the last one to be closed ends the mapping. So does the end of the last thread that has it, if it was
   * closed anywhere. A handle that was collected and not closed counts no more, and closes nothing.
   *
   * @thread A pool's; after that pool was closed, one of the default pool's. Only where no thread can be had, the calling one,
   *   which waits then. It does not count against `maxQueue`.
   * @throws The system's error, if it fails to end the mapping; it may be called again then.
   */
  close(): Promise<void>
  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** A run of pages that were lost, in bytes of the mapping. */
export interface Damage {
  /** The first byte. */
  offset: number
  /** Bytes: of whole pages, as far as the mapping has them. */
  length: number
  /** Where the pages were lost in the memory of a lease, and not in `buffer`. */
  lease?: MemoryLease
}

/** The events of a {@link MappedFile}. */
export interface MappedFileEvents {
  /**
   * Loads have met pages that are lost, since the file shrank or its device failed; they are zeros now. Emitted some time
   * after the load, on every file of this thread that has such pages, once for each run of them. While it has a listener, a
   * file that is not closed is not collected.
   */
  damage: [damage: Damage]
  /** `close()` is done. */
  close: []
}

/** What `new Pool(options)` and {@link configure} take. Most names are those of piscina. */
export interface PoolOptions {
  /**
   * Threads that are started with the first request, and stay when idle until every file of the pool was closed, or collected:
   * 0 to `maxThreads`.
   * @defaultValue 1
   */
  minThreads?: number | undefined
  /**
   * Threads at most: 1 to 128. Of more than one, a single file, as one `open` has made it, never has all: one is left to others.
   * @defaultValue 4, or `minThreads` if that is more
   */
  maxThreads?: number | undefined
  /**
   * Milliseconds after which an idle thread above `minThreads` leaves, or any when every file was closed or collected, from 0;
   * `Infinity` for never.
   * @defaultValue 10000
   */
  idleTimeout?: number | undefined
  /**
   * Requests of one JavaScript thread in flight at most, from 1; one more rejects with `ERR_POOL_QUEUE_FULL`.
   * @defaultValue `Infinity`
   */
  maxQueue?: number | undefined
  /**
   * The limits of each thread, as `worker_threads` takes them: MiB, above 0; `maxOldGenerationSizeMb` from 3 and `stackSizeMb`
   * from 0.25, as with less V8 ends the process. With that little no thread starts, and requests reject with
   * `ERR_POOL_THREAD_FAILED`: 8 and 0.3 are enough for Node 20 to 26. Mapped memory does not count.
   * @defaultValue `{}`
   */
  resourceLimits?: ResourceLimits | undefined
  /**
   * Microseconds, 0 to 1000000, for which a thread without work looks for more before it sleeps; a caller with up to sixteen
   * ranges in flight looks for the answer ten times as long. Both only while that comes to something. 0: nobody looks,
   * all sleep at once.
   * @defaultValue 20
   */
  spin?: number | undefined
  /**
   * Bytes in a slice of a long touch or copy, at least a page: between two slices other requests have their turn, and aborts
   * are seen. While short ones come, slices are done in steps of 256 KiB, with the same between them; but not of a file that is read
   * in blocks (`'hugepage'`). Slices of `residency` are 64 times as long, those of `flush` 8 times; `evict`, `advise`, `resize` and `close` are
   * not cut.
   * @defaultValue 8388608
   */
  sliceSize?: number | undefined
}

/**
 * Counts since the pool was made. Those of requests, and their times, are of the thread that made the pool, `majorFaults` is
 * the calling thread's, the others are of all threads that use the pool. A call is one request, however many ranges it has;
 * `close` of a file is one, too. [observability.md](../docs/observability.md) shows how to use them.
 */
export interface PoolStats {
  /** Threads there are now, starting ones included. */
  threads: number
  /** Those of them that sleep. */
  idle: number
  /** Requests accepted and not settled. */
  inFlight: number
  /** Ranges of these that no thread has taken up yet, with a slot or without. */
  queued: number
  /** Requests that succeeded. */
  completed: number
  /** Requests that were rejected, aborted ones included. */
  failed: number
  /** Slices that the threads worked on, and steps of such as were cut. */
  slices: number
  /** Threads started. */
  started: number
  /**
   * Threads that ended while the pool was open and had not left by themselves; those that ended with the JavaScript thread that
   * had started them are not counted.
   */
  died: number
  /** Ranges that threads have touched for requests that are settled, those that touch one another counted as one. */
  touches: number
  /** Bytes in these ranges. */
  touchedBytes: number
  /** Ranges that threads have copied out of files, for requests that are settled. */
  reads: number
  /** Bytes in these ranges. */
  readBytes: number
  /** Ranges that threads have copied into files, for requests that are settled. */
  writes: number
  /** Bytes in these ranges. */
  writtenBytes: number
  /** Of each completed request, nanoseconds until a thread took it up. The histogram itself: it can be reset. */
  waitNs: RecordableHistogram
  /** Nanoseconds from then until its last slice ended. */
  runNs: RecordableHistogram
  /** Nanoseconds from then until the calling thread heard of it: how late its event loop was, as a rule. */
  deliveryNs: RecordableHistogram
  /** Major page faults of the calling thread since it began, whatever caused them; 0 on Windows, which does not count them by thread. */
  majorFaults: number
}

/**
 * Threads that take page faults, so that the event loop does not. A pool belongs to the JavaScript thread that made it: no
 * other can close it. Threads that {@link attach} its files use it as well; where it must, each starts some of its threads,
 * which are `maxThreads` at most together. It outlives the thread that made it. It is an EventEmitter: see
 * {@link PoolEvents}.
 *
 * A thread that dies is replaced as long as there is work, and what it had in hand goes to another thread. Three threads in a
 * row that could not start reject what is in flight instead.
 */
export class Pool extends EventEmitter<PoolEvents> {
  /**
   * Starts no thread: the first request does. Idle threads do not keep the process alive.
   *
   * @thread The calling one.
   * @throws `ERR_INVALID_ARG_TYPE` or `ERR_OUT_OF_RANGE` for a bad option.
   * @example
   * ```mjs
   * import { open, Pool } from 'faultless'
   *
   * const pool = new Pool({ maxThreads: 2, maxQueue: 1000 })
   * const file = await open('data.bin', { pool })
   * await file.touch()
   * console.log(pool.stats)
   * await file.close()
   * await pool.close()
   * ```
   */
  constructor(options?: PoolOptions)
  /** What the pool did and does; a new object each time. */
  readonly stats: PoolStats
  /** The options in force, complete; a new object each time. */
  readonly options: Required<PoolOptions>
  /** Whether `close()` or `destroy()` was called. */
  readonly closed: boolean
  /**
   * Finishes what is in flight, refuses anything new with `ERR_POOL_CLOSED`, both in all threads that use the pool, and ends
   * its threads. Resolves when the last one is gone. Files stay open: close them as well.
   *
   * @thread The calling one starts it, and waits for nothing.
   * @throws Never.
   */
  close(): Promise<void>
  /**
   * Rejects what is in flight with `ERR_POOL_CLOSED`, in other threads that use the pool some 20 ms later, and ends its
   * threads. Resolves when the last one is gone; a thread that waits for a device goes when the device has answered.
   *
   * @thread The calling one starts it, and waits for nothing.
   * @throws Never.
   */
  destroy(): Promise<void>
  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** The events of a {@link Pool}. */
export interface PoolEvents {
  /** The last request in flight was settled. */
  drain: []
  /**
   * A thread failed with an error or could not start: an `ERR_POOL_THREAD_FAILED` with the thread's error as `cause`. Without
   * a listener nothing is emitted, so it is never an uncaught exception.
   */
  error: [error: Error]
}

/**
 * What `node:diagnostics_channel` gives to subscribers of `faultless:touch:start`, when a request that works on pages is asked
 * for, and then of `faultless:touch:end` or `faultless:touch:error` once. Listeners run on the thread that asked, and get one
 * object for both events, to which they may add properties. Without listeners nothing is made. What is known to be resident is
 * answered without a request and not told of, and so is what `touchSync` does.
 * [observability.md](../docs/observability.md) has an example.
 */
export interface TouchMessage {
  /** `'read'` is also `readv` and `slice`; scans are touches. */
  kind: 'touch' | 'view' | 'read' | 'write' | 'flush' | 'pin'
  /** Of the file; undefined for a descriptor. */
  path: string | undefined
  /** First byte of the first range. */
  offset: number
  /** Bytes of all ranges. */
  length: number
  /** How many ranges the request has; of a touch, those that touch one another are one. */
  ranges: number
  /** When it was asked for: ms, as `performance.now()` of the thread gives them. */
  startTime: number
  /** From there to this event, in ms. With `end` and `error`, as all that follow. */
  durationMs?: number
  /** Until a thread took it up. Undefined, as the next three, where no range was finished. */
  waitMs?: number
  /** From then until its last slice ended. */
  runMs?: number
  /** How long threads were inside of its slices, summed up: may be less than `runMs`, and more where several worked on it. */
  workedMs?: number
  /** From its last slice until this thread heard of it. */
  deliveryMs?: number
  /** Bytes of the ranges that were finished. */
  bytes?: number
  /** With `error`: what the promise is rejected with. */
  error?: Error
}

/** The `code` of faultless's own errors, and of those that it has in common with Node. */
export type FaultlessErrorCode =
  /** The file was closed. */
  | 'ERR_MAP_CLOSED'
  /** `touchSync` was called on the main thread. */
  | 'ERR_MAP_MAIN_THREAD'
  /**
   * The file no longer reaches to the end of the range, or a page of the range was lost to an earlier truncation. Has `path`,
   * and `offset` and `length` of the range.
   */
  | 'ERR_MAP_TRUNCATED'
  /** The device failed. Has `path`, `offset`, `length`, `errno`, `syscall`, and the system's error as `cause`. */
  | 'ERR_MAP_IO'
  /** Another lease has some of that range of the memory. Has `offset` and `length` of the range of the memory. */
  | 'ERR_MAP_OVERLAP'
  /**
   * The system's limit of locked memory does not allow the pin. Has `path`, `offset`, `length`, `limit`, `locked`, `pinned` and
   * `howToRaise`.
   */
  | 'ERR_MAP_PIN_LIMIT'
  /** `write`, `resize`, `notify` or a touch for writing of an `'r'` file. */
  | 'ERR_MAP_READ_ONLY'
  /**
   * This runtime makes no buffer for the file: it has to start on a page boundary there, or is too large. Has `path`, `offset`
   * and `length` of the mapping, and `cause` where the runtime says why.
   */
  | 'ERR_MAP_UNSUPPORTED'
  /** The pool has `maxQueue` requests in flight. */
  | 'ERR_POOL_QUEUE_FULL'
  /** The pool was closed or destroyed. */
  | 'ERR_POOL_CLOSED'
  /** `configure` came after `open` or `map` was called for the default pool. */
  | 'ERR_POOL_IN_USE'
  /** 128 JavaScript threads use the pool, and this would be one more. */
  | 'ERR_POOL_TOO_MANY_THREADS'
  /**
   * Two threads died with the request in hand (eight, where other JavaScript threads had started them), or no thread could be
   * started. Has `cause`, where the thread gave one.
   */
  | 'ERR_POOL_THREAD_FAILED'
  /** A RangeError: a number is no integer, or outside of its range. */
  | 'ERR_OUT_OF_RANGE'
  /** A TypeError: an argument or option has the wrong type. */
  | 'ERR_INVALID_ARG_TYPE'
  /** A TypeError: a string or number is none of those that are valid. */
  | 'ERR_INVALID_ARG_VALUE'
  /** A TypeError: `new MappedFile()`. */
  | 'ERR_ILLEGAL_CONSTRUCTOR'
  /** A callback's error where what was thrown is no value that says so, such as `undefined`. Has `reason`. */
  | 'ERR_FALSY_VALUE_REJECTION'

/**
 * An error with a stable `code`: match on that and not on the message. It is one of faultless's, or the system's (such as
 * `'ENOENT'`), which has `errno` (negative), `syscall` and, where there is one, `path`, as those of `node:fs` have. Aborts
 * are an `AbortError` with `code` `'ABORT_ERR'` and the reason as `cause`.
 *
 * @example
 * ```mjs
 * import { open } from 'faultless'
 *
 * const file = await open('data.bin')
 * try {
 *   await file.view(0, file.byteLength + 1)
 * } catch (error) {
 *   console.log(error.code) // ERR_OUT_OF_RANGE
 * }
 * await file.close()
 * ```
 */
export interface FaultlessError extends NodeJS.ErrnoException {
  // `string & {}` keeps the completion of the known codes.
  /** What happened. */
  code: FaultlessErrorCode | (string & {})
  /** The first byte of the range that failed: of the mapping, or of the memory for `ERR_MAP_OVERLAP`. */
  offset?: number
  /** Bytes of that range. */
  length?: number
  /** With `ERR_MAP_PIN_LIMIT`: bytes that the process may lock (RLIMIT_MEMLOCK), as of then; `Infinity` for no limit. */
  limit?: number
  /** With `ERR_MAP_PIN_LIMIT`: bytes that the process had locked, whoever did it. */
  locked?: number
  /** With `ERR_MAP_PIN_LIMIT`: bytes of pages that pins held, in all files and threads. */
  pinned?: number
  /** With `ERR_MAP_PIN_LIMIT`: what to do about it, in words. */
  howToRaise?: string
}
