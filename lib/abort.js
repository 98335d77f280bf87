'use strict'
// Has an AbortSignal give up what waits for it.

const { AbortError } = require('./errors')

// A signal gets one listener however many wait for it: an EventTarget looks through all of its listeners whenever one is
// added or removed, and Node warns of more than ten.
const waitingFor = new WeakMap() // of a signal: the Set of what is to be called

/**
 * @param {AbortSignal} signal one that is aborted already calls nobody
 * @param {() => void} act must not throw
 * @returns {() => void} forgets about it again
 */
function onAbort(signal, act) {
  const acts = waitingFor.get(signal) ?? listen(signal)
  acts.add(act)
  return () => {
    if (acts.delete(act) && acts.size === 0) acts.unlisten()
  }
}

function listen(signal) {
  const acts = new Set()
  const abort = () => {
    waitingFor.delete(signal)
    for (const act of acts) act()
  }
  acts.unlisten = () => {
    waitingFor.delete(signal)
    try {
      signal.removeEventListener('abort', abort)
    } catch {
      // Somebody's own kind of signal: what waited for it has settled, and others go on.
    }
  }
  signal.addEventListener('abort', abort, { once: true })
  waitingFor.set(signal, acts)
  return acts
}

/** @throws AbortError where it was aborted before anything was asked for */
function throwIfAborted(signal) {
  if (signal?.aborted) throw new AbortError(signal.reason)
}

/** @param {AbortSignal} signal @param {import('./pool-client').PoolClient} pool that has the request */
function cancelOnAbort(signal, pool, request) {
  if (request.settled) return // by whoever was told that it begins
  try {
    // By the same: such a signal calls nobody any more.
    if (signal.aborted) return pool.cancel(request, new AbortError(signal.reason))
    request.onSettled = onAbort(signal, () => pool.cancel(request, new AbortError(signal.reason)))
  } catch (error) {
    pool.cancel(request, error) // it takes no listener
  }
}

module.exports = { cancelOnAbort, onAbort, throwIfAborted }
