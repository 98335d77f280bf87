'use strict'
// A scan: a range of a file in chunks, one after the other, that are read ahead while the consumer works.
//
// The window is how far touches go beyond the chunk in the consumer's hand. It starts small, since many scans are given
// up after a look at the first bytes, and doubles whenever the consumer comes for a chunk that is not there yet: only
// then more of it can help. A consumer slower than its device thus keeps the small window, and one that stops pulling
// has at most the window read for nothing. It does not shrink: its bound is small, and a consumer that was fast once
// may be so again.
//
// Read-ahead is a row of touches, the segments, which have nothing to do with the chunks' size: small chunks would be a
// flood of requests, and a large one would hold a pool thread for as long as it is. A touch of 1 MiB costs about as much
// processor time for its round trip as for its pages, and above 4 MiB nothing is gained. But random traffic on the same
// mapping waits in the device's queue behind what the scan has in flight, and for a thread that is inside a segment. So
// segments grow with the window only as long as the device has them ready in a few ms, and shrink where it has not: in
// flight is about what the device reads in SLOW_MS. Of the slots that a file may have, a scan takes MOST_IN_FLIGHT. While others
// wait for the pool as well they stay small, and FEW_BESIDE are in flight.
//
// Whatever fails ahead of the consumer is kept quiet: when the consumer gets there, the chunk itself is touched once
// more, so that chunks before the failure are delivered, and the error is about the chunk and of that moment. The same
// way goes a chunk that was evicted, or cut off, between its touch and its turn.

const { performance } = require('node:perf_hooks')
const { setImmediate } = require('node:timers')
const { AbortError, mapClosed, mapTruncated } = require('./errors')
const { pageEnd, pageStart } = require('../worker/pages')

const MIB = 2 ** 20
const LEAST_SEGMENT = MIB // bytes of a touch, but at the end and where the window is smaller than two of them
const MOST_SEGMENT = 4 * MIB
const MOST_IN_FLIGHT = 4 // touches of a scan that pend at a time
// With 4 random reads in flight beside a scan these were waited for 0.18 ms at p50 and not 0.34, at p99 2.1 ms and not 3.7.
const FEW_BESIDE = 2
const SLOW_MS = 10
// Where all is resident nothing is waited for, and the event loop would not turn from the first chunk to the last.
const LONGEST_TURN_MS = 1
const FIRST_WINDOW = 2 * MIB // bytes, as are those below

// One eviction at a time, of no less than this much unless the scan ends: they cost two system calls each.
const DROP_AT_ONCE = 4 * MIB
// Touches wait for the eviction that pends when so much is left to drop: reading must not outrun it.
const DROP_BACKLOG = 16 * MIB
// The kernel drops no folio of which a part lies outside, so each eviction reaches back by the size of the largest.
const LARGEST_FOLIO = 2 * MIB

const SegmentState = Object.freeze({ PENDING: 0, READY: 1, FAILED: 2 })

/**
 * What is scanned.
 * @typedef {object} Source
 * @property {import('./mapped-file').MappedFile} file
 * @property {number} lead bytes from a page boundary of the file to its start
 * @property {() => import('./pool-client').PoolClient} pool the file's
 * @property {() => boolean} readsBlocks whether the file is read in blocks of 2 MiB, which small touches would not be
 * @property {(offset: number, length: number) => Buffer} view
 */

/** By pool: requests of this thread's scans. Each of these asks for little at a time beside others, but not beside scans. */
const ofScans = new WeakMap()

/** One pass over a range. next() must not be called again before it has answered. */
class Scan {
  #file
  #lead
  #pool
  #readsBlocks
  #view
  #options
  #wanted // the end of the chunk that was asked for last; the next one starts here
  #issued // touches have been asked for up to here
  #ready // everything before is resident, or was
  #segmentSize = LEAST_SEGMENT // what the device can take
  #segments = [] // between #ready and #issued, in order
  #inFlight = 0
  #window
  #passed // the consumer is done with everything before
  #dropped // everything before has been evicted
  #isDropping = false
  #dropError
  #turnedAt = performance.now() // ms: when the event loop was last given its turn; a wait may end without one
  #given = new AbortController() // up
  #notify = () => {}

  /**
   * @param {Source} source
   * @param {object} options
   * @param {number} options.start
   * @param {number} options.end exclusive
   * @param {number} options.chunkSize
   * @param {number} options.readAhead bytes at most
   * @param {boolean} options.dropBehind
   * @param {number} options.grace bytes behind the chunk in hand that are not dropped
   */
  constructor({ file, lead, pool, readsBlocks, view }, options) {
    this.#file = file
    this.#lead = lead
    this.#pool = pool
    this.#readsBlocks = readsBlocks
    this.#view = view
    this.#options = options
    const { start } = options
    this.#window = Math.min(options.readAhead, FIRST_WINDOW)
    this.#wanted = this.#issued = this.#ready = this.#passed = start
    this.#dropped = pageStart(start + file.pageSize - 1, this.#lead)
  }

  /**
   * The next chunk, resident as of now; undefined when there is none left.
   * @returns {Promise<Buffer | undefined>} rejected as MappedFile.touch() is
   */
  async next() {
    const { start, end, chunkSize, grace } = this.#options
    const offset = this.#wanted
    if (start === end && this.#file.closed) throw mapClosed(this.#file.path)
    if (offset === end) return this.#finish()
    this.#wanted = Math.min(offset + chunkSize, end)
    this.#passed = offset - grace
    this.#drop(DROP_AT_ONCE)
    this.#fill()
    if (this.#isOpen && offset > start) this.#widen()
    await this.#until(() => !this.#isOpen)
    if (performance.now() - this.#turnedAt > LONGEST_TURN_MS) await this.#letLoopTurn()
    return this.#take(offset, this.#wanted - offset)
  }

  /** Gives up what pends. @param {unknown} [reason] the cause of the AbortError that next() rejects with from now on */
  stop(reason) {
    this.#given.abort(reason)
    this.#notify()
  }

  /** Whether it is still to come out if what is wanted has been read ahead. */
  get #isOpen() {
    return this.#ready < this.#wanted && this.#segments[0]?.state !== SegmentState.FAILED
  }

  async #take(offset, length) {
    // What it was to scan has been cut off, and somebody has noticed.
    if (offset + length > this.#file.byteLength) throw mapTruncated(this.#file.path, offset, length)
    const seen = this.#ready >= this.#wanted ? this.#file.tryView(offset, length) : undefined
    if (seen !== undefined) return seen
    await this.#touchAlone(offset, length)
    this.#issued = Math.max(this.#issued, this.#wanted)
    this.#advance(this.#wanted)
    this.#fill()
    return this.#view(offset, length)
  }

  /** Where the pool's queue is full this waits for the scan's own requests, which may be all of it, and not for those of others. */
  async #touchAlone(offset, length) {
    const pends = () => this.#inFlight > 0 || this.#isDropping
    for (;;) {
      this.#countRequests(1)
      const error = await this.#file.touch(offset, length, { signal: this.#given.signal }).catch((failure) => failure)
      this.#countRequests(-1)
      if (error === undefined) return
      if (error.code !== 'ERR_POOL_QUEUE_FULL' || !pends()) throw error
      await this.#until(() => !pends())
    }
  }

  /** The consumer has nothing in hand that read-ahead could hide behind: more of it is wanted. */
  #widen() {
    this.#window = Math.min(this.#window * 2, this.#options.readAhead)
    this.#fill()
  }

  /** Sends touches as far as the window and the bounds allow. */
  #fill() {
    const end = Math.min(this.#wanted + this.#window, this.#options.end)
    while (this.#issued < end && this.#mayTouch) {
      const next = Math.min(this.#segmentEnd(this.#issued), this.#options.end)
      // What nobody waits for yet waits until the window has room for a whole segment.
      if (next > end && this.#issued >= this.#wanted) return
      this.#touch(this.#issued, Math.min(next, end))
    }
  }

  get #mayTouch() {
    if (this.#given.signal.aborted || this.#inFlight >= (this.#isBesideOthers ? FEW_BESIDE : MOST_IN_FLIGHT)) return false
    if (this.#isDropping && this.#passed - this.#dropped > DROP_BACKLOG) return false
    // Beyond a failure there is little to hope for.
    return this.#segments.every(({ state }) => state !== SegmentState.FAILED)
  }

  /** Whether this thread has asked the pool for anything but scans. */
  get #isBesideOthers() {
    const pool = this.#pool()
    return pool.inFlight > (ofScans.get(pool) ?? 0)
  }

  #countRequests(change) {
    const pool = this.#pool()
    ofScans.set(pool, (ofScans.get(pool) ?? 0) + change)
  }

  /** On a page boundary, so that no page belongs to two segments. */
  #segmentEnd(offset) {
    const most = this.#isBesideOthers && !this.#readsBlocks() ? LEAST_SEGMENT : this.#segmentSize
    const size = Math.max(LEAST_SEGMENT, Math.min(this.#window / 4, most))
    const longest = this.#options.readAhead === 0 ? size : Math.ceil(this.#options.readAhead / 2)
    const last = offset + Math.min(size, longest)
    const end = pageStart(last, this.#lead)
    return end > offset ? end : pageEnd(last, this.#lead)
  }

  #touch(offset, end) {
    const segment = { offset, end, state: SegmentState.PENDING }
    this.#segments.push(segment)
    this.#issued = end
    this.#inFlight++
    this.#countRequests(1)
    const began = performance.now()
    const settle = (state) => {
      segment.state = state
      this.#inFlight--
      this.#countRequests(-1)
      this.#pace(performance.now() - began)
      this.#advance(this.#ready)
      this.#fill()
      this.#notify()
    }
    this.#file.touch(offset, end - offset, { signal: this.#given.signal })
      .then(() => settle(SegmentState.READY), () => settle(SegmentState.FAILED))
  }

  #pace(ms) {
    if (ms > SLOW_MS) this.#segmentSize = Math.max(this.#segmentSize / 2, LEAST_SEGMENT)
    else if (ms < SLOW_MS / 2) this.#segmentSize = Math.min(this.#segmentSize * 2, MOST_SEGMENT)
  }

  /** Everything before `ready` is resident as well, and so are the segments that follow it and have been touched. */
  #advance(ready) {
    const segments = this.#segments
    this.#ready = Math.max(this.#ready, ready)
    while (segments.length > 0 && (segments[0].end <= this.#ready || segments[0].state === SegmentState.READY)) {
      this.#ready = Math.max(this.#ready, segments.shift().end)
    }
  }

  /** Evicts what was passed, if it is enough, in whole pages: one that is in use in part stays. */
  #drop(least) {
    if (!this.#options.dropBehind || this.#isDropping || this.#given.signal.aborted) return
    const end = pageStart(Math.min(this.#passed, this.#file.byteLength), this.#lead)
    if (end - this.#dropped < least) return
    const first = pageStart(this.#options.start + this.#file.pageSize - 1, this.#lead)
    const offset = Math.max(first, this.#dropped - LARGEST_FOLIO)
    this.#isDropping = true
    this.#countRequests(1)
    this.#file.evict(offset, end - offset).then(() => this.#dropEnded(end), (error) => this.#dropFailed(error))
  }

  #dropEnded(dropped) {
    this.#isDropping = false
    this.#countRequests(-1)
    this.#dropped = dropped
    this.#drop(DROP_AT_ONCE) // before reading goes on
    this.#fill()
    this.#notify()
  }

  /**
   * What the pool had no room for is tried again with the next chunk. A file that is closed has given all of it back; whoever
   * is to have more of it hears of that from the next chunk.
   */
  #dropFailed(error) {
    this.#isDropping = false
    this.#countRequests(-1)
    if (error.code !== 'ERR_POOL_QUEUE_FULL' && error.code !== 'ERR_MAP_CLOSED') this.#dropError = error
    this.#fill()
    this.#notify()
  }

  async #finish() {
    await this.#until(() => !this.#isDropping)
    this.#passed = this.#options.end - this.#options.grace
    this.#drop(1)
    await this.#until(() => !this.#isDropping)
    return undefined
  }

  async #until(condition) {
    for (;;) {
      if (this.#given.signal.aborted) throw new AbortError(this.#given.signal.reason)
      if (this.#dropError !== undefined) throw this.#dropError
      if (condition()) return
      await new Promise((resolve) => (this.#notify = resolve))
    }
  }

  async #letLoopTurn() {
    await new Promise((resolve) => setImmediate(resolve))
    this.#turnedAt = performance.now()
    await this.#until(() => true) // it may have been given up meanwhile
  }
}

module.exports = { Scan }
