'use strict'
// The same reads, seen by another thread that the event loop has to answer: what the delays of cold-random are worth.

const { view, fileHandle, fsRead32, wokenLoop } = require('./contenders')
const coldRandom = require('./cold-random')
const { LONGEST, LOOP } = require('./reasons')

module.exports = {
  ...coldRandom,
  name: 'answer-times',
  often: 1,
  about: 'The reads of cold-random, while the event loop answers another thread about once a millisecond',
  parameters: (mode) => ({ ...coldRandom.parameters(mode), timeline: false, answers: true }),
  contenders: [view, fileHandle, { ...fsRead32, aside: true }, wokenLoop],
  figures: ['answerP50Ms', 'answerP99Ms', 'answerMaxMs', 'readsPerSecond', 'majorFaults'],
  bars: [
    { figure: 'answerP99Ms', of: view, against: fileHandle, limit: wokenLoop, atMost: 1, because: LOOP },
    { figure: 'answerMaxMs', of: view, against: fileHandle, limit: wokenLoop, atMost: 1, because: LONGEST }
  ]
}
