'use strict'
// Keeps the process alive while something is awaited that does not: Atomics.waitAsync (nodejs/node#61941).

const { clearInterval, setInterval } = require('node:timers')
const { outside } = require('./outside')

const SELDOM_MS = 2 ** 30

// A timer, and not a port: Deno lets go of a port to which nobody listens, and Bun of one to which somebody does.
class KeepAlive {
  #timer // while there is one, the process holds it, and what it was made in

  /** The process stays from now on. */
  ref() {
    this.#timer ??= outside(() => setInterval(() => {}, SELDOM_MS))
    this.#timer.ref()
  }

  unref() {
    this.#timer.unref()
  }

  /** It is not needed any more. */
  close() {
    clearInterval(this.#timer)
  }
}

module.exports = { KeepAlive }
