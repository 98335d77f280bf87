'use strict'
// From single runs to one figure, and from figures to verdicts.

/** The median of each figure over the runs that count, with the least and the most. */
function summarize(runs, figures) {
  const valid = runs.filter(({ invalid }) => invalid === undefined)
  const entries = figures.map((figure) => [figure, spread(valid.map((run) => run[figure]))])
  return Object.fromEntries(entries.filter(([, values]) => values !== undefined))
}

function spread(values) {
  const known = values.filter((value) => typeof value === 'number').sort((a, b) => a - b)
  if (known.length === 0) return undefined
  const middle = known.length >> 1
  const median = known.length % 2 === 1 ? known[middle] : (known[middle - 1] + known[middle]) / 2
  return { median, min: known[0], max: known.at(-1), runs: known.length }
}

/** Each of a trial's bars with what was reached. */
function judgeTrial(trial, bars) {
  return bars.map((bar) => {
    const { figure, of, against, atLeast, atMost, inverse, because } = bar
    const asked = { trial: trial.name, about: trial.about, figure, of: of.name, against: against?.name }
    const row = { ...asked, atLeast, atMost, inverse, because }
    const missing = whyMissing(trial, of, figure) ?? whyMissing(trial, against ?? of, figure)
    if (missing !== undefined) return { ...row, verdict: 'skipped', why: missing }
    const value = medianOf(trial, of, figure)
    const base = against ? medianOf(trial, against, figure) : undefined
    const verdict = isMet(bar, value, base) ? 'met' : 'missed'
    return { ...row, value, base, ratio: ratioOf(value, base, inverse), limit: limitOf(trial, bar, base), verdict }
  })
}

/** What the bar's limit reached in the same run, where it has one: what nobody can be expected to do better. */
function limitOf(trial, { limit, figure, inverse }, base) {
  if (limit === undefined || whyMissing(trial, limit, figure) !== undefined) return undefined
  const value = medianOf(trial, limit, figure)
  return { name: limit.name, value, ratio: ratioOf(value, base, inverse) }
}

const find = (trial, { name }) => trial.points[0].contenders.find((contender) => contender.name === name)
const medianOf = (trial, contender, figure) => find(trial, contender).summary[figure].median

function whyMissing(trial, contender, figure) {
  if (trial.points.length === 0) return trial.skipped ?? trial.failed
  const { skipped, failed, summary } = find(trial, contender)
  return skipped ?? failed ?? (summary[figure] === undefined ? `${contender.name} has no such figure` : undefined)
}

function ratioOf(value, base, inverse) {
  if (base === undefined) return undefined
  return inverse ? base / value : value / base
}

// By multiplication: a base of 0 has no ratio, and a verdict nevertheless.
function isMet({ atLeast, atMost, inverse }, value, base = 1) {
  const [upper, lower] = inverse ? [base, value] : [value, base]
  return atLeast === undefined ? upper <= atMost * lower : upper >= atLeast * lower
}

/** The bar that is over all trials: the main thread takes no major fault where memory is not short. */
function judgeFaults(trials) {
  const counts = trials.filter(({ pressured }) => !pressured)
    .flatMap(({ points }) => points.flatMap(({ contenders }) => contenders))
    .filter(({ ours }) => ours)
    .flatMap(({ runs }) => runs.map(({ majorFaults }) => majorFaults))
    .filter((count) => typeof count === 'number')
  const about = 'All runs of faultless without a memory limit'
  const row = { trial: 'all', about, figure: 'majorFaults', of: 'faultless', atMost: 0 }
  if (counts.length === 0) return { ...row, verdict: 'skipped', why: 'no such run' }
  const value = counts.reduce((sum, count) => sum + count, 0)
  return { ...row, value, runs: counts.length, verdict: value === 0 ? 'met' : 'missed' }
}

module.exports = { summarize, judgeTrial, judgeFaults }
