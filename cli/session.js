'use strict'
// One run of a verb: where it writes to, and how it learns that it shall end.

const { constants } = require('node:os')
const { Output } = require('./output')
const { Terminal } = require('./terminal')

const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP']

// One ctrl-C comes twice where another program, as npx, passes on what the terminal has sent to all of them.
const SAME_MS = 250

/**
 * A signal that is aborted by the first signal of the system; one that comes later ends the process as if nobody listened, in
 * case that the device hangs. @returns {{signal: AbortSignal, number: () => number, stop: () => void}}
 */
function listen() {
  const controller = new AbortController()
  let received = 0
  let timer
  const stop = () => {
    clearTimeout(timer)
    ENDING.forEach((name) => process.removeListener(name, end))
  }
  function end(name) {
    if (received !== 0) return
    received = constants.signals[name]
    timer = setTimeout(stop, SAME_MS)
    timer.unref()
    controller.abort()
  }
  ENDING.forEach((name) => process.on(name, end))
  return { signal: controller.signal, number: () => received, stop }
}

/**
 * @param {{run: Function, endsWhenInterrupted?: boolean, writesJson?: boolean}} verb `writesJson`: by itself. Where to be
 *   interrupted is its end, its run() may resolve to false: that came too early
 * @returns {Promise<number>} the exit code
 */
async function run(verb, args, options) {
  const interrupts = listen()
  const terminal = new Terminal(process.stdout, options)
  const output = new Output(terminal, options)
  let isDone
  try {
    isDone = await verb.run(args, options, { output, terminal, signal: interrupts.signal })
  } finally {
    output.end(verb.writesJson)
    interrupts.stop()
  }
  const isGoodEnd = verb.endsWhenInterrupted && isDone !== false
  if (interrupts.signal.aborted && !isGoodEnd) return 128 + interrupts.number()
  return output.failures > 0 ? 1 : 0
}

module.exports = { run }
