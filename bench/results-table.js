'use strict'
// What a terminal shows at the end: the bars, and what each contender of a trial did.

const Table = require('cli-table3')
const figures = require('./figures')

const style = { head: [], border: [], compact: true }

function barsTable(bars) {
  const table = new Table({ head: ['trial', 'figure', 'faultless', 'against', '', 'ratio', 'limit', 'bar', ''], style })
  for (const bar of bars) {
    const { write, label } = figures[bar.figure]
    const found = bar.verdict === 'skipped'
      ? ['', bar.against ?? '', '', '', '']
      : [write(bar.value), bar.against ?? '', bar.against ? write(bar.base) : '', writeRatio(bar), writeLimit(bar)]
    table.push([bar.trial, label, ...found, writeBar(bar), bar.verdict === 'missed' ? 'MISSED' : bar.verdict])
  }
  return table.toString()
}

function trialTable({ figures: names, points }) {
  const used = names.filter((name) => points.some(({ contenders }) => contenders.some(({ summary }) => summary[name])))
  const table = new Table({
    head: ['', ...used.map((name) => figures[name].label)],
    colAligns: ['left', ...used.map(() => 'right')],
    style
  })
  for (const { label, contenders } of points) {
    for (const { name, summary, skipped, failed } of contenders) {
      const title = label === undefined ? name : `${label}: ${name}`
      const cells = used.map((figure) => summary[figure] ? figures[figure].write(summary[figure].median) : '')
      if (Object.keys(summary).length > 0) table.push([title, ...cells])
      else table.push([title, { colSpan: used.length || 1, content: why(skipped, failed) }])
    }
  }
  return table.toString()
}

const why = (skipped, failed) => failed === undefined ? `skipped: ${skipped}` : `FAILED: ${failed}`

/** The ratio of a bar, or nothing where it is a figure by itself. */
function writeRatio({ ratio, against }) {
  if (against === undefined) return ''
  if (!Number.isFinite(ratio)) return '–'
  return `${ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(2)}×`
}

/** How far what stands for the limit came. */
const writeLimit = ({ limit, against }) => limit === undefined ? '' : writeRatio({ ratio: limit.ratio, against })

function writeBar({ atLeast, atMost, against, figure }) {
  const value = atLeast ?? atMost
  return `${atLeast === undefined ? '≤' : '≥'} ${against ? `${value}×` : unitOf(figure, value)}`
}

const unitOf = (figure, value) => figure.endsWith('Ms') ? `${value} ms` : String(value)

module.exports = { barsTable, trialTable, writeLimit, writeRatio, writeBar, why }
