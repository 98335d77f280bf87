'use strict'
// What the run showed, in words. Every statement is chosen by the figures, those against faultless as well.

const { integer, percent, compare, times, readsPerSecond } = require('./numbers')

// A timer of 1 ms cannot tell smaller delays apart.
const SAME_DELAY_MS = 1

module.exports = function findings(results) {
  const [direct, fs, faultless] = ['direct', 'fs', 'faultless']
    .map((name) => results.find(({ contender }) => contender === name))
  return [
    [aboutDirect(direct), aboutFaults(faultless, direct)],
    [aboutSpeed(faultless, fs), aboutDelay(faultless, fs), aboutBlocks(results)]
  ].map((sentences) => sentences.filter((sentence) => sentence !== '').join(' '))
}

function aboutDirect({ reads, majorFaults, delayMs }) {
  if (majorFaults === null) {
    return 'Straight from the mapping, the event loop was late by ' +
      `${ms(delayMs.p50)} at the median, by ${ms(delayMs.p99)} at p99. For how many reads the main thread waited for the ` +
      'disk, this system does not tell.'
  }
  if (majorFaults === 0) {
    return 'Straight from the mapping, the main thread had no major fault: the blocks were in memory already, ' +
      'so there was nothing here for faultless to take off its hands.'
  }
  return `Straight from the mapping, the main thread itself waited for the disk: ${integer(majorFaults)} major ` +
    `faults for ${integer(reads)} reads. The event loop was late by ${ms(delayMs.p50)} at the median, by ` +
    `${ms(delayMs.p99)} at p99.`
}

function aboutFaults({ majorFaults, reads }, direct) {
  if (majorFaults === null) return ''
  if (majorFaults === 0) return direct.majorFaults === 0 ? '' : 'With faultless it had no major fault.'
  return `With faultless it still had ${integer(majorFaults)}, in ${percent(majorFaults / reads)} of the reads, and ` +
    'should have had none. Either memory is so short that blocks were evicted again before they were used, or code ' +
    'of node itself had to be loaded.'
}

function aboutSpeed(faultless, fs) {
  const [rate, fsRate] = [readsPerSecond(faultless), readsPerSecond(fs)]
  const speed = choose(compare(rate, fsRate),
    () => `faultless was slower than fs.promises.read: ${percent(rate / fsRate)} of its reads per second`,
    () => 'faultless was about as fast as fs.promises.read',
    () => `faultless made ${times(rate, fsRate)} the reads per second of fs.promises.read`)
  const cpu = choose(compare(faultless.cpuSeconds, fs.cpuSeconds),
    () => `with ${percent(faultless.cpuSeconds / fs.cpuSeconds)} of its CPU time`,
    () => 'with about the same CPU time',
    () => `with ${times(faultless.cpuSeconds, fs.cpuSeconds)} its CPU time`)
  return `Here ${speed}, ${cpu}.`
}

function aboutDelay(faultless, fs) {
  const difference = faultless.delayMs.p99 - fs.delayMs.p99
  const word = choose(Math.abs(difference) < SAME_DELAY_MS ? 0 : Math.sign(difference),
    () => 'later with fs.promises.read than with faultless',
    () => 'about as late with both',
    () => 'later with faultless than with fs.promises.read')
  return `The event loop was ${word}: at p99 by ${ms(faultless.delayMs.p99)} with faultless, by ` +
    `${ms(fs.delayMs.p99)} with fs.promises.read.`
}

function aboutBlocks(results) {
  if (results.some(({ wrongBlocks }) => wrongBlocks.length > 0)) return ''
  return `All ${integer(results.reduce((sum, { reads }) => sum + reads, 0))} blocks were right.`
}

function choose(sign, less, same, more) {
  return [less, same, more][sign + 1]()
}

function ms(value) {
  return `${value.toFixed(1)}\u00a0ms` // no line is broken there
}
