// Why: who installs the package needs no compiler where a binary in it fits. This makes the binaries, in prebuilds/, where
// node-gyp-build looks for one: `npm pack` and `npm publish` call it.
//
//   node scripts/prebuild.js           builds prebuilds/<platform>-<arch>/faultless.napi.<libc>.node, for this machine and
//                                      for every other that a compiler is there for; says which were left out. Windows's is faultless.napi.node
//   node scripts/prebuild.js --clean   takes prebuilds/ away again, so that nobody loads it instead of a newer build
//
// Built against the headers of Node 22, the oldest line whose Node-API makes external SharedArrayBuffers, a binary has no
// symbol of V8 and serves every newer Node (native/shared_buffer.cc). Node 20 refuses to load it, and builds its own.
'use strict'

const fsp = require('node:fs/promises')
const path = require('node:path')
const { CHECKOUT, buildAddon, copyCheckout, crossBuildAddon } = require('./checkout')
const { NODE_CACHE, newestVersion, prepareCache, provideNode } = require('./nodes')
const { buildForWindows, hasCompiler } = require('./platforms/windows-build')
const { capture } = require('./processes')
const { CROSS, whatIsMissing } = require('./tools')

const LINE = '22'
const PREBUILDS = path.join(CHECKOUT, 'prebuilds')
const V8_NAMESPACE = /_ZN?K?2v8/ // in mangled names of C++

async function main() {
  await fsp.rm(PREBUILDS, { recursive: true, force: true })
  if (process.argv[2] === '--clean') return
  await prepareCache()
  await prebuild(process.arch, '')
  for (const [arch, { prefix, packages }] of Object.entries(CROSS)) {
    if (arch === process.arch) continue
    const missing = whatIsMissing([[`${prefix}g++`, packages]])
    if (missing) console.error(`linux-${arch}: skipped: ${missing}`)
    else await prebuild(arch, prefix)
  }
  await installForWindows()
}

// One binary, by the compiler whose programs have that prefix; none is the one that this machine has for itself.
async function prebuild(arch, prefix) {
  const nodeDir = await provideNode(await newestVersion(LINE, arch), arch)
  const workDir = await fsp.mkdtemp(path.join(NODE_CACHE, '.work-prebuild-'))
  try {
    const copy = path.join(workDir, 'checkout')
    await copyCheckout(copy)
    await (prefix === '' ? buildAddon(copy, nodeDir) : crossBuildAddon(copy, nodeDir, arch, prefix))
    const addon = path.join(copy, 'build', 'Release', 'faultless.node')
    await checkSymbols(addon, prefix)
    await install(addon, arch, prefix)
  } finally {
    await fsp.rm(workDir, { recursive: true, force: true })
  }
}

async function installForWindows() {
  const binary = path.join(PREBUILDS, 'win32-x64', 'faultless.napi.node')
  if (hasCompiler()) await buildForWindows(binary)
  console.error(hasCompiler() ? path.relative(CHECKOUT, binary) : 'win32-x64: skipped: mingw-w64 is not installed')
}

async function checkSymbols(addon, prefix) {
  const symbols = await capture(`${prefix}nm`, ['--dynamic', '--undefined-only', addon])
  const wrong = symbols.split('\n').filter((line) => V8_NAMESPACE.test(line))
  if (wrong.length > 0) throw new Error(`the binary is tied to one V8:\n${wrong.join('\n')}`)
}

async function install(addon, arch, prefix) {
  const folder = path.join(PREBUILDS, `${process.platform}-${arch}`)
  const binary = path.join(folder, `faultless.napi.${libcOf(prefix)}.node`)
  await fsp.mkdir(folder, { recursive: true })
  await capture(`${prefix}strip`, ['--strip-unneeded', '-o', binary, addon])
  await fsp.chmod(binary, 0o644)
  console.error(path.relative(CHECKOUT, binary))
}

// Debian's cross compilers are for glibc.
function libcOf(prefix) {
  if (prefix !== '') return 'glibc'
  return process.report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'glibc'
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
