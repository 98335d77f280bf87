'use strict'
// The packages beside us, in a folder of their own (peers/): installing faultless never builds or downloads one. They
// are installed when the benchmarks first need them, and again for a Node whose addons are others.

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const { createRequire } = require('node:module')
const path = require('node:path')

const FOLDER = path.join(__dirname, 'peers')
const STAMP = path.join(FOLDER, 'node_modules', '.installed-for')
const INSTALL_SECONDS_MAX = 300

const requirePeer = createRequire(path.join(FOLDER, 'package.json'))

/** What has to be the same for an installation to be used again. */
function wanted() {
  return `${process.versions.modules} ${fs.readFileSync(path.join(FOLDER, 'package.json'), 'utf8')}`
}

function isInstalled() {
  try {
    return fs.readFileSync(STAMP, 'utf8') === wanted()
  } catch {
    return false
  }
}

/** @returns {string | undefined} why nothing could be installed; a single package may be missing nevertheless */
function install() {
  if (isInstalled()) return undefined
  fs.rmSync(path.join(FOLDER, 'node_modules'), { recursive: true, force: true })
  const options = { cwd: FOLDER, encoding: 'utf8', timeout: INSTALL_SECONDS_MAX * 1e3, killSignal: 'SIGKILL' }
  const args = ['install', '--no-audit', '--no-fund', '--no-package-lock']
  const { status, error, stderr } = spawnSync('npm', args, { ...options, env: buildEnvironment() })
  if (status !== 0) return `npm install in bench/peers failed: ${reason(error, stderr)}`
  fs.writeFileSync(STAMP, wanted())
  return undefined
}

// Addons are built for the Node that npm runs on, so npm runs on this one, and with the headers beside it, where it has
// any. Those of Node 24 need C++20, which not every package asks for.
function buildEnvironment() {
  const folder = path.dirname(process.execPath)
  const beside = path.join(folder, '..')
  const hasHeaders = fs.existsSync(path.join(beside, 'include', 'node', 'node_version.h'))
  return {
    ...process.env,
    PATH: `${folder}${path.delimiter}${process.env.PATH}`,
    CXXFLAGS: `${process.env.CXXFLAGS ?? ''} -std=gnu++20`,
    ...hasHeaders && { npm_config_nodedir: beside }
  }
}

function reason(error, stderr) {
  if (error) return error.message
  return stderr.split('\n').find((line) => line.startsWith('npm error')) ?? 'no error is told'
}

/** @returns {string | undefined} the package's folder, where it is installed */
function folderOf(name) {
  const folder = path.join(FOLDER, 'node_modules', name)
  return fs.existsSync(folder) ? folder : undefined
}

/** @returns {Object<string, string>} of each package that is installed, by name */
function versions() {
  const { optionalDependencies } = JSON.parse(fs.readFileSync(path.join(FOLDER, 'package.json'), 'utf8'))
  const installed = Object.keys(optionalDependencies).filter((name) => folderOf(name) !== undefined)
  return Object.fromEntries(installed.map((name) => {
    const { version } = JSON.parse(fs.readFileSync(path.join(folderOf(name), 'package.json'), 'utf8'))
    return [name, version]
  }))
}

const load = (name) => requirePeer(name)

const bunBinary = () => path.join(FOLDER, 'node_modules', '.bin', 'bun')

module.exports = { install, isInstalled, folderOf, load, bunBinary, versions }
