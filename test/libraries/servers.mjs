// Servers of this process, and what arrives at them.

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import { buffer } from 'node:stream/consumers'

/** Starts a server on a free port of this machine, and closes it after `use`. */
export async function withServer(server, use) {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  try {
    return await use(server.address().port)
  } finally {
    server.close()
    server.closeAllConnections?.() // those that a client of HTTP keeps for the next request
  }
}

/** @returns {Promise<http.IncomingMessage>} what a server answers */
export async function get(port) {
  const [response] = await once(http.get({ port, host: '127.0.0.1', agent: false }), 'response')
  return response
}

/** @returns {Promise<Buffer>} the body that a server answers with */
export const fetchBody = async (port) => buffer(await get(port))

/** Has `post` send a request with a body to a URL. @returns {Promise<Buffer>} the body that arrived there */
export async function bodyFrom(post) {
  let arrived
  const server = http.createServer(async (request, response) => {
    arrived = await buffer(request)
    response.end()
  })
  await withServer(server, (port) => post(`http://127.0.0.1:${port}`))
  return arrived
}

/**
 * Has a WebSocket send one message.
 * @param {Function} connect makes the WebSocket, given a URL
 * @returns {Promise<Buffer>} the message that arrived
 */
export async function messageFrom(connect, data) {
  const server = http.createServer()
  const upgraded = once(server, 'upgrade')
  return withServer(server, async (port) => {
    const client = connect(`ws://127.0.0.1:${port}`)
    const [{ headers }, socket] = await upgraded
    try {
      const opened = once(client, 'open')
      socket.write(answerTo(headers['sec-websocket-key']))
      await opened
      client.send(data)
      return await readMessage(socket)
    } finally {
      socket.destroy()
    }
  })
}

/** The handshake of RFC 6455, section 4.2.2. */
function answerTo(key) {
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  const headers = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`]
  return ['HTTP/1.1 101 Switching Protocols', ...headers, '', ''].join('\r\n')
}

/** The content of one frame of a client (RFC 6455, section 5.2), at most 65,535 bytes. */
async function readMessage(socket) {
  let bytes = Buffer.alloc(0)
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk])
    if (bytes.length < 8) continue // the longest header of such a frame
    const short = bytes[1] & 0x7f
    const [length, start] = short < 126 ? [short, 2] : [bytes.readUInt16BE(2), 4]
    const mask = bytes.subarray(start, start + 4)
    const masked = bytes.subarray(start + 4)
    if (masked.length >= length) return masked.map((byte, i) => byte ^ mask[i % 4])
  }
  throw new Error('the connection ended before the message')
}
