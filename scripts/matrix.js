// Why: the addon's buffers come from Node-API on one Node and from V8 on another, so "the tests pass" means nothing
// without the Node they passed on. Runs the whole jest suite on every Node line that we support, each against an addon
// built with that line's own headers, in a copy of the checkout: build/ stays as it is.
//
//   node scripts/matrix.js                         all lines
//   node scripts/matrix.js 20 24 -- -t residency   two of them, and what follows -- goes to jest
//
// Binaries come from the npm packages node-linux-<arch> (bin/node and include/node). Exit code 1 when anything failed,
// did not build, or did not run.
'use strict'

const fs = require('node:fs')
const fsp = require('node:fs/promises')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { CHECKOUT, buildAddon, copyCheckout } = require('./checkout')
const { partsFor } = require('./matrix-share')
const { NODE_CACHE, environmentFor, newestVersion, nodeBinary, prepareCache, provideNode, versionOf } = require('./nodes')
const { capture, isInterrupted, run } = require('./processes')

const LINES = ['20', '22', '24', '26']
const LEFT_OUT = Symbol('left out')

const USAGE = `usage: node scripts/matrix.js [--keep] [--others] [--seconds N [--suite S]] [LINE ...] [-- JEST_ARGUMENT ...]

LINE is 20, or 20.11, or 20.11.1; without one: ${LINES.join(', ')}.
--others leaves out the version of the Node that runs this, for which npm test says as much.
--seconds N: runs as much of the suite on each line as will be over by then, if all of it takes the --suite S seconds, or as
  long as the longest line before. Of parts each line runs another one.
--keep leaves the copies of the checkout where they were built, and prints where.
FAULTLESS_NODE_CACHE     the folder of the Node binaries (now ${NODE_CACHE})
FAULTLESS_MATRIX_RESULT  a file to write the counts to, as JSON`

async function main() {
  const options = readArguments(process.argv.slice(2))
  await prepareCache()
  const folder = await fsp.mkdtemp(path.join(NODE_CACHE, '.work-packed-'))
  try {
    await runLines({ ...options, packed: await pack(folder) })
  } finally {
    await fsp.rm(folder, { recursive: true, force: true })
  }
}

// One packed file for all lines: test/package.test.js shows that it serves each of them.
async function pack(folder) {
  await capture('npm', ['pack', '--pack-destination', folder, '--json=false', '--dry-run=false'], { cwd: CHECKOUT })
  return path.join(folder, (await fsp.readdir(folder)).find((name) => name.endsWith('.tgz')))
}

async function runLines(options) {
  const results = []
  let leftOut = 0
  for (const line of options.lines) {
    if (isInterrupted()) break
    const partOf = () => ({ part: results.length, parts: findParts(results, options) })
    const result = await runLine(line, { ...options, partOf })
    if (result === LEFT_OUT) {
      leftOut++
      continue
    }
    results.push(result)
    console.log(describe(result))
    // After each line, so that a run that is cut short leaves what it counted.
    writeCounts(results)
  }
  if (results.length === 0) writeCounts([{ line: 'all', passed: 0, failed: 0, skipped: leftOut, error: null }])
  printSummary(results, options.lines.length - leftOut)
  const complete = results.length + leftOut === options.lines.length
  process.exitCode = complete && results.every(succeeded) ? 0 : 1
}

/** Asked when a line has its turn: one that is left out for another reason takes no time. */
function findParts(results, { lines, seconds, suiteSeconds, others }) {
  const whole = results.filter(({ parts }) => parts === 1)
  const wanted = lines.filter((line) => !others || !`${process.versions.node}.`.startsWith(`${line}.`))
  return partsFor({
    secondsLeft: seconds - performance.now() / 1000, // since this process began: the packing took some of them
    linesLeft: Math.max(1, wanted.length - results.length),
    suiteSeconds: Math.max(suiteSeconds, ...whole.map((result) => result.seconds))
  })
}

function readArguments(argv) {
  let parsed
  try {
    parsed = parseArgs({
      args: argv,
      allowPositionals: true,
      tokens: true,
      options: {
        help: { type: 'boolean', short: 'h' }, keep: { type: 'boolean' }, others: { type: 'boolean' },
        seconds: { type: 'string', default: 'Infinity' }, suite: { type: 'string', default: '0' }
      }
    })
  } catch (error) {
    fail(`${error.message}\n${USAGE}`)
  }
  if (parsed.values.help) {
    console.log(USAGE)
    process.exit(0)
  }
  const end = parsed.tokens.find((token) => token.kind === 'option-terminator')
  const ours = parsed.tokens.filter((token) => token.kind === 'positional' && (!end || token.index < end.index))
  const lines = ours.map((token) => token.value)
  const wrong = lines.find((line) => !/^\d+(\.\d+){0,2}$/.test(line))
  if (wrong !== undefined) fail(`not a Node version: ${wrong}\n${USAGE}`)
  const seconds = Number(parsed.values.seconds)
  if (!(seconds > 0)) fail(`not a number of seconds: ${parsed.values.seconds}\n${USAGE}`)
  const suiteSeconds = Number(parsed.values.suite)
  if (!(suiteSeconds >= 0)) fail(`not a number of seconds: ${parsed.values.suite}\n${USAGE}`)
  return {
    keep: parsed.values.keep === true,
    others: parsed.values.others === true,
    seconds,
    suiteSeconds,
    lines: lines.length > 0 ? lines : LINES,
    jestArguments: end ? argv.slice(end.index + 1) : []
  }
}

function fail(message) {
  console.error(message)
  process.exit(2)
}

// One Node line, from its name to its counts. Never rejects: what went wrong is part of the result, and the other lines
// still have their turn.
async function runLine(line, options) {
  const started = Date.now()
  const result = { line, version: null, parts: 1, passed: 0, failed: 0, skipped: 0, seconds: 0, error: null }
  let workDir
  try {
    const version = await newestVersion(line)
    if (options.others && version === process.versions.node) {
      console.log(`\nnode ${version}: left out, as it is the one that runs this`)
      return LEFT_OUT
    }
    const { part, parts } = options.partOf()
    if (parts === 0) {
      console.log(`\nnode ${version}: skipped: too little time is left`)
      return LEFT_OUT
    }
    const nodeDir = await provideNode(version)
    result.version = await versionOf(nodeDir)
    result.parts = parts
    const shard = parts === 1 ? [] : [`--shard=${part % parts + 1}/${parts}`]
    console.log(`\nnode ${result.version}: building and testing${parts === 1 ? '' : `, one of ${parts} parts of the suite: the time is short`}`)
    workDir = await fsp.mkdtemp(path.join(NODE_CACHE, `.work-${result.version}-`))
    const copy = path.join(workDir, 'checkout')
    await copyCheckout(copy)
    await buildAddon(copy, nodeDir)
    await runJest(copy, nodeDir, { ...options, shard }, result)
  } catch (error) {
    result.error = error.message
  } finally {
    if (workDir && options.keep) console.log(`node ${result.version}: kept ${workDir}`)
    else if (workDir) await fsp.rm(workDir, { recursive: true, force: true })
  }
  // A line that went wrong without a single failed test must not look like a line without failures.
  if (result.error && result.failed === 0) result.failed = 1
  result.seconds = Math.round((Date.now() - started) / 1000)
  return result
}

// Fills in the counts. Throws when jest could not say how the tests went, or when it ran none.
async function runJest(copy, nodeDir, { jestArguments, packed, shard }, result) {
  const outputFile = path.join(copy, '..', 'jest.json')
  const script = path.join(copy, 'node_modules', 'jest', 'bin', 'jest.js')
  const own = ['--json', `--outputFile=${outputFile}`, `--cacheDirectory=${path.join(copy, '..', 'jest-cache')}`]
  const code = await run(nodeBinary(nodeDir), [script, ...own, ...shard, ...jestArguments], {
    cwd: copy,
    env: { ...environmentFor(nodeDir), FAULTLESS_PACKED: packed },
    stdio: ['ignore', 'inherit', 'inherit']
  })
  if (!fs.existsSync(outputFile)) throw new Error(`jest ended with ${code} and wrote no result`)
  const report = JSON.parse(await fsp.readFile(outputFile, 'utf8'))
  result.passed = report.numPassedTests
  // A suite that could not even start has no test to count, and counts as one.
  result.failed = report.numFailedTests + report.numRuntimeErrorTestSuites
  result.skipped = report.numPendingTests + report.numTodoTests
  if (result.passed + result.failed === 0) throw new Error('no test ran')
  if (code !== 0 && result.failed === 0) throw new Error(`jest ended with ${code}, though no test failed`)
}

function succeeded(result) {
  return result.error === null && result.failed === 0 && result.passed > 0
}

function describe(result) {
  const { passed, failed, skipped, seconds, parts } = result
  const some = parts === 1 ? '' : `, one of ${parts} parts`
  const counts = `${passed} passed, ${failed} failed, ${skipped} skipped`
  const name = `node ${result.version ?? result.line}`
  return `${name}: ${counts} (${seconds} s${some})${result.error ? `\n${result.error}` : ''}`
}

function total(results) {
  const sum = (key) => results.reduce((n, result) => n + result[key], 0)
  return { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') }
}

function printSummary(results, wanted) {
  const { passed, failed, skipped } = total(results)
  console.log('\nMatrix')
  for (const result of results) console.log(`  ${describe(result).split('\n')[0]}`)
  console.log(`  ${results.length} of ${wanted} lines: ${passed} passed, ${failed} failed, ${skipped} skipped`)
}

function writeCounts(results) {
  const file = process.env.FAULTLESS_MATRIX_RESULT
  if (!file) return
  // The first line names what went wrong; the compiler's output is in the log.
  const versions = results.map((result) => ({ ...result, error: result.error?.split('\n')[0] ?? null }))
  fs.writeFileSync(file, `${JSON.stringify({ ...total(results), versions }, null, 2)}\n`)
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
