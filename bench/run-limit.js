'use strict'
// What the system calls that faultless makes can give, without JavaScript: a program of limit/, compiled when it is first
// needed, by itself or beside a loop of Node's that has nothing to do but to be told (work/limit.js).

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const runChild = require('./run-child')

const SOURCES = path.join(__dirname, 'limit')

const readsOf = ({ path: file, reads, inFlight, seed }) => [file, reads, inFlight, seed]
const scanOf = ({ path: file }) => [file, 1 << 20, 16 << 20]

// By a contender's reader: its program, and what that takes.
const PROGRAMS = {
  told: { name: 'told', argvOf: readsOf },
  toldLoop: { name: 'told', argvOf: (task) => [...readsOf(task), 'tell'], hasListener: true },
  answer: { name: 'answer', argvOf: ({ path: file, reads, length, seed }) => [file, reads, length, seed] },
  rounds: { name: 'rounds', argvOf: ({ path: file, rounds }) => [file, rounds] },
  touches: { name: 'touches', argvOf: readsOf },
  scan: { name: 'scan', argvOf: scanOf },
  scanLoop: { name: 'scan', argvOf: (task) => [...scanOf(task), 'tell'], hasListener: true }
}

const built = new Map() // by name: { file } or { skipped }

module.exports = async function runLimit(task, how) {
  const { name, argvOf, hasListener = false } = PROGRAMS[task.reader]
  if (!built.has(name)) built.set(name, build(name))
  const { file, skipped } = built.get(name)
  if (skipped !== undefined) return { skipped }
  return runChild({ work: 'limit', file, argv: argvOf(task).map(String), hasListener, answers: task.answers }, how)
}

function build(name) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'faultless-limit-'))
  process.once('exit', () => fs.rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, name)
  const flags = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', '-pthread']
  try {
    execFileSync('cc', [...flags, path.join(SOURCES, `${name}.c`), '-o', file], { stdio: 'pipe' })
    return { file }
  } catch (error) {
    return { skipped: `needs a C compiler: ${error.message.split('\n')[0]}` }
  }
}
