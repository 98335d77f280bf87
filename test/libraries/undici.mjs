// undici from npm: its request() writes a view to the socket, its web APIs take a view for an object that has a text.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { Agent, Response, WebSocket, fetch, request } from 'undici'
import { FLIGHTS_PARQUET } from '../../examples/data/packages.mjs'
import { assertNoCopy, assertSentAsText } from './helpers.mjs'
import { bodyFrom, messageFrom, withServer } from './servers.mjs'

const post = (body) =>
  bodyFrom(async (url) => (await fetch(url, { method: 'POST', body, duplex: 'half' })).text())

const bodyOf = async (body) => Buffer.from(await new Response(body).arrayBuffer())

const send = (data) => messageFrom((url) => new WebSocket(url), data)

export const checks = {
  async 'request'(context) {
    const { view, heap } = await context.both(FLIGHTS_PARQUET)
    const server = http.createServer()
    await withServer(server, async (port) => {
      const dispatcher = new Agent()
      let answered
      // The server has the header then, and has not asked for more of the body than a part.
      const [arriving, response] = await assertNoCopy(view, () => {
        answered = request(`http://127.0.0.1:${port}`, { method: 'POST', body: view, dispatcher })
        return once(server, 'request')
      })
      assert.ok((await buffer(arriving)).equals(heap))
      response.end()
      await (await answered).body.dump()
      await dispatcher.close()
    })
  },

  async 'fetch, Response and WebSocket'(context) {
    const file = await context.map(FLIGHTS_PARQUET)
    const [view, heap] = [await file.view(0, 10_000), await file.read(0, 10_000)]
    const bytes = new Uint8Array(file.buffer, 0, 10_000)
    for (const give of [post, bodyOf, send]) {
      await assertSentAsText(view, give)
      await assertSentAsText(bytes, give) // 80,65,82,…
      for (const data of [heap, await file.slice(0, 10_000)]) assert.ok((await give(data)).equals(heap))
      assert.equal((await give(file.buffer)).toString(), '[object SharedArrayBuffer]')
    }
    const stream = () => Readable.toWeb(file.createReadStream({ end: 9999 }))
    for (const give of [post, bodyOf]) assert.ok((await give(stream())).equals(heap))
  }
}
