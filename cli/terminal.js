'use strict'
// What can be shown where the output goes: how many columns, whether colours, and which characters.

const util = require('node:util')

const DEFAULT_COLUMNS = 80
const LEAST_COLUMNS = 40

const isSet = (value) => value !== undefined && value !== ''

/** NO_COLOR (no-color.org) has the last word, then FORCE_COLOR, then whether anybody is looking. */
function wantsColor(stream, env) {
  if (isSet(env.NO_COLOR)) return false
  if (isSet(env.FORCE_COLOR)) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false'
  return Boolean(stream.isTTY) && stream.hasColors()
}

/** A locale that says nothing is taken for UTF-8, as terminals are; one that names another character set is believed. */
function knowsUnicode(env) {
  const locale = [env.LC_ALL, env.LC_CTYPE, env.LANG].find(isSet)
  return locale === undefined || /utf-?8/i.test(locale)
}

class Terminal {
  #stream

  /**
   * @param {import('node:tty').WriteStream} stream
   * @param {{color?: boolean, ascii?: boolean}} [options] of the command line
   */
  constructor(stream, { color = true, ascii = false } = {}, env = process.env) {
    this.#stream = stream
    // styleText came with Node 20.12.
    this.hasColors = color && util.styleText !== undefined && wantsColor(stream, env)
    this.hasUnicode = !ascii && knowsUnicode(env)
  }

  get isTTY() {
    return Boolean(this.#stream.isTTY)
  }

  /** 80 where nobody says how wide it is. */
  get columns() {
    return Math.max(this.#stream.columns ?? DEFAULT_COLUMNS, LEAST_COLUMNS)
  }

  /** @param {string | string[]} style as util.styleText has it */
  paint(style, text) {
    return this.hasColors ? util.styleText(style, text, { validateStream: false }) : text
  }
}

module.exports = { Terminal }
