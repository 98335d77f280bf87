'use strict'
// What changes a file, in the order of the calls: write(), flush(), which has what was written before it, and resize() and
// refresh(), which change what there is to be written to.

const { Op } = require('../worker/layout')
const { invalidValue, mapReadOnly } = require('./errors')
const { bytesOf, checkWriteRange } = require('./options')
const { WriteOrder } = require('./write-order')

// Bytes of a write in one slot: of heap memory so much is copied at a time, which takes some ten µs.
const MOST_IN_SLOT = 256 << 10

const NOTHING = [{ offset: 0, length: 0 }] // the range of what is about the whole file

class Changes {
  #file
  #offset
  #isOver
  #submit
  #order = new WriteOrder()

  /**
   * @param {object} about
   * @param {import('./mapped-file').MappedFile} about.file
   * @param {number} about.offset bytes into the file at which it starts
   * @param {(memory: ArrayBufferLike) => boolean} about.isOver whether that memory is a buffer of the file's
   * @param {(about: object) => Promise<any>} about.submit has the pool do what `about` tells a Request
   */
  constructor({ file, offset, isOver, submit }) {
    this.#file = file
    this.#offset = offset
    this.#isOver = isOver
    this.#submit = submit
  }

  /** Throws unless stores reach the file. */
  checkWritable() {
    if (this.#file.flags === 'r') throw mapReadOnly(this.#file.path)
  }

  /** @returns {Promise<number>} bytes written */
  async write(offset, data) {
    this.checkWritable()
    const bytes = bytesOf('data', data)
    checkWriteRange(this.#file.byteLength, offset, bytes.length)
    if (bytes.length === 0) return 0
    if (bytes.length > MOST_IN_SLOT) this.#checkApart(offset, bytes, data)
    const parts = partsOf(offset, bytes) // now: when its turn comes, the memory may be gone
    return this.#order.run(offset, bytes.length, (onOver, turn) =>
      this.#submit({ op: Op.WRITE, parts, syscall: 'write', onOver, turn }))
  }

  /** Parts are written in any order, so none may change what another is to take. */
  #checkApart(offset, { buffer, byteOffset, length }, data) {
    const distance = Math.abs(byteOffset - offset)
    if (!this.#isOver(buffer) || distance === 0 || distance >= length) return
    throw invalidValue('data', data, `must not overlap the range that it is written to, from ${offset} on: it begins at ` +
      `${byteOffset} of the same file, and has more than ${MOST_IN_SLOT} bytes`)
  }

  /** Writes that were asked for before are flushed as well. */
  async flush(part) {
    if (part.length === 0) return
    const turn = this.#order.after(part.offset, part.length)
    await this.#submit({ op: Op.FLUSH, parts: [part], syscall: 'msync', turn })
  }

  /**
   * @param {number} size bytes of the file: was checked
   * @param {(request: import('./request').Request) => void} onTurn called when all before it is over
   * @param {(size: number) => void} onSize is told what it has become
   */
  async resize(size, onTurn, onSize) {
    const syscall = size < this.#offset + this.#file.byteLength ? 'ftruncate' : 'fallocate'
    await this.#alone({ op: Op.RESIZE, argument: size, syscall, onTurn, toValue: ({ sum }) => onSize(sum) })
  }

  /**
   * @param {(request: import('./request').Request) => void} onTurn called when all before it is over
   * @param {(size: number) => void} onSize is told what the file has
   */
  async refresh(onTurn, onSize) {
    await this.#alone({ op: Op.REFRESH, syscall: 'mmap', onTurn, toValue: ({ sum }) => onSize(sum) })
  }

  /** When all before it is over, and before all that comes after it. */
  #alone(about) {
    return this.#order.run(0, Infinity, (onOver, turn) => this.#submit({ ...about, parts: NOTHING, onOver, turn }))
  }
}

/** @returns {import('./request').Part[]} */
function partsOf(offset, bytes) {
  const parts = []
  for (let at = 0; at < bytes.length; at += MOST_IN_SLOT) {
    const source = bytes.subarray(at, at + MOST_IN_SLOT)
    parts.push({ offset: offset + at, length: source.length, source })
  }
  return parts
}

module.exports = { Changes }
