// Fastify knows bytes by `instanceof ArrayBuffer`, so it takes a view for an object, which is sent as JSON.

import assert from 'node:assert/strict'
import { buffer } from 'node:stream/consumers'
import fastify from 'fastify'
import { AIRPORTS, FLIGHTS_PARQUET } from '../../examples/data/packages.mjs'
import { assertNoCopy } from './helpers.mjs'
import { get } from './servers.mjs'

/** @returns {Promise<{type: string, body: Buffer}>} what a server answers whose only route has this handler */
async function answerOf(handler) {
  const server = fastify()
  server.get('/', handler)
  await server.listen({ port: 0, host: '127.0.0.1' })
  try {
    const response = await get(server.server.address().port)
    assert.equal(response.statusCode, 200)
    return { type: response.headers['content-type'], body: await buffer(response) }
  } finally {
    await server.close()
  }
}

const BYTES = 'application/octet-stream'
const JSON_TYPE = 'application/json; charset=utf-8'

export const checks = {
  async 'a view, with a type'(context) {
    const { view, heap } = await context.both(FLIGHTS_PARQUET)
    let sent
    const { type, body } = await answerOf((_, reply) => {
      reply.type(BYTES)
      // Looked at before anything is received, since the client is in the same process.
      sent = assertNoCopy(view, () => void reply.send(view))
    })
    await sent
    assert.equal(type, BYTES)
    assert.ok(body.equals(heap))
  },

  async 'a stream'(context) {
    const { file, heap } = await context.both(FLIGHTS_PARQUET)
    const { body } = await answerOf((_, reply) => reply.send(file.createReadStream({ start: 5 })))
    assert.ok(body.equals(heap.subarray(5)))
  },

  async 'a view, without a type or as JSON'(context) {
    const { file, view, heap } = await context.both(AIRPORTS)
    for (const handler of [
      (_, reply) => reply.send(view),
      async () => view,
      (_, reply) => reply.type('application/json').send(view)
    ]) {
      assert.deepEqual(await answerOf(handler), { type: JSON_TYPE, body: Buffer.from(JSON.stringify(heap)) })
    }
    const copy = await file.read()
    assert.deepEqual(await answerOf((_, reply) => reply.send(copy)), { type: BYTES, body: heap })
    const { body } = await answerOf((_, reply) => reply.type('application/json').send(copy))
    assert.ok(body.equals(heap))
  }
}
