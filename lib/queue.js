'use strict'
// Which range gets the next slot: files take turns, and so do the requests of a file. None takes more than its share,
// so that neither a list of a million ranges nor a file whose device hangs keeps the others out.

const { Fifo } = require('./fifo')
const { SLOTS } = require('../worker/layout')

const FILE_SHARE = SLOTS / 2
const REQUEST_SHARE = SLOTS / 4 // as deep as devices like their queues

/** The requests of one file that have parts without a slot. */
class Line {
  requests = new Fifo()
  inSlots = 0 // parts of this file's that are in slots
  isWaiting = false // whether it has its turn among the others

  /** The request whose next part gets a slot; nothing when none may have one now. */
  next() {
    if (this.inSlots >= FILE_SHARE) return undefined
    for (let left = this.requests.length; left > 0; left--) {
      const request = this.requests.shift()
      if (!request.wantsSlots) continue
      const mayHave = request.inSlots < REQUEST_SHARE
      if (!mayHave || request.partsLeft > 1) this.requests.push(request)
      if (!mayHave) continue
      this.inSlots++
      return request
    }
    return undefined
  }
}

class Queue {
  #lineOf = new WeakMap() // by file
  #turns = new Fifo() // the lines in which somebody waits

  add(request) {
    const { file } = request
    let line = this.#lineOf.get(file)
    if (line === undefined) this.#lineOf.set(file, (line = new Line()))
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
    this.#lineOf.get(request.file).inSlots--
  }

  /** Requests with parts that wait. */
  get requests() {
    return this.#turns.toArray().flatMap((line) => line.requests.toArray().filter((request) => request.wantsSlots))
  }

  clear() {
    for (const line of this.#turns.toArray()) {
      line.requests.clear()
      line.isWaiting = false
    }
    this.#turns.clear()
  }
}

module.exports = { Queue }
