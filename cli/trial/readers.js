'use strict'
// The three ways to read a file that are compared, all of one shape: open(path, lanes) gives read(offset, lane), a Buffer
// of BLOCK bytes or a promise of one; scan(use), which hands each chunk of the file to use(), in order; and close().

const fs = require('node:fs')
const { once } = require('node:events')
const { setImmediate: turnOfTheLoop } = require('node:timers/promises')

const BLOCK = 4096 // bytes
const CHUNK = 1 << 20 // bytes

/**
 * Memory without faultless: whoever loads from it first waits for the device. The kernel gets the advice that is best for
 * each kind of work, and other requests get a turn of the loop before each load, as in a server.
 */
async function direct(path) {
  const file = await require('../../lib/index').open(path)
  return {
    async read(offset) {
      await turnOfTheLoop()
      return Buffer.from(file.buffer, offset, BLOCK)
    },
    async scan(end, use) {
      await file.advise('sequential')
      for (let offset = 0; offset < end; offset += CHUNK) {
        await turnOfTheLoop()
        use(Buffer.from(file.buffer, offset, Math.min(CHUNK, end - offset)))
      }
    },
    close: () => file.close()
  }
}

/** node:fs: copies made by the threads of libuv's pool. */
async function fsRead(path, lanes) {
  const handle = await fs.promises.open(path)
  const buffers = Array.from({ length: lanes }, () => Buffer.allocUnsafeSlow(BLOCK))
  return {
    async read(offset, lane) {
      const { bytesRead } = await handle.read(buffers[lane], 0, BLOCK, offset)
      if (bytesRead !== BLOCK) throw new Error(`read ${bytesRead} of ${BLOCK} bytes`)
      return buffers[lane]
    },
    async scan(end, use) {
      const stream = fs.createReadStream(path, { end: end - 1, highWaterMark: CHUNK })
      stream.on('data', use)
      await once(stream, 'close')
    },
    close: () => handle.close()
  }
}

/** Views of memory that a thread has made resident. */
async function faultless(path) {
  const file = await require('../../lib/index').open(path)
  return {
    read: (offset) => file.view(offset, BLOCK),
    async scan(end, use) {
      for await (const chunk of file.chunks({ end, chunkSize: CHUNK })) use(chunk)
    },
    close: () => file.close()
  }
}

module.exports = { BLOCK, direct, fs: fsRead, faultless }
