// Runs commands one at a time, so that whoever interrupts a script ends the command that it waits for, and the script
// clears away what it made.
'use strict'

const { spawn } = require('node:child_process')
const path = require('node:path')

let child = null
let interrupted = false

// Ends with the exit code, or with the name of the signal that ended the command.
function run(command, args, options) {
  return new Promise((resolve, reject) => {
    if (interrupted) {
      reject(new Error('interrupted'))
      return
    }
    child = spawn(command, args, options)
    options.onSpawn?.(child)
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(signal ?? code))
  })
}

// The standard output of a command that has to succeed; everything it wrote is in the error when it does not.
async function capture(command, args, options) {
  const out = []
  const all = []
  const code = await run(command, args, {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
    onSpawn(started) {
      started.stdout.on('data', (data) => { out.push(data); all.push(data) })
      started.stderr.on('data', (data) => { all.push(data) })
    }
  })
  if (code === 0) return Buffer.concat(out).toString()
  throw new Error(`${path.basename(command)} ${args.join(' ')}: ended with ${code}\n${Buffer.concat(all)}`.trim())
}

// The child is stopped and its promise ends, so that the folders are cleared away as after any other failure. Not
// `once`: timeout(1) signals us and then our whole group, and the second signal must not end us before we are done.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    interrupted = true
    child?.kill(signal)
  })
}

module.exports = { capture, isInterrupted: () => interrupted, run }
