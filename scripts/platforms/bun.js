// What of faultless works on Bun, with the addon of this checkout: node scripts/platforms/bun.js [VERSION]
// The program comes from the npm package that `bun` itself downloads, into a cache outside of the checkout.
'use strict'

const path = require('node:path')
const { checkRuntime } = require('./check-runtime')
const { providePackage } = require('./packages')

const ARCHITECTURES = { x64: 'x64-baseline', arm64: 'aarch64' }

// Checks that cannot pass, and why.
const lacking = {}

async function main() {
  const { folder, version } = await providePackage(`@oven/bun-linux-${ARCHITECTURES[process.arch]}`, process.argv[2])
  await checkRuntime({ name: `Bun ${version}`, command: [path.join(folder, 'bin', 'bun')], lacking })
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
