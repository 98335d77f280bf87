'use strict'
// A queue that keeps its memory: an Array that shift() empties gives up its own, and the next push() makes it anew, 150 bytes
// for each request that does not wait.

const LEAST = 16 // a power of two, as all sizes are
const MOST_KEPT = 1024 // when nobody waits

class Fifo {
  #items = new Array(LEAST).fill(undefined)
  #first = 0
  #length = 0

  get length() {
    return this.#length
  }

  push(item) {
    if (this.#length === this.#items.length) this.#grow()
    this.#items[this.#placeOf(this.#length++)] = item
  }

  /** Takes the first one; undefined where there is none. */
  shift() {
    if (this.#length === 0) return undefined
    const item = this.#items[this.#first]
    this.#items[this.#first] = undefined
    this.#first = this.#placeOf(1)
    this.#length--
    if (this.#length === 0 && this.#items.length > MOST_KEPT) this.clear()
    return item
  }

  clear() {
    this.#items = new Array(LEAST).fill(undefined)
    this.#first = 0
    this.#length = 0
  }

  /** Drops those that do not suit; the others keep their order. */
  keep(suits) {
    const kept = this.toArray().filter(suits)
    this.clear()
    for (const item of kept) this.push(item)
  }

  /** All of them, in their order. */
  toArray() {
    return Array.from({ length: this.#length }, (_, i) => this.#items[this.#placeOf(i)])
  }

  #placeOf(index) {
    return (this.#first + index) & (this.#items.length - 1)
  }

  #grow() {
    const items = this.toArray()
    this.#items = items.concat(new Array(items.length).fill(undefined))
    this.#first = 0
  }
}

module.exports = { Fifo }
