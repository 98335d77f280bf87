'use strict'
// limit/touches.c on the same file: what the system calls that faultless makes can give, without JavaScript and without
// anybody who is told. Compiled when it is first needed.

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { BLOCK_SIZE } = require('./content')
const { run } = require('./run-child')

const SOURCE = path.join(__dirname, 'limit', 'touches.c')

let program // the path; or why there is none

module.exports = async function runLimit({ path: file, reads, inFlight, seed }) {
  program ??= build()
  if (program.skipped !== undefined) return program
  const argv = [file, reads, inFlight, seed].map(String)
  const { code, output, complaint } = await run('sh', ['-c', 'exec "$@" >&3', 'sh', program.path, ...argv], {})
  if (code !== 0) return { skipped: `needs MADV_POPULATE_READ: ended with ${code} ${complaint.trim()}`.trim() }
  const figures = JSON.parse(output)
  const deviceBytes = figures.deviceBytes < 0 ? null : figures.deviceBytes
  const deviceReadsPerRead = deviceBytes === null ? null : deviceBytes / BLOCK_SIZE / reads
  return { figures: { ...figures, deviceBytes, deviceReadsPerRead, readsPerSecond: figures.reads / figures.seconds } }
}

function build() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'faultless-limit-'))
  process.once('exit', () => fs.rmSync(folder, { recursive: true, force: true }))
  const output = path.join(folder, 'touches')
  try {
    execFileSync('cc', ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', SOURCE, '-o', output], { stdio: 'pipe' })
    return { path: output }
  } catch (error) {
    return { skipped: `needs a C compiler: ${error.message.split('\n')[0]}` }
  }
}
