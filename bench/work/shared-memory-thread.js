'use strict'
// One of the threads of shared-memory.js: opens the file when it is told to, loads from each of its blocks, and keeps
// it until it is terminated.

const fs = require('node:fs')
const { parentPort, workerData } = require('node:worker_threads')
const { checkBlocks } = require('../content')

const openers = {
  faultless: async (path) => {
    const { open, attach } = require('faultless')
    const file = workerData.handle === undefined ? await open(path) : await attach(workerData.handle)
    return file.view()
  },
  readFile: (path) => fs.promises.readFile(path)
}

let held // what is not held could be collected

parentPort.once('message', async () => {
  held = await openers[workerData.reader](workerData.path)
  checkBlocks(held, 0)
  parentPort.postMessage('open')
  parentPort.on('message', () => {}) // keeps the thread alive, and with it the file
})

parentPort.postMessage('ready')
