// Programs that come in npm packages: downloaded once into a cache that all checkouts share, next to those of nodes.js.
'use strict'

const fs = require('node:fs')
const fsp = require('node:fs/promises')
const path = require('node:path')
const { NODE_CACHE, prepareCache } = require('../nodes')
const { capture } = require('../processes')

const CACHE = path.dirname(NODE_CACHE)

// The folder of a package's newest version, or of the one that is named. Without a registry: the newest in the cache.
async function providePackage(name, wanted = 'latest') {
  await prepareCache()
  const folder = path.join(CACHE, 'packages', name.replace('/', '+'))
  await fsp.mkdir(folder, { recursive: true })
  const version = await versionOf(name, wanted, folder)
  const target = path.join(folder, version)
  if (!fs.existsSync(target)) await download(`${name}@${version}`, target)
  return { folder: target, version }
}

async function versionOf(name, wanted, folder) {
  try {
    return JSON.parse(await capture('npm', ['view', `${name}@${wanted}`, 'version', '--json'], { cwd: folder }))
  } catch (error) {
    const cached = (await fsp.readdir(folder)).filter((entry) => wanted === 'latest' || entry === wanted)
    const newest = cached.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1)
    if (newest === undefined) throw error
    console.error(`${name}: npm found none, taking ${newest} from the cache`)
    return newest
  }
}

// A rename is atomic: the cache never holds half a package, however this process ends.
async function download(spec, target) {
  console.error(`${spec}: downloading`)
  const temporary = await fsp.mkdtemp(path.join(NODE_CACHE, '.download-')) // where leftovers are cleared away
  try {
    const flags = ['--pack-destination', temporary, '--json=false', '--dry-run=false']
    await capture('npm', ['pack', spec, ...flags], { cwd: temporary })
    const [archive] = (await fsp.readdir(temporary)).filter((entry) => entry.endsWith('.tgz'))
    await capture('tar', ['-xzf', archive], { cwd: temporary })
    await fsp.rename(path.join(temporary, 'package'), target).catch((error) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error // another run was faster
    })
  } finally {
    await fsp.rm(temporary, { recursive: true, force: true })
  }
}

module.exports = { providePackage }
