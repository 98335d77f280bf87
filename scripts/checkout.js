// Copies of the checkout, each with an addon built for one Node, so that build/ of the checkout stays as it is.
'use strict'

const fs = require('node:fs')
const fsp = require('node:fs/promises')
const path = require('node:path')
const { environmentFor, nodeBinary } = require('./nodes')
const { capture } = require('./processes')

const CHECKOUT = path.join(__dirname, '..')

// Of an exported tree, which git does not know: what it would ignore there.
const MADE_HERE = new Set(['node_modules', 'build', 'prebuilds'])

// What a commit of everything would hold: tracked files and new ones that are not ignored, as they are now.
async function listFiles() {
  if (!fs.existsSync(path.join(CHECKOUT, '.git'))) return listTree('')
  const list = await capture('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: CHECKOUT })
  return [...new Set(list.split('\0').filter(Boolean))]
}

async function listTree(folder) {
  const entries = await fsp.readdir(path.join(CHECKOUT, folder), { withFileTypes: true })
  const lists = await Promise.all(entries.filter(({ name }) => !MADE_HERE.has(name)).map((entry) => {
    const name = path.join(folder, entry.name)
    return entry.isDirectory() ? listTree(name) : [name]
  }))
  return lists.flat()
}

async function copyCheckout(copy) {
  for (const name of await listFiles()) {
    const source = path.join(CHECKOUT, name)
    const stat = fs.lstatSync(source, { throwIfNoEntry: false })
    // Deleted but not committed yet, or a repository inside ours, or a link that .gitignore takes for a file.
    if (!stat || stat.isDirectory() || name === 'node_modules') continue
    const target = path.join(copy, name)
    await fsp.mkdir(path.dirname(target), { recursive: true })
    await fsp.cp(source, target, { verbatimSymlinks: true })
  }
  // None of our dependencies is built for one Node version alone, so all lines share the checkout's.
  await fsp.symlink(path.join(CHECKOUT, 'node_modules'), path.join(copy, 'node_modules'))
}

// Quiet when all is well: 4 compilations say little, a failed one says it all.
async function buildAddon(copy, nodeDir) {
  await build(copy, nodeDir, { node: nodeBinary(nodeDir), env: environmentFor(nodeDir), flags: [] })
}

// For a machine that this one is not: the Node that runs this script builds it, against the headers of the other.
async function crossBuildAddon(copy, nodeDir, arch, prefix) {
  const { PATH } = process.env
  const env = { ...environmentFor(nodeDir), PATH, CC: `${prefix}gcc`, CXX: `${prefix}g++` }
  await build(copy, nodeDir, { node: process.execPath, env, flags: [`--arch=${arch}`] })
}

async function build(copy, nodeDir, { node, env, flags }) {
  const script = require.resolve('node-gyp/bin/node-gyp.js')
  const argv = [script, 'rebuild', `--nodedir=${nodeDir}`, '--jobs=max', '--loglevel=error', ...flags]
  await capture(node, argv, { cwd: copy, env })
}

module.exports = { CHECKOUT, buildAddon, copyCheckout, crossBuildAddon }
