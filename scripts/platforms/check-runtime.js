// Runs the checks of test/fixtures/runtime.js on a runtime that is not Node: each in a process of its own, so that one that
// crashes or hangs is one that failed. The last line is `N passed, N failed`.
'use strict'

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const SCRIPT = path.join(__dirname, '..', '..', 'test', 'fixtures', 'runtime.js')
const LIMIT_MS = 60_000

/**
 * @param {object} about
 * @param {string} about.name with its version
 * @param {string[]} about.command what runs a script
 * @param {Record<string, string>} about.lacking checks that are known to fail, and why: that is reported, and no failure. One
 *   that passes nevertheless is
 */
async function checkRuntime({ name, command, lacking }) {
  const { stdout: list, stderr: reason } = await runScript(command, [])
  if (list === '') throw new Error(`${name} does not load faultless\n${reason}`)
  const { checks, endings } = JSON.parse(list)
  console.log(`${name}: ${checks.length + endings.length} checks`)
  const counts = { passed: 0, failed: 0 }
  const missing = []
  for (const check of [...checks, ...endings]) {
    const problem = await problemOf(command, check)
    const isKnown = lacking[check] !== undefined
    if (isKnown && problem !== undefined) missing.push(`${check}: ${lacking[check]} (${problem.split('\n')[0]})`)
    else counts[problem === undefined && !isKnown ? 'passed' : 'failed']++
    if (isKnown !== (problem !== undefined)) console.log(`  FAILED ${check}\n${problem ?? 'it is expected to fail, and did not'}`)
    else console.log(`  ${isKnown ? 'lacking' : 'ok'} ${check}`)
  }
  for (const line of missing) console.log(`does not work on ${name}: ${line}`)
  console.log(`\n${counts.passed} passed, ${counts.failed} failed`)
  process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1
  return counts
}

/** What went wrong, in words; undefined where nothing did. */
async function problemOf(command, check) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'faultless-runtime-'))
  try {
    const { code, signal, stdout, stderr } = await runScript(command, [check, folder])
    const wanted = check.includes('SIGBUS') ? 'SIGBUS' : 0
    const isDone = stdout.trimEnd().endsWith('done')
    if ((signal ?? code) === wanted && isDone) return undefined
    const how = signal === 'SIGKILL' ? `hung for ${LIMIT_MS / 1000} s` : `ended with ${signal ?? code}`
    const what = isDone || (signal ?? code) !== 0 ? '' : ', before it was done'
    const said = /^.*(?:Error|error:).*$/m.exec(stderr)
    return `${said === null ? '' : `${said[0].trim()}; `}${how}${what}\n${stderr}`.trim()
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

function runScript([program, ...args], more) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, NO_COLOR: '1' }
    const child = spawn(program, [...args, SCRIPT, ...more], { env, timeout: LIMIT_MS, killSignal: 'SIGKILL' })
    const output = { stdout: '', stderr: '' }
    for (const stream of Object.keys(output)) child[stream].setEncoding('utf8').on('data', (text) => (output[stream] += text))
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal, ...output }))
  })
}

module.exports = { checkRuntime }
