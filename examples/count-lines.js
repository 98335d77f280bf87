'use strict'
// Counts the lines of a large file with WebAssembly, and without a copy: the file's pages are laid over the module's memory,
// one window after the other. While one is counted, a thread of faultless's reads the next one from the disk.
//
//     node examples/count-lines.js [PATH]
//
// Without PATH it makes a file of 256 MiB (--mib N) in the temporary folder, and removes it again.

const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { open } = require('faultless')
const createCounter = require('./count-lines/scanner')
const { temporaryFolder } = require('../cli/trial/temporary-folder')

const MIB = 2 ** 20
const WINDOW = 16 * MIB // two of them are in the memory at a time
const WASM_PAGE = 64 << 10
const LINE_FEED = 10
const MOST_MIB = 4096

async function countLines(file) {
  const memory = new WebAssembly.Memory({ initial: 2 * WINDOW / WASM_PAGE, maximum: 2 * WINDOW / WASM_PAGE, shared: true })
  const count = createCounter(memory)
  // A window begins on a page of the file, and goes to the one half of the memory or to the other.
  const map = (offset) => {
    const length = Math.min(WINDOW, file.byteLength - offset)
    return length <= 0 ? undefined : file.mapInto(memory, offset % (2 * WINDOW), { offset, length })
  }
  let lines = 0
  let next = map(0)
  for (let at = 0; at < file.byteLength; at += WINDOW) {
    const lease = await next
    next = map(at + WINDOW)
    lines += count(lease.byteOffset, lease.byteOffset + lease.length, LINE_FEED)
    // Zeros that were put in the place of lost pages are no lines, and no count either.
    if (lease.damaged > 0) throw new Error(`${file.path} was cut off while it was read`)
    await lease.release()
  }
  return lines
}

/** Numbered lines of text, for a file that nobody has. */
async function makeSample(name, bytes) {
  const output = fs.createWriteStream(name, { flags: 'wx', mode: 0o600 })
  let line = 0
  for (let left = bytes; left > 0;) {
    let text = ''
    while (text.length < Math.min(left, MIB)) text += `${++line} the quick brown fox jumps over the lazy dog\n`
    const chunk = text.slice(0, left)
    left -= chunk.length
    if (!output.write(chunk, 'latin1')) await once(output, 'drain')
  }
  output.end()
  await once(output, 'close')
}

function parse() {
  const { values, positionals } = parseArgs({ options: { mib: { type: 'string', default: '256' } }, allowPositionals: true })
  const mib = Number(values.mib)
  if (positionals.length <= 1 && Number.isInteger(mib) && mib >= 1 && mib <= MOST_MIB) return { given: positionals[0], mib }
  throw new Error(`usage: node examples/count-lines.js [PATH] [--mib N], N from 1 to ${MOST_MIB}`)
}

/** For Ctrl-C as well: the file is removed on 'exit', which a signal that nobody handles does not bring about. */
function removeAtExit(folder) {
  process.once('exit', () => fs.rmSync(folder, { recursive: true, force: true }))
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(name, () => process.exit(128 + os.constants.signals[name]))
  }
}

async function provide({ given, mib }) {
  if (given !== undefined) return given
  const folder = fs.mkdtempSync(path.join(temporaryFolder(), 'faultless-lines-'))
  removeAtExit(folder)
  const name = path.join(folder, 'lines.txt')
  console.log(`making ${name}, ${mib} MiB`)
  await makeSample(name, mib * MIB)
  return name
}

async function main() {
  const name = await provide(parse())
  const file = await open(name)
  await file.evict()
  const start = performance.now()
  const lines = await countLines(file)
  const seconds = (performance.now() - start) / 1e3
  await file.close()
  console.log(`${lines} lines in ${file.byteLength} bytes, ${(file.byteLength / MIB / seconds).toFixed(0)} MiB/s`)
}

main().catch((error) => {
  console.error(`count-lines: ${error.message}`)
  process.exitCode = 1
})
