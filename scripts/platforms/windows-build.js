// Why: node-gyp builds for the system that it runs on. This builds the addon for Windows on x64 with mingw-w64, from the
// sources and definitions that binding.gyp names, so that users on Windows need no compiler.
'use strict'

const fs = require('node:fs')
const fsp = require('node:fs/promises')
const path = require('node:path')
const { CHECKOUT } = require('../checkout')
const { NODE_CACHE, newestVersion, prepareCache, provideNode } = require('../nodes')
const { capture } = require('../processes')

const TARGET = 'x86_64-w64-mingw32'
// Debian has two flavours: the core needs the one with POSIX threads, whatever the plain name stands for.
const COMPILERS = { c: [`${TARGET}-gcc-posix`, `${TARGET}-gcc`], cc: [`${TARGET}-g++-posix`, `${TARGET}-g++`] }
const FLAGS = ['-O2', '-Wall', '-Wextra', '-Werror']
const LANGUAGE_FLAGS = { c: ['-std=c11'], cc: ['-std=c++17', '-fno-exceptions', '-fno-rtti'] }
const HEADERS_OF = '22' // Node-API alone is used, so one binary serves this line and all after it (scripts/prebuild.js)
const FROM_NODE = /\b(?:napi|node_api|uv)_\w+/g

const find = (names) => names.find((name) => process.env.PATH.split(path.delimiter)
  .some((folder) => fs.existsSync(path.join(folder, name))))

const hasCompiler = () => find(COMPILERS.c) !== undefined && find(COMPILERS.cc) !== undefined

/** What binding.gyp says of Windows: Python without anything that JavaScript reads otherwise, but for its comments. */
function readTarget() {
  const text = fs.readFileSync(path.join(CHECKOUT, 'binding.gyp'), 'utf8').replace(/^\s*#.*$/gm, '')
  const [target] = new Function(`return (${text})`)().targets
  const [, own] = target.conditions.find(([condition]) => condition === 'OS==\'win\'')
  return { sources: [...target.sources, ...own.sources], defines: target.defines }
}

/**
 * Makes the addon.
 * @param {string} target the path of what is made
 */
async function buildForWindows(target) {
  if (!hasCompiler()) throw new Error('mingw-w64 is not installed: apt-get install g++-mingw-w64-x86-64-posix')
  await prepareCache()
  const headers = path.join(await provideNode(await newestVersion(HEADERS_OF)), 'include', 'node')
  const workDir = await fsp.mkdtemp(path.join(NODE_CACHE, '.work-windows-build-'))
  try {
    const objects = await compile(workDir, headers)
    const library = await makeImportLibrary(workDir, objects)
    await fsp.mkdir(path.dirname(target), { recursive: true })
    // Everything but the system's own libraries is put in: nothing is to be installed beside it.
    // The same sources give the same bytes: without the time, and without an address that depends on the name of the file.
    const flags = ['-shared', '-static', '-s', '-Wl,--no-insert-timestamp,--disable-auto-image-base']
    await capture(find(COMPILERS.cc), [...flags, '-o', target, ...objects, library])
    await fsp.chmod(target, 0o644)
  } finally {
    await fsp.rm(workDir, { recursive: true, force: true })
  }
}

async function compile(workDir, headers) {
  const { sources, defines } = readTarget()
  const include = [headers, path.join(path.dirname(require.resolve('node-addon-api/package.json')))].map((folder) => `-isystem${folder}`)
  const objects = []
  for (const source of sources) {
    const language = source.endsWith('.cc') ? 'cc' : 'c'
    const object = path.join(workDir, `${path.basename(source)}.o`)
    const flags = [...FLAGS, ...LANGUAGE_FLAGS[language], ...defines.map((name) => `-D${name}`), ...include]
    await capture(find(COMPILERS[language]), [...flags, '-c', path.join(CHECKOUT, source), '-o', object])
    objects.push(object)
  }
  return objects
}

// Of node.exe there is no library to link with; the names that are used are all that one needs to hold.
async function makeImportLibrary(workDir, objects) {
  const symbols = await capture(`${TARGET}-nm`, ['--undefined-only', ...objects])
  const names = [...new Set(symbols.match(FROM_NODE))].sort()
  const definition = path.join(workDir, 'node.def')
  const library = path.join(workDir, 'libnode.a')
  await fsp.writeFile(definition, `LIBRARY node.exe\nEXPORTS\n${names.join('\n')}\n`)
  await capture(`${TARGET}-dlltool`, ['-d', definition, '-l', library])
  return library
}

module.exports = { buildForWindows, hasCompiler }
