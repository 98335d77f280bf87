// Web APIs that refuse shared memory or garble it, what they do instead of it on which Node, and what they take.

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import zlib from 'node:zlib'
import { AIRPORTS, FLIGHTS_PARQUET } from '../../examples/data/packages.mjs'
import { NODE, assertSentAsText, isSince } from './helpers.mjs'
import { bodyFrom, messageFrom } from './servers.mjs'

const { subtle } = globalThis.crypto

const post = (body) =>
  bodyFrom(async (url) => (await fetch(url, { method: 'POST', body, duplex: 'half' })).text())

const bodyOf = async (body) => Buffer.from(await new Response(body).arrayBuffer())

/** Refused before Node 24, garbled since: either way the bytes are not sent. */
async function assertNotSent(view, send) {
  if (NODE < 24) return assert.rejects(async () => send(view), TypeError)
  await assertSentAsText(view, send)
  await assertSentAsText(new Uint8Array(view.buffer, view.byteOffset, view.length), send) // 80,65,82,…
}

/** @returns {Promise<Buffer>} what comes out of a stream when a chunk is written to it */
async function through({ readable, writable }, chunk) {
  const writer = writable.getWriter()
  const written = Promise.all([writer.write(chunk), writer.close()])
  written.catch(() => {}) // the stream's reader tells
  return bodyOf(readable)
}

/** Bytes that are no UTF-8. */
async function both(context) {
  const file = await context.map(FLIGHTS_PARQUET)
  return { file, view: await file.view(0, 10_000), heap: await file.read(0, 10_000) }
}

export const checks = {
  async 'crypto.subtle'(context) {
    const { view, heap } = await both(context)
    await assert.rejects(subtle.digest('SHA-256', view), TypeError)
    assert.equal((await subtle.digest('SHA-256', heap)).byteLength, 32)
  },

  async 'Response and Request'(context) {
    const { file, view, heap } = await both(context)
    await assertNotSent(view, bodyOf)
    const request = async (body) =>
      Buffer.from(await new Request('http://127.0.0.1', { method: 'POST', body }).arrayBuffer())
    await assertNotSent(view, request)
    for (const body of [heap, await file.slice(0, 10_000)]) assert.ok((await bodyOf(body)).equals(heap))
    assert.equal((await bodyOf(file.buffer)).toString(), '[object SharedArrayBuffer]')
  },

  async 'fetch'(context) {
    const { file, view, heap } = await both(context)
    await assertNotSent(view, post)
    assert.ok((await post(heap)).equals(heap))
    const stream = Readable.toWeb(file.createReadStream({ end: 9999 }))
    assert.ok((await post(stream)).equals(heap))
  },

  async 'Response of a stream'(context) {
    const { file, heap } = await both(context)
    assert.ok((await bodyOf(Readable.toWeb(file.createReadStream({ end: 9999 })))).equals(heap))
  },

  async 'a byte stream'(context) {
    const { file, view, heap } = await both(context)
    const stream = (chunk) => new ReadableStream({ type: 'bytes', start: (controller) => controller.enqueue(chunk) })
    assert.throws(() => stream(view), TypeError)
    for (const length of [100, 10_000]) { // the stream takes the memory away from the copy, which has to be all of its own
      const { value } = await stream(await file.read(0, length)).getReader().read()
      assert.ok(heap.subarray(0, length).equals(value))
    }
  },

  async 'a stream that is not of bytes'(context) {
    const { view } = await both(context)
    const stream = new ReadableStream({ start: (controller) => controller.enqueue(view) })
    assert.equal((await stream.getReader().read()).value, view)
  },

  async 'CompressionStream'(context) {
    const { view, heap } = await both(context)
    const pack = async (chunk) => zlib.gunzipSync(await through(new CompressionStream('gzip'), chunk))
    if (NODE < 24) assert.ok((await pack(view)).equals(heap))
    else await assert.rejects(pack(view), TypeError)
    assert.ok((await pack(heap)).equals(heap))
  },

  async 'DecompressionStream'(context) {
    const heap = await readFile(AIRPORTS)
    const packed = path.join(context.folder, 'airports.csv.gz')
    await writeFile(packed, zlib.gzipSync(heap))
    const file = await context.map(packed)
    const unpack = (chunk) => through(new DecompressionStream('gzip'), chunk)
    if (NODE < 24) assert.ok((await unpack(await file.view())).equals(heap))
    else await assert.rejects(unpack(await file.view()), TypeError)
    assert.ok((await unpack(await file.read())).equals(heap))
    const stream = Readable.toWeb(file.createReadStream())
    assert.ok((await bodyOf(stream.pipeThrough(new DecompressionStream('gzip')))).equals(heap))
  },

  async 'WebSocket'(context) {
    if (NODE < 22) return assert.equal(globalThis.WebSocket, undefined)
    const { file, view, heap } = await both(context)
    const send = (data) => messageFrom((url) => new WebSocket(url), data)
    await assertNotSent(view, send)
    for (const data of [heap, await file.slice(0, 10_000)]) assert.ok((await send(data)).equals(heap))
    assert.equal((await send(file.buffer)).toString(), '[object SharedArrayBuffer]')
  },

  async 'a BYOB reader'(context) {
    const { view, heap } = await both(context)
    const stream = new ReadableStream({ type: 'bytes', start: (controller) => controller.enqueue(new Uint8Array(heap)) })
    const reader = stream.getReader({ mode: 'byob' })
    await assert.rejects(reader.read(view), TypeError)
    assert.ok(view.equals(heap))
    const { value } = await reader.read(new Uint8Array(heap.length)) // which was not lost with the one that was refused
    assert.ok(heap.equals(value))
  },

  async 'crypto.getRandomValues'(context) {
    const { file, view, heap } = await both(context)
    const [part, rest] = [view.subarray(0, 64), view.subarray(64)]
    if (isSince(26, 11)) {
      assert.throws(() => globalThis.crypto.getRandomValues(part), TypeError)
      assert.ok(view.equals(heap))
    } else {
      assert.equal(globalThis.crypto.getRandomValues(part), part)
      assert.ok(!part.equals(heap.subarray(0, 64)))
      assert.ok(rest.equals(heap.subarray(64)))
    }
    assert.ok((await readFile(file.path)).subarray(0, 10_000).equals(heap))
  },

  async 'WebAssembly.compile'(context) {
    const empty = path.join(context.folder, 'empty.wasm')
    await writeFile(empty, Buffer.from('0061736d01000000', 'hex')) // magic number and version
    const file = await context.map(empty)
    await assert.rejects(WebAssembly.compile(file.buffer), TypeError)
    assert.ok(await WebAssembly.compile(await file.view()) instanceof WebAssembly.Module)
  },

  async 'transferring'(context) {
    const { file, view } = await both(context)
    const refused = (error) => error.name === (NODE < 22 ? 'TypeError' : 'DataCloneError')
    assert.throws(() => structuredClone(view, { transfer: [file.buffer] }), refused)
    const copy = await file.slice(0, 10_000)
    assert.equal(structuredClone(copy, { transfer: [copy] }).byteLength, 10_000)
    assert.equal(copy.byteLength, 0)
  },

  async 'Blob'(context) {
    const { view, heap } = await context.both(AIRPORTS)
    const blob = new Blob([view])
    view.fill(0) // in memory alone, and too late for what was copied
    assert.ok(Buffer.from(await blob.arrayBuffer()).equals(heap))
  }
}
