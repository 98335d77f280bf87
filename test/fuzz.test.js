'use strict'
// Hostile fuzz: random sequences of calls with random arguments, while another process cuts the file and lets it grow
// again: no crash, no hang, no wrong byte in what resolved, no leak, and no error without a code that is known. Each
// test is a child, since what goes wrong here ends the process or holds it for ever.
//
// FAULTLESS_FUZZ_RUNS: sequences a thread instead of 60 in at most some seconds. FAULTLESS_FUZZ_SEED: the seed that a
// failure named; threads and processes are not the same twice, so a rare failure may want many runs to come again.

const { PATIENCE, makeFile, runChild, temporaryFolder } = require('./helpers')
const { SIZE } = require('./fixtures/fuzz-calls')

const isLong = process.env.FAULTLESS_FUZZ_RUNS !== undefined
const RUNS = Number(process.env.FAULTLESS_FUZZ_RUNS ?? 60)
const SECONDS = isLong ? 86_400 : 5 * PATIENCE
const SEED = Number(process.env.FAULTLESS_FUZZ_SEED ?? Date.now() % 2 ** 31)
const TIMEOUT = 50_000 * PATIENCE + (isLong ? RUNS * 1000 : 0) // for a child; one that hangs knows it sooner

const folder = temporaryFolder()

/** What the child printed; throws with the seed where it failed. */
async function fuzz(script, ...args) {
  const outcome = await runChild(script, args, { execArgv: ['--expose-gc'], timeout: TIMEOUT })
  const { code, signal, stdout, stderr } = outcome
  if (code !== 0) throw new Error(`FAULTLESS_FUZZ_SEED=${SEED}: ended with ${signal ?? code}\n${stdout}\n${stderr}`)
  return JSON.parse(stdout.trimEnd().split('\n').at(-1))
}

function expectNoReport({ report }) {
  if (report !== null) throw new Error(`FAULTLESS_FUZZ_SEED=${SEED}: ${report}`)
}

/** Every thread has done something that says something. */
function expectRuns({ runs, resolved, truncated, checkedBytes }) {
  expect(runs).toBeGreaterThan(0)
  expect(runs).toBeLessThanOrEqual(RUNS)
  expect(resolved).toBeGreaterThan(0)
  expect(truncated).toBeGreaterThan(0)
  expect(checkedBytes).toBeGreaterThan(0)
}

async function fuzzFile(scenario) {
  const path = makeFile(folder, scenario, SIZE)
  const { results, leaks, ...more } = await fuzz('fuzz-api.js', scenario, path, SEED, RUNS, SECONDS)
  for (const result of results) {
    expectNoReport(result)
    expectRuns(result)
  }
  expect(leaks).toEqual({ maps: 0, transfers: 0, files: 0 })
  return { threads: results.length, ...more }
}

test('calls on a file of which the size is known: they resolve, right, or are rejected, as the size demands', async () => {
  expect(await fuzzFile('commanded')).toMatchObject({ threads: 1 })
}, TIMEOUT + 5000)

test.each([
  ['anywhere', 'storm'],
  ['at the end of pages', 'stormOfPages']
])('calls from several threads on a file that another process cuts %s all the time', async (_, scenario) => {
  const { threads, ended, sizes } = await fuzzFile(scenario)
  expect(threads).toBe(3)
  expect(ended).toBeGreaterThan(0)
  expect(sizes).toBeGreaterThan(100)
}, TIMEOUT + 5000)

test('arguments of any kind: each call does its work or gives an error with a known code', async () => {
  const path = makeFile(folder, 'arguments', 100_000)
  const outcome = await fuzz('fuzz-arguments.js', path, SEED, RUNS * 20)
  expectNoReport(outcome)
  expect(outcome).toMatchObject({ runs: RUNS * 20, files: 0 })
  expect(outcome.errors).toBeGreaterThan(RUNS)
}, TIMEOUT + 5000)
