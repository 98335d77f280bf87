// The graceful end of an HTTP server: no new connections, every response to its last byte, then nothing is left open.
//
// Not by server.close(): it also destroys connections whose response was ended but is still being sent (tried on Node
// 20.20, 22.23, 24.21 and 26.10), and a view of many MiB may be so for long.

import { once } from 'node:events'
import net from 'node:net'

/**
 * Call it before the server has a connection.
 * @param {import('node:http').Server} server
 * @returns {(patienceMs: number) => Promise<void>} ends the server; resolves when the last connection is gone, which are
 *   cut off after so long
 */
export function drainable(server) {
  const inHand = new Map() // socket to the number of its responses
  let isDraining = false

  function change(socket, by) {
    if (!inHand.has(socket)) return
    inHand.set(socket, inHand.get(socket) + by)
    endIfIdle(socket)
  }

  function endIfIdle(socket) {
    if (isDraining && inHand.get(socket) === 0) socket.end(() => socket.destroy())
  }

  server.on('connection', (socket) => {
    inHand.set(socket, 0)
    socket.once('close', () => inHand.delete(socket))
  })
  server.prependListener('request', ({ socket }, response) => {
    change(socket, 1)
    if (isDraining) response.shouldKeepAlive = false
    response.once('close', () => change(socket, -1)) // all of it has been handed to the system, or the client is gone
  })

  return async function drain(patienceMs) {
    isDraining = true
    const closed = once(server, 'close')
    net.Server.prototype.close.call(server)
    for (const socket of inHand.keys()) endIfIdle(socket)
    const late = setTimeout(() => server.closeAllConnections(), patienceMs)
    await closed
    clearTimeout(late)
  }
}
