// Runs the C tests that somebody has built, one after another, each within a limit, and says what came of each.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { isInterrupted, run } = require('../processes')

const SECONDS_MAX = 900 // for one program; emulated and on a busy machine

/**
 * @param {string} folder of the programs
 * @param {object} [options]
 * @param {string[]} [options.command] what runs a program, where it does not run by itself
 * @param {(name: string) => [string, string][]} [options.leftOut] functions of a program, and why they are left out
 * @returns {Promise<{passed: number, failed: number}>} programs
 */
async function runCoreTests(folder, { command = [], leftOut = () => [] } = {}) {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const name of fs.readdirSync(folder).filter((file) => /^test_\w+$/.test(file)).sort()) {
    if (isInterrupted()) break
    const { outcome, text } = await runProgram([...command, path.join(folder, name)], leftOut(name))
    counts[outcome]++
    console.log(`${name}: ${text}`)
    for (const [test, reason] of leftOut(name)) console.log(`  left out: ${test}: ${reason}`)
  }
  console.log(`C tests: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
  return counts
}

async function runProgram(argv, leftOut) {
  const { code, stdout, stderr } = await outputOf(argv, ` ${leftOut.map(([test]) => test).join(' ')} `)
  if (code !== 0) return { outcome: 'failed', text: `FAILED (${code})\n${stderr}` }
  const skipped = /^skipped.*$/m.exec(stdout)
  if (skipped) return { outcome: 'skipped', text: skipped[0] }
  return { outcome: 'passed', text: `passed, ${stdout.match(/^ok /gm).length} functions` }
}

async function outputOf([program, ...args], leftOut) {
  const output = { stdout: '', stderr: '' }
  let timer
  const code = await run(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, FAULTLESS_LEFT_OUT: leftOut },
    onSpawn(child) {
      timer = setTimeout(() => child.kill('SIGKILL'), SECONDS_MAX * 1000)
      for (const stream of Object.keys(output)) child[stream].setEncoding('utf8').on('data', (text) => (output[stream] += text))
    }
  })
  clearTimeout(timer)
  return { code, ...output }
}

module.exports = { runCoreTests }
