'use strict'
// One process appends to a log, another follows it: node examples/follow.js [EVENTS]
//
// The follower maps what there is when it begins. From then on refresh() tells it how far the file reaches, and what is new is
// scanned in the mapping itself. A log that has outgrown the mapping has another one after refresh(); whoever asks the file
// for views, as here, need not know.

const { fork } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')
const { open } = require('faultless')

const LINE_FEED = 10
const AT_ONCE = 1000 // events of an append
const LOOK_MS = 20

const eventOf = (number) => `${JSON.stringify({ number, text: 'x'.repeat(number % 100) })}\n`

function append(name, events) {
  const log = fs.openSync(name, 'a')
  for (let number = 0; number < events; number += AT_ONCE) {
    const numbers = Array.from({ length: Math.min(AT_ONCE, events - number) }, (_, i) => number + i)
    fs.writeSync(log, numbers.map(eventOf).join(''))
  }
}

/** Calls back with each event, as they come, until that says false. */
async function follow(name, onEvent) {
  const log = await open(name)
  for (let end = 0, goesOn = true; goesOn;) {
    await log.refresh()
    const news = await log.view(end)
    const length = news.lastIndexOf(LINE_FEED) + 1 // what is still being written has no end
    goesOn = linesOf(news.subarray(0, length)).every(onEvent)
    end += length
    if (goesOn) await sleep(LOOK_MS)
  }
  await log.close()
}

const linesOf = (bytes) => bytes.toString().split('\n').filter((line) => line !== '')

async function main(events) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'faultless-follow-'))
  try {
    const name = path.join(folder, 'log')
    fs.writeFileSync(name, '')
    const child = fork(__filename, ['writer', name, events])
    let next = 0
    let wrong = 0
    await Promise.all([once(child, 'exit'), follow(name, (text) => {
      if (JSON.parse(text).number !== next) wrong++
      return ++next < events
    })])
    const { size } = fs.statSync(name)
    console.log(`${next.toLocaleString('en-US')} events were followed through ${size.toLocaleString('en-US')} bytes; ${wrong} out of order.`)
    process.exitCode = wrong > 0 ? 1 : 0
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
}

const [first = 100_000, ...rest] = process.argv.slice(2)
if (first === 'writer') append(rest[0], Number(rest[1]))
else main(Math.max(1, Number(first) || 1))
