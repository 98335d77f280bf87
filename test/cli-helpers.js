'use strict'
// Runs the command itself, as a child: piped, or on a terminal of 80 columns.

const fs = require('node:fs')
const path = require('node:path')
const { spawn } = require('node:child_process')
const { once } = require('node:events')
const { isWindows, runChild } = require('./helpers')

const ROOT = path.join(__dirname, '..')
const CLI = path.join(ROOT, require('../package.json').bin.faultless)

// What a user's terminal says. Jest sets FORCE_COLOR for its workers, and tty.getColorDepth() takes CI for a
// terminal without colours.
const PLAIN = {
  CI: undefined,
  FORCE_COLOR: undefined,
  NO_COLOR: undefined,
  NODE_DISABLE_COLORS: undefined,
  LC_ALL: 'C.UTF-8',
  TERM: 'xterm-256color'
}

/** @returns {Promise<{code: number | null, signal: string | null, stdout: string, stderr: string}>} */
const runCli = (args, { env = {}, ...options } = {}) => runChild(CLI, args, { ...options, env: { ...PLAIN, ...env } })

/** The array that a verb prints with --json, its exit code and its complaints. */
async function jsonOf(args, options) {
  const { code, stdout, stderr } = await runCli([...args, '--json'], options)
  return { code, stderr, results: JSON.parse(stdout) }
}

/** A child that is still running: its process, and what it has printed when it has ended. */
function startCli(args, { env = {}, execArgv = [], stdio = ['ignore', 'pipe', 'pipe'] } = {}) {
  const child = spawn(process.execPath, [...execArgv, CLI, ...args.map(String)], { stdio, env: { ...process.env, ...PLAIN, ...env } })
  const output = { stdout: '', stderr: '' }
  for (const name of Object.keys(output)) child[name]?.setEncoding('utf8').on('data', (text) => (output[name] += text))
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...output }))
  return { child, output, ended }
}

const SCRIPT = '/usr/bin/script' // of util-linux: runs a command on a terminal of its own

const hasTerminal = !isWindows && fs.existsSync(SCRIPT)

const quote = (word) => `'${String(word).replaceAll("'", "'\\''")}'`

/**
 * The same on a terminal; what it wrote to stdout and stderr comes together, with its control sequences. `onText` is told of
 * that, and may type: what it returns is written to the terminal.
 */
function onTerminal(args, { env = {}, columns = 80, rows = 24, onText } = {}) {
  const command = [process.execPath, CLI, ...args].map(quote).join(' ')
  const argv = ['-qec', `stty cols ${columns} rows ${rows}; exec ${command}`, '/dev/null']
  const child = spawn(SCRIPT, argv, { stdio: [onText ? 'pipe' : 'ignore', 'pipe', 'inherit'], env: { ...process.env, ...PLAIN, ...env } })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (more) => {
    text += more
    const typed = onText?.(text)
    if (typed) child.stdin.write(typed)
  })
  return once(child, 'close').then(([code]) => ({ code, text }))
}

/** Text without what only moves the cursor or changes colours. */
// eslint-disable-next-line no-control-regex -- these are what it is about
const plain = (text) => text.replace(/\x1b(\[[0-9;?]*[A-Za-z]|[78])/g, '').replaceAll('\r', '')

/** A test that needs a command which may not be installed. */
function testWith(isThere, why, name, act) {
  if (isThere) test(name, act)
  else test.skip(`${name} (skipped: ${why})`, act)
}

/** Where a command is, of those that the PATH names. */
const findCommand = (...names) => (process.env.PATH ?? '').split(':')
  .flatMap((folder) => names.map((name) => path.join(folder, name)))
  .find((file) => fs.existsSync(file))

module.exports = { CLI, ROOT, findCommand, hasTerminal, jsonOf, onTerminal, plain, runCli, startCli, testWith }
