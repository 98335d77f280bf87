'use strict'
// One bar over the whole run on a terminal; a plain line a stage where the output goes elsewhere.

const { SingleBar } = require('cli-progress')

// How much of the bar a stage fills: all the same, since nobody knows beforehand which is slow.
const STAGE = 100

const FORMAT = '{bar} {percentage}% | {label}'

module.exports = class Progress {
  #bar = null
  #stages
  #begun = 0

  constructor(stages) {
    this.#stages = stages
  }

  // Begins the next stage; the function it returns is told how many of the stage's `total` parts are done.
  stage(label, total) {
    const start = STAGE * this.#begun++
    if (!process.stdout.isTTY) {
      console.log(`${this.#begun}/${this.#stages} ${label}`)
      return () => {}
    }
    this.#bar ??= startBar(this.#stages * STAGE)
    this.#bar.update(start, { label })
    return (done) => this.#bar.update(start + Math.floor(STAGE * done / total))
  }

  stop() {
    this.#bar?.stop()
  }
}

// linewrap and the cursor stay as they are: an interrupted run would leave the terminal without them.
function startBar(total) {
  const options = { format: FORMAT, stream: process.stdout, barsize: 30, clearOnComplete: true, linewrap: true }
  const bar = new SingleBar({ ...options, barCompleteChar: '█', barIncompleteChar: '░' })
  bar.start(total, 0, { label: '' })
  // An interrupted run leaves a clean line as well.
  process.once('exit', () => bar.stop())
  return bar
}
