// Why: some emulators and kernels are newer in Debian 13 than where a script runs, or are for another machine. This fetches
// single packages of Debian 13, of any architecture, and unpacks them into the cache that all checkouts share: nothing is
// installed, apt's own lists stay as they are, and root is not needed. Needs apt-get and dpkg-deb.
'use strict'

const fs = require('node:fs')
const fsp = require('node:fs/promises')
const path = require('node:path')
const { NODE_CACHE, prepareCache } = require('../nodes')
const { capture } = require('../processes')

const SUITE = 'trixie'
const MIRROR = process.env.FAULTLESS_DEBIAN_MIRROR || 'http://deb.debian.org/debian'
const KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg'
const CACHE = path.join(path.dirname(NODE_CACHE), 'debian')

/**
 * The folder of a package's files, of the newest version; where none can be asked for, the newest in the cache.
 * @param {string} name with its architecture: `busybox-static:arm64`
 */
async function provideDebianPackage(name) {
  await prepareCache()
  await fsp.mkdir(CACHE, { recursive: true })
  const work = await fsp.mkdtemp(path.join(NODE_CACHE, '.download-')) // where leftovers are cleared away
  try {
    const version = await versionOf(name, work)
    const folder = path.join(CACHE, folderOf(name, version))
    if (!fs.existsSync(folder)) await download(name, folder, work)
    return folder
  } finally {
    await fsp.rm(work, { recursive: true, force: true })
  }
}

const folderOf = (name, version) => `${name}=${version}`.replaceAll(/[:/]/g, '+')

async function versionOf(name, work) {
  try {
    await prepareApt(work)
    return /^Version: (.*)$/m.exec(await apt('apt-cache', ['show', '--no-all-versions', name], work))[1]
  } catch (error) {
    const start = folderOf(name, '')
    const cached = fs.readdirSync(CACHE).filter((folder) => folder.startsWith(start))
    const newest = cached.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1)
    if (newest === undefined) throw error
    console.error(`${name}: apt-get found none, taking ${newest} from the cache`)
    return newest.slice(start.length)
  }
}

/** What a package of no content needs: `linux-image-arm64-16k` names the kernel of now. */
async function dependenciesOf(name) {
  await prepareCache()
  await fsp.mkdir(CACHE, { recursive: true })
  const known = path.join(CACHE, folderOf(name, 'depends'))
  const work = await fsp.mkdtemp(path.join(NODE_CACHE, '.download-'))
  try {
    await prepareApt(work)
    await fsp.writeFile(known, /^Depends: (.*)$/m.exec(await apt('apt-cache', ['show', '--no-all-versions', name], work))[1])
  } catch (error) {
    if (!fs.existsSync(known)) throw error
  } finally {
    await fsp.rm(work, { recursive: true, force: true })
  }
  return (await fsp.readFile(known, 'utf8')).split(', ').map((dependency) => dependency.split(' ')[0])
}

async function prepareApt(work) {
  await Promise.all(['lists/partial', 'archives/partial'].map((name) => fsp.mkdir(path.join(work, name), { recursive: true })))
  await fsp.writeFile(path.join(work, 'sources.list'), `deb [signed-by=${KEYS}] ${MIRROR} ${SUITE} main\n`)
  await fsp.writeFile(path.join(work, 'status'), '')
  await fsp.writeFile(path.join(work, 'apt.conf'), `
    Dir::Etc::sourcelist "${work}/sources.list";
    Dir::Etc::sourceparts "-";
    Dir::State::lists "${work}/lists";
    Dir::State::status "${work}/status";
    Dir::Cache "${work}";
    APT::Architecture "amd64";
    APT::Architectures { "amd64"; "arm64"; };
    APT::Sandbox::User "";
  `)
  await apt('apt-get', ['update', '-qq'], work)
}

const apt = (program, args, work) => capture(program, args, { cwd: work, env: { ...process.env, APT_CONFIG: path.join(work, 'apt.conf') } })

// A rename is atomic: the cache never holds half a package, however this process ends.
async function download(name, folder, work) {
  console.error(`${name}: downloading from Debian 13`)
  await apt('apt-get', ['download', '-qq', name], work)
  const [archive] = (await fsp.readdir(work)).filter((entry) => entry.endsWith('.deb'))
  await capture('dpkg-deb', ['-x', archive, 'files'], { cwd: work })
  await fsp.rename(path.join(work, 'files'), folder).catch((error) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error // another run was faster
  })
}

module.exports = { dependenciesOf, provideDebianPackage }
