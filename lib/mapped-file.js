'use strict'
// The handle on a mapping: every call checks its arguments, then asks the pool, or answers at once where it can.

const { EventEmitter } = require('node:events')
const { nextTick } = require('node:process')
const { isMainThread } = require('node:worker_threads')
const native = require('../native/binding')
const { Op } = require('../worker/layout')
const { cancelOnAbort, throwIfAborted } = require('./abort')
const { Changes } = require('./changes')
const { chunks, createReadStream, endStreams } = require('./chunks')
const { watch, watchListeners } = require('./damage')
const { SHORT, allocate } = require('./answers')
const { withCallback } = require('./callback')
const { debug } = require('./debug')
const { createHandle } = require('./handle')
const { Leases } = require('./leases')
const { Mappings } = require('./mapping')
const { pin } = require('./pin')
const { PoolUse } = require('./pool-use')
const { mergeRanges } = require('./ranges')
const { Request } = require('./request')
const { runSurely } = require('./run-surely')
const { endWaits, notify, wait } = require('./shared-wait')
const { touchSync } = require('./touch-sync')
const { illegalConstructor, mainThread, mapClosed } = require('./errors')
const { adviceNumber, checkInteger, pinSignal, range, rangeList, sliceRange, touchOptions, viewLength } = require('./options')

const MOST_HOT = 64 * native.pageSize

const isEmpty = (part) => part.length === 0
const toBuffer = ({ parts }) => Buffer.from(parts[0].memory)
const toArrayBuffer = ({ parts }) => parts[0].memory

/** For tests and benchmarks. @type {(file: MappedFile) => import('./mapping').Mapping} as of now */
let mappingOf

class MappedFile extends EventEmitter {
  static {
    mappingOf = (file) => file.#mapping
  }

  #mappings
  #hot // views of the current one
  #changes
  #use // of its pool
  #path
  #flags
  #closing // the promise of close()
  #isStuck = false // that was rejected
  #unwatch
  #madeLeases // when any was asked for
  #stats = { touches: 0, touchedBytes: 0, reads: 0, readBytes: 0, writes: 0, writtenBytes: 0, views: 0, hits: 0, misses: 0 }

  /**
   * Made by open(), map() and attach().
   * @param {object} about
   * @param {{id: number, lease: object, buffer?: SharedArrayBuffer, copyOnWrite: boolean}} about.mapping the core's
   * @param {number} about.offset bytes into the file at which it starts
   * @param {number} about.length bytes of it that the user has asked for, or that the file has
   * @param {boolean} about.follows whether that changes with the file's size
   * @param {import('./pool-client').PoolClient} [about.pool] else the default pool, once it has anything to do
   * @param {string} [about.path]
   * @param {string} about.flags
   */
  constructor({ mapping, offset, length, follows, pool, path, flags } = {}) {
    super()
    if (mapping === undefined) throw illegalConstructor('MappedFile')
    this.#mappings = new Mappings(this, mapping, { offset, length, follows, path })
    this.#hot = this.#mapping.hot
    this.#path = path
    this.#flags = flags
    this.#changes = new Changes({
      file: this,
      offset,
      isOver: (memory) => this.#mappings.include(memory),
      submit: (about) => this.#submit(about).promise
    })
    this.#use = new PoolUse(pool)
    this.#unwatch = watch(this, this.#use.leave)
    // hyparquet's cachedAsyncBuffer() calls it by itself.
    const slice = (start, end) => MappedFile.prototype.slice.call(this, start, end)
    Object.defineProperty(this, 'slice', { value: slice, writable: true, configurable: true })
  }

  // A file that is opened for a few loads from its buffer does without them: a seventh of the time of a process's first open()
  // and lookup.

  get #leases() {
    return (this.#madeLeases ??= new Leases(this))
  }

  get #pool() {
    return this.#use.pool
  }

  get #mapping() {
    return this.#mappings.current
  }

  get buffer() {
    this.#hot.show()
    return this.#mapping.buffer
  }

  get byteLength() {
    return this.#mappings.length
  }

  get path() {
    return this.#path
  }

  get pageSize() {
    return native.pageSize
  }

  get flags() {
    return this.#flags
  }

  get handle() {
    this.#checkOpen()
    const { id, buffer, laidMirror: mirror, path } = this.#mapping
    return createHandle({ id, buffer, mirror, path, flags: this.#flags, pool: this.#pool })
  }

  get closed() {
    return this.#closing !== undefined
  }

  get damaged() {
    return this.#mappings.damaged
  }

  get stats() {
    const { majorFaults } = native.threadUsage()
    return { ...this.#stats, copyOnWrite: this.#mapping.copyOnWrite, damaged: this.damaged, majorFaults }
  }

  touch(...given) {
    return withCallback(given, (...args) => this.#touch(...args))
  }

  touchSync(...given) {
    if (isMainThread) throw mainThread('touchSync')
    const { parts, options } = this.#whatToTouch(given)
    touchSync(this.#mapping, parts, this.#pool.settings.sliceSize, options)
  }

  view(offset, length) {
    try {
      const part = this.#range(offset, length)
      viewLength(part.length)
      this.#countTouches([part])
      const hot = this.#getHot(part)
      if (hot === undefined) {
        return this.#run({ op: Op.TOUCH, kind: 'view', syscall: 'madvise', parts: [part], toValue: MappedFile.#toView })
      }
      this.#stats.views++
      return Promise.resolve(hot)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Where it was made resident: the file may have another buffer by now. */
  static #toView = ({ mapping: { file, hot }, parts }) => {
    file.#stats.views++
    return hot.make(parts[0].offset, parts[0].length)
  }

  tryView(offset, length) {
    const part = this.#range(offset, length)
    viewLength(part.length)
    const view = this.#hot.get(part.offset, part.length, true)
    if (view === undefined) {
      this.#stats.misses++
    } else {
      this.#stats.hits++
      this.#stats.views++
    }
    return view
  }

  read(...given) {
    return withCallback(given, (offset, length) => this.#readOne(() => this.#range(offset, length), toBuffer))
  }

  async readv(ranges) {
    this.#checkOpen()
    const parts = rangeList(this.byteLength, ranges).map((part) => this.#partToRead(part))
    await this.#run({ op: Op.READ, syscall: 'read', parts })
    return parts.map((part) => Buffer.from(part.memory))
  }

  // With byteLength it makes the file an AsyncBuffer (hyparquet).
  slice(start, end) {
    return this.#readOne(() => sliceRange(this.byteLength, start, end), toArrayBuffer)
  }

  chunks(options) {
    return chunks(this.#source, options)
  }

  createReadStream(options) {
    return createReadStream(this.#source, options)
  }

  get #source() {
    return {
      file: this,
      lead: this.#mapping.lead,
      pool: () => this.#pool,
      readsBlocks: () => native.readsBlocks(this.#mapping.id),
      view: (offset, length) => this.#view(offset, length)
    }
  }

  async pin(offset, length, options) {
    const part = this.#range(offset, length)
    viewLength(part.length)
    const signal = pinSignal(options)
    const mapping = this.#mapping
    return pin({
      part,
      mapping,
      run: (about) => this.#run(about, signal),
      runSurely: (about, lastResort) => runSurely(this.#pool, about, lastResort),
      makeView: () => MappedFile.#toView({ mapping, parts: [part] })
    })
  }

  async residency(offset, length) {
    const part = this.#range(offset, length)
    const pages = native.pageCount(this.#mapping.id, part.offset, part.length)
    const bitmap = new Uint8Array(allocate(pages, 'mincore'))
    const lent = [{ ...part, memory: bitmap.buffer }]
    const resident = await this.#run({ op: Op.RESIDENCY, parts: lent, syscall: 'mincore' }).catch(unlessHidden)
    return { pageSize: native.pageSize, pages, resident, bitmap }
  }

  async advise(advice, offset, length) {
    const argument = adviceNumber('advice', advice)
    // For an empty file as well: it may grow.
    await this.#submit({ op: Op.ADVISE, parts: [this.#range(offset, length)], argument, syscall: 'madvise' }).promise
  }

  async evict(offset, length) {
    await this.#run({ op: Op.EVICT, parts: [this.#range(offset, length)], syscall: 'fadvise' })
  }

  write(...given) {
    return withCallback(given, (offset, data) => this.#write(offset, data))
  }

  async #write(offset, data) {
    this.#checkOpen()
    const written = await this.#changes.write(offset, data)
    this.#stats.writes++
    this.#stats.writtenBytes += written
    return written
  }

  async flush(offset, length) {
    await this.#changes.flush(this.#range(offset, length))
  }

  async resize(size) {
    this.#checkOpen()
    this.#changes.checkWritable()
    checkInteger('size', size)
    let longer
    const onTurn = (request) => {
      longer = this.#mappings.beginGrowing(size)
      request.mapping = longer ?? this.#mapping
    }
    try {
      await this.#changes.resize(size, onTurn, (found) => this.#follow(found, longer))
    } finally {
      if (longer !== undefined) this.#mappings.endGrowing(longer, this.#pool)
    }
  }

  async refresh() {
    this.#checkOpen()
    this.#pool.checkRoom() // for all of it, which the pool takes in as one
    const nameMapping = (request) => (request.mapping = this.#mapping) // as of its turn
    await Promise.all([this.#changes.refresh(nameMapping, (found) => this.#follow(found)), this.#leases.refresh()])
  }

  #follow(size, longer) {
    try {
      this.#mappings.follow(size, longer)
    } finally {
      this.#hot = this.#mapping.hot
    }
  }

  async mapInto(memory, byteOffset, options) {
    this.#checkOpen()
    return this.#leases.mapInto(this.#mapping, this.#pool, memory, byteOffset, options)
  }

  wait(byteOffset, expected, options) {
    return wait(this.#mapping, byteOffset, expected, options)
  }

  notify(byteOffset, count) {
    return notify(this.#mapping, () => this.#pool, byteOffset, count)
  }

  close() {
    if (this.#closing === undefined) {
      let settle // whoever hears that this ends what he has asked for may close the file as well
      this.#closing = new Promise((resolve) => (settle = resolve))
      settle(this.#close())
    } else if (this.#isStuck) {
      this.#closing = this.#closeAgain()
    }
    return this.#closing
  }

  [Symbol.asyncDispose]() {
    return this.close()
  }

  /** For console.log(): what it is, and not what an EventEmitter has. */
  [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
    if (!(#path in this)) return '[MappedFile]' // a Proxy, or what inherits from one
    const { path, flags, byteLength, closed } = this
    return depth < 0 ? '[MappedFile]' : `MappedFile ${inspect({ path, flags, byteLength, closed }, options)}`
  }

  async #close() {
    this.#unwatch()
    this.#pool.cancelFile(this.#mapping, () => mapClosed(this.#path))
    endWaits(this)
    endStreams(this)
    this.#mappings.leave()
    await this.#end()
  }

  /** The pool has been left, since nobody has to call this. */
  #closeAgain() {
    this.#pool.enter()
    return this.#end()
  }

  async #end() {
    try {
      await this.#tryToEnd()
    } finally {
      this.#mappings.letGo()
      this.#use.leave()
    }
    this.#tell('close') // closing has succeeded, whatever a listener does
  }

  /** Where the system refuses, close() may be called again. */
  async #tryToEnd() {
    this.#isStuck = false
    const ends = [...this.#mappings.end(this.#pool), this.#leases.close()]
    const refused = (await Promise.allSettled(ends)).find(({ status }) => status === 'rejected')
    this.#isStuck = refused !== undefined
    if (this.#isStuck) throw refused.reason
  }

  removeAllListeners(...names) {
    super.removeAllListeners(...names)
    watchListeners(this)
    return this
  }

  /** @internal Tells listeners of pages that were lost since the last time. */
  emitDamage() {
    for (const lost of [...this.#mappings.newDamage(), ...this.#leases.newDamage()]) {
      debug('damage: %d bytes at %d of %j are zeros now', lost.length, lost.offset, this.#path)
      this.#tell('damage', lost) // others are told of theirs, whatever a listener does
    }
  }

  /** Emits an event; what a listener throws is an uncaught exception, and nothing of this call. */
  #tell(...event) {
    try {
      this.emit(...event)
    } catch (error) {
      nextTick(() => {
        throw error
      })
    }
  }

  #checkOpen() {
    if (this.closed) throw mapClosed(this.#path)
  }

  #range(offset, length) {
    this.#checkOpen()
    return range(this.byteLength, offset, length)
  }

  #view(offset, length) {
    this.#stats.views++
    return this.#hot.make(offset, length)
  }

  /**
   * A range that is known to be resident, at once; undefined where it has to be touched. A long one always has unless it is
   * pinned: else the mirror knows what is in the page cache, and each page that is not in the page table yet costs a fault,
   * if a minor one.
   */
  #getHot(part) {
    const view = this.#findHot(part)
    if (view === undefined) this.#stats.misses++
    else this.#stats.hits++
    return view
  }

  #findHot({ offset, length }) {
    if (length > 0 && this.#use.isOver) return undefined
    if (length > MOST_HOT) return this.#hot.getPinned(offset, length)
    return this.#hot.get(offset, length, false)
  }

  async #touch(...given) {
    const { isList, parts, options } = this.#whatToTouch(given)
    const mayBeHot = !isList && !options.write && options.onProgress === undefined && !options.signal?.aborted
    if (mayBeHot && this.#getHot(parts[0]) !== undefined) return
    // Progress is told range by range, of each byte as often as it was asked for.
    const merged = isList && options.onProgress === undefined ? mergeRanges(parts, this.#mapping.lead) : parts
    const argument = options.write ? 1 : 0
    await this.#run({ op: Op.TOUCH, syscall: 'madvise', parts: merged, argument, onProgress: options.onProgress },
      options.signal)
  }

  /** The arguments of a touch, which counts from here on. */
  #whatToTouch(given) {
    this.#checkOpen()
    const isList = Array.isArray(given[0])
    const parts = isList ? rangeList(this.byteLength, given[0]) : [this.#range(given[0], given[1])]
    const options = touchOptions(given[isList ? 1 : 2])
    if (options.write) this.#changes.checkWritable()
    this.#countTouches(parts)
    return { isList, parts, options }
  }

  #countTouches(parts) {
    this.#stats.touches += parts.length
    for (const { length } of parts) this.#stats.touchedBytes += length
  }

  #readOne(getRange, toCopy) {
    try {
      this.#checkOpen()
      const part = this.#partToRead(getRange())
      if (part.length === 0) return Promise.resolve(toCopy({ parts: [part] }))
      return this.#run({ op: Op.READ, syscall: 'read', parts: [part], toValue: toCopy })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #partToRead({ offset, length }) {
    viewLength(length)
    this.#stats.reads++
    this.#stats.readBytes += length
    const isStaged = length > 0 && length <= SHORT
    return { offset, length, isStaged, memory: isStaged ? undefined : allocate(length) }
  }

  /**
   * Has the pool do what `about` tells a Request, with the parts that are not empty. It and its hot callers are not async:
   * a promise more a call costs more than everything else that they do.
   * @returns {Promise<unknown>}
   */
  #run(about, signal) {
    this.#checkOpen()
    throwIfAborted(signal)
    if (about.parts.some(isEmpty)) about.parts = about.parts.filter((part) => !isEmpty(part))
    if (about.parts.length === 0) return Promise.resolve(0)
    const request = this.#submit(about)
    if (signal !== undefined) cancelOnAbort(signal, this.#pool, request)
    return request.promise
  }

  #submit(about) {
    this.#checkOpen()
    about.mapping ??= this.#mapping
    return this.#pool.submit(new Request(about))
  }
}

/** Residency that the kernel hides is an answer, not a failure. */
function unlessHidden(error) {
  if (error.code === 'EPERM') return null
  throw error
}

module.exports = { MappedFile, mappingOf }
