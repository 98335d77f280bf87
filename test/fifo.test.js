'use strict'
// The queue behind the slots, against an array that does the same.

const fc = require('fast-check')
const { Fifo } = require('../lib/fifo')

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ name: fc.constant('push'), count: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 5, arbitrary: fc.record({ name: fc.constant('shift'), count: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 1, arbitrary: fc.constant({ name: 'clear', count: 1 }) },
  { weight: 1, arbitrary: fc.record({ name: fc.constant('keep'), count: fc.integer({ min: 1, max: 3 }) }) }
)

test('gives back what it was given, in that order, however much it holds meanwhile', () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const fifo = new Fifo()
    let model = []
    let next = 0
    for (const { name, count } of steps) {
      if (name === 'keep') {
        const suits = (item) => item % count === 0
        fifo.keep(suits)
        model = model.filter(suits)
        continue
      }
      for (let i = 0; i < count; i++) {
        if (name === 'push') {
          fifo.push(next)
          model.push(next++)
        } else if (name === 'shift') {
          expect(fifo.shift()).toBe(model.shift())
        } else {
          fifo.clear()
          model.length = 0
        }
      }
      expect(fifo.length).toBe(model.length)
      expect(fifo.toArray()).toEqual(model)
    }
  }))
})
