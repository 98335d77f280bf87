'use strict'
// What NODE_DEBUG=faultless has the calling thread write to stderr: its pool threads, stalls, damage, slow requests.

const { debuglog, inspect } = require('node:util')
const { now } = require('../worker/clock')
const { timesOf } = require('./timings')

const debug = debuglog('faultless')

const DEFAULT_SLOW_MS = 100

const slowMs = () => {
  const given = Number.parseFloat(process.env.FAULTLESS_SLOW_MS)
  return given >= 0 ? given : DEFAULT_SLOW_MS
}

const write = (ms) => `${ms.toFixed(1)} ms`

/** @param {import('./request').Request} request that was settled */
function tellIfSlow(request) {
  const { durationMs, waitMs, runMs, workedMs, deliveryMs } = timesOf(request, now())
  if (durationMs < slowMs()) return
  const { kind, mapping, firstByte, length, failed, error } = request
  const what = `${kind} of ${length} bytes at ${firstByte} of ${inspect(mapping.path)}`
  const times = waitMs === undefined
    ? 'no pool thread had done anything for it'
    : `wait ${write(waitMs)}, run ${write(runMs)} (work ${write(workedMs)}), delivery ${write(deliveryMs)}`
  debug('slow: %s took %s: %s%s', what, write(durationMs), times, failed ? `; ${error?.code}` : '')
}

module.exports = { debug, tellIfSlow }
