'use strict'
// Builds and mounts slowfs.c for a test file, and sees to it that no mount outlives the test that made it.

const { execFileSync, spawn, spawnSync } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { temporaryFolder } = require('../helpers')

const MIB = 2 ** 20
const PATIENCE_MS = 20_000 // not a measure of anything: what takes so long does not come

const succeeds = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0

/** Why nothing can be mounted here; undefined where it can. */
function whyNot() {
  if (process.platform !== 'linux') return 'FUSE is Linux\'s'
  if (process.getuid() !== 0) return 'only root can mount'
  if (!fs.existsSync('/dev/fuse')) return 'there is no /dev/fuse'
  if (!succeeds('cc', '--version')) return 'there is no C compiler'
  if (!succeeds('pkg-config', '--atleast-version=3.12', 'fuse3')) return 'libfuse3-dev 3.12 or newer is not installed'
  return undefined
}

function build(folder) {
  const flags = execFileSync('pkg-config', ['--cflags', '--libs', 'fuse3'], { encoding: 'utf8' }).trim().split(/\s+/)
  const program = path.join(folder, 'slowfs')
  const source = path.join(__dirname, 'slowfs.c')
  execFileSync('cc', ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', source, '-o', program, ...flags])
  return program
}

/**
 * For the calling test file: a function that mounts, and whose mounts go after each test, also after one that failed.
 * @returns {(options?: object) => Promise<(name: string) => string>} see `mount` below
 */
function useSlowfs() {
  const daemons = []
  let program
  let count = 0

  afterEach(() => Promise.all(daemons.splice(0).map(end)))
  const folder = temporaryFolder() // after what unmounts: it is removed with all that is in it
  beforeAll(() => (program = build(folder)))

  /**
   * @param {object} [options]
   * @param {number} [options.size] bytes of each file
   * @param {number} [options.readMs] ms that each read of a slow file takes, and each that fails
   * @param {number} [options.statMs] ms that each fstat takes
   * @param {number} [options.openMs] ms that each open takes
   * @param {[number, number]} [options.bad] offset and length of what a broken file cannot read …
   * @param {number} [options.failures] … so many times; Infinity: ever
   * @returns {Promise<((name: string) => string) & {asked: () => Promise<unknown>}>} from a name that starts with slow, fast or
   *   broken to its path; asked() resolves when the next fstat has come there that takes statMs
   */
  return async function mount({ size = 64 * MIB, readMs = 1, statMs = 0, openMs = 0, bad = [0, 0], failures = Infinity } = {}) {
    const point = path.join(folder, `mount-${count++}`)
    fs.mkdirSync(point)
    const numbers = [size, readMs, statMs, openMs, ...bad, failures === Infinity ? -1 : failures]
    const daemon = spawn(program, [point, ...numbers.map(String)], { stdio: ['ignore', 'pipe', 'inherit'] })
    daemons.push({ daemon, point })
    const ended = once(daemon, 'exit').then(([code]) => Promise.reject(new Error(`slowfs ended with ${code}`)))
    ended.catch(() => {}) // it ends after the test as well
    await Promise.race([once(daemon.stdout, 'data'), ended])
    return Object.assign((name) => path.join(point, name), { asked: () => once(daemon.stdout, 'data') })
  }
}

/** Whoever still waits for a read gets an error. */
async function end({ daemon, point }) {
  if (daemon.exitCode === null && daemon.signalCode === null) {
    const killer = setTimeout(() => daemon.kill('SIGKILL'), PATIENCE_MS)
    daemon.kill('SIGTERM') // it unmounts
    await once(daemon, 'exit')
    clearTimeout(killer)
  }
  spawnSync('umount', ['--lazy', point], { stdio: 'ignore' }) // in case that it could not
}

module.exports = { useSlowfs, whyNot }
