// Why: nobody has a Mac here, and what macOS would run is tested all the same: the portable code of native/os_portable.c,
// built on Linux without Linux's own calls (FAULTLESS_OS=posix), under the C tests and under jest. In a copy of the checkout,
// so that build/ stays as it is.
//
//   node scripts/platforms/posix.js                    the C tests and jest, less the tests named below: 15 minutes
//   node scripts/platforms/posix.js -- test/pin.test.js      what follows -- goes to jest as well, and jest alone runs
//
// os_darwin.c itself is not in it: os_plain.c stands in for it, with no more than POSIX has.
'use strict'

const fsp = require('node:fs/promises')
const path = require('node:path')
const { CHECKOUT, copyCheckout } = require('../checkout')
const { NODE_CACHE, prepareCache } = require('../nodes')
const { capture, run } = require('../processes')

process.env.FAULTLESS_OS = 'posix'
process.env.FAULTLESS_WERROR = '1'

// Whole files that are left out, and why.
const FILES = {
  'test/wait.test.js': 'POSIX has no word of a file to wait on: wait() and notify() are refused with ENOTSUP',
  'test/package.test.js': 'what is packed is never built so',
  'test/bench.test.js': 'the benchmarks compare with what Linux does',
  'test/docs.test.js': 'an example of the docs waits across processes'
}

// Tests by parts of their names, and why they cannot hold.
const TESTS = {
  'advise cold': 'an advice of Linux',
  'advise pageout': 'an advice of Linux',
  'advise hugepage': 'refused with ENOTSUP, not with EINVAL',
  'advice is taken and changes no byte': 'is `cold` among others',
  'stays when all is evicted, and refuses the advice': 'asks for advice of Linux',
  'a device that cannot read a range': 'a page that could not be loaded is replaced, and so counts as damaged',
  'a device that does not take what was stored': 'a file grows by zeros written to it, for which its small disk has no room',
  'locks its pages and copies none': 'another look at the file is locked, and not the mapping',
  'leaves no more map entries behind': 'that other look has entries of its own',
  'and was lost is pinned again by refresh': 'pages that the file has lost stay locked in that other look'
}

async function main() {
  const jestArguments = process.argv.includes('--') ? process.argv.slice(process.argv.indexOf('--') + 1) : undefined
  if (jestArguments === undefined) await testCore()
  await prepareCache()
  const workDir = await fsp.mkdtemp(path.join(NODE_CACHE, '.work-posix-'))
  try {
    const copy = path.join(workDir, 'checkout')
    await copyCheckout(copy)
    await buildHere(copy)
    process.exitCode = await testAddon(copy, [...(jestArguments ?? []), ...chosen()])
  } finally {
    await fsp.rm(workDir, { recursive: true, force: true })
  }
}

async function testCore() {
  const said = await capture('make', ['-s', '-C', path.join(CHECKOUT, 'test', 'native'), 'check-plain'])
  console.log(`C tests: ${said.split('\n').filter((line) => line.startsWith('ok ')).length} ran, and passed`)
}

// As `npm install` builds it, with npm's settings: against the headers of the Node that runs this.
const buildHere = (copy) => capture('npx', ['node-gyp', 'rebuild', '--jobs=max', '--loglevel=error'], { cwd: copy })

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

function chosen() {
  for (const [what, why] of [...Object.entries(FILES), ...Object.entries(TESTS)]) console.log(`left out: ${what}: ${why}`)
  const names = Object.keys(TESTS).map(escape).join('|')
  return ['--testPathIgnorePatterns', '/node_modules/', ...Object.keys(FILES).map(escape),
    '--testNamePattern', `^(?!.*(${names}))`]
}

async function testAddon(copy, jestArguments) {
  const script = path.join(copy, 'node_modules', 'jest', 'bin', 'jest.js')
  const cache = `--cacheDirectory=${path.join(copy, '..', 'jest-cache')}`
  const options = { cwd: copy, stdio: ['ignore', 'inherit', 'inherit'] }
  const code = await run(process.execPath, [script, cache, ...jestArguments], options)
  return code === 0 ? 0 : 1
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
