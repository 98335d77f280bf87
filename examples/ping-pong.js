'use strict'
// Two processes take turns through one word of a file that both have mapped: node examples/ping-pong.js [ROUNDS]
//
// The word counts turns: even ones are the parent's, odd ones the child's. Whose turn it is not waits on the word; whose
// it is stores the next number and notifies. No message is sent: the file is all that they have in common.

const { fork } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { open } = require('faultless')

const TURN = 0 // the offset of the word, in bytes

/** Plays the turns first, first + 2, … of so many rounds. @returns {Promise<number>} ms that it took */
async function play(name, first, rounds) {
  const file = await open(name, 'r+')
  const words = new Int32Array(file.buffer)
  const start = performance.now()
  for (let turn = first; turn < 2 * rounds; turn += 2) {
    // Look, wait, look again: the end of a wait says that it is worth another look, and no more.
    for (let seen; (seen = Atomics.load(words, 0)) !== turn;) await file.wait(TURN, seen)
    Atomics.store(words, 0, turn + 1) // first the store,
    file.notify(TURN, 1) // then the notification
  }
  const ms = performance.now() - start
  await file.close()
  return ms
}

async function main(rounds) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'faultless-ping-pong-'))
  try {
    const name = path.join(folder, 'turns')
    fs.writeFileSync(name, Buffer.alloc(4096))
    await play(name, 0, 0) // so that loading the library is not measured
    const child = fork(__filename, ['child', name, rounds])
    const [ms, [code]] = await Promise.all([play(name, 0, rounds), once(child, 'exit')])
    console.log(`${rounds.toLocaleString('en-US')} rounds, there and back, in ${(ms / 1e3).toFixed(2)} s:`,
      `${(ms / rounds * 1e3).toFixed(0)} µs a round, with the start of the other process.`)
    process.exitCode = code
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
}

const [mode, ...args] = process.argv.slice(2)
if (mode === 'child') play(args[0], 1, Number(args[1]))
else main(Number(mode ?? 20_000))
