'use strict'
// How far something is, on a terminal: a touch in bytes, with rate and time left; a comparison in runs.

const { SingleBar } = require('cli-progress')
const { bytes, duration, rate } = require('./format')

const BAR = 24
const FRAMES_PER_SECOND = 10

/** Lines in between would tear a bar apart, so they wait. An ended process leaves the terminal as it was. */
function startBar(output, total, format) {
  output.hold()
  const bar = new SingleBar({
    format, stream: process.stderr, fps: FRAMES_PER_SECOND, clearOnComplete: true, linewrap: true, hideCursor: false
  })
  bar.start(total, 0, {})
  return bar
}

function drawBar(output, share) {
  const filled = Math.floor(share * BAR)
  const [full, empty] = output.terminal.hasUnicode ? ['█', '░'] : ['#', '-']
  return `${full.repeat(filled)}${empty.repeat(BAR - filled)} ${`${Math.floor(share * 100)} %`.padStart(5)}`
}

class Progress {
  #output
  #bar
  #total
  #done = 0
  #began = performance.now()

  /** @param {number} total bytes */
  constructor(output, total) {
    this.#output = output
    this.#total = total
    if (!output.showsProgress || total === 0) return
    this.#bar = startBar(output, total, (_, { progress }) => this.#format(progress))
  }

  /** @param {number} more bytes that are done now */
  add(more) {
    this.#done += more
    this.#bar?.update(this.#done)
  }

  stop() {
    this.#bar?.stop()
    this.#output.release()
  }

  #format(share) {
    const ms = performance.now() - this.#began
    const left = this.#done === 0 || this.#done >= this.#total ? '' : `, ${duration((this.#total - this.#done) * ms / this.#done)} left`
    return `${drawBar(this.#output, share)}  ${bytes(this.#done)} of ${bytes(this.#total)}, ${rate(this.#done, ms)}${left}`
  }
}

/** Steps that take about as long each. */
class Stages {
  #output
  #bar
  #begun = 0

  constructor(output, total) {
    this.#output = output
    if (!output.showsProgress) return
    this.#bar = startBar(output, total, (_, { progress }, { title = '' }) => `${drawBar(output, progress)}  ${title}`)
  }

  /** The one before has ended, if there was one. */
  next(title) {
    this.#bar?.update(this.#begun++, { title })
  }

  stop() {
    this.#bar?.stop()
    this.#output.release()
  }
}

module.exports = { Progress, Stages }
