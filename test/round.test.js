'use strict'
// When a pool thread turns from long slots to short ones again.

const { SLOW_NS } = require('../worker/group')
const { Round } = require('../worker/round')

const MS = 1e6

const noted = (...shorts) => {
  const round = new Round()
  round.begin()
  for (const [took, at] of shorts) round.noteShort(took, at)
  return round
}

test('where no short ones have come, a long one does a slice, and has no more', () => {
  const round = noted()
  round.beginLong(5 * MS)
  expect(round.isCut).toBe(false)
  expect(round.isOver(5 * MS)).toBe(true)
})

test('after short ones it is cut, however long ago in this round they were completed', () => {
  const round = noted([MS, 2 * MS])
  round.beginLong(40 * MS)
  expect(round.isCut).toBe(true)
})

test.each([[11.9, true], [12, false]])('in later rounds it is cut for 10 ms: at %s ms %s', (ms, isCut) => {
  const round = noted([MS, 2 * MS])
  round.begin()
  round.beginLong(ms * MS)
  expect(round.isCut).toBe(isCut)
})

test.each([
  ['half the time that short ones of a slow device took', [[4 * MS, 4 * MS], [6 * MS, 10 * MS]], 5],
  ['10 ms at most', [[1000 * MS, 1000 * MS]], 10],
  ['nothing more where there were just many', Array(100).fill([SLOW_NS, MS]), 0]
])('it has %s', (_, shorts, ms) => {
  const round = noted(...shorts)
  round.beginLong(2000 * MS)
  if (ms > 0) expect(round.isOver((2000 + ms) * MS - 1)).toBe(false)
  expect(round.isOver((2000 + ms) * MS)).toBe(true)
})

test('what was slow in a round before counts no more', () => {
  const round = noted([8 * MS, 8 * MS])
  round.begin()
  round.beginLong(9 * MS)
  expect(round.isOver(9 * MS)).toBe(true)
})
