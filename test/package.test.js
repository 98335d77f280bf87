'use strict'
// The package as its users get it: packed, installed into an empty project with and without a compiler, and used there.
// `npm test` packs it; the matrix hands one packed file to every Node, since one binary has to serve them all.

const { execFile } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { promisify } = require('node:util')
const { makeFile, temporaryFolder } = require('./helpers')

const CHECKOUT = path.join(__dirname, '..')
const folder = temporaryFolder()
const isPackedAlready = process.env.FAULTLESS_PACKED !== undefined

/** Whether the binary in the package fits: where Node-API makes external SharedArrayBuffers. */
const [major, minor] = process.versions.node.split('.').map(Number)
const needsNoBuild = major >= 26 || (major === 24 && minor >= 21) || (major === 22 && minor >= 23)

const npmScript = findNpm()

/** npm's own script, to be run by the Node that runs this test. */
function findNpm() {
  const folders = process.env.PATH.split(path.delimiter)
  const found = folders.map((name) => path.join(name, 'npm')).find((file) => fs.existsSync(file))
  return fs.realpathSync(found)
}

/** What a shell finds there is all that a machine without a compiler has. */
function bareTools() {
  const tools = path.join(folder, 'bare-tools')
  fs.mkdirSync(tools, { recursive: true })
  const wanted = { node: process.execPath, sh: '/bin/sh' }
  for (const [name, file] of Object.entries(wanted)) {
    if (!fs.existsSync(path.join(tools, name))) fs.symlinkSync(file, path.join(tools, name))
  }
  return tools
}

/** The environment of a user: nothing of what the npm around this test has set, but where packages come from. */
function userEnvironment(searchPath) {
  const kept = Object.entries(process.env).filter(([name]) =>
    !/^(npm_|node_|jest_|faultless_)/i.test(name) || /^npm_config_(registry|cafile|userconfig|cache)$/i.test(name))
  // npm looks for this beside the Node that runs it, which in the matrix is not the one that it came with.
  const globalConfig = path.resolve(npmScript, '../../../../../etc/npmrc')
  return { ...Object.fromEntries(kept), PATH: searchPath, npm_config_globalconfig: globalConfig }
}

async function run(command, args, options) {
  try {
    return { code: 0, ...await promisify(execFile)(command, args, { maxBuffer: 1 << 26, ...options }) }
  } catch (error) {
    return { code: error.code, stdout: error.stdout, stderr: error.stderr }
  }
}

async function succeed(command, args, options) {
  const result = await run(command, args, options)
  if (result.code !== 0) throw new Error(`${args.join(' ')}: ended with ${result.code}\n${result.stdout}\n${result.stderr}`)
  return result.stdout
}

const npm = (act, args, options) => act(process.execPath, [npmScript, ...args, '--no-audit', '--no-fund'], options)

async function pack() {
  const options = { cwd: CHECKOUT, env: userEnvironment(process.env.PATH) }
  await npm(succeed, ['pack', '--pack-destination', folder], options)
  return path.join(folder, fs.readdirSync(folder).find((name) => name.endsWith('.tgz')))
}

/** An empty project. */
function makeProject(name) {
  const project = path.join(folder, name)
  fs.mkdirSync(project)
  fs.writeFileSync(path.join(project, 'package.json'), JSON.stringify({ name, private: true }))
  return project
}

async function install(act, project, { searchPath = process.env.PATH, flags = [] } = {}) {
  const env = { ...userEnvironment(searchPath), npm_config_foreground_scripts: 'true' }
  return npm(act, ['install', tarball, ...flags], { cwd: project, env })
}

const addonOf = (project) => {
  const module = path.join(project, 'node_modules', 'faultless')
  const has = (...names) => fs.existsSync(path.join(module, ...names))
  return { built: has('build', 'Release', 'faultless.node'), packed: has('prebuilds', `linux-${process.arch}`) }
}

const PROGRAM = `
  const file = await open(process.argv[2])
  const view = await file.view(4096, 4096)
  const copy = await file.read(4096, 4096)
  console.log(view.equals(copy), view.buffer === file.buffer, file.byteLength)
  await file.close()
`
const programs = {
  'main.cjs': `const { open } = require('faultless')\nasync function main() {${PROGRAM}}\nmain()\n`,
  'main.mjs': `import { open } from 'faultless'\n${PROGRAM}`,
  'main.mts': `import { open, type MappedFile } from 'faultless'
    const file: MappedFile = await open(process.argv[2]!)
    const view: Buffer = await file.view(0, 16)
    console.log(view.length)
    await file.close()
  `
}

async function useIt(project, name) {
  fs.writeFileSync(path.join(project, name), programs[name])
  return succeed(process.execPath, [name, data], { cwd: project, env: userEnvironment(bareTools()) })
}

let tarball
let data

beforeAll(async () => {
  tarball = process.env.FAULTLESS_PACKED ?? await pack()
  data = makeFile(folder, 'data.bin', 8 * 4096)
}, 300_000)

describe('the packed file', () => {
  test('holds what is needed and no more', async () => {
    const names = (await succeed('tar', ['-tzf', tarball])).trim().split('\n').map((name) => name.replace(/^package\//, ''))
    const wanted = [
      /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|binding\.gyp)$/, /^(lib|worker|native)\/[\w-]+\.(js|cc?|h)$/,
      /^types\/index\.d\.ts$/, /^docs\//, /^cli\/([\w-]+\/)?[\w-]+\.(js|css|html)$/,
      /^prebuilds\/(linux-(x64|arm64)\/faultless\.napi\.glibc|win32-x64\/faultless\.napi)\.node$/
    ]
    expect(names.filter((name) => !wanted.some((pattern) => pattern.test(name)))).toEqual([])
    for (const pattern of wanted) expect(names).toContainEqual(expect.stringMatching(pattern))
    // Whatever its own files ask for is there.
    for (const name of names.filter((file) => /^(cli|lib|worker|native)\/.*\.js$/.test(file))) {
      const source = fs.readFileSync(path.join(CHECKOUT, name), 'utf8')
      for (const [, asked] of source.matchAll(/require\('(\.[^']+)'\)/g)) {
        const target = path.join(path.dirname(name), asked).replace(/(\.js(on)?)?$/, (end) => (end === '.json' ? end : '.js'))
        expect([name, names.includes(target)]).toEqual([name, true])
      }
    }
  })

  test('leaves no binary behind in the checkout', () => {
    expect(fs.existsSync(path.join(CHECKOUT, 'prebuilds'))).toBe(false)
  })
})

describe('without a compiler', () => {
  test(needsNoBuild ? 'it installs, and works from CommonJS and ESM' : 'it says what is missing', async () => {
    const project = makeProject('without')
    const result = await install(run, project, { searchPath: bareTools() })
    if (!needsNoBuild) {
      expect(result.code).not.toBe(0)
      expect(result.stdout + result.stderr).toMatch(/gyp ERR! (find Python|stack Error: not found: make)/)
      return
    }
    expect(result).toMatchObject({ code: 0 })
    expect(addonOf(project)).toEqual({ built: false, packed: true })
    for (const name of ['main.cjs', 'main.mjs']) expect(await useIt(project, name)).toBe('true true 32768\n')
  }, 120_000)

  test(`where npm runs no scripts, ${needsNoBuild ? 'it works all the same' : 'loading it says what to do'}`, async () => {
    const project = makeProject('no-scripts')
    await install(succeed, project, { searchPath: bareTools(), flags: ['--ignore-scripts'] })
    const env = userEnvironment(bareTools())
    const { code, stderr } = await run(process.execPath, ['-e', 'require("faultless")'], { cwd: project, env })
    if (needsNoBuild) expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    else expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('npm rebuild faultless') })
  }, 120_000)
})

// One build is enough for all Nodes whose binary is in the package.
const compiled = 'with a compiler'
const skipped = isPackedAlready && needsNoBuild
;(skipped ? describe.skip : describe)(skipped ? `${compiled} (skipped: npm test builds it)` : compiled, () => {
  let project

  beforeAll(async () => {
    project = makeProject('with')
    await install(succeed, project, { flags: needsNoBuild ? ['--build-from-source'] : [] })
  }, 300_000)

  test('it is built, and works from CommonJS and ESM', async () => {
    expect(addonOf(project)).toEqual({ built: true, packed: true })
    for (const name of ['main.cjs', 'main.mjs']) expect(await useIt(project, name)).toBe('true true 32768\n')
  })

  test('the command is there', async () => {
    const command = path.join(project, 'node_modules', '.bin', 'faultless')
    const env = userEnvironment(bareTools())
    const ask = (...args) => succeed(process.execPath, [command, ...args], { cwd: project, env })
    expect(JSON.parse(await ask('stat', '--json', data))).toMatchObject([{ path: data, pages: 8, resident: expect.any(Number) }])
    expect(await ask('report', '--no-bench', data)).toMatch(/^report\.html: /)
  })

  test('it works from TypeScript, as it is declared', async () => {
    fs.writeFileSync(path.join(project, 'main.mts'), programs['main.mts'])
    fs.writeFileSync(path.join(project, 'tsconfig.json'), JSON.stringify({
      compilerOptions: {
        module: 'nodenext', target: 'es2022', strict: true, types: ['node'], skipLibCheck: false,
        typeRoots: [path.join(CHECKOUT, 'node_modules', '@types')]
      },
      files: ['main.mts']
    }))
    const compiler = path.join(CHECKOUT, 'node_modules', 'typescript', 'bin', 'tsc')
    await succeed(process.execPath, [compiler, '-p', project], { cwd: CHECKOUT })
    const env = userEnvironment(bareTools())
    expect(await succeed(process.execPath, ['main.mjs', data], { cwd: project, env })).toBe('16\n')
  })
})
