'use strict'
// The three ways to read a block. Each has the same shape: open(path) gives read(offset), which resolves with a Buffer
// of one block, and close().

const fs = require('node:fs/promises')
const { BLOCK_SIZE } = require('./blocks')

module.exports = [
  { name: 'direct', label: 'straight from the mapping', heading: 'straight from\nthe mapping', open: openDirect },
  { name: 'fs', label: 'fs.promises.read', heading: 'fs.promises\n.read', open: openFs },
  { name: 'faultless', label: 'faultless', heading: 'faultless\n.view', open: openFaultless }
]

// What a mapping is without faultless: memory, and whoever loads from it first waits for the disk.
// The turn of the loop before each load is what a server has between two requests; without it
// the whole run would be one block of synchronous code, and nothing could be said about the loop.
async function openDirect(path) {
  const file = await require('faultless').open(path)
  return {
    async read(offset) {
      await new Promise((resolve) => setImmediate(resolve))
      return Buffer.from(file.buffer, offset, BLOCK_SIZE)
    },
    close: () => file.close()
  }
}

async function openFs(path) {
  const handle = await fs.open(path)
  return {
    async read(offset) {
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(BLOCK_SIZE), 0, BLOCK_SIZE, offset)
      if (bytesRead === BLOCK_SIZE) return buffer
      throw new Error(`read ${bytesRead} of ${BLOCK_SIZE} bytes at ${offset}`)
    },
    close: () => handle.close()
  }
}

async function openFaultless(path) {
  const file = await require('faultless').open(path)
  return {
    read: (offset) => file.view(offset, BLOCK_SIZE),
    close: () => file.close()
  }
}
