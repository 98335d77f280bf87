'use strict'
// Which range gets the next slot: files take turns, and so do the requests of a file. None takes more than its share,
// so that neither a list of a million ranges nor a file whose device hangs keeps the others out.

const { Fifo } = require('./fifo')
const { SLOTS } = require('../worker/layout')

const FILE_SHARE = SLOTS / 2
const REQUEST_SHARE = SLOTS / 4 // as deep as devices like their queues

// So many settled requests may stand in a line, or as many as there are others: a look for each of them would cost too much,
// and they cannot be left until their turn comes, which it does not while the device hangs.
const MOST_DEAD = 64

// So many lines are kept in which nobody is, as most files are asked for something again; or twice as many as are in use.
const MOST_IDLE = 64

/** The requests of one file that have parts without a slot. */
class Line {
  requests = new Fifo()
  dead = 0 // of them, those that have been settled
  inSlots = 0 // parts of this file's that are in slots
  isWaiting = false // whether it has its turn among the others

  get isIdle() {
    return this.inSlots === 0 && !this.isWaiting
  }

  /** Those that are not settled. */
  get live() {
    return this.requests.toArray().filter((request) => request.wantsSlots)
  }

  /** The request whose next part gets a slot; nothing when none may have one now. */
  next() {
    if (this.inSlots >= FILE_SHARE) return undefined
    for (let left = this.requests.length; left > 0; left--) {
      const request = this.requests.shift()
      if (!request.wantsSlots) {
        this.dead--
        continue
      }
      const mayHave = request.inSlots < REQUEST_SHARE
      if (!mayHave || request.partsLeft > 1) this.requests.push(request)
      if (!mayHave) continue
      this.inSlots++
      return request
    }
    return undefined
  }

  /** One of the requests has been settled. */
  drop() {
    this.dead++
    if (this.dead <= MOST_DEAD || 2 * this.dead <= this.requests.length) return
    this.requests.keep((request) => request.wantsSlots)
    this.dead = 0
  }

  clear() {
    this.requests.clear()
    this.dead = 0
    this.isWaiting = false
  }
}

class Queue {
  #lines = new Map() // by the file's id, whichever of its mappings and handles is named
  #mostLines = MOST_IDLE
  #turns = new Fifo() // the lines in which somebody waits

  add(request) {
    const line = this.#lines.get(request.mapping.fileId) ?? this.#makeLine(request.mapping.fileId)
    line.requests.push(request)
    if (line.isWaiting) return
    line.isWaiting = true
    this.#turns.push(line)
  }

  #makeLine(fileId) {
    if (this.#lines.size >= this.#mostLines) this.#forgetIdle()
    const line = new Line()
    this.#lines.set(fileId, line)
    return line
  }

  #forgetIdle() {
    for (const [fileId, line] of this.#lines) if (line.isIdle) this.#lines.delete(fileId)
    this.#mostLines = MOST_IDLE + 2 * this.#lines.size
  }

  /** The request whose next part gets a slot: the caller takes it; undefined when nobody may have one now. */
  next() {
    for (let left = this.#turns.length; left > 0; left--) {
      const line = this.#turns.shift()
      const next = line.next()
      line.isWaiting = line.requests.length > 0
      if (line.isWaiting) this.#turns.push(line)
      if (next !== undefined) return next
    }
    return undefined
  }

  /** A part of the request has given its slot back. */
  leave(request) {
    this.#lines.get(request.mapping.fileId).inSlots--
  }

  /** A request has been settled that was added, and has parts without a slot. There is no such line after clear(), perhaps. */
  drop(request) {
    this.#lines.get(request.mapping.fileId)?.drop()
  }

  /** Requests with parts that wait. */
  get requests() {
    return this.#turns.toArray().flatMap((line) => line.live)
  }

  /** Those of one file. */
  requestsOf(fileId) {
    return this.#lines.get(fileId)?.live ?? []
  }

  clear() {
    for (const line of this.#turns.toArray()) line.clear()
    this.#turns.clear()
  }
}

module.exports = { Queue }
