// Why: most who change faultless have no Windows. This builds the addon for it with mingw-w64 and runs the jest suite on
// node.exe under Wine, as far as Windows has what is tested; what is left out is named, with the reason.
//
//   node scripts/platforms/windows.js                    the suite on Node 22
//   node scripts/platforms/windows.js --node 24 open     test/open.test.js alone, on another Node
//   node scripts/platforms/windows.js --build            prebuilds/win32-x64/faultless.napi.node, and no more
//
// Needs g++-mingw-w64-x86-64-posix and wine (wine64). Node 22 runs under Wine 8, Node 24 and 26 need Wine 10. FAULTLESS_WINE
// names another command in its place, such as a script that enters a newer Debian. Node comes from npm into the cache of
// scripts/nodes.js. Nothing else is installed.
'use strict'

const fs = require('node:fs')
const fsp = require('node:fs/promises')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { CHECKOUT, copyCheckout } = require('../checkout')
const { NODE_CACHE, newestVersion, prepareCache, provideNode } = require('../nodes')
const { capture, run } = require('../processes')
const { whatIsMissing } = require('../tools')
const { runSuite } = require('./suite')
const { buildForWindows, hasCompiler } = require('./windows-build')
const { leftOutFile, leftOutTests } = require('./windows-left-out')

const ARCH = 'win-x64'
const BINARY = path.join('prebuilds', 'win32-x64', 'faultless.napi.node')
const WINE = wineCommand(process.env.FAULTLESS_WINE)
const SECONDS_MAX = 200 // for one file of the suite, and for what is run before it

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { build: { type: 'boolean' }, node: { type: 'string', default: '22' } }
  })
  const missing = reasonToSkip(values.build)
  if (missing !== undefined) {
    console.log(`skipped: ${missing}`)
    return
  }
  if (values.build) {
    await buildForWindows(path.join(CHECKOUT, BINARY))
    console.log(BINARY)
    return
  }
  await prepareCache()
  const version = await newestVersion(values.node, ARCH)
  const node = path.join(await provideNode(version, ARCH), 'bin', 'node.exe')
  const workDir = await fsp.mkdtemp(path.join(NODE_CACHE, '.work-windows-'))
  try {
    const wine = await prepareWine(workDir, node)
    await prepareCheckout(wine.checkout)
    process.exitCode = await runFiles(wine, positionals) ? 0 : 1
  } finally {
    await fsp.rm(workDir, { recursive: true, force: true })
  }
}

/** A path holds in whatever folder it is run. */
function wineCommand(given) {
  if (!given) return 'wine'
  return given.includes('/') ? path.resolve(given) : given
}

/** Before anything is fetched. */
function reasonToSkip(buildsOnly) {
  if (!hasCompiler()) return 'mingw-w64 not found (apt-get install g++-mingw-w64-x86-64-posix)'
  return buildsOnly ? undefined : whatIsMissing([[WINE, 'wine wine64']])
}

/** Windows's name of a file of ours. */
const named = (file) => `Z:${file.replaceAll('/', '\\')}`

async function prepareWine(workDir, node) {
  const wine = { node, workDir, checkout: path.join(workDir, 'checkout') }
  wine.env = { ...process.env, WINEPREFIX: path.join(workDir, 'prefix'), WINEDEBUG: '-all', XDG_RUNTIME_DIR: workDir }
  delete wine.env.NODE_EXTRA_CA_CERTS // a file of the host's: Node says on stderr that it is not there
  // Node refuses to run on the Windows that Wine 8 says it is.
  for (const argv of [['wineboot', '-i'], ['winecfg', '-v', 'win10']]) await runInWine(wine, argv)
  const { code, output } = await runInWine(wine, [node, '-p', 'process.version + " on Windows " + os.release()'])
  if (code !== 0) throw new Error(`${WINE} cannot run ${node}: ended with ${code}\n${output}`)
  console.log(output.trim().split('\n')[0])
  return wine
}

/** Its output goes through a file: under Wine, Node waits for ever on some pipes. */
async function runInWine({ env, workDir }, argv) {
  const log = path.join(workDir, 'output')
  const out = fs.openSync(log, 'w')
  let timer
  const code = await run(WINE, argv, {
    cwd: workDir,
    env,
    stdio: ['ignore', out, out],
    detached: true, // a group, of which none stays behind
    onSpawn(child) {
      timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), SECONDS_MAX * 1000)
    }
  }).finally(() => {
    clearTimeout(timer)
    fs.closeSync(out)
  })
  return { code, output: fs.readFileSync(log, 'utf8') }
}

/** A checkout for Windows, with modules of its own. */
async function prepareCheckout(copy) {
  await copyCheckout(copy)
  await fsp.rm(path.join(copy, 'node_modules'))
  const modules = path.join(CHECKOUT, 'node_modules')
  // Links, where both are on one disk: it is thousands of files.
  await capture('cp', ['-al', modules, copy]).catch(() => capture('cp', ['-a', modules, copy]))
  const resolver = path.join(copy, 'node_modules', 'unrs-resolver', 'index.js')
  await fsp.rm(resolver) // the link, and not what it links to
  await fsp.copyFile(path.join(__dirname, 'node-resolver.js'), resolver)
  const warm = 'require(\'../scripts/platforms/warm-files\')(MappedFile)\n'
  await fsp.appendFile(path.join(copy, 'lib', 'mapped-file.js'), warm)
  await buildForWindows(path.join(copy, BINARY))
}

async function runFiles({ node, workDir, checkout, env }, chosen) {
  const { passed, failed } = await runSuite({
    title: 'Windows',
    checkout,
    workDir,
    named,
    command: [WINE, node, named(path.join(checkout, 'node_modules', 'jest', 'bin', 'jest.js'))],
    // Ours would not do: jest takes the backslash before a folder that begins with a dot for an escape.
    jestArguments: ['--testMatch=**/test/*.test.js'],
    env: (name) => ({ ...env, FAULTLESS_WARM_FILES: name === 'windows' ? '' : '1' }),
    seconds_max: SECONDS_MAX,
    leftOutFile,
    leftOutTests
  }, chosen)
  return failed === 0 && passed > 0
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
