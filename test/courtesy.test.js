'use strict'
// Whether a pool thread lets others go first: always, but where that has just cost it a time slice of somebody who does not
// sleep. By a clock of the test's own.

const { Courtesy } = require('../worker/courtesy')

const MS = 1e6 // ns

let time
let takes
let yielded
let courtesy

beforeEach(() => {
  time = 5 * MS
  takes = 0
  yielded = 0
  courtesy = new Courtesy(() => {
    yielded++
    time += takes
  }, () => time)
})

test('yields each time while others give way soon', () => {
  takes = 0.9 * MS
  for (let i = 0; i < 100; i++) courtesy.yield()
  expect(yielded).toBe(100)
})

test('does not for 20 ms after others have kept the processor for longer than a millisecond', () => {
  takes = 3 * MS
  courtesy.yield()
  const end = time + 20 * MS
  for (; time < end; time += MS / 10) courtesy.yield()
  expect(yielded).toBe(1)
  courtesy.yield()
  expect(yielded).toBe(2)
})

test('so gives others no more than a slice in that time, however many it tells of answers', () => {
  takes = 3 * MS
  const began = time
  for (; time < began + 2300 * MS; time += MS / 100) courtesy.yield()
  expect(yielded).toBe(100)
})
