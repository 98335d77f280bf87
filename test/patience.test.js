'use strict'
// Listening for a moment before sleeping is given up while it comes to nothing, and taken up again when it would not.

const { Patience } = require('../worker/patience')

/** How often it was worth it to listen, of so many times, each with that outcome. */
function listen(patience, times, succeeded) {
  let count = 0
  for (let i = 0; i < times; i++) {
    if (!patience.isWorthIt) continue
    count++
    patience.note(succeeded)
  }
  return count
}

test('goes on for as long as answers come', () => {
  expect(listen(new Patience(), 1000, true)).toBe(1000)
})

test('is given up after a few times in vain, but for a try now and then', () => {
  const patience = new Patience()
  expect(listen(patience, 8, false)).toBe(8)
  expect(listen(patience, 31, false)).toBe(0)
  expect(listen(patience, 3200, false)).toBe(100)
})

test('is taken up again with the first answer that comes, and lasts the longer the more come', () => {
  const patience = new Patience()
  listen(patience, 8, false)
  expect(listen(patience, 32, true)).toBe(1)
  expect(listen(patience, 31, false)).toBe(2)
  listen(patience, 64, true)
  expect(listen(patience, 31, false)).toBe(8)
})

test('outlasts what comes to nothing as often as it comes to something', () => {
  const patience = new Patience()
  for (let i = 0; i < 1000; i++) {
    expect(patience.isWorthIt).toBe(true)
    patience.note(i % 2 === 0)
  }
})
