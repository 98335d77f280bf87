'use strict'
// What the verbs say: text for people or one JSON array for programs on stdout, complaints on stderr.

const util = require('node:util')
const { printable } = require('./format')

/** An error in words, for people: the system's own, or ours with its code. */
function describe(error) {
  const known = typeof error.errno === 'number' && error.syscall !== undefined && util.getSystemErrorMap().get(error.errno)
  if (error.code === 'ENODEV' && error.syscall === 'mmap') return 'not a regular file (ENODEV, mmap)'
  if (known && !error.code.startsWith('ERR_')) return `${known[1]} (${error.code}, ${error.syscall})`
  return error.code === undefined || error.code === 'ERR_USAGE' ? error.message : `${error.message} (${error.code})`
}

class Output {
  #json
  #quiet
  #count = 0
  #held // text that waits while a progress bar has the terminal

  /** Files that could not be handled. */
  failures = 0

  constructor(terminal, { json = false, quiet = false }) {
    this.terminal = terminal
    this.#json = json
    this.#quiet = quiet
  }

  /** Whether a progress bar would be seen and be in nobody's way. */
  get showsProgress() {
    return !this.#quiet && Boolean(process.stderr.isTTY) && process.env.TERM !== 'dumb'
  }

  /** A line for people. */
  line(text = '') {
    if (!this.#json && !this.#quiet) this.#write(process.stdout, `${text}\n`)
  }

  /** What was found about one file, for programs. */
  result(object) {
    if (!this.#json) return
    this.#write(process.stdout, `${this.#count++ === 0 ? '[\n' : ',\n'}${JSON.stringify(object)}`)
  }

  /** Something that people may want to know about a file. */
  note(path, text) {
    if (!this.#quiet) this.#complain(path, text)
  }

  /** A file could not be handled. @param {boolean} [isWritten] the JSON knows already */
  fail(path, error, isWritten = false) {
    this.failures++
    this.#complain(path, describe(error))
    if (!isWritten) this.result({ path: String(path), error: { code: error.code, message: error.message } })
  }

  /** From now on what is said is kept back, until release(). */
  hold() {
    this.#held ??= []
  }

  release() {
    const held = this.#held ?? []
    this.#held = undefined
    for (const [stream, text] of held) stream.write(text)
  }

  /** Nothing follows. @param {boolean} [isWritten] the JSON is, by somebody else */
  end(isWritten = false) {
    this.release()
    if (this.#json && !isWritten) process.stdout.write(this.#count === 0 ? '[]\n' : '\n]\n')
  }

  #complain(path, text) {
    this.#write(process.stderr, `faultless: ${path === undefined ? '' : `${printable(path)}: `}${printable(text)}\n`)
  }

  #write(stream, text) {
    if (this.#held === undefined) stream.write(text)
    else this.#held.push([stream, text])
  }
}

module.exports = { Output, describe }
