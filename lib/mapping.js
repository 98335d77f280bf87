'use strict'
// What requests name: a range of memory over a file, by its place in the core's table; what is known of its pages, and how it
// ends. A file has one, and one more each time that it outgrows its buffer: a SharedArrayBuffer cannot grow, and of the former
// one views may still be held.

const native = require('../native/binding')
const { DamageReport } = require('./damage')
const { fromCore } = require('./errors')
const { HotViews } = require('./hot-views')
const { isNeeded, layFile } = require('./laid-buffer')
const { releasePins } = require('./pin')
const { closeMapping } = require('./run-surely')

const LEAST_LONGER = 16 * native.pageSize // bytes of a buffer that a file has grown into

const fileIds = new WeakMap() // by buffer: also of other handles of this thread, which may have grown further

class Mapping {
  #lease // holds its place in the core's table
  #offset
  #report // of the damage that has been told of; made when there is any
  #hasLeft = false
  #isLast = false // whether no other handle on it was open then
  #hasLetGo = false

  /**
   * @param {import('./mapped-file').MappedFile} file that is not collected while a request names this, and cancels it with its end
   * @param {object} made the core's: id, fileId, lease, buffer, copyOnWrite, mirror, believed
   * @param {{offset: number, path?: string, requests?: {count: number}}} about bytes into the file at which it starts; requests that
   *   pend on the file, of which the one that this follows has the count
   */
  constructor(file, made, { offset, path, requests = { count: 0 } }) {
    const { id, fileId, lease, buffer = new SharedArrayBuffer(0), copyOnWrite } = made
    this.file = file
    this.id = id
    this.fileId = fileId // the same for all that follow one another: slots and threads are shared out by it
    this.lead = offset % native.pageSize // bytes from a page boundary of the file to its start
    this.origin = 0 // of a lease's overlay: where that begins in the mapping
    this.path = path
    this.requests = requests
    this.buffer = buffer
    this.copyOnWrite = copyOnWrite
    this.laidMirror = isNeeded ? made.mirror : undefined // where the file is laid over buffers of the runtime's
    this.hot = new HotViews(made, buffer, this.lead)
    this.#lease = lease
    this.#offset = offset
    fileIds.set(buffer, fileId)
  }

  /**
   * One that has `least` bytes: that into which another thread has grown already, or one more over the same file. Where there
   * is room for it the latter has twice as many as this one, since each stays until the file is closed; but not where
   * little would be left for others, as under `ulimit -v`.
   * @throws ERR_MAP_UNSUPPORTED, or the system's error
   */
  makeLonger(least) {
    const roomy = Math.max(least, 2 * this.buffer.byteLength, LEAST_LONGER)
    if (roomy === least || !native.hasRoomFor(2 * roomy)) return this.#makeOf(least, least)
    try {
      return this.#makeOf(roomy, least)
    } catch {
      return this.#makeOf(least, least)
    }
  }

  #makeOf(length, least) {
    const { id, path, requests } = this
    const offset = this.#offset
    const made = isNeeded
      ? layFile({ offset, length }, path, (bytes, mirror) => native.layLonger(id, length, bytes, mirror))
      : native.mapLonger(id, least, length)
    if (typeof made === 'number') throw fromCore(made, 'mmap', path, offset, length)
    return new Mapping(this.file, made, { offset, path, requests })
  }

  /** Bytes, in whole pages, that turned into zeros. */
  get damaged() {
    return native.damagedBytes(this.id)
  }

  /** Ranges that were lost since the last call, in bytes. */
  newDamage() {
    if (this.damaged === 0) return []
    this.#report ??= new DamageReport(this.id, this.buffer.byteLength)
    return this.#report.news()
  }

  /** What was repaired may be lost once more, and is told of again then. */
  takeStock() {
    this.#report = undefined
    this.newDamage()
  }

  /** Its file is closed; other threads may have it attached. */
  leave() {
    if (!this.#hasLeft) this.#isLast = native.leave(this.#lease) === 1
    this.#hasLeft = true
  }

  /** After that: closes it if nobody has it any more. Where the system refuses, this may be called again. */
  async end(pool) {
    if (!this.#isLast) return releasePins(this)
    const result = await closeMapping(pool, this)
    if (result < 0) throw fromCore(result, 'mmap', this.path)
  }

  /** After that, whatever came of it: what was laid need not be held any more. Once for this handle, unless it was the last. */
  letGo() {
    if (this.#isLast || !this.#hasLetGo) native.letGo(this.id)
    this.#hasLetGo = true
  }

  /**
   * Ends one that this thread has told nobody of; another may have grown into it. A request that was given up may still be at
   * work on it, on a device that hangs: nobody waits for that, unless the memory is the runtime's. Where the system refuses,
   * it stays until it is collected.
   */
  async discard(pool) {
    if (!isNeeded) {
      this.#hasLeft = true
      return native.giveUp(this.#lease)
    }
    this.leave()
    await this.end(pool).catch(() => {})
    this.letGo()
  }
}

/** Those of one file, and how many bytes of it there are. */
class Mappings {
  #current
  #outgrown = [] // of which somebody may hold views
  #candidates = [] // that it may grow into
  #offset
  #follows

  /**
   * @param {import('./mapped-file').MappedFile} file
   * @param {object} made the core's mapping
   * @param {object} about
   * @param {number} about.offset bytes into the file at which it starts
   * @param {number} about.length bytes of it that the user has asked for, or that the file has
   * @param {boolean} about.follows whether that changes with the file's size
   * @param {string} [about.path]
   */
  constructor(file, made, { offset, length, follows, path }) {
    this.#current = new Mapping(file, made, { offset, path })
    this.#offset = offset
    this.#follows = follows
    this.length = Math.min(length, this.#current.buffer.byteLength) // as far as known
    if (length > this.length) this.#catchUp(offset + length)
  }

  /** What new requests name. */
  get current() {
    return this.#current
  }

  get #all() {
    return [this.#current, ...this.#outgrown, ...this.#candidates]
  }

  /** Whether that memory is a buffer of the file's, which shows the same bytes at the same places. */
  include(memory) {
    return fileIds.get(memory) === this.#current.fileId
  }

  /**
   * Before anything is done to the file, which is to have `size` bytes: they may be more than can be mapped.
   * @returns {Mapping | undefined} a longer one where there is no room for them; endGrowing() takes it afterwards
   * @throws as Mapping.makeLonger()
   */
  beginGrowing(size) {
    if (!this.#isOutgrownBy(size)) return undefined
    const longer = this.#current.makeLonger(size - this.#offset)
    this.#candidates.push(longer)
    return longer
  }

  /** What it has not grown into goes again, by and by; where the file is being closed, with it. */
  endGrowing(longer, pool) {
    if (longer.file.closed || !this.#candidates.includes(longer)) return
    void longer.discard(pool).then(() => this.#forgetCandidate(longer))
  }

  /**
   * The file has so many bytes, and pages that were lost have been mapped again.
   * @param {Mapping} [longer] as beginGrowing() gave it
   * @throws as Mapping.makeLonger(): then `length` is what can be had
   */
  follow(size, longer) {
    for (const mapping of this.#all) mapping.takeStock()
    if (longer !== undefined) this.#growInto(longer)
    this.#reach(size)
  }

  /** It was attached by a handle that is older than what the file has grown into. */
  #catchUp(size) {
    try {
      this.#reach(size)
    } catch {
      // As far as can be had: refresh() tells why.
    }
  }

  #reach(size) {
    this.#setLength(size)
    if (!this.#isOutgrownBy(size)) return
    this.#growInto(this.#current.makeLonger(size - this.#offset))
    this.#setLength(size)
  }

  #setLength(size) {
    if (this.#follows) this.length = Math.max(0, Math.min(size - this.#offset, this.#current.buffer.byteLength))
  }

  #isOutgrownBy(size) {
    return this.#follows && size - this.#offset > this.#current.buffer.byteLength
  }

  #growInto(longer) {
    this.#outgrown.push(this.#current)
    this.#current = longer
    this.#forgetCandidate(longer)
    native.takeOver(longer.id)
  }

  #forgetCandidate(longer) {
    this.#candidates = this.#candidates.filter((other) => other !== longer)
  }

  /** Bytes, in whole pages, that turned into zeros. */
  get damaged() {
    return this.#all.reduce((sum, { damaged }) => sum + damaged, 0)
  }

  /** As that of each. */
  newDamage() {
    return this.#all.flatMap((mapping) => mapping.newDamage())
  }

  /** As that of each. */
  leave() {
    for (const mapping of this.#all) mapping.leave()
  }

  /** As that of each. @returns {Promise<void>[]} */
  end(pool) {
    return this.#all.map((mapping) => mapping.end(pool))
  }

  /** As that of each. */
  letGo() {
    for (const mapping of this.#all) mapping.letGo()
  }
}

module.exports = { Mapping, Mappings }
