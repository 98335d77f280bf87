'use strict'
// How long it takes to tell other processes a number and to hear from all of them that they have it. The others are
// started and greeted before the time is taken.

const { fork } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const net = require('node:net')
const path = require('node:path')
const measure = require('../common/measure')

const OTHER = path.join(__dirname, 'rounds-process.js')
const WARM_UP_SHARE = 0.1

/** Each gives tell(round), which resolves when all have answered, and close(). `start` starts the others. */
const ways = {
  // Two words: the number, and how many answers there have been. The last to answer notifies.
  async faultless(name, processes, start) {
    fs.writeFileSync(name, Buffer.alloc(4096))
    start()
    const file = await require('faultless').open(name, 'r+')
    const words = new Int32Array(file.buffer)
    return {
      async tell(round) {
        Atomics.store(words, 0, round)
        file.notify(0)
        const wanted = round * processes
        for (let seen; (seen = Atomics.load(words, 1)) !== wanted;) await file.wait(4, seen)
      },
      close: () => file.close()
    }
  },

  async ipc(name, processes, start) {
    const others = start()
    const all = counter(processes)
    for (const other of others) other.on('message', (round) => all.add(round))
    return {
      tell: (round) => all.next(round, () => others.forEach((other) => other.send(round))),
      close() {}
    }
  },

  async socket(name, processes, start) {
    const where = `${name}.sock`
    fs.rmSync(where, { force: true })
    const server = net.createServer().listen(where)
    await once(server, 'listening')
    start()
    const all = counter(processes)
    const sockets = []
    while (sockets.length < processes) sockets.push((await once(server, 'connection'))[0])
    for (const socket of sockets) socket.on('data', (bytes) => all.add(bytes.readInt32LE()))
    const message = Buffer.alloc(4)
    return {
      tell: (round) => all.next(round, () => {
        message.writeInt32LE(round)
        for (const socket of sockets) socket.write(Buffer.from(message))
      }),
      close() {
        for (const socket of sockets) socket.destroy()
        server.close()
      }
    }
  }
}

/** Resolves when every process has answered with the number of the round. */
function counter(processes) {
  let left, wanted, done
  return {
    next(round, send) {
      [left, wanted] = [processes, round]
      const answered = new Promise((resolve) => (done = resolve))
      send()
      return answered
    },
    add(round) {
      if (round !== wanted) throw new Error(`an answer to round ${round} in round ${wanted}`)
      if (--left === 0) done()
    }
  }
}

module.exports = async function rounds({ reader, path: name, rounds: count, processes }) {
  const warmUp = Math.ceil(count * WARM_UP_SHARE)
  const others = []
  const start = () => {
    for (let i = 0; i < processes; i++) others.push(fork(OTHER, [reader, name, processes, warmUp + count]))
    return others
  }
  try {
    const way = await ways[reader](name, processes, start)
    for (let round = 1; round <= warmUp; round++) await way.tell(round)
    const { seconds, cpuSeconds, machineCpuSeconds, majorFaults } = await measure(async () => {
      for (let round = warmUp + 1; round <= warmUp + count; round++) await way.tell(round)
    })
    await way.close()
    return { seconds, cpuSeconds, machineCpuSeconds, majorFaults, rounds: count, microsecondsPerRound: seconds / count * 1e6 }
  } finally {
    for (const other of others) other.kill('SIGKILL')
  }
}
