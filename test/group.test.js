'use strict'
// How many slots a pool thread completes together, by what it has seen of the device: few where that is waited for, so that its
// queue does not run dry, many where it is ahead.

const { Group, MOST_IN_GROUP, SLOW_NS } = require('../worker/group')

const MOST_AWAITED = 8
const FEW = 4
const PARTS_UNTIL_AHEAD = 4
const QUICK = 1000 // ns

function noted(parts, took, hasSlept, group = new Group(false)) {
  for (let i = 0; i < parts; i++) group.note(took, hasSlept)
  return group
}

const sizesOf = ({ most, few, together }) => ({ most, few, together })

test('a group grows with each that was quick', () => {
  const group = new Group(false)
  const sizes = [group.most]
  for (let i = 0; i < 5; i++) sizes.push(noted(1, QUICK, true, group).most)
  expect(sizes).toEqual([1, 2, 4, 8, 8, 8])
})

test('it is largest where the device is ahead, and completed at once', () => {
  expect(sizesOf(noted(PARTS_UNTIL_AHEAD, QUICK, false))).toEqual({ most: MOST_IN_GROUP, few: MOST_IN_GROUP, together: MOST_IN_GROUP })
})

test('a device that was waited for once among the last is not ahead', () => {
  const group = noted(PARTS_UNTIL_AHEAD, QUICK, false)
  expect(sizesOf(noted(1, QUICK, true, group))).toEqual({ most: MOST_AWAITED, few: FEW, together: 1 })
  expect(sizesOf(noted(PARTS_UNTIL_AHEAD - 1, QUICK, false, group))).toEqual({ most: MOST_AWAITED, few: FEW, together: 1 })
  expect(sizesOf(noted(1, QUICK, false, group))).toEqual({ most: MOST_IN_GROUP, few: MOST_IN_GROUP, together: MOST_IN_GROUP })
})

test('where nobody tells whether it was waited for it counts as before', () => {
  expect(sizesOf(noted(PARTS_UNTIL_AHEAD, QUICK, undefined))).toEqual({ most: MOST_AWAITED, few: FEW, together: 1 })
  const group = noted(PARTS_UNTIL_AHEAD, QUICK, false)
  expect(sizesOf(noted(1, QUICK, undefined, group))).toEqual({ most: MOST_IN_GROUP, few: MOST_IN_GROUP, together: MOST_IN_GROUP })
})

test('of a device that is ahead pairs tell as well, so that it does not stay so for ever', () => {
  const group = new Group(false)
  const tells = []
  for (let slot = 0; slot < FEW; slot++) {
    tells.push(group.isTelling)
    group.add({}, slot)
  }
  expect([...tells, group.isTelling]).toEqual([false, false, false, false, true])
  noted(PARTS_UNTIL_AHEAD, QUICK, false, group)
  expect(group.isTelling).toBe(true)
  group.slots.length = 2
  expect(group.isTelling).toBe(true)
  group.slots.length = 1
  expect(group.isTelling).toBe(false)
})

test('a slow device gets one at a time, whoever was ahead', () => {
  const group = noted(PARTS_UNTIL_AHEAD, QUICK, false)
  expect(noted(1, SLOW_NS + 1, false, group).most).toBe(1)
  expect(noted(1, QUICK, false, group).most).toBe(2)
})
