'use strict'
// Leases: ranges of a file that are laid over the memory of WebAssembly instances, from mapInto() until their release.

const { constants } = require('node:os')
const native = require('../native/binding')
const { Op } = require('../worker/layout')
const { cancelOnAbort, throwIfAborted } = require('./abort')
const { closeMapping } = require('./run-surely')
const { DamageReport } = require('./damage')
const { fromCore, mapClosed, mapOverlap } = require('./errors')
const { mapIntoOptions } = require('./options')
const { Request } = require('./request')

const BUSY = -constants.errno.EBUSY

// What is active, with its file: nobody but the instance may know the memory, and whose pages it shows must stay told of.
const active = new Set()

class MemoryLease {
  #file
  #pool
  #overlay // what requests name: as a Mapping; `origin` is where its first byte lies in that of the file
  #memory
  #byteOffset
  #length
  #report // of the damage that has been told of; made when there is any
  #damaged // bytes, once it has been released
  #releasing // the promise of release()

  /** Made by mapInto(): takes hold of the memory, and does not change it yet. */
  constructor(mapping, pool, { memory, buffer, byteOffset, offset, length }) {
    const { file } = mapping
    const window = new Uint8Array(buffer, byteOffset, Math.min(length, 1)) // one byte tells where; none may lie at the end
    const id = native.createOverlay(mapping.id, offset, length, window)
    if (id === BUSY) throw mapOverlap(byteOffset, length)
    if (id < 0) throw fromCore(id, 'mmap', file.path, offset, length)
    this.#file = file
    this.#pool = pool
    this.#overlay = { file: this, id, fileId: mapping.fileId, lead: 0, path: file.path, origin: offset, requests: { count: 0 } }
    this.#memory = memory
    this.#byteOffset = byteOffset
    this.#length = length
    active.add(this)
  }

  get file() {
    return this.#file
  }

  get memory() {
    return this.#memory
  }

  get byteOffset() {
    return this.#byteOffset
  }

  get offset() {
    return this.#overlay.origin
  }

  get length() {
    return this.#length
  }

  get released() {
    return this.#releasing !== undefined
  }

  get damaged() {
    return this.#damaged ?? native.damagedBytes(this.#overlay.id)
  }

  release() {
    this.#releasing ??= this.#release()
    return this.#releasing
  }

  [Symbol.asyncDispose]() {
    return this.release()
  }

  [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
    if (!(#overlay in this)) return '[MemoryLease]'
    const { byteOffset, offset, length, released, damaged } = this
    return depth < 0 ? '[MemoryLease]' : `MemoryLease ${inspect({ byteOffset, offset, length, released, damaged }, options)}`
  }

  async #release() {
    const { id, path } = this.#overlay
    this.#pool.cancelFile(this.#overlay, () => mapClosed(path))
    const result = await closeMapping(this.#pool, this.#overlay)
    if (result < 0) {
      this.#releasing = undefined
      throw fromCore(result, 'mmap', path, this.offset, this.length)
    }
    this.#damaged = native.damagedBytes(id)
    native.forgetOverlay(id)
    active.delete(this)
  }

  /** @internal Lays the pages of the file, and then has them all in the page table. */
  async fill(signal) {
    await this.#run({ op: Op.LAY, syscall: 'mmap' }, 0, signal)
    if (this.#length > 0) await this.#run({ op: Op.TOUCH, syscall: 'madvise' }, this.#length, signal)
  }

  /** @internal As MappedFile.refresh(). */
  async refresh() {
    try {
      // As a part of the file's refresh(), which the pool has taken in.
      await this.#pool.submit(this.#requestOf({ op: Op.REFRESH, syscall: 'mmap' }, 0), true).promise
    } catch (error) {
      if (!this.released) throw error
    }
    this.#report = undefined
    this.newDamage()
  }

  /** @internal Ranges that were lost since the last call, in bytes of the mapping. */
  newDamage() {
    if (this.#damaged !== undefined || this.damaged === 0) return []
    this.#report ??= new DamageReport(this.#overlay.id, this.#length)
    return this.#report.news().map(({ offset, length }) => ({ offset: this.offset + offset, length, lease: this }))
  }

  #requestOf(about, length) {
    return new Request({ ...about, mapping: this.#overlay, parts: [{ offset: 0, length }] })
  }

  async #run(about, length, signal) {
    throwIfAborted(signal)
    const request = this.#requestOf(about, length)
    this.#pool.submit(request)
    if (signal !== undefined) cancelOnAbort(signal, this.#pool, request)
    await request.promise
  }
}

/** The leases of one file. */
class Leases {
  #file

  constructor(file) {
    this.#file = file
  }

  /** See MappedFile.mapInto(). `pool`: what makes the pages resident, and gives them back. */
  async mapInto(mapping, pool, memory, byteOffset, options) {
    const { signal, ...place } = mapIntoOptions(mapping, memory, byteOffset, options)
    throwIfAborted(signal)
    if (this.#file.closed) throw mapClosed(this.#file.path) // by a getter of the options
    const lease = new MemoryLease(mapping, pool, { memory, ...place })
    try {
      await lease.fill(signal)
    } catch (error) {
      // Not before the memory is the caller's again. Where it cannot be given back now, the file's close() tries again.
      await lease.release().catch(() => {})
      throw error
    }
    return lease
  }

  /** Releases all of them. */
  async close() {
    await Promise.all(this.#mine().map((lease) => lease.release()))
  }

  async refresh() {
    await Promise.all(this.#mine().map((lease) => lease.refresh()))
  }

  newDamage() {
    return this.#mine().flatMap((lease) => lease.newDamage())
  }

  #mine() {
    return [...active].filter((lease) => lease.file === this.#file)
  }
}

module.exports = { Leases, MemoryLease }
