'use strict'
// Starts the service in a process of its own, for the load script and the tests.

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const path = require('node:path')

const SERVER = path.join(__dirname, 'server.mjs')

/**
 * @param {string[]} args options of server.mjs
 * @returns {Promise<object>} `base`, the address where it listens; `pids` of the processes that serve; `closed`, which
 *   resolves with `{ code, stderr }` when it has ended, and `stop()`, which ends it by SIGTERM
 */
async function startService(args) {
  const child = spawn(process.execPath, [SERVER, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const killChild = () => child.kill('SIGTERM')
  process.once('exit', killChild)
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
  const closed = once(child, 'close').then(([code]) => {
    process.removeListener('exit', killChild)
    return { code, stderr }
  })
  const line = await Promise.race([once(child.stdout.setEncoding('utf8'), 'data'), closed])
  if (!Array.isArray(line)) throw new Error(`the service did not start: ${line.stderr}`)
  const [, base, pids] = /^(http:\S+) by processes ([\d ]+)\n$/.exec(line[0])
  return {
    base,
    pids: pids.split(' ').map(Number),
    closed,
    stop() {
      child.kill('SIGTERM')
      return closed
    }
  }
}

module.exports = { startService }
