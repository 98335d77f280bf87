'use strict'
// faultless watch: shows live which parts of a file are in memory. It draws from a thread of its own (watch/painter.js),
// whose pace depends on nobody's event loop; this one only listens for signals and for the size of the terminal.

const path = require('node:path')
const { Worker } = require('node:worker_threads')
const { duration, withOutput, withRange } = require('../options')
const parse = require('../parse')
const { Shared, makeShared } = require('../watch/shared')

const define = (command) => withOutput(withRange(command.argument('<file>', 'one file')))
  .addOption(duration('-n, --interval <duration>', 'look so often', '500ms'))
  .option('--count <number>', 'end after so many looks', parse.positive(parse.integer))
  .option('--for <duration>', 'end after so long', parse.positive(parse.duration))
  .addHelpText('after', `
The map shows the file row by row. On a terminal it is drawn in place; piped, or
with --json, every look is a line. It ends with ctrl-C, --count or --for.

Examples:
  faultless watch data.bin                 until ctrl-C
  faultless watch -n 100ms --for 10s data.bin
  faultless watch --json --count 5 data.bin | jq '.[].resident'
`)

async function run([file], options, { output, terminal, signal }) {
  const shared = makeShared()
  const words = new Int32Array(shared)
  const tellSize = () => {
    words[Shared.COLUMNS] = terminal.columns
    words[Shared.ROWS] = process.stdout.rows ?? 0
  }
  tellSize()
  process.stdout.on('resize', tellSize)
  const stop = () => {
    Atomics.store(words, Shared.STOP, 1)
    Atomics.notify(words, Shared.STOP)
  }
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()

  const { hasColors, hasUnicode, isTTY } = terminal
  const worker = new Worker(path.join(__dirname, '..', 'watch', 'painter.js'), {
    workerData: { shared, path: file, options, terminal: { hasColors, hasUnicode, isTTY } }
  })
  let failure
  worker.on('error', (error) => (failure = error))
  worker.on('message', (error) => (failure = error))
  await new Promise((resolve) => worker.on('exit', resolve)) // not once() of node:events, which an error ends
  process.stdout.removeListener('resize', tellSize)
  if (failure?.isOfStdout) throw failure
  if (failure !== undefined) output.fail(file, failure, true)
}

module.exports = { define, run, endsWhenInterrupted: true, writesJson: true }
