'use strict'
// What README.md and docs/ say is true: their examples run as they stand, their links lead somewhere, and docs/api.md is
// what the declarations say, which leave out nothing that the package has.

const fs = require('node:fs')
const path = require('node:path')
const faultless = require('faultless')
const { missingIn, readDeclarations } = require('../scripts/declarations')
const { PAGE, anchorOf, makePage } = require('../scripts/reference')
const { isWindows, makeFile, runChild, temporaryFolder } = require('./helpers')

const ROOT = path.join(__dirname, '..')
const read = (name) => fs.readFileSync(path.join(ROOT, name), 'utf8')

const DOCS = ['README.md', 'examples/README.md', ...fs.readdirSync(path.join(ROOT, 'docs')).map((name) => `docs/${name}`)]
  .filter((name) => name.endsWith('.md'))

/** Every fenced block of a Markdown text. @returns {{language: string, code: string, line: number}[]} */
function blocksOf(markdown) {
  return [...markdown.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map(({ 1: language, 2: code, index }) =>
    ({ language, code, line: markdown.slice(0, index).split('\n').length }))
}

const withoutBlocks = (markdown) => markdown.replace(/^```[^]*?^```$/gm, '')

/** Headings with all that is below them. @returns {{title: string, text: string}[]} */
function sectionsOf(markdown) {
  // Lines of a block may look like headings.
  const blank = markdown.replace(/^```[^]*?^```$/gm, (block) => block.replace(/[^\n]/g, ' '))
  const headings = [...blank.matchAll(/^(#+) (.*)$/gm)]
  return headings.map(({ 1: marks, 2: title, index }, i) => {
    const next = headings.slice(i + 1).find((other) => other[1].length <= marks.length)
    return { title, text: markdown.slice(index, next?.index) }
  })
}

describe('examples', () => {
  const folder = temporaryFolder(isWindows ? __dirname : undefined) // in the package, which finds itself: links are not for everybody there
  const preload = path.join(folder, 'preload.js')

  beforeAll(() => {
    if (!isWindows) {
      fs.mkdirSync(path.join(folder, 'node_modules'))
      fs.symlinkSync(ROOT, path.join(folder, 'node_modules', 'faultless'))
    }
    // Runs before the example: it finds its data file by a relative name.
    fs.writeFileSync(preload, "if (require('node:worker_threads').isMainThread) process.chdir(__dirname)\n")
  })

  const examples = DOCS.flatMap((name) => blocksOf(read(name))
    .filter(({ language }) => language === 'js' || language === 'mjs')
    .map((block) => ({ name, pins: block.code.includes('.pin(') ? ' (it pins)' : '', ...block })))

  test('there are some in the README and in the pages that show code', () => {
    const withExamples = new Set(examples.map(({ name }) => name))
    expect([...withExamples]).toEqual(expect.arrayContaining(['README.md', 'docs/api.md', 'docs/safety.md', 'docs/serving.md', 'docs/sharing.md']))
  })

  /** What examples do that is not there on Windows. */
  const MISSING = isWindows
    ? [[/\.mapInto\(/, 'maps nothing over memory of V8\'s'], [/\.(wait|notify)\(/, 'has no words of a file that processes wait on'],
      [/\/proc\//, 'has no /proc'], [/process\.kill\(/, 'has no signals'], [/truncateSync\(/, 'lets nobody cut a mapped file']]
    : []
  const missing = ({ code }) => MISSING.find(([pattern]) => pattern.test(code))?.[1]

  for (const { name, line, reason } of examples.map((example) => ({ ...example, reason: missing(example) }))) {
    if (reason !== undefined) test.skip(`${name}, line ${line}, runs as it stands (skipped: Windows ${reason})`, () => {})
  }

  test.each(examples.filter((example) => !missing(example)))('$name, line $line, runs as it stands$pins', async ({ language, code, name, line }) => {
    const script = path.join(folder, `${path.basename(name, '.md')}-${line}.${language}`)
    fs.writeFileSync(script, code)
    makeFile(folder, 'data.bin', 1 << 20) // anew, since an example may change it
    expect(await runChild(script, [], { execArgv: ['--require', preload] })).toMatchObject({ code: 0, stderr: '' })
  })

  test('no code is shown that nobody runs', () => {
    const languages = DOCS.flatMap((name) => blocksOf(read(name)).map(({ language }) => language))
    expect(new Set([...languages, 'js', 'mjs', 'sh', 'text', 'ts'])).toEqual(new Set(['js', 'mjs', 'sh', 'text', 'ts']))
  })
})

describe('README.md', () => {
  test.each(['npm install && npm start', 'npm install && npm test'])('has the command %s', (command) => {
    const shell = blocksOf(read('README.md')).filter(({ language }) => language === 'sh')
    expect(shell.flatMap(({ code }) => code.split('\n'))).toContain(command)
  })

  test.each(['start', 'test'])('npm %s is there', (script) => {
    expect(JSON.parse(read('package.json')).scripts).toHaveProperty(script)
  })
})

describe('links', () => {
  /** Links to files and headings of the project. */
  const linksIn = (name) => [...withoutBlocks(read(name)).matchAll(/\]\(([^)]+)\)/g)]
    .map(([, target]) => target)
    .filter((target) => !/^[a-z]+:/.test(target))

  function leadsSomewhere(name, target) {
    const [file, anchor] = target.split('#')
    const found = path.join(ROOT, file === '' ? name : path.join(path.dirname(name), file))
    if (!fs.existsSync(found) || anchor === undefined) return fs.existsSync(found)
    return sectionsOf(fs.readFileSync(found, 'utf8')).some(({ title }) => anchorOf(title) === anchor)
  }

  test('some are found', () => {
    expect(linksIn('README.md')).toContain('docs/api.md')
    expect(linksIn('docs/api.md')).toContain('safety.md#stray-stores')
  })

  test.each(DOCS)('those of %s lead somewhere', (name) => {
    expect(linksIn(name).filter((target) => !leadsSomewhere(name, target))).toEqual([])
  })
})

// What follows without a blank line is taken for another row.
test.each([...DOCS, 'CONTRIBUTING.md'])('tables of %s end before what comes next', (name) => {
  expect(withoutBlocks(read(name)).match(/^\|.*\n[^|\n].*$/gm) ?? []).toEqual([])
})

describe('docs/api.md', () => {
  const { exported } = readDeclarations()
  const named = (name) => exported.find((entry) => entry.name === name)

  test('is what types/index.d.ts says: else run npm run docs', () => {
    expect(read(PAGE)).toBe(makePage())
  })

  test('a change of the declarations makes it stale', () => {
    const source = read('types/index.d.ts')
    expect(source).toContain('Bytes in a page.')
    expect(makePage(readDeclarations(source.replace('Bytes in a page.', 'KiB in a page.')))).not.toBe(read(PAGE))
  })

  test('a link to nothing is refused', () => {
    const wrong = '/** See {@link Nobody}. */\nexport function some(): void'
    expect(() => makePage(readDeclarations(wrong))).toThrow('{@link Nobody}')
  })

  test('everything public has a description, and what can be called says its errors and its thread', () => {
    expect(missingIn({ exported })).toEqual([])
  })

  test.each([
    ['export function some(): void', ['some: no description', 'some: no @thread', 'some: no @throws']],
    ['/** A. */\nexport interface Some { one: number }', ['Some one: no description']],
    ["/** A. */\nexport type Some =\n  /** B. */\n  | 'one'\n  | 'two'", ["Some 'two': no description"]]
  ])('missing in %j', (source, missing) => {
    expect(missingIn(readDeclarations(source))).toEqual(missing)
  })

  test('every export of the package is declared, and no other', () => {
    const values = exported.filter(({ kind }) => kind !== 'interface' && kind !== 'type').map(({ name }) => name)
    expect(values.sort()).toEqual(Object.keys(faultless).sort())
  })

  test.each(['MappedFile', 'Pool'])('%s has what is declared', (name) => {
    const inherited = faultless[name].prototype
    const isThere = (member) => (member.startsWith('[') ? Symbol[member.slice('[Symbol.'.length, -1)] : member) in inherited
    const members = named(name).members.map((member) => member.name)
    expect(members.length).toBeGreaterThan(5)
    expect(members.filter((member) => !isThere(member))).toEqual([])
  })

  test('every code of lib/errors.js is declared, and no other', () => {
    const codes = [...new Set(read('lib/errors.js').match(/'ERR_\w+'/g))]
    expect(named('FaultlessErrorCode').members.map(({ name }) => name).sort()).toEqual(codes.sort())
  })
})
