'use strict'
// One call of a user's: its ranges, which of them are done, and the promise that tells how it ended.

const { Op } = require('../worker/layout')
const { fromCore } = require('./errors')

const NAMES = []
for (const [name, op] of Object.entries(Op)) NAMES[op] = name.toLowerCase()

/**
 * @typedef {object} Part a range of a request: what one slot carries
 * @property {number} offset bytes from the start of the mapping
 * @property {number} length bytes
 * @property {Uint8Array} [source] what is to be written
 * @property {ArrayBuffer} [memory] where the answer goes, or where it has come
 * @property {boolean} [isStaged] it is short, and is given its memory when it has come
 * @property {number} [transfer] id of the memory while it is lent
 */

class Request {
  /**
   * @param {object} about
   * @param {number} about.op what to do: one of the layout's Op
   * @param {object} about.mapping its Mapping, or a lease's overlay; kept alive until the request has ended
   * @param {Part[]} about.parts
   * @param {string} about.syscall what errors call it
   * @param {number} [about.argument] the advice, a size, or whether it is for writing
   * @param {(touched: number, total: number) => void} [about.onProgress] bytes
   * @param {Promise<unknown>} [about.turn] resolves when what has to be over before it is; until then it gets no slot
   * @param {(request: Request) => void} [about.onTurn] called then, or at once; it may name another mapping, and throw
   * @param {() => void} [about.onOver] called when it is settled and no slot carries a part of it any more
   * @param {string} [about.kind] what messages about it call it; else the name of its op
   * @param {(request: Request) => unknown} [about.toValue] makes what the promise resolves with; else the sum of results
   */
  constructor({ op, mapping, parts, syscall, argument = 0, onProgress, turn, onTurn, onOver, kind, toValue }) {
    this.op = op
    this.mapping = mapping
    this.parts = parts
    this.argument = argument
    this.onProgress = onProgress
    this.turn = turn
    this.onTurn = onTurn
    this.onOver = onOver
    this.kind = kind ?? NAMES[op]
    this.syscall = syscall
    this.toValue = toValue
    this.issued = 0 // parts that have been given a slot
    this.ended = 0 // parts whose slot has answered
    this.left = 0 // parts whose slot is free again, answered or not
    this.sum = 0 // of the parts' results
    this.succeeded = 0 // parts
    this.bytes = 0 // of them
    this.touched = 0 // bytes, for onProgress, as is the next
    this.total = onProgress === undefined ? 0 : this.length
    this.settled = false
    this.failed = false // rejected
    this.error = undefined // with this, which can be anything: onProgress may throw undefined
    this.submittedAt = 0 // ns of worker/clock.js, as the next three
    this.takenAt = Infinity // when a pool thread first took one of its parts up
    this.endedAt = 0 // when the last slice ended
    this.collectedAt = 0 // when the calling thread found its last part done
    this.workedNs = 0 // how long pool threads were inside of its slices
    this.message = undefined // for listeners, while there are any
    this.channel = undefined // the Channel that has it, from its submission on
    this.onSettled = undefined // for whoever must let go of something then
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }

  /** Where its first range begins in the file's mapping, in bytes, also where it is about a lease's overlay. */
  get firstByte() {
    return (this.parts[0]?.offset ?? 0) + this.mapping.origin
  }

  /** Bytes of all its ranges. */
  get length() {
    return this.parts.reduce((sum, part) => sum + part.length, 0)
  }

  get wantsSlots() {
    return !this.settled && this.partsLeft > 0
  }

  /** Parts that have no slot yet. */
  get partsLeft() {
    return this.parts.length - this.issued
  }

  /** Parts that are in slots as of now. */
  get inSlots() {
    return this.issued - this.ended
  }

  /** Its turn has come. Settles it where it cannot begin. */
  begin() {
    try {
      this.onTurn?.(this)
    } catch (error) {
      this.fail(error)
    }
  }

  nextPart() {
    return this.parts[this.issued++]
  }

  /** Bytes more than at the last call have been touched. */
  advance(bytes) {
    if (bytes === 0 || this.settled || this.onProgress === undefined) return
    this.touched += bytes
    try {
      this.onProgress(this.touched, this.total)
    } catch (error) {
      this.fail(error)
    }
  }

  /** What the slot of a part that is about to end says of its time: all in ns. */
  noteTimes(takenAt, endedAt, workedNs, collectedAt) {
    this.takenAt = Math.min(this.takenAt, takenAt)
    this.endedAt = Math.max(this.endedAt, endedAt)
    this.workedNs += workedNs
    this.collectedAt = collectedAt
  }

  /** A part's slot has answered: a count, or a negative result of the core. */
  endPart(part, result) {
    this.ended++
    if (result < 0) {
      const { path, origin } = this.mapping
      this.fail(fromCore(result, this.syscall, path, part.offset + origin, part.length))
    } else {
      this.succeeded++
      this.bytes += part.length
    }
    this.sum += result
    if (this.ended === this.parts.length && !this.settled) this.#succeed()
  }

  /** A slot that carried a part of it is free again. */
  leaveSlot() {
    this.left++
    this.#tellIfOver()
  }

  #tellIfOver() {
    if (this.settled && this.left === this.issued) this.onOver?.()
  }

  #succeed() {
    try {
      this.#settle(this.resolve, this.toValue === undefined ? this.sum : this.toValue(this))
    } catch (error) {
      this.fail(error) // no memory for what it is to resolve with
    }
  }

  fail(error) {
    if (this.settled) return
    this.failed = true
    this.error = error
    this.#settle(this.reject, error)
  }

  #settle(how, value) {
    this.settled = true
    how(value)
    this.onSettled?.()
    this.#tellIfOver()
    this.channel.forget(this)
  }
}

module.exports = { Request }
