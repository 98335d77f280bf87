// What Node itself does with a view: files, sockets, compression, hashes, text, other threads and processes.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import crypto from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import path from 'node:path'
import readline from 'node:readline'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import zlib from 'node:zlib'
import { AIRPORTS, EARTHQUAKES, FLIGHTS_JSON, FLIGHTS_PARQUET } from '../../examples/data/packages.mjs'
import { assertCopyIsNoticed, assertNoCopy } from './helpers.mjs'
import { fetchBody, withServer } from './servers.mjs'

export const checks = {
  async 'fs.write'(context) {
    const { view, heap } = await context.both(FLIGHTS_PARQUET)
    await assertCopyIsNoticed(view)
    const target = path.join(context.folder, 'written')
    await assertNoCopy(view, () => fs.promises.writeFile(target, view))
    assert.ok(fs.readFileSync(target).equals(heap))
    const fd = fs.openSync(target, 'w')
    await assertNoCopy(view, () => {
      fs.writeSync(fd, view, 100, 1000, 0)
      fs.writevSync(fd, [view.subarray(0, 10), view.subarray(20, 30)], 1000)
    })
    fs.closeSync(fd)
    const parts = [heap.subarray(100, 1100), heap.subarray(0, 10), heap.subarray(20, 30)]
    assert.ok(fs.readFileSync(target).equals(Buffer.concat(parts)))
  },

  async 'fs.createWriteStream'(context) {
    const { file, heap } = await context.both(FLIGHTS_PARQUET)
    const target = path.join(context.folder, 'piped')
    await assertNoCopy(heap, () => pipeline(file.createReadStream(), fs.createWriteStream(target)))
    assert.ok(fs.readFileSync(target).equals(heap))
  },

  async 'http: response.end'(context) {
    const { view, heap } = await context.both(FLIGHTS_PARQUET)
    // Looked at before anything is received, since the client is in the same process.
    const server = http.createServer((_, response) => assertNoCopy(view, () => void response.end(view)))
    await withServer(server, async (port) => assert.ok((await fetchBody(port)).equals(heap)))
  },

  async 'http: a response that is piped to'(context) {
    const { file, heap } = await context.both(FLIGHTS_PARQUET)
    const server = http.createServer((_, response) => pipeline(file.createReadStream({ start: 5 }), response))
    await withServer(server, async (port) => assert.ok((await fetchBody(port)).equals(heap.subarray(5))))
  },

  async 'net: socket.write'(context) {
    const { view, heap } = await context.both(EARTHQUAKES)
    const server = net.createServer((socket) => assertNoCopy(view, () => void socket.end(view)))
    await withServer(server, async (port) => assert.ok((await buffer(net.connect(port, '127.0.0.1'))).equals(heap)))
  },

  async 'child_process: stdin'(context) {
    const { view, heap } = await context.both(EARTHQUAKES)
    const echo = 'process.stdin.pipe(process.stdout)'
    const child = spawn(process.execPath, ['-e', echo], { stdio: ['pipe', 'pipe', 'inherit'] })
    await assertNoCopy(view, () => void child.stdin.end(view))
    assert.ok((await buffer(child.stdout)).equals(heap))
  },

  async 'zlib'(context) {
    const { view, heap } = await context.both(FLIGHTS_JSON)
    const gzip = zlib.createGzip({ level: 1 })
    const packed = buffer(gzip)
    await assertNoCopy(view, async () => {
      gzip.end(view)
      return packed
    })
    assert.ok(zlib.gunzipSync(await packed).equals(heap))
    const part = view.subarray(0, 10_000)
    const brotli = zlib.brotliCompressSync(part, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } })
    assert.ok(zlib.brotliDecompressSync(brotli).equals(part))
  },

  async 'zlib: unpacking'(context) {
    const heap = fs.readFileSync(EARTHQUAKES)
    const packed = path.join(context.folder, 'earthquakes.json.gz')
    fs.writeFileSync(packed, zlib.gzipSync(heap))
    const file = await context.map(packed)
    assert.ok(zlib.gunzipSync(await file.view()).equals(heap))
    assert.ok((await buffer(file.createReadStream().pipe(zlib.createGunzip()))).equals(heap))
  },

  async 'crypto: hashes'(context) {
    const { view, heap } = await context.both(FLIGHTS_PARQUET)
    const digest = (data) => crypto.createHash('sha256').update(data).digest('hex')
    const hmac = (data) => crypto.createHmac('sha256', data.subarray(0, 32)).update(data).digest('hex')
    assert.equal(await assertNoCopy(view, () => digest(view)), digest(heap))
    assert.equal(await assertNoCopy(view, () => hmac(view)), hmac(heap))
  },

  async 'crypto: ciphers and signatures'(context) {
    const { view, heap } = await context.both(EARTHQUAKES)
    const encrypt = (data) => crypto.createCipheriv('aes-256-gcm', data.subarray(0, 32), data.subarray(32, 44)).update(data)
    assert.ok(encrypt(view).equals(encrypt(heap)))
    const { privateKey, publicKey } = crypto.generateKeyPairSync('ed25519')
    assert.ok(crypto.verify(null, heap, publicKey, crypto.sign(null, view, privateKey)))
  },

  async 'crypto: random bytes'(context) {
    const { file, view, heap } = await context.both(EARTHQUAKES)
    const [first, second, rest] = [view.subarray(0, 64), view.subarray(64, 128), view.subarray(128)]
    crypto.randomFillSync(first)
    await promisify(crypto.randomFill)(second)
    assert.ok(!first.equals(heap.subarray(0, 64)))
    assert.ok(!second.equals(heap.subarray(64, 128)))
    assert.ok(rest.equals(heap.subarray(128)))
    assert.ok(fs.readFileSync(file.path).equals(heap))
  },

  async 'text'(context) {
    const { view, heap } = await context.both(EARTHQUAKES)
    const text = heap.toString()
    assert.equal(view.toString(), text)
    assert.equal(new TextDecoder('utf-8', { fatal: true }).decode(view), text)
    assert.deepEqual(JSON.parse(view), JSON.parse(text))
  },

  async 'readline'(context) {
    const { file, heap } = await context.both(AIRPORTS)
    const lines = []
    for await (const line of readline.createInterface({ input: file.createReadStream() })) lines.push(line)
    assert.deepEqual(lines, heap.toString().trimEnd().split(/\r?\n/))
  },

  async 'Buffer: searching and cutting'(context) {
    const { file, view, heap } = await context.both(AIRPORTS)
    await assertNoCopy(view, () => {
      assert.equal(view.indexOf('Vermont'), heap.indexOf('Vermont'))
      assert.equal(view.compare(heap), 0)
      for (const part of [view.subarray(10, 20), view.slice(10, 20)]) {
        assert.equal(part.buffer, file.buffer)
        assert.ok(part.equals(heap.subarray(10, 20)))
      }
    })
  },

  async 'Buffer: from and concat'(context) {
    const { file, view, heap } = await context.both(AIRPORTS)
    for (const copy of [Buffer.from(view), Buffer.concat([view]), new Uint8Array(view)]) {
      assert.notEqual(copy.buffer, file.buffer)
      assert.equal(Buffer.compare(copy, heap), 0)
    }
  },

  async 'worker_threads: postMessage'(context) {
    const { view, heap } = await context.both(AIRPORTS)
    const worker = new Worker(`
      const { parentPort } = require('node:worker_threads')
      parentPort.once('message', (view) => parentPort.postMessage([
        view.buffer.constructor.name, require('node:crypto').createHash('sha256').update(view).digest('hex')
      ]))`, { eval: true })
    worker.postMessage(view)
    const [[memory, digest]] = await once(worker, 'message')
    assert.equal(memory, 'SharedArrayBuffer')
    assert.equal(digest, crypto.createHash('sha256').update(heap).digest('hex'))
    await worker.terminate()
  },

  async 'Readable.from'(context) {
    const { view } = await context.both(AIRPORTS)
    const [chunk] = await Readable.from([view]).toArray()
    assert.equal(chunk, view)
  }
}
