// What linux-arm64-16k.js has the emulated machine run: in-machine.js [NAME ...], which are files of the suite. Runs every C
// test of /core, the checks of test/fixtures/runtime.js and the files, and says in its last line what came of all.
'use strict'

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const native = require('../../native/binding')
const { checkRuntime } = require('./check-runtime')
const { runSuite } = require('./suite')

const CORE = '/core/plain'
const SECONDS_MAX = 600 // for one C test

function runCoreTests() {
  const counts = { passed: 0, failed: 0 }
  for (const name of fs.readdirSync(CORE).sort()) {
    const { status, signal, stderr } = spawnSync(path.join(CORE, name), { encoding: 'utf8', timeout: SECONDS_MAX * 1000, killSignal: 'SIGKILL' })
    const isGood = status === 0
    counts[isGood ? 'passed' : 'failed']++
    console.log(`${name}: ${isGood ? 'passed' : `FAILED (${signal ?? status})\n${stderr}`}`)
  }
  return counts
}

const runFiles = (names) => runSuite({
  title: 'suite',
  checkout: process.cwd(),
  workDir: os.tmpdir(),
  command: [process.execPath, path.resolve('node_modules', 'jest', 'bin', 'jest.js')],
  env: { ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH: '/resolver.node', FAULTLESS_TEST_PATIENCE: '10' },
  seconds_max: 1800,
  leftOutFile: () => undefined,
  leftOutTests: () => []
}, names)

async function main(names) {
  const what = `Node ${process.versions.node}, Linux ${os.release()}, pages of ${native.pageSize / 1024} KiB`
  console.log(what)
  const results = [
    runCoreTests(),
    await checkRuntime({ name: what, command: [process.execPath, '--expose-gc'], lacking: {} }),
    ...names.length > 0 ? [await runFiles(names)] : []
  ]
  const sum = (key) => results.reduce((total, counts) => total + counts[key], 0)
  console.log(`RESULT ${JSON.stringify({ passed: sum('passed'), failed: sum('failed') })}`)
}

void main(process.argv.slice(2))
