'use strict'
// docs/performance.md, from the results of a run.

const figures = require('../figures')
const { writeBar, writeLimit, writeRatio, why } = require('../results-table')
const losses = require('./losses')

const METHOD = `## How it is measured

- Each run of each contender is a process of its own, so that none inherits another's threads, heap or compiled code.
  Figures are medians, with the least and the most in parentheses.
- In each round every contender runs once, in an order drawn anew, as what ran before changes what a run meets. Where a
  hypervisor takes free memory back, the first to use a page again waits for it: 10 µs on the machine on which we found this.
- Every run has a seed of its own, from which xoshiro128** draws the blocks, so that the next run reads others. A cold
  run reads none of them twice.
- Each word of the files is a hash of its place. Two words of each block read are compared with it, by the same code for
  all; of longer ranges one word of each 4 KiB. Where they differ, the contender has failed and gives no figure.
- Before a cold run the file alone is synced and dropped from the page cache. The run counts only if the device then
  gave at least the bytes that were asked for (\`read_bytes\` of \`/proc/self/io\`). All caches are not dropped: that
  would evict the code of Node.js as well.
- Threads are started and code is compiled by reads of another file of the same length, opened and closed twice, before a
  cold run is measured. That is not so for first lookups and for the cost by file size: these are what a process pays
  that has just started.
- CPU seconds are those of the whole process, all its threads, in user and system mode.
- Event-loop delay is \`monitorEventLoopDelay\` of \`node:perf_hooks\` with a resolution of 1 ms, less that 1 ms. The
  picture over time is by a timer of 1 ms. Bun's monitor counts something else and is left out.
- A timer of the loop counts whole milliseconds, and fires up to one late where the loop sleeps and is woken in between. So
  answer-times has another thread stamp the time and wake the loop, once it has answered the time before.
- The bar of \`close()\` is for the call itself. "Held" is the longest gap between two \`setImmediate\` callbacks while it is
  under way, which a loop that closes nothing has as well where there are fewer processors than threads.
- Direct loads, from a mapping of whichever library, wait on the main thread. Each is in a turn of the loop of its own,
  as it would be in a server.
- "The limit" is what can be had at all on the machine, in the same run, by the programs of \`bench/limit/\`. "Its two
  threads, in C": one makes pages resident and tells the other, which loads from them and asks for more, by the system
  calls that faultless makes, and without JavaScript. "Its system calls, in C": one thread that tells nobody. Their
  delays are those of an event loop that has nothing to do meanwhile. "A loop that they only wake": the two threads
  again, and an event loop that hears of each group and does nothing then. So late are the timers of one that sleeps.
  Where faultless does better than these, as where a hypervisor keeps the page tables by software, they are no limit.
- The limit of first-lookup is what the addon does for open(), and the lookup, without any of our JavaScript. V8
  compiles each function when it is first called; the row with \`--no-lazy\` shows what that comes to.
- In first-lookup all modules are loaded before the time is taken, and in first-read: that one tells how long faultless
  itself takes to load. Its first read waits for a pool thread, which takes Node about as long to start as a process does.
- fio goes past the page cache (direct I/O): it is what the device can do, and leaves nothing in memory.
- lmdb reads from a database of its own, smaller than the file, of values that fill a page each.`

/** @param {object} results  @param {Array<{file: string, alt: string, isOfReadme: boolean}>} pictures */
module.exports = function page(results, pictures) {
  const shown = pictures.filter(({ isOfReadme }) => !isOfReadme)
  return [
    '# Performance',
    introduction(results),
    '## The bars', barsTable(results.bars), ...reasons(results.bars), about(results),
    '## What faultless loses', lossesTable(results.trials),
    ...shown.length > 0 ? ['## Pictures', ...shown.map(({ file, alt }) => `![${alt}](pictures/${file})`)] : [],
    '## Every figure', ...results.trials.flatMap(trialSection),
    METHOD
  ].join('\n\n') + '\n'
}

function introduction({ command, date, mode, seed, machine, faultless, peers = {}, fio, seconds, notes }) {
  const rough = mode === 'full' ? [] : [`This was a run in mode ${mode}: its figures are rough, and not the last word.`]
  const facts = [
    ['command', command],
    ['date', `${date.slice(0, 10)}, in ${seconds} s, seed ${seed}`],
    ['faultless', faultless],
    ['node', machine.node],
    ...Object.entries(peers).map(([name, version]) => ['peer', `${name} ${version}`]),
    ...fio === undefined ? [] : [['limit', fio]],
    ['kernel', machine.kernel],
    ['CPU', `${machine.cpu}, ${machine.cores} cores`],
    ['memory', `${(machine.memoryBytes / 2 ** 30).toFixed(1)} GiB`],
    ['filesystem', machine.filesystem],
    ['page fault', `${machine.pageFaultUs.toLocaleString('en-US', { maximumSignificantDigits: 2 })} µs (copy-on-write)`],
    ['taken back', machine.memoryTakenBy.join('; ') || 'no memory, as far as the system tells']
  ]
  return [
    'Everything on this page is written by `npm run bench -- --docs`, from one run on one machine. Do not edit it.',
    ...rough.length + notes.length > 0 ? [[...rough, ...notes].join(' ')] : [],
    ['```text', ...facts.map(([name, value]) => `${name.padEnd(12)}${value}`), '```'].join('\n')
  ].join('\n\n')
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  return [line(head), `|${head.map((_, i) => i === 0 ? '---|' : '---:|').join('')}`, ...rows.map(line)].join('\n')
}

function barsTable(bars) {
  return table(['trial', 'figure', 'faultless', 'against', 'ratio', 'the limit', 'bar', 'verdict'], bars.map((bar) => {
    const { write, label } = figures[bar.figure]
    if (bar.verdict === 'skipped') {
      return [bar.trial, label, bar.of, bar.against ?? '', '', '', writeBar(bar), `skipped: ${bar.why}`]
    }
    const against = bar.against ? `${bar.against}: ${write(bar.base)}` : ''
    const verdict = bar.verdict === 'missed' ? '**missed**' : bar.verdict
    return [bar.trial, label, `${bar.of}: ${write(bar.value)}`, against, writeRatio(bar), limitCell(bar), writeBar(bar), verdict]
  }))
}

function limitCell(bar) {
  if (bar.limit === undefined) return ''
  const { name, value } = bar.limit
  return [`${name}: ${figures[bar.figure].write(value)}`, writeLimit(bar)].filter(Boolean).join(', ')
}

/** Of the bars that were missed in this run, where it is known where that comes from. */
function reasons(bars) {
  const missed = bars.filter(({ verdict, because }) => verdict === 'missed' && because !== undefined)
  if (missed.length === 0) return []
  const nameOf = ({ trial, figure, against }) => `**${trial}**, ${figures[figure].label}${against ? ` against ${against}` : ''}`
  const lines = [...new Set(missed.map(({ because }) => because))].map((reason) =>
    `- ${missed.filter(({ because }) => because === reason).map(nameOf).join('; ')}: ${reason}`)
  return ['Where the misses come from, as far as it is known:', lines.join('\n')]
}

function about({ trials }) {
  return trials.map((trial) => `- **${trial.name}**: ${trial.about}.`).join('\n')
}

function lossesTable(trials) {
  const rows = losses(trials)
  if (rows.length === 0) return 'Nothing, in this run.'
  return 'Each figure in which another way did better than faultless by more than 5%.\n\n' +
    table(['trial', 'figure', 'faultless', 'other', 'its figure'], rows.map((row) => {
      const { write, label } = figures[row.figure]
      const where = row.label === undefined ? row.trial : `${row.trial}, ${row.label}`
      return [where, label, write(row.value), row.other, write(row.otherValue)]
    }))
}

function trialSection(trial) {
  const heading = [`### ${trial.name}`, `${trial.about}.`]
  if (trial.points.length === 0) return [...heading, why(trial.skipped, trial.failed)]
  const isSeries = trial.points[0].label !== undefined
  return [...heading, ...isSeries ? seriesTables(trial) : [trialTable(trial)]]
}

function trialTable({ figures: names, points: [{ contenders }] }) {
  const used = names.filter((name) => contenders.some(({ summary }) => summary[name]))
  return table(['', ...used.map((name) => figures[name].label)], contenders.map((contender) => {
    const { name, summary } = contender
    if (Object.keys(summary).length === 0) return [name, missing(contender), ...used.slice(1).map(() => '')]
    return [name, ...used.map((figure) => spread(summary[figure], figures[figure].write))]
  }))
}

const missing = ({ skipped, failed }) => why(skipped, failed)

function spread(values, write) {
  if (values === undefined) return '–'
  const { median, min, max, runs } = values
  return runs === 1 ? write(median) : `${write(median)} (${write(min)}–${write(max)})`
}

/** A table a figure: a line a point, a column a contender. */
function seriesTables({ figures: names, points }) {
  const { contenders } = points[0]
  return names.map((figure) => table(
    [figures[figure].label, ...contenders.map(({ name }) => name)],
    points.map((point) => [point.label, ...point.contenders.map((contender) => seriesCell(contender, figure))])
  ))
}

function seriesCell(contender, figure) {
  if (Object.keys(contender.summary).length === 0) return missing(contender)
  return spread(contender.summary[figure], figures[figure].write)
}
