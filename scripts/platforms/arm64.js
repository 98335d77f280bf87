// What both scripts for Linux on arm64 build and fetch on this machine, which is another.
'use strict'

const fsp = require('node:fs/promises')
const path = require('node:path')
const { CHECKOUT } = require('../checkout')
const { capture } = require('../processes')
const { CROSS } = require('../tools')

const SOURCES = path.join(CHECKOUT, 'test', 'native')
const { prefix } = CROSS.arm64

/** The C tests, each a program of `out`/plain. */
async function buildCoreTests(out, { isStatic = false } = {}) {
  const names = (await fsp.readdir(SOURCES)).filter((name) => /^test_\w+\.c$/.test(name)).map((name) => name.slice(0, -2))
  const targets = names.map((name) => path.join(out, 'plain', name))
  await capture('make', ['-s', '-j2', '-C', SOURCES, `CC=${prefix}gcc${isStatic ? ' -static' : ''}`, `OUT=${out}`, ...targets])
}

/** jest's resolver is a binary, and npm installs the one for this machine alone. @returns {Promise<string>} its path */
async function unpackResolver(folder) {
  const { version } = require('unrs-resolver/package.json')
  const own = path.join(folder, 'resolver')
  await fsp.mkdir(own)
  await capture('npm', ['pack', `@unrs/resolver-binding-linux-arm64-gnu@${version}`, '--json=false', '--dry-run=false'], { cwd: own })
  const [archive] = await fsp.readdir(own)
  await capture('tar', ['-xzf', archive], { cwd: own })
  return path.join(own, 'package', 'resolver.linux-arm64-gnu.node')
}

module.exports = { buildCoreTests, unpackResolver }
