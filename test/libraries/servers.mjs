// Servers of this process, and what arrives at them.

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
