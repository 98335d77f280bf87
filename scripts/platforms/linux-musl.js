// Why: Alpine and its like have musl for a C library. Builds the core with musl-gcc and runs its C tests; then looks whether
// the addon, built by the compiler of this machine for glibc, would load there as well: musl's loader takes libc.so.6 for
// itself, so every name that the addon asks of the C library has to be in musl's.
//
//   node scripts/platforms/linux-musl.js           Debian: apt-get install musl-tools linux-libc-dev make g++
//
// A Node for musl is in no registry that we know of, so none loads the addon here. Exit code 1 when anything failed.
'use strict'

const fsp = require('node:fs/promises')
const os = require('node:os')
const path = require('node:path')
const { CHECKOUT, buildAddon, copyCheckout } = require('../checkout')
const { newestVersion, prepareCache, provideNode } = require('../nodes')
const { capture, run } = require('../processes')
const { whatIsMissing } = require('../tools')

const TESTS = path.join(CHECKOUT, 'test', 'native')
const MUSL = { x64: 'x86_64', arm64: 'aarch64' }[process.arch]
const KERNEL_HEADERS = { linux: 'linux', 'asm-generic': 'asm-generic', asm: `${MUSL}-linux-gnu/asm` }
const OF_OTHERS = /^(napi_|node_api_|uv_|_Z|__cxa_|_ITM_|__gmon_start__)/ // of Node, libuv and libstdc++, or weak

async function main() {
  const missing = whatIsMissing([['musl-gcc', 'musl-tools'], ['make', 'make'], ['nm', 'binutils']])
  if (missing) {
    console.log(`skipped: ${missing}`)
    return
  }
  const folder = await fsp.mkdtemp(path.join(os.tmpdir(), 'faultless-musl-'))
  try {
    await runCoreTests(folder)
    await checkNames(await build(path.join(folder, 'checkout')))
  } finally {
    await fsp.rm(folder, { recursive: true, force: true })
  }
}

async function runCoreTests(folder) {
  const headers = path.join(folder, 'headers')
  await fsp.mkdir(headers)
  // musl-gcc looks at none of /usr/include, where the kernel's headers lie among those of glibc.
  for (const [name, target] of Object.entries(KERNEL_HEADERS)) {
    await fsp.symlink(path.join('/usr/include', target), path.join(headers, name))
  }
  const variables = [`CC=musl-gcc -isystem ${headers}`, `OUT=${path.join(folder, 'out')}`]
  const code = await run('make', ['-s', '-C', TESTS, 'check-plain', ...variables], { stdio: 'inherit' })
  if (code !== 0) throw new Error(`the C tests ended with ${code}`)
  console.log('the C tests passed on musl')
}

// Against the headers that scripts/prebuild.js takes: for Node 20 it needs V8, and names of libstdc++ that differ.
async function build(copy) {
  await prepareCache()
  await copyCheckout(copy)
  await buildAddon(copy, await provideNode(await newestVersion('22')))
  return path.join(copy, 'build', 'Release', 'faultless.node')
}

async function checkNames(addon) {
  const musl = new Set(await namesIn(`/lib/ld-musl-${MUSL}.so.1`, '--defined-only'))
  const wanted = (await namesIn(addon, '--undefined-only')).filter((name) => !OF_OTHERS.test(name))
  // Were the pattern wrong, nothing would be missing either.
  if (!wanted.includes('mincore') || !musl.has('mincore')) throw new Error('nm does not list what it should')
  const missing = wanted.filter((name) => !musl.has(name))
  if (missing.length > 0) throw new Error(`the addon asks for what musl has not: ${missing.join(', ')}`)
  console.log(`all ${wanted.length} names that the addon asks of the C library are in musl's`)
}

async function namesIn(file, which) {
  const lines = (await capture('nm', ['--dynamic', which, file])).trim().split('\n')
  return lines.map((line) => line.trim().split(/\s+/).at(-1).replace(/@.*/, ''))
}

main().catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
