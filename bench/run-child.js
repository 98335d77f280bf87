'use strict'
// The parent's side of a run: starts child.js on the right runtime, with the right environment, and reads its figures.
// A child never outlives its parent.

const { spawn } = require('node:child_process')
const path = require('node:path')
const { text } = require('node:stream/consumers')
const { once } = require('node:events')
const { commandInside } = require('./memory-limit')

const CHILD = path.join(__dirname, 'child.js')

// Many times what the slowest takes: one that hangs ends the run of a contender, and not that of the others.
const SECONDS_MAX = 300

const STDERR_SHOWN = 300

/**
 * @param {object} task what child.js is given
 * @param {{binary?: string, execArgv?: string[], env?: object, cgroup?: string}} how
 * @returns {Promise<{figures?: object, skipped?: string, error?: string}>}
 */
module.exports = async function runChild(task, { binary = process.execPath, execArgv = [], env = {}, cgroup }) {
  const own = [binary, [...execArgv, CHILD, JSON.stringify(task)]]
  const [command, args] = cgroup === undefined ? own : commandInside(cgroup, ...own)
  const { code, signal, output, complaint } = await run(command, args, env)
  if (output !== '') return JSON.parse(output)
  const end = signal ?? `exit code ${code}`
  return { error: `ended with ${end} and without figures. ${complaint.slice(-STDERR_SHOWN)}`.trim() }
}

async function run(command, args, env) {
  const stdio = ['ignore', 'ignore', 'pipe', 'pipe']
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio, detached: true })
  const kill = () => killGroup(child)
  const timer = setTimeout(kill, SECONDS_MAX * 1e3)
  // First of all: what removes its files and its cgroup comes after.
  process.prependListener('exit', kill)
  try {
    const closed = once(child, 'close') // rejects where it cannot be started
    const [output, complaint, [code, signal]] = await Promise.all([text(child.stdio[3]), text(child.stderr), closed])
    return { code, signal, output, complaint }
  } finally {
    clearTimeout(timer)
    process.off('exit', kill)
  }
}

/** A shell and a program that it has started, say: `detached` has made them a group of their own. */
function killGroup({ pid }) {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // All of them have ended, or none could be started.
  }
}

module.exports.run = run
