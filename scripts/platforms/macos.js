// Why: nobody who changes the core on Linux would notice that it no longer compiles for macOS. Compiles and links the addon
// for both of its processors, with Apple's headers as Zig has them and with warnings as errors, and looks at what came out.
// Nothing of it is ever run: docs/platforms.md says so.
//
//   node scripts/platforms/macos.js             prebuilds/darwin-{arm64,x64}/faultless.napi.node: takes 5 minutes at first
//   node scripts/platforms/macos.js --compile   compiles alone, which is faster
//   node scripts/platforms/macos.js --optional  is no failure where Zig cannot be downloaded
//
// Built against the headers of Node 22, as the binary for Linux is (scripts/prebuild.js), and for its oldest macOS.
'use strict'

const crypto = require('node:crypto')
const fsp = require('node:fs/promises')
const os = require('node:os')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { CHECKOUT } = require('../checkout')
const { newestVersion, prepareCache, provideNode } = require('../nodes')
const { readMachO } = require('./mach-o')
const { provideZig } = require('./zig')

const LINE = '22'
const OLDEST_MACOS = '11.0' // as in binding.gyp
const CPUS = { arm64: 'aarch64', x64: 'x86_64' }
const SYSTEM_LIBRARY = '/usr/lib/libSystem.B.dylib'
const OF_NODE = /^_(napi_|uv_)/
const HOLDS_ON_MAC = /^OS=='mac'|^OS!='win'$/ // of the conditions in binding.gyp

async function main() {
  const { compile, optional } = parseArgs({ options: { compile: { type: 'boolean' }, optional: { type: 'boolean' } } }).values
  const tools = await provideTools().catch((error) => {
    if (!optional) throw error
    console.log(`skipped: ${error.message}`)
  })
  if (tools === undefined) return
  const target = { ...(await readTarget()), ...tools }
  for (const cpu of Object.keys(CPUS)) await build({ ...target, cpu }, !compile)
}

async function provideTools() {
  await prepareCache()
  return { zig: await provideZig(), nodeDir: await provideNode(await newestVersion(LINE)) }
}

// The same sources and defines as node-gyp would take on a Mac. Comments are all of what JSON has not.
async function readTarget() {
  const text = await fsp.readFile(path.join(CHECKOUT, 'binding.gyp'), 'utf8')
  const [target] = JSON.parse(text.replace(/^\s*#.*$/gm, '')).targets
  const onMac = target.conditions.filter(([condition]) => HOLDS_ON_MAC.test(condition)).map(([, { sources }]) => sources)
  if (onMac.length < 2) throw new Error('binding.gyp: its conditions for macOS are not those that are looked for')
  return { sources: [...target.sources, ...onMac.flat()], defines: target.defines }
}

async function build(target, links) {
  const folder = await fsp.mkdtemp(path.join(os.tmpdir(), 'faultless-macos-'))
  try {
    const objects = await compileAll(target, folder)
    console.log(`darwin-${target.cpu}: ${objects.length} files compiled without a warning`)
    if (links) await link(target, objects, folder)
  } finally {
    await fsp.rm(folder, { recursive: true, force: true })
  }
}

// As many at a time as there are processors.
async function compileAll(target, folder) {
  const left = [...target.sources]
  const objects = target.sources.map((source) => path.join(folder, `${path.basename(source)}.o`))
  const take = async () => {
    for (let source; (source = left.shift()) !== undefined;) await compileOne(target, source, folder)
  }
  await Promise.all(Array.from({ length: os.availableParallelism() }, take))
  return objects
}

const triple = ({ cpu }) => `${CPUS[cpu]}-macos.${OLDEST_MACOS}`

function compileOne(target, source, folder) {
  const isC = source.endsWith('.c')
  // No path of this machine gets into the file, so that it is the same wherever it is built.
  const common = ['-target', triple(target), '-O2', '-g0', `-ffile-prefix-map=${CHECKOUT}=.`,
    '-fvisibility=hidden', '-Wall', '-Wextra', '-Werror']
  const headers = [path.join(target.nodeDir, 'include', 'node'), require('node-addon-api').include_dir]
  const ofCpp = ['-std=c++20', '-fno-exceptions', '-fno-rtti', '-fvisibility-inlines-hidden',
    ...[...target.defines, 'NODE_GYP_MODULE_NAME=faultless', 'BUILDING_NODE_EXTENSION'].map((name) => `-D${name}`),
    ...headers.flatMap((header) => ['-isystem', path.resolve(CHECKOUT, header)])]
  const args = [isC ? 'cc' : 'c++', ...common, ...(isC ? ['-std=c11'] : ofCpp)]
  const object = path.join(folder, `${path.basename(source)}.o`)
  return target.zig.run([...args, '-c', source, '-o', object], { cwd: CHECKOUT })
}

// node-gyp-build finds it by these names, and Node's own symbols are looked up when it is loaded.
async function link(target, objects, folder) {
  const linked = path.join(folder, 'faultless.napi.node')
  await target.zig.run(['c++', '-target', triple(target), '-dynamiclib', '-s', '-Wl,-undefined,dynamic_lookup',
    '-install_name', '@rpath/faultless.node', // else the path that it is built at is in the file
    '-o', linked, ...objects], { cwd: folder })
  const bytes = await fsp.readFile(linked)
  check(readMachO(bytes), target.cpu)
  const binary = path.join(CHECKOUT, 'prebuilds', `darwin-${target.cpu}`, path.basename(linked))
  await fsp.mkdir(path.dirname(binary), { recursive: true })
  await fsp.writeFile(binary, bytes)
  const digest = crypto.createHash('sha256').update(bytes).digest('hex')
  console.log(`${path.relative(CHECKOUT, binary)}: ${bytes.length} bytes, sha256 ${digest}, compiled and linked, never run`)
}

function check({ cpu, minos, isSigned, libraries, exported, wanted }, asked) {
  const strange = wanted.filter(({ name, from }) => (from === null ? !OF_NODE.test(name) : from !== SYSTEM_LIBRARY))
  const faults = [
    cpu !== asked && `it is for ${cpu}`,
    minos !== OLDEST_MACOS && `it wants macOS ${minos}`,
    asked === 'arm64' && !isSigned && 'it is not signed, and such a Mac loads nothing else',
    libraries.join() !== SYSTEM_LIBRARY && `it wants the libraries ${libraries.join(', ')}`,
    !exported.includes('_napi_register_module_v1') && 'it does not begin as an addon does',
    !wanted.some(({ name }) => name === '_napi_define_properties') && 'it wants nothing of Node',
    strange.length > 0 && `it wants ${strange.map(({ name }) => name).join(', ')}`
  ].filter(Boolean)
  if (faults.length > 0) throw new Error(`darwin-${asked}: ${faults.join('; ')}`)
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
