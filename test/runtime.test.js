'use strict'
// What scripts/platforms/ checks on runtimes that are not Node, on Node: so that a check which fails elsewhere tells of the
// runtime and not of itself.

const { execFileSync } = require('node:child_process')
const path = require('node:path')
const { EXITING, isLaid, runChild, temporaryFolder } = require('./helpers')

const SCRIPT = path.join(__dirname, 'fixtures', 'runtime.js')
const { checks, endings } = JSON.parse(execFileSync(process.execPath, [SCRIPT], { encoding: 'utf8' }))

// What cannot be where files are laid over buffers of the runtime's (docs/internals.md).
const UNLAID = ['an offset within a page', 'a buffer that was sent outlives its thread', 'what nobody closed is collected']

const folder = temporaryFolder()

test.each([...checks, ...endings].filter((name) => !isLaid || !UNLAID.includes(name)))('%s', async (name) => {
  const execArgv = ['--expose-gc', ...name.includes('process.exit') ? EXITING : []]
  const { code, signal, stdout, stderr } = await runChild('runtime.js', [name, folder], { execArgv })
  const wanted = name.includes('SIGBUS') ? { code: null, signal: 'SIGBUS' } : { code: 0, signal: null }
  expect({ code, signal, stdout, stderr }).toEqual({ ...wanted, stdout: 'done\n', stderr: '' })
})
