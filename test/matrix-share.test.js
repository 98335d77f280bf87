'use strict'
// On a slow machine CI runs a part of the suite on each Node, and never more than there is time for.

const { partsFor } = require('../scripts/matrix-share')

test('with enough time for all lines each runs the whole suite', () => {
  expect(partsFor({ secondsLeft: 600, linesLeft: 3, suiteSeconds: 200 })).toBe(1)
  expect(partsFor({ secondsLeft: Infinity, linesLeft: 4, suiteSeconds: 10_000 })).toBe(1)
})

test('as long as nobody knows what the suite takes it is tried', () => {
  expect(partsFor({ secondsLeft: 1, linesLeft: 3, suiteSeconds: 0 })).toBe(1)
})

test('with less time each line runs a part that fits into its share', () => {
  expect(partsFor({ secondsLeft: 400, linesLeft: 3, suiteSeconds: 405 })).toBe(6)
  expect(partsFor({ secondsLeft: 300, linesLeft: 1, suiteSeconds: 301 })).toBe(2)
})

test('where not even a small part fits, nothing is run', () => {
  expect(partsFor({ secondsLeft: 120, linesLeft: 3, suiteSeconds: 400 })).toBe(0)
  expect(partsFor({ secondsLeft: 270, linesLeft: 3, suiteSeconds: 1200 })).toBe(0)
  expect(partsFor({ secondsLeft: -5, linesLeft: 3, suiteSeconds: 400 })).toBe(0)
})
