'use strict'
// One of the processes that rounds.js talks to: answers each number with itself, and ends with its parent.

const net = require('node:net')

const [reader, name, processes, last] = process.argv.slice(2).map((arg, i) => (i < 2 ? arg : Number(arg)))

const ways = {
  async faultless() {
    const file = await require('faultless').open(name, 'r+')
    const words = new Int32Array(file.buffer)
    for (let round = 0; round < last;) {
      if (Atomics.load(words, 0) === round) {
        await file.wait(0, round)
        continue
      }
      round++
      if (Atomics.add(words, 1, 1) + 1 === round * processes) file.notify(4)
    }
    await file.close()
  },

  async ipc() {
    process.on('message', (round) => process.send(round))
  },

  async socket() {
    const socket = net.connect(`${name}.sock`)
    socket.on('data', (bytes) => socket.write(bytes))
  }
}

process.once('disconnect', () => process.exit())
ways[reader]()
