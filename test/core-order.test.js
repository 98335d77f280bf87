'use strict'
// The C core has an order, in docs/internals.md: a file calls those that stand below it, or to the right of it, and no others.

const fs = require('node:fs')
const path = require('node:path')

const ROOT = path.join(__dirname, '..')
const NATIVE = path.join(ROOT, 'native')

/** The files from the top down, each line from the left to the right; what is of a system alone is one line, and the last. */
function writtenOrder() {
  const text = fs.readFileSync(path.join(ROOT, 'docs', 'internals.md'), 'utf8')
  const [, list] = /\*\*The core from the top down\.\*\*[^]*?```text\n([^]*?)```/.exec(text)
  return list.trimEnd().split('\n').flatMap((line) => line.split(/ {2,}/).slice(0, -1))
}

const isOfSystem = (file) => file.startsWith('os_')
const files = fs.readdirSync(NATIVE).filter((name) => name.endsWith('.c')).map((name) => path.basename(name, '.c'))

// A type may have the name of a function.
const codeOf = (file) => fs.readFileSync(path.join(NATIVE, `${file}.c`), 'utf8')
  .replaceAll(/\/\*[^]*?\*\//g, '').replaceAll(/"(?:[^"\\\n]|\\.)*"/g, '""').replaceAll(/\b(struct|enum) fl_\w+/g, '$1 type')
const sources = new Map(files.map((file) => [file, codeOf(file)]))

/** What a file defines for others: its names at the start of a line, neither static nor declarations. */
function definedIn(source) {
  const definitions = source.matchAll(/^(?!static|extern|typedef|#|struct \w+ \{)\w[\w *]*?\b(fl_\w+)(?=\(|\[| =|;)[^;{]*?(?:\{|;)/gm)
  return Array.from(definitions).filter(([text]) => !/\)\s*;$/.test(text)).map(([, name]) => name)
}

const definers = new Map(files.flatMap((file) => definedIn(sources.get(file)).map((name) => [name, file])))

/** @returns {Map<string, string>} the files that one calls, and by what name */
function callsOf(file) {
  const names = new Set(sources.get(file).match(/\bfl_\w+/g))
  const calls = Array.from(names, (name) => [definers.get(name), name])
  return new Map(calls.filter(([to]) => to !== undefined && to !== file))
}

test('the list has every file of the core once', () => {
  const ofCore = files.filter((file) => !isOfSystem(file))
  expect(writtenOrder().filter((file) => file !== 'os_*').sort()).toEqual(ofCore.sort())
})

test('the definitions are found: each file of the core has some, and all that it needs of a system', () => {
  const found = new Set(definers.values()) // of a system's calls, each of which has several, one
  expect(files.filter((file) => !isOfSystem(file) && !found.has(file))).toEqual([])
  const declared = fs.readFileSync(path.join(NATIVE, 'os.h'), 'utf8').match(/\bfl_os_\w+(?=\()/g)
  expect(declared.filter((name) => !definers.has(name))).toEqual([])
})

test('a file calls those that come after it in the list, and none before it', () => {
  const order = writtenOrder()
  const placeOf = (file) => order.indexOf(isOfSystem(file) ? 'os_*' : file)
  const upwards = files.filter((file) => !isOfSystem(file)).flatMap((file) => Array.from(callsOf(file))
    .filter(([to]) => placeOf(to) <= placeOf(file))
    .map(([to, name]) => `${file} calls ${name} of ${to}`))
  expect(upwards).toEqual([])
})

test('what is of a system calls nothing of the core', () => {
  const upwards = files.filter(isOfSystem).flatMap((file) => Array.from(callsOf(file))
    .filter(([to]) => !isOfSystem(to))
    .map(([, name]) => `${file} calls ${name}`))
  expect(upwards).toEqual([])
})
