'use strict'
// faultless bench: a small comparison of direct mapping, node:fs and faultless on a file of the user's.

const { rmSync } = require('node:fs')
const fs = require('node:fs/promises')
const path = require('node:path')
const { randomFillSync } = require('node:crypto')
const { bytes, count, many, percent, printable, rate } = require('../format')
const { duration, withOutput } = require('../options')
const parse = require('../parse')
const { Stages } = require('../progress')
const { temporaryFolder } = require('../trial/temporary-folder')
const { READERS, compare } = require('../trial/index')

const SAMPLE_BYTES = 256 << 20
const STEP = 1 << 20

const define = (command) => withOutput(withLimits(command.argument('[file]', 'without one, a file of 256 MiB is made, and removed')))
  .addHelpText('after', `
THE FILE IS DROPPED FROM MEMORY before each of the six runs, so that all of them
find it cold; what the device had to read is shown as the proof. Blocks of 4 KiB
are read in random order, 64 at a time, then the file from start to end.

Examples:
  faultless bench data.bin
  faultless bench --json data.bin | jq '.[].random'
  faultless bench                      on a file of its own
`)

/** Also of report. */
function withLimits(command) {
  return command
    .option('--reads <number>', 'at most so many random reads a run', parse.positive(parse.integer), 20_000)
    .addOption(duration('--time <duration>', 'and at most so long', '5s'))
}

/** Random bytes, so that no device can make them smaller. */
async function makeSample(folder, signal) {
  const file = path.join(folder, 'sample.bin')
  const handle = await fs.open(file, 'wx')
  try {
    const chunk = Buffer.allocUnsafe(STEP)
    for (let written = 0; written < SAMPLE_BYTES; written += STEP) {
      signal.throwIfAborted()
      await handle.writeFile(randomFillSync(chunk))
    }
  } finally {
    await handle.close()
  }
  return file
}

async function withSample(signal, use) {
  const folder = await fs.mkdtemp(path.join(temporaryFolder(), 'faultless-bench-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.on('exit', remove) // which comes at once where nobody reads the output any more
  try {
    return await use(await makeSample(folder, signal))
  } finally {
    remove()
    process.removeListener('exit', remove)
  }
}

const titleOf = (name) => READERS.find((reader) => reader.name === name).title
const ms = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`

const COLUMNS = [
  ['', 14, ({ reader }) => titleOf(reader)],
  ['speed', 15, ({ readsPerSecond, bytesPerSecond }) => (readsPerSecond === null ? rate(bytesPerSecond, 1000) : `${count(readsPerSecond)} reads/s`)],
  ['late: 99 %', 12, ({ late }) => ms(late.p99)],
  ['worst', 9, ({ late }) => ms(late.max)],
  ['main faults', 13, ({ mainThreadFaults }) => (mainThreadFaults === null ? 'unknown' : count(mainThreadFaults))],
  ['device read', 13, ({ deviceBytes }) => (deviceBytes === null ? 'unknown' : bytes(deviceBytes))]
]

function table(output, title, runs) {
  const rowOf = (texts) => texts.map((text, i) => (i === 0 ? text.padEnd(COLUMNS[i][1]) : text.padStart(COLUMNS[i][1]))).join('')
  output.line()
  output.line(output.terminal.paint('bold', title))
  output.line(rowOf(COLUMNS.map(([heading]) => heading)))
  for (const figures of runs) output.line(rowOf(COLUMNS.map(([, , text]) => text(figures))))
}

/** What was measured is worth little where the file was not cold, and that has to be said. */
function verdict({ size, random, scan }) {
  const runs = [...random, ...scan]
  if (process.platform === 'win32') return 'NOT COLD: Windows drops no file from memory.'
  if (runs.every(({ cold }) => cold === true)) return 'Cold: of every run the device read at least what was asked for.'
  const stayed = Math.max(...runs.map(({ pagesBefore }) => pagesBefore ?? 0))
  if (stayed > 0) return `NOT COLD: up to ${many(stayed, 'page')} of ${bytes(size)} stayed in memory; a program may hold them.`
  const { bytes: asked, deviceBytes } = runs.find(({ cold }) => cold !== true)
  if (deviceBytes === null) return 'Not proved cold: the kernel does not count what the device reads.'
  return `Not proved cold: of one run the device read ${percent(deviceBytes, asked)} of what was asked for.`
}

function show(output, file, result) {
  const { size, lanes, scanBytes, random, scan } = result
  const { terminal } = output
  output.line(`${terminal.paint('bold', printable(file))}  ${bytes(size)}`)
  table(output, `Random reads of 4 KiB, ${lanes} at a time (${many(Math.max(...random.map(({ reads }) => reads)), 'read')} at most)`, random)
  table(output, `From start to end, ${bytes(scanBytes)}`, scan)
  output.line()
  output.line('late: how late the event loop was, for 99 % of its ticks of 1 ms, and at worst')
  output.line('main faults: page faults on the main thread that waited for the device')
  output.line(verdict(result))
}

async function measure(file, options, { output, signal }) {
  const stages = new Stages(output, 2 * READERS.length)
  try {
    return await compare(file, { reads: options.reads, milliseconds: options.time }, signal, (title) => stages.next(title))
  } finally {
    stages.stop()
  }
}

async function bench(file, options, session, name = file) {
  const { output, signal } = session
  try {
    const result = await measure(file, options, session)
    output.result({ path: name, ...result, verdict: verdict(result) })
    show(output, name, result)
  } catch (error) {
    if (!signal.aborted) output.fail(name, error)
  }
}

async function run([file], options, session) {
  if (file !== undefined) return bench(file, options, session)
  try {
    return await withSample(session.signal, (sample) => bench(sample, options, session))
  } catch (error) {
    if (!session.signal.aborted) session.output.fail('sample', error)
    return undefined
  }
}

module.exports = { define, measure, run, verdict, withLimits }
