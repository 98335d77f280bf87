'use strict'
// The thread that looks and draws. It sleeps in Atomics.wait and writes by itself, so it goes on at its pace whatever
// other threads do. (process.stdout of a thread would hand everything to the main thread's event loop.)

const fs = require('node:fs')
const { parentPort, workerData } = require('node:worker_threads')
const { open } = require('../../lib/index')
const { clip } = require('../each-file')
const { look, toJson } = require('../residency')
const { Terminal } = require('../terminal')
const { Screen } = require('./screen')
const { Shared } = require('./shared')

const STDOUT = 1
const TRY_AGAIN_MS = 5

const words = new Int32Array(workerData.shared)
const { options } = workerData

/** Sleeps, or not if it shall end. */
const sleep = (ms) => Atomics.wait(words, Shared.STOP, 0, Math.max(0, ms))

/** What the thread that listens acts upon. */
const report = ({ code, errno, syscall, message }, isOfStdout = false) =>
  parentPort.postMessage({ code, errno, syscall, message, isOfStdout })

const shallEnd = () => Atomics.load(words, Shared.STOP) === 1

/** A pipe that is full makes it wait, one that nobody reads or a full disk makes it end. */
function write(text) {
  let bytes = Buffer.from(text)
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(fs.writeSync(STDOUT, bytes))
    } catch (error) {
      if (error.code !== 'EAGAIN') return endUnwritten(error)
      if (sleep(TRY_AGAIN_MS) === 'not-equal') return undefined
    }
  }
  return undefined
}

function endUnwritten(error) {
  report(error, true)
  Atomics.store(words, Shared.STOP, 1)
}

/** Says what was found in the way that was asked for. */
class Painter {
  #screen
  #written = 0 // objects

  constructor() {
    const { hasColors, hasUnicode, isTTY } = workerData.terminal
    const terminal = Object.assign(Object.create(Terminal.prototype), { hasColors, hasUnicode })
    this.#screen = new Screen(terminal, isTTY)
  }

  /** @param {object} found by residency() */
  show(file, range, found, ms) {
    if (options.json) {
      const { heat, ...json } = toJson(workerData.path, file, range, found)
      this.#writeJson({ ...json, milliseconds: Math.round(ms), heat })
    } else if (!options.quiet) {
      write(this.#screen.draw({ path: workerData.path, file, range, found, ms, columns: words[Shared.COLUMNS], rows: words[Shared.ROWS] }))
    }
  }

  /** The thread that listens complains; this is for programs. */
  fail({ code, message }) {
    if (options.json) this.#writeJson({ path: workerData.path, error: { code, message } })
  }

  end() {
    if (options.json) write(this.#written === 0 ? '[]\n' : '\n]\n')
  }

  #writeJson(object) {
    write(`${this.#written++ === 0 ? '[\n' : ',\n'}${JSON.stringify(object)}`)
  }
}

async function watch(file, painter) {
  const range = clip(options, file.byteLength)
  const { interval, count = Infinity, for: most = Infinity } = options
  let began // with the first look, for which a thread had to start
  for (let looks = 0; looks < count && !shallEnd();) {
    const found = await look(file, range)
    began ??= performance.now()
    painter.show(file, range, found, performance.now() - began)
    looks++
    const next = (Math.floor((performance.now() - began) / interval) + 1) * interval
    if (looks === count || next > most) break
    sleep(began + next - performance.now())
  }
}

async function main() {
  const painter = new Painter()
  try {
    const file = await open(workerData.path, { freshness: 0 })
    try {
      await watch(file, painter)
    } finally {
      await file.close()
    }
  } catch (error) {
    painter.fail(error)
    report(error)
  } finally {
    painter.end()
  }
}

main()
