// What linux-arm64-16k.js has the emulated machine run: in-machine.js [NAME ...], which are files of the suite. Runs those;
// without any, every C test of /core and the checks of test/fixtures/runtime.js. Its last line says what came of all.
'use strict'

const os = require('node:os')
const path = require('node:path')
const native = require('../../native/binding')
const { checkRuntime } = require('./check-runtime')
const { runCoreTests } = require('./core-tests')
const { runSuite } = require('./suite')

const CORE = '/core/plain'

const runFiles = (names) => runSuite({
  title: 'suite',
  checkout: process.cwd(),
  workDir: os.tmpdir(),
  command: [process.execPath, path.resolve('node_modules', 'jest', 'bin', 'jest.js')],
  jestArguments: ['--testTimeout=600000'],
  env: () => ({ ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH: '/resolver.node', FAULTLESS_TEST_PATIENCE: '20' }),
  seconds_max: 1800,
  leftOutFile: () => undefined,
  leftOutTests: () => []
}, names)

async function main(names) {
  const what = `Node ${process.versions.node}, Linux ${os.release()}, pages of ${native.pageSize / 1024} KiB`
  console.log(what)
  const results = names.length > 0
    ? [await runFiles(names)]
    : [await runCoreTests(CORE), await checkRuntime({ name: what, command: [process.execPath, '--expose-gc'], lacking: {} })]
  const sum = (key) => results.reduce((total, counts) => total + counts[key], 0)
  console.log(`RESULT ${JSON.stringify({ passed: sum('passed'), failed: sum('failed') })}`)
}

void main(process.argv.slice(2))
