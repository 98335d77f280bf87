// What the service answers: /files/NAME, in ranges; /ip/ADDRESS; /words/WORD; /glosses/TEXT.

import { isIP } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { parseRange } from './range.mjs'

const SHORT = 1 << 20 // what is answered by one view; more goes as a stream, with as much read ahead as the client takes
const LONGEST_WORD = 100
const SEARCHED = /^[ -~]{3,100}$/ // shorter texts are everywhere, and the dictionary is ASCII

/** @param {{access: object, files: Map<string, object>, countries: object, dictionary: object, search: object}} data */
export function createHandler(data) {
  const routes = { files: sendFile, ip: sendCountry, words: sendMeanings, glosses: sendGlosses }
  return async (request, response) => {
    try {
      if (request.method !== 'GET' && request.method !== 'HEAD') return sendError(response, 405, { allow: 'GET, HEAD' })
      const [, route, argument] = /^\/(files|ip|words|glosses)\/([^/?]+)$/.exec(request.url) ?? []
      if (route === undefined) return sendError(response, 404)
      return await routes[route](data, decodeURIComponent(argument), request, response)
    } catch (error) {
      return onError(error, response)
    }
  }
}

async function sendFile({ access, files }, name, request, response) {
  const file = files.get(name)
  if (file === undefined) return sendError(response, 404)
  const size = file.byteLength
  // No validator is sent, so the condition of If-Range never holds (RFC 9110, 13.1.5).
  const wantsRange = request.method === 'GET' && request.headers['if-range'] === undefined
  const range = wantsRange ? parseRange(request.headers.range, size) : undefined
  if (range === null) return sendError(response, 416, { 'content-range': `bytes */${size}` })
  const { start, end } = range ?? { start: 0, end: size - 1 }
  const length = end - start + 1
  const headers = { 'content-type': 'application/octet-stream', 'accept-ranges': 'bytes', 'content-length': length }
  if (range) headers['content-range'] = `bytes ${start}-${end}/${size}`
  if (request.method === 'HEAD') return response.writeHead(200, headers).end()
  const status = range ? 206 : 200
  if (length > SHORT) return pipeline(access.stream(file, start, end), response.writeHead(status, headers))
  const bytes = await access.view(file, start, length) // before the head: an error can still be told
  return response.writeHead(status, headers).end(bytes)
}

function sendCountry({ countries }, address, _request, response) {
  if (isIP(address) === 0) return sendError(response, 400)
  return sendJson(response, { address, country: countries.get(address)?.country_code ?? null })
}

async function sendMeanings({ dictionary }, word, _request, response) {
  const meanings = word.length > LONGEST_WORD ? [] : await dictionary.find(word)
  return meanings.length === 0 ? sendError(response, 404) : sendJson(response, { word, meanings })
}

async function sendGlosses({ search }, text, _request, response) {
  if (!SEARCHED.test(text)) return sendError(response, 400)
  return sendJson(response, { text, meanings: await search.find(text) })
}

function sendJson(response, value) {
  const text = JSON.stringify(value)
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text)
}

function sendError(response, status, headers) {
  response.writeHead(status, { ...headers, 'content-length': 0 }).end()
}

function onError(error, response) {
  if (error instanceof URIError) return sendError(response, 400)
  if (error.code === 'ERR_STREAM_PREMATURE_CLOSE') return undefined // the client has left
  console.error(error)
  return response.headersSent ? response.destroy() : sendError(response, 500)
}
