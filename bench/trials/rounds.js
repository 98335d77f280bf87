'use strict'
// Processes that wait for each other: one for one other, and one for eight.

const { TWO_WAKES } = require('./reasons')

const faultless = { name: 'faultless wait() and notify()', reader: 'faultless', ours: true }
const ipc = { name: 'messages of child_process', reader: 'ipc' }
const socket = { name: 'a Unix socket', reader: 'socket' }

const inC = { name: 'its threads, in C', runtime: 'limit', reader: 'rounds', aside: true }

const shared = {
  work: 'rounds',
  files: (files) => files.sparse(4096),
  contenders: [faultless, ipc, socket],
  figures: ['microsecondsPerRound', 'cpuSeconds']
}

const pingPong = {
  ...shared,
  name: 'ping-pong',
  about: 'A number goes to another process, which answers, and so on',
  parameters: (mode) => ({ rounds: mode.pingPongs, processes: 1 }),
  contenders: [...shared.contenders, inC],
  // A thread of the core is between the kernel and each event loop, which a socket has not.
  bars: [{ figure: 'microsecondsPerRound', of: faultless, against: socket, limit: inC, atMost: 1.5, because: TWO_WAKES }]
}

const broadcast = {
  ...shared,
  name: 'broadcast',
  about: 'A number goes to eight other processes, and the next follows when all have answered',
  parameters: (mode) => ({ rounds: mode.broadcasts, processes: 8 }),
  // Who tells makes one call, however many there are who hear.
  bars: [{ figure: 'cpuSeconds', of: faultless, against: socket, atMost: 0.5, because: TWO_WAKES }]
}

module.exports = { pingPong, broadcast }
