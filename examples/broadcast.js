'use strict'
// One process publishes, eight others read each edition in place: node examples/broadcast.js [EDITIONS [READERS]]
//
// The file has two words, and behind them the text of the edition of now. The first word is the edition's number: readers
// wait on it, and one notification wakes all of them. The second counts who has read; the publisher waits on that, since
// it must not write over what somebody still reads. Nothing is copied on the way.

const { fork } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { open } = require('faultless')

const EDITION = 0 // offsets, in bytes
const READS = 4
const TEXT = 8
const LENGTH = 4096 - TEXT

/** Waits until a word holds what is wanted. */
async function until(file, words, offset, wanted) {
  for (let seen; (seen = Atomics.load(words, offset / 4)) !== wanted;) await file.wait(offset, seen)
}

const textOf = (edition) => `edition ${edition} `.repeat(LENGTH / 16)

async function publish(name, editions, readers) {
  const file = await open(name, 'r+')
  const words = new Int32Array(file.buffer)
  const text = await file.view(TEXT, LENGTH)
  for (let edition = 1; edition <= editions; edition++) {
    text.write(textOf(edition), 'latin1')
    Atomics.store(words, EDITION / 4, edition)
    file.notify(EDITION)
    await until(file, words, READS, edition * readers)
  }
  await file.close()
}

/** @returns {Promise<number>} how many editions were not as they should be */
async function read(name, editions, readers) {
  const file = await open(name, 'r+')
  const words = new Int32Array(file.buffer)
  const text = await file.view(TEXT, LENGTH)
  let wrong = 0
  for (let edition = 1; edition <= editions; edition++) {
    await until(file, words, EDITION, edition)
    const wanted = textOf(edition)
    if (text.latin1Slice(0, wanted.length) !== wanted) wrong++
    const reads = Atomics.add(words, READS / 4, 1) + 1
    if (reads === edition * readers) file.notify(READS) // the last one tells
  }
  await file.close()
  return wrong
}

async function main(editions, readers) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'faultless-broadcast-'))
  try {
    const name = path.join(folder, 'editions')
    fs.writeFileSync(name, Buffer.alloc(TEXT + LENGTH))
    const children = Array.from({ length: readers }, () => fork(__filename, ['reader', name, editions, readers]))
    const ended = Promise.all(children.map((child) => once(child, 'exit')))
    await publish(name, editions, readers)
    const wrong = (await ended).reduce((sum, [code]) => sum + code, 0)
    console.log(`${readers} processes read ${editions.toLocaleString('en-US')} editions each; ${wrong} of them found a wrong one.`)
    process.exitCode = wrong
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
}

const [first = 1000, ...rest] = process.argv.slice(2)
if (first === 'reader') read(rest[0], Number(rest[1]), Number(rest[2])).then((wrong) => (process.exitCode = wrong > 0 ? 1 : 0))
else main(Number(first), Number(rest[0] ?? 8))
