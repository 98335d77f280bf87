// The Node binaries of other lines, with their headers: downloaded once into a cache that all checkouts share.
'use strict'

const fs = require('node:fs')
const fsp = require('node:fs/promises')
const os = require('node:os')
const path = require('node:path')
const { capture } = require('./processes')

const USER_CACHE = process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache')
const NODE_CACHE = path.resolve(process.env.FAULTLESS_NODE_CACHE || path.join(USER_CACHE, 'faultless', 'node'))

async function prepareCache() {
  await fsp.mkdir(NODE_CACHE, { recursive: true })
  await clearLeftovers()
}

// What a run left that was killed outright. A day is longer than any run, so nobody still works there.
async function clearLeftovers() {
  for (const name of await fsp.readdir(NODE_CACHE)) {
    const folder = path.join(NODE_CACHE, name)
    if (!name.startsWith('.work-') && !name.startsWith('.download-')) continue
    const stat = fs.lstatSync(folder, { throwIfNoEntry: false })
    const forgotten = stat && Date.now() - stat.mtimeMs > 86_400_000
    if (forgotten) await fsp.rm(folder, { recursive: true, force: true })
  }
}

// 'win-x64' is an architecture here as well.
const packageFor = (arch) => arch.startsWith('win-') ? `node-${arch}` : `node-linux-${arch}`
// The name of a version's folder, which for this machine's own architecture is just the version.
const folderOf = (version, arch) => (arch === process.arch ? version : `${arch}-${version}`)

// The newest published version of a line; without a registry, the newest one in the cache.
async function newestVersion(line, arch = process.arch) {
  try {
    const answer = await capture('npm', ['view', `${packageFor(arch)}@${line}`, 'version', '--json'], { cwd: NODE_CACHE })
    const version = newest([].concat(JSON.parse(answer || '[]')))
    if (version) return version
    throw new Error(`${packageFor(arch)} has no version ${line}`)
  } catch (error) {
    const start = folderOf('', arch)
    const cached = (await fsp.readdir(NODE_CACHE)).filter((name) => name.startsWith(start)).map((name) => name.slice(start.length))
    const version = newest(cached.filter((name) => `${name}.`.startsWith(`${line}.`)))
    if (!version) throw error
    console.error(`node ${line}: npm found none, taking ${version} from the cache`)
    return version
  }
}

// npm answers in order of publication, not of version. Pre-releases are no line of their own.
function newest(versions) {
  const released = versions.filter((version) => /^\d+\.\d+\.\d+$/.test(version))
  return released.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1)
}

// The folder with bin/node and include/node of a version: from the cache, or downloaded into it.
async function provideNode(version, arch = process.arch) {
  const nodeDir = path.join(NODE_CACHE, folderOf(version, arch))
  if (fs.existsSync(nodeDir)) return nodeDir
  console.error(`node ${version} (${arch}): downloading`)
  const temporary = await fsp.mkdtemp(path.join(NODE_CACHE, '.download-'))
  try {
    // Said anew, as this may run within an npm that was told otherwise.
    const flags = ['--pack-destination', temporary, '--json=false', '--dry-run=false']
    await capture('npm', ['pack', `${packageFor(arch)}@${version}`, ...flags], { cwd: temporary })
    const [archive] = (await fsp.readdir(temporary)).filter((name) => name.endsWith('.tgz'))
    await capture('tar', ['-xzf', archive], { cwd: temporary })
    // A rename is atomic: the cache never holds half a Node, however this process ends.
    await fsp.rename(path.join(temporary, 'package'), nodeDir).catch((error) => {
      // Another run was faster, and its folder is as good as ours.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } finally {
    await fsp.rm(temporary, { recursive: true, force: true })
  }
  return nodeDir
}

// Asked of the binary itself, since its answer also proves that it runs on this machine.
async function versionOf(nodeDir) {
  return (await capture(nodeBinary(nodeDir), ['-p', 'process.versions.node'])).trim()
}

function nodeBinary(nodeDir) {
  return path.join(nodeDir, 'bin', 'node')
}

// The environment of a build or a test on one Node. What npm put there is left out: node-gyp takes npm_config_nodedir
// and its like over its own command line, and would build against the headers of another Node.
function environmentFor(nodeDir) {
  const kept = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name) && name !== 'NODE')
  const env = Object.fromEntries(kept)
  // Children that a test starts as `node` have to be the same Node.
  env.PATH = `${path.join(nodeDir, 'bin')}${path.delimiter}${env.PATH}`
  return env
}

module.exports = {
  NODE_CACHE, environmentFor, newestVersion, nodeBinary, prepareCache, provideNode, versionOf
}
