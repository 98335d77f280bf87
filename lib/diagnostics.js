'use strict'
// What others may listen to by node:diagnostics_channel: the start and the end of each request that works on pages. One
// object goes with a request through its events, so that a listener may keep something on it.

const { channel } = require('node:diagnostics_channel')
const { performance } = require('node:perf_hooks')
const { now } = require('../worker/clock')
const { timesOf } = require('./timings')

// Held here: a channel that nobody holds is collected, with its listeners.
const started = channel('faultless:touch:start')
const ended = channel('faultless:touch:end')
const failed = channel('faultless:touch:error')

const KINDS = new Set(['touch', 'view', 'read', 'write', 'flush', 'pin'])

const isWatched = () => started.hasSubscribers || ended.hasSubscribers || failed.hasSubscribers

/** A request was accepted, or is about to be refused. */
function publishStart(request) {
  if (!isWatched() || !KINDS.has(request.kind)) return
  const { kind, mapping, firstByte, length, parts, submittedAt } = request
  const time = performance.now()
  request.message = {
    kind,
    path: mapping.path,
    offset: firstByte,
    length,
    ranges: parts.length,
    startTime: time - (now() - submittedAt) / 1e6
  }
  started.publish(request.message)
}

/** A request was settled, or refused with an error: whatever was thrown. */
function publishEnd(request, hasFailed, error) {
  const { message } = request
  if (message === undefined) return
  request.message = undefined
  Object.assign(message, timesOf(request, now()), { bytes: request.bytes })
  if (!hasFailed) return ended.publish(message)
  message.error = error
  failed.publish(message)
}

module.exports = { publishEnd, publishStart }
