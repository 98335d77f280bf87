'use strict'
// From the names on the command line to files: folders are walked, what is no regular file is told of, and whatever
// cannot be looked at does not end the walk. What is done in which case is vmtouch's way.

const fs = require('node:fs/promises')
const path = require('node:path')
const usageError = require('./usage-error')

const KINDS = [
  ['isFIFO', 'a FIFO'], ['isSocket', 'a socket'], ['isCharacterDevice', 'a character device'], ['isBlockDevice', 'a block device'],
  ['isDirectory', 'a folder']
]

/** What it is in words, where that is something else than a file or a link. */
const kindOf = (status) => KINDS.find(([is]) => status[is]())?.[1]

const notAFile = (kind) => Object.assign(new Error(`not a regular file: ${kind}`), { code: 'ERR_NOT_A_FILE' })

const identityOf = (status) => `${status.dev}:${status.ino}`

/** A shell's pattern for one name: * ? [a-z] [!a-z]. @returns {RegExp} */
function globToRegExp(glob) {
  const source = glob.replace(/\[(!?)((?:\][^\]]*|[^\]]+))\]|[*?]|[^]/g, (part, not, set) => {
    if (set !== undefined) return `[${not === '!' ? '^' : ''}${set.replace(/[\\\]^[]/g, '\\$&')}]`
    if (part === '*') return '[^]*'
    return part === '?' ? '[^]' : part.replace(/[\\^$.|+()[\]{}/-]/g, '\\$&')
  })
  return new RegExp(`^${source}$`)
}

const matcher = (globs = []) => {
  const expressions = globs.map(globToRegExp)
  return (name) => expressions.some((expression) => expression.test(name))
}

/** A name that is no UTF-8 stays the Buffer that it is: as a string it would name nothing. */
const nameOf = (raw) => (Buffer.from(raw.toString()).equals(raw) ? raw.toString() : raw)

function join(folder, name) {
  if (typeof folder === 'string' && typeof name === 'string') return folder === '/' ? `/${name}` : `${folder}/${name}`
  return Buffer.concat([Buffer.from(folder), Buffer.from('/'), Buffer.from(name)])
}

class Walk {
  #options
  #ignores
  #wants
  #seen = new Map() // what may be met again, and whether it was met: files with several names, and what is named

  /**
   * @param {object} options
   * @param {boolean} [options.follow] symbolic links
   * @param {boolean} [options.oneFileSystem] stay on that of the argument
   * @param {boolean} [options.hardLinks] count a file as often as it has names
   * @param {string[]} [options.ignore] patterns of names of files and folders to leave out
   * @param {string[]} [options.only] patterns of names of files to take
   * @param {number} [options.maxSize] bytes
   */
  constructor(options) {
    this.#options = options
    this.#ignores = matcher(options.ignore)
    this.#wants = options.only === undefined ? () => true : matcher(options.only)
  }

  /**
   * What a name stands for: `{path, status}` for a file, `{path, error}` for what cannot be looked at, `{path, skipped}`
   * for what is passed over, with `error` beside it where that was asked for by name.
   */
  async* visit(name, ancestors = [], device = undefined) {
    const base = path.basename(String(name))
    if (this.#ignores(base)) return
    let status
    try {
      status = await this.#statusOf(name)
    } catch (error) {
      yield { path: name, error }
      return
    }
    if (status.isDirectory()) yield* this.#visitFolder(name, status, ancestors, device)
    else if (status.isFile()) yield* this.#visitFile(name, base, status)
    else if (this.#wants(base)) yield this.#pass(name, status, ancestors.length === 0)
  }

  /** What is going to be visited by name may lie in a folder that is as well, before or after it. */
  async announce(names) {
    for (const name of names) {
      const status = await this.#statusOf(name).catch(() => {}) // told of when it is visited
      if (status !== undefined) this.#seen.set(identityOf(status), false)
    }
  }

  #statusOf(name) {
    return this.#options.follow ? fs.stat(name, { bigint: true }) : fs.lstat(name, { bigint: true })
  }

  * #visitFile(name, base, status) {
    if (!this.#wants(base) || this.#wasMet(status, status.nlink > 1n || this.#options.follow)) return
    const { maxSize = Infinity } = this.#options
    if (Number(status.size) > maxSize) yield { path: name, skipped: `passed over, ${status.size} bytes are more than --max-size` }
    else yield { path: name, status }
  }

  async* #visitFolder(name, status, ancestors, device = status.dev) {
    const identity = identityOf(status)
    if (ancestors.includes(identity)) {
      yield { path: name, skipped: 'passed over, a loop of symbolic links' }
      return
    }
    if ((this.#options.oneFileSystem && status.dev !== device) || this.#wasMet(status, false)) return
    let names
    try {
      names = (await fs.readdir(name, { encoding: 'buffer' })).sort(Buffer.compare)
    } catch (error) {
      yield { path: name, error }
      return
    }
    const folder = typeof name === 'string' && name.length > 1 ? name.replace(/(?!^)\/+$/, '') : name
    for (const raw of names) yield* this.visit(join(folder, nameOf(raw)), [...ancestors, identity], device)
  }

  /**
   * Whether it was met before. Not every file is remembered: of a large tree they are many, and one that is made meanwhile may
   * have the number of one that is gone.
   */
  #wasMet(status, remember) {
    if (this.#options.hardLinks || status.ino === 0n) return false // some file systems have no numbers
    const identity = identityOf(status)
    const wasMet = this.#seen.get(identity)
    if (remember || wasMet !== undefined) this.#seen.set(identity, true)
    return wasMet === true
  }

  #pass(name, status, isArgument) {
    const kind = kindOf(status) ?? 'a symbolic link (--follow follows it)'
    return isArgument ? { path: name, error: notAFile(kind) } : { path: name, skipped: `passed over, ${kind}` }
  }
}

/** The names in a list, from a file or stdin, one a line or, with `zero`, each ended by a NUL byte. */
function* namesIn(text, zero) {
  const separator = zero ? 0 : 10
  for (let start = 0; start < text.length;) {
    const found = text.indexOf(separator, start)
    const end = found === -1 ? text.length : found
    if (end > start) yield nameOf(text.subarray(start, end))
    start = end + 1
  }
}

/** @returns {Promise<{name: string, text?: Buffer, error?: Error}>} of a file or, for '-', of stdin */
async function readList(list) {
  const name = list === '-' ? 'stdin' : list
  try {
    return { name, text: list === '-' ? await readStdin() : await fs.readFile(list) }
  } catch (error) {
    return { name, error }
  }
}

async function readStdin() {
  const parts = []
  for await (const part of process.stdin) parts.push(part)
  return Buffer.concat(parts)
}

/**
 * All files that the command line names.
 * @param {string[]} names
 * @param {object} options as Walk takes them, and `filesFrom`, `null`
 */
async function* walk(names, options) {
  if (names.length === 0 && options.filesFrom === undefined) throw usageError('no file is named')
  const walker = new Walk(options)
  const list = options.filesFrom === undefined ? { text: '' } : await readList(options.filesFrom)
  const all = [...names, ...namesIn(list.text ?? '', options.null)]
  if (all.length > 1) await walker.announce(all)
  for (const name of all) yield* walker.visit(name)
  if (list.error !== undefined) yield { path: list.name, error: list.error }
}

module.exports = { kindOf, notAFile, walk }
