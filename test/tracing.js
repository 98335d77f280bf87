'use strict'
// System calls, as strace sees them: which thread makes them, and between which markers.

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const { childResult } = require('./helpers')

const MARKER = '/faultless-marker-'

let known
const canTrace = () => (known ??= spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0)

/** A test that traces; where nothing can, its name says why it does not run. */
function testTraced(name, act) {
  if (canTrace()) test(name, act, 120_000)
  else test.skip(`${name} (skipped: strace is not installed, or may not trace)`, act)
}

/** For fixtures: calls of any thread that follow belong to this marker, until the next. */
const mark = (name) => fs.statSync(MARKER + name, { throwIfNoEntry: false })

/**
 * Runs a fixture, which prints its process id as `pid`.
 * @param {string} log a file to be written to
 * @param {string} script
 * @param {Array<string | number>} args
 * @param {object} [options] of runChild
 * @returns {Promise<{result: object, calls: Object<string, Array<{isMain: boolean, text: string}>>}>} what it printed; and by the
 *   marker before them the calls of its main thread and of others, in the order in which they began
 */
async function trace(log, script, args, options) {
  const result = await childResult(script, args, { ...options, under: ['strace', '-f', '-o', log], timeout: 110_000 })
  const calls = {}
  let latest
  for (const line of fs.readFileSync(log, 'latin1').split('\n')) {
    const [, id, text] = /^(\d+) +(.*)$/.exec(line) ?? []
    if (text === undefined || text.startsWith('<...')) continue
    const marker = text.split(MARKER)[1]?.match(/^[\w-]+/)[0]
    if (marker === undefined) latest?.push({ isMain: Number(id) === result.pid, text })
    else latest = calls[marker] = []
  }
  return { result, calls }
}

module.exports = { mark, testTraced, trace }
