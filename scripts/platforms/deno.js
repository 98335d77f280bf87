// What of faultless works on Deno, with the addon of this checkout: node scripts/platforms/deno.js [VERSION]
// The program comes from the npm package that `deno` itself downloads, into a cache outside of the checkout.
'use strict'

const path = require('node:path')
const { checkRuntime } = require('./check-runtime')
const { providePackage } = require('./packages')

// Checks that cannot pass, and why.
const lacking = {
  'an offset within a page': 'Deno makes no SharedArrayBuffer over memory that it was given, so a file is laid over one of its ' +
    'own, which starts on a page boundary: ERR_MAP_UNSUPPORTED',
  'a buffer that was sent outlives its thread': 'for the same reason a thread that has not attached the file reads zeros when ' +
    'the thread has ended that opened it',
  'what nobody closed is collected': 'for the same reason it stays until the thread ends, so close() is needed',
  'a SIGBUS that somebody sends still ends the process': 'Deno\'s own handler, to which the guard passes it on, takes the ' +
    'first one for nothing, also without faultless'
}

async function main() {
  const { folder, version } = await providePackage(`@deno/linux-${process.arch}-glibc`, process.argv[2])
  const command = [
    path.join(folder, 'deno'), 'run', '--allow-all', '--unstable-detect-cjs', '--v8-flags=--expose-gc',
    // Deno 2.9.6 takes what it compiled of an earlier file of that path and length for this one, where a file has more than
    // some 16,000 characters (denoland/deno#36413): what it then ran was neither the one nor the other.
    '--no-code-cache'
  ]
  await checkRuntime({ name: `Deno ${version}`, command, lacking })
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
