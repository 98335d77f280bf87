// Why: emulated machines are slow, and what hangs there hangs for ever. So the files of the suite run one after another, each
// within a limit, and every test that failed or was left out is named, with the reason. The platform's script says how jest
// is started; what cannot pass there is in a file of its own.
'use strict'

const fs = require('node:fs')
const fsp = require('node:fs/promises')
const path = require('node:path')
const { isInterrupted, run } = require('../processes')

const REPORTER = path.join('scripts', 'platforms', 'jest-reporter.js') // of the checkout, as an emulated system may see no more
const SHOWN = 2000 // characters of what jest wrote, where no test tells what went wrong
const SHOWN_LINES = 16 // of a failure

/**
 * @param {object} platform
 * @param {string} platform.title of the closing line
 * @param {string} platform.checkout whose files run
 * @param {string} platform.workDir for results
 * @param {string[]} platform.command that starts jest; its arguments are added
 * @param {string[]} [platform.jestArguments] more of them, for every file
 * @param {(name: string) => object} platform.env of jest and of the children of a file's tests
 * @param {(file: string) => string} [platform.named] what a path of this system is called where jest runs
 * @param {number} platform.seconds_max for each file
 * @param {(name: string) => string | undefined} platform.leftOutFile why a whole file is left out
 * @param {(name: string) => [RegExp, string][]} platform.leftOutTests tests of a file by their full names, and why
 * @param {string[]} chosen files by name, such as `open` or `test/open.test.js`; all of them when it is empty
 * @returns {Promise<{passed: number, failed: number, skipped: number, leftOut: number}>} tests
 */
async function runSuite(platform, chosen) {
  const total = { passed: 0, failed: 0, skipped: 0, leftOut: 0 }
  for (const name of chosen.length > 0 ? chosen.map(nameOf) : namesIn(platform.checkout)) {
    if (isInterrupted()) break
    const reason = platform.leftOutFile(name)
    if (reason !== undefined) {
      console.log(`${name}: left out: ${reason}`)
      continue
    }
    const counts = await runFile(platform, name)
    for (const key of Object.keys(total)) total[key] += counts[key]
  }
  console.log(`${platform.title}: ${inWords(total)}`)
  return total
}

const nameOf = (file) => path.basename(file).replace(/\.test\.js$/, '')

const namesIn = (checkout) => fs.readdirSync(path.join(checkout, 'test')).filter((name) => name.endsWith('.test.js')).map(nameOf)

const inWords = ({ passed, failed, skipped, leftOut }) => `${passed} passed, ${failed} failed, ${skipped} skipped, ${leftOut} left out`

async function runFile(platform, name) {
  const began = Date.now()
  const leftOut = platform.leftOutTests(name)
  const { code, output, tests } = await runJest(platform, name, leftOut)
  const failures = tests.filter(({ status }) => status === 'failed')
  const pending = tests.filter(({ status }) => status === 'pending')
  const unexplained = failures.length === 0 && code !== 0
  const counts = {
    passed: tests.filter(({ status }) => status === 'passed').length,
    failed: unexplained ? 1 : failures.length,
    skipped: pending.filter(({ fullName }) => !reasonFor(fullName, leftOut)).length,
    leftOut: pending.filter(({ fullName }) => reasonFor(fullName, leftOut)).length
  }
  console.log(`${name}: ${inWords(counts)}, ${Math.round((Date.now() - began) / 1000)} s`)
  for (const { fullName, failureMessages } of failures) console.log(`  failed: ${fullName}\n    ${firstLines(failureMessages)}`)
  for (const [reason, names] of byReason(pending, leftOut)) console.log(`  left out: ${reason}\n    ${names.join('\n    ')}`)
  if (unexplained) console.log(`  ended with ${code}\n${output.slice(-SHOWN)}`)
  return counts
}

const reasonFor = (fullName, leftOut) => leftOut.find(([pattern]) => pattern.test(fullName))?.[1]

// Colours are for terminals.
// eslint-disable-next-line no-control-regex
const firstLines = ([message]) => String(message).replace(/\x1b\[\d*m/g, '').split('\n').filter(Boolean).slice(0, SHOWN_LINES).join('\n    ')

function byReason(pending, leftOut) {
  const names = new Map()
  for (const { fullName } of pending) {
    const reason = reasonFor(fullName, leftOut)
    if (reason !== undefined) names.set(reason, [...names.get(reason) ?? [], fullName])
  }
  return names
}

/** A group of its own, of which nothing stays behind, however it ends. */
async function runJest(platform, name, leftOut) {
  const { checkout, command, seconds_max, workDir, named = (file) => file } = platform
  const results = path.join(workDir, 'results.jsonl')
  const log = path.join(workDir, 'output')
  await fsp.writeFile(results, '')
  const out = fs.openSync(log, 'w')
  let group
  let timer
  const argv = [...command, ...jestArguments(platform, name, leftOut)]
  const code = await run(argv[0], argv.slice(1), {
    cwd: checkout,
    env: { ...platform.env(name), FAULTLESS_RESULTS: named(results) },
    stdio: ['ignore', out, out],
    detached: true,
    onSpawn(child) {
      group = -child.pid
      timer = setTimeout(end, seconds_max * 1000, group)
    }
  })
  clearTimeout(timer)
  end(group)
  fs.closeSync(out)
  const lines = fs.readFileSync(results, 'utf8').split('\n').filter(Boolean)
  return { code, output: fs.readFileSync(log, 'utf8'), tests: lines.map((line) => JSON.parse(line)) }
}

function end(group) {
  try {
    process.kill(group, 'SIGKILL')
  } catch (error) {
    if (error.code !== 'ESRCH') throw error // nobody is left of it
  }
}

function jestArguments({ checkout, jestArguments: more = [], named = (file) => file }, name, leftOut) {
  const argv = [`test/${name}.test.js`, '--runInBand', `--reporters=${named(path.join(checkout, REPORTER))}`, ...more]
  if (leftOut.length > 0) argv.push(`--testNamePattern=^(?!.*(?:${leftOut.map(([test]) => test.source).join('|')}))`)
  return argv
}

module.exports = { runSuite }
