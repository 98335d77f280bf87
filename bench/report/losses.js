'use strict'
// Where another way did better than faultless, figure by figure: the first contender of each trial against all that are
// not ours.

const figures = require('../figures')

// Two runs of the same code differ by about as much.
const NOISE = 0.05

// No timer of 1 ms tells smaller delays apart.
const SAME_DELAY_MS = 0.1

/** @returns {Array<{trial, label, figure, value, other, otherValue}>} */
module.exports = function losses(trials) {
  return trials.flatMap((trial) => trial.points.flatMap((point) => lossesAt(trial, point)))
}

function lossesAt({ name, figures: names }, { label, contenders: [ours, ...others] }) {
  // Of a series the main figure: the rest is in its tables.
  const compared = label === undefined ? names : names.slice(0, 1)
  return compared.flatMap((figure) => others
    .filter((other) => !other.ours && (!figures[figure].isSum || didAsMuch(ours, other)))
    .map((other) => ({ trial: name, label, figure, ...values(ours, other, figure) }))
    .filter(isLoss))
}

/** Of a sum nothing can be said beside that of fewer reads. */
function didAsMuch(...contenders) {
  const [ours, other] = contenders.map(({ runs = [] }) => runs[0]?.reads)
  return ours === undefined || other === undefined || ours === other
}

const values = (ours, other, figure) => ({
  value: ours.summary[figure]?.median,
  other: other.name,
  otherValue: other.summary[figure]?.median
})

function isLoss({ figure, value, otherValue }) {
  if (value === undefined || otherValue === undefined) return false
  if (figure.startsWith('delay') && Math.abs(value - otherValue) < SAME_DELAY_MS) return false
  return figures[figure].more ? otherValue > value * (1 + NOISE) : otherValue < value * (1 - NOISE)
}
