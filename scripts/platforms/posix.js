// Why: nobody has a Mac here, and what macOS would run is tested all the same: the portable code of native/os_portable.c,
// built on Linux without Linux's own calls (FAULTLESS_OS=posix), under the C tests and under jest. In a copy of the checkout,
// so that build/ stays as it is.
//
//   node scripts/platforms/posix.js             the C tests and the suite: half an hour at most
//   node scripts/platforms/posix.js pin open    test/pin.test.js and test/open.test.js alone
//
// What is left out is named in posix-left-out.js, with the reason. os_darwin.c itself is not in it: os_plain.c stands in for
// it, with no more than POSIX has.
'use strict'

const fsp = require('node:fs/promises')
const path = require('node:path')
const { CHECKOUT, copyCheckout } = require('../checkout')
const { NODE_CACHE, prepareCache } = require('../nodes')
const { capture } = require('../processes')
const { leftOutFile, leftOutTests } = require('./posix-left-out')
const { runSuite } = require('./suite')

const SECONDS_MAX = 600 // for one file of the suite

process.env.FAULTLESS_OS = 'posix'
process.env.FAULTLESS_WERROR = '1'

async function main(names) {
  if (names.length === 0) await testCore()
  await prepareCache()
  const workDir = await fsp.mkdtemp(path.join(NODE_CACHE, '.work-posix-'))
  try {
    const checkout = path.join(workDir, 'checkout')
    await copyCheckout(checkout)
    await buildHere(checkout)
    process.exitCode = await runFiles(checkout, workDir, names) ? 0 : 1
  } finally {
    await fsp.rm(workDir, { recursive: true, force: true })
  }
}

async function testCore() {
  const said = await capture('make', ['-s', '-C', path.join(CHECKOUT, 'test', 'native'), 'check-plain'])
  console.log(`C tests: ${said.split('\n').filter((line) => line.startsWith('ok ')).length} ran, and passed`)
}

// As `npm install` builds it, with npm's settings: against the headers of the Node that runs this.
const buildHere = (checkout) => capture('npx', ['node-gyp', 'rebuild', '--jobs=max', '--loglevel=error'], { cwd: checkout })

async function runFiles(checkout, workDir, names) {
  const { passed, failed } = await runSuite({
    title: 'portable code',
    checkout,
    workDir,
    command: [process.execPath, path.join(checkout, 'node_modules', 'jest', 'bin', 'jest.js')],
    jestArguments: [`--cacheDirectory=${path.join(workDir, 'jest-cache')}`],
    env: () => process.env,
    seconds_max: SECONDS_MAX,
    leftOutFile,
    leftOutTests
  }, names)
  return failed === 0 && passed > 0
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error)
  process.exitCode = 1
})
