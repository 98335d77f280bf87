'use strict'
// The old way to hear of an outcome, beside the promise.

const { nextTick } = require('node:process') // test runners replace the global one's
const { errorFrom } = require('./errors')

/** Runs `act`; a function as the last argument gets the outcome instead of a promise. */
function withCallback(given, act) {
  if (typeof given.at(-1) !== 'function') return act(...given)
  const callback = given.pop()
  act(...given).then(
    (value) => nextTick(callback, null, value),
    (reason) => nextTick(callback, errorFrom(reason))
  )
  return undefined
}

module.exports = { withCallback }
