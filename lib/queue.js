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

/** The requests of one file that have parts without a slot. */
class Line {
  requests = new Fifo()
  dead = 0 // of them, those that have been settled
  inSlots = 0 // parts of this file's that are in slots
  isWaiting = false // whether it has its turn among the others

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
  #lines = new WeakMap() // by the MappedFile, whichever of its mappings is named
  #turns = new Fifo() // the lines in which somebody waits

  add(request) {
    const { owner } = request.mapping
    let line = this.#lines.get(owner)
    if (line === undefined) this.#lines.set(owner, (line = new Line()))
    line.requests.push(request)
    if (line.isWaiting) return
    line.isWaiting = true
    this.#turns.push(line)
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
    this.#lines.get(request.mapping.owner).inSlots--
  }

  /** A request has been settled that was added, and has parts without a slot. */
  drop(request) {
    this.#lines.get(request.mapping.owner).drop()
  }

  /** Requests with parts that wait. */
  get requests() {
    return this.#turns.toArray().flatMap((line) => line.requests.toArray().filter((request) => request.wantsSlots))
  }

  clear() {
    for (const line of this.#turns.toArray()) line.clear()
    this.#turns.clear()
  }
}

module.exports = { Queue }
