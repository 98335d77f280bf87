// What the service is like while a cold file is read: random ranges of it are asked for by many clients, and meanwhile two
// others look up addresses, which are all in memory. Done twice, with the page faults on the pool's threads and with those
// of a plain mapping; each time the file is cold, and the ranges are the same.
//
//   node examples/service/load.mjs [--requests N] [--size MIB] [--length KIB] [--clients N] [--workers N]

import { createHash } from 'node:crypto'
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { createHistogram } from 'node:perf_hooks'
import { buffer } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import makeCold from '../../bench/common/make-cold.js'
import random from '../../bench/common/random.js'
import folders from '../../cli/trial/temporary-folder.js'
import wrap from '../../bench/common/wrap.js'
import makeSample from '../cold-reads/make-sample.js'
import { startService } from './start.js'

const SEED = 1
const BLOCK = 4096
const LOOKUP_CLIENTS = 2
const DEADLINE_MS = 30_000 // for each of the two: what has not been asked for by then is left out

function readOptions() {
  const names = { requests: 2000, size: 256, length: 16, clients: 8, workers: 2 }
  const options = Object.fromEntries(Object.keys(names).map((name) => [name, { type: 'string' }]))
  const { values } = parseArgs({ options })
  const given = Object.fromEntries(Object.entries(names).map(([name, value]) => [name, Number(values[name] ?? value)]))
  const wrong = Object.keys(given).find((name) => !Number.isInteger(given[name]) || given[name] < 1)
  if (wrong) throw new Error(`--${wrong} takes a whole number from 1, not '${values[wrong]}'`)
  return given
}

class Client {
  #agent = new http.Agent({ keepAlive: true })
  #base

  constructor(base) {
    this.#base = base
  }

  /** @returns {Promise<Buffer>} the body, with the time from asking to its last byte recorded */
  async get(name, headers, histogram) {
    const began = performance.now()
    const response = await new Promise((resolve, reject) => {
      http.get(this.#base + name, { agent: this.#agent, headers }, resolve).once('error', reject)
    })
    const body = await buffer(response)
    if (response.statusCode >= 300) throw new Error(`${name}: ${response.statusCode}`)
    histogram?.record(Math.max(1, Math.round((performance.now() - began) * 1e3)))
    return body
  }

  close() {
    this.#agent.destroy()
  }
}

/** Many clients take the next range as soon as they have the last one; two look up addresses as long as any is at work. */
async function drive(base, name, ranges, clients) {
  const ranged = createHistogram()
  const lookedUp = createHistogram()
  const sums = []
  const end = performance.now() + DEADLINE_MS
  let next = 0
  let working = clients

  async function readRanges(client) {
    while (next < ranges.length && performance.now() < end) {
      const i = next++
      const { start, length } = ranges[i]
      sums[i] = sumOf(await client.get(name, { range: `bytes=${start}-${start + length - 1}` }, ranged))
    }
    working--
  }

  async function lookUp(client) {
    for (let i = 0; working > 0; i++) await client.get(`/ip/${i % 223 + 1}.${i % 251}.1.1`, {}, lookedUp)
  }

  const all = Array.from({ length: clients + LOOKUP_CLIENTS }, () => new Client(base))
  const began = performance.now()
  await Promise.all(all.map((client, i) => (i < clients ? readRanges(client) : lookUp(client))))
  const seconds = (performance.now() - began) / 1e3
  for (const client of all) client.close()
  return { seconds, ranged, lookedUp, sums }
}

const sumOf = (bytes) => createHash('sha1').update(bytes).digest('latin1')

/** What the kernel counts for some processes: major faults of their main threads, and bytes from the device: proc(5). */
function count(pids) {
  const sum = (of) => pids.reduce((all, pid) => all + Number(of(pid)), 0)
  return {
    faults: sum((pid) => fs.readFileSync(`/proc/${pid}/task/${pid}/stat`, 'latin1').split(') ').at(-1).split(' ')[9]),
    deviceBytes: sum((pid) => /^read_bytes: (\d+)$/m.exec(fs.readFileSync(`/proc/${pid}/io`, 'latin1'))[1])
  }
}

async function warmUp(base, times) {
  const client = new Client(base)
  for (let i = 0; i < times; i++) {
    await client.get(`/ip/8.8.${i}.8`, {})
    await client.get('/files/flights-3m.parquet', { range: `bytes=${i * BLOCK}-${i * BLOCK + 65_535}` })
  }
  client.close()
}

async function run(sample, mode, ranges, { clients, workers }) {
  const resident = await makeCold(sample)
  const flags = mode === 'direct' ? ['--direct'] : []
  const service = await startService(['--file', sample, '--workers', String(workers), ...flags])
  try {
    await warmUp(service.base, Math.min(200, ranges.length))
    const before = count(service.pids)
    const driven = await drive(service.base, `/files/${path.basename(sample)}`, ranges, clients)
    const after = count(service.pids)
    const counts = { faults: after.faults - before.faults, deviceBytes: after.deviceBytes - before.deviceBytes }
    return { mode, resident, ...driven, ...counts, ...await service.stop() }
  } finally {
    await service.stop()
  }
}

/** Ranges whose bytes were wrong, of those that were asked for. */
function wrongRanges(sample, ranges, sums) {
  const fd = fs.openSync(sample)
  const wanted = ranges.map(({ start, length }) => {
    const bytes = Buffer.alloc(length)
    fs.readSync(fd, bytes, 0, length, start)
    return sumOf(bytes)
  })
  fs.closeSync(fd)
  return sums.filter((sum, i) => sum !== undefined && sum !== wanted[i]).length
}

const ms = (us) => (us / 1e3).toFixed(1)
const whole = (number) => Math.round(number).toLocaleString('en-US')

const ROWS = [
  ['ranges per second', ({ ranged, seconds }) => whole(ranged.count / seconds)],
  ['a range, p50, ms', ({ ranged }) => ms(ranged.percentile(50))],
  ['a range, p99, ms', ({ ranged }) => ms(ranged.percentile(99))],
  ['look-ups per second', ({ lookedUp, seconds }) => whole(lookedUp.count / seconds)],
  ['a look-up, p50, ms', ({ lookedUp }) => ms(lookedUp.percentile(50))],
  ['a look-up, p99, ms', ({ lookedUp }) => ms(lookedUp.percentile(99))],
  ['a look-up, max, ms', ({ lookedUp }) => ms(lookedUp.max)],
  ['major faults, main threads', ({ faults }) => whole(faults)],
  ['MiB read from the device', ({ deviceBytes }) => whole(deviceBytes / 2 ** 20)]
]

function print(results) {
  const head = ['', ...results.map(({ mode }) => (mode === 'direct' ? 'direct mapping' : 'faultless'))]
  const table = new Table({ head, colAligns: ['left', 'right', 'right'], style: { head: [], border: [], compact: true } })
  for (const [name, figure] of ROWS) table.push([name, ...results.map(figure)])
  console.log(table.toString())
}

async function main() {
  const options = readOptions()
  const folder = fs.mkdtempSync(path.join(folders.temporaryFolder(), 'faultless-load-'))
  process.once('exit', () => fs.rmSync(folder, { recursive: true, force: true }))
  process.stdout.once('error', () => process.exit(1)) // `| head` has gone
  for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => process.exit(128 + os.constants.signals[name]))

  const sample = path.join(folder, 'sample.bin')
  const blocks = options.size * 2 ** 20 / BLOCK
  await makeSample({ path: sample, blocks, seed: SEED }, { stage: () => () => {} })
  const length = options.length * 1024
  const places = Math.floor(blocks * BLOCK / length)
  const ranges = random.chooseBlocks(SEED, Math.min(options.requests, places), places)
    .map((place) => ({ start: place * length, length }))
  console.log(wrap(`${whole(ranges.length)} random ranges of ${options.length} KiB of a file of ${options.size} MiB, cold ` +
    `each time, by ${options.clients} clients; ${LOOKUP_CLIENTS} more look up addresses meanwhile.`))

  const results = []
  for (const mode of ['direct', 'faultless']) results.push(await run(sample, mode, ranges, options))
  print(results)
  if (results.some(({ resident }) => resident !== 0)) console.log('The file was not cold: the figures say little.')
  const wrong = results.reduce((sum, { sums }) => sum + wrongRanges(sample, ranges, sums), 0)
  console.log(wrong === 0 ? 'All bytes were right.' : `${wrong} ranges were wrong.`)
  for (const { mode, code, stderr } of results) if (code !== 0) console.error(`${mode}: the service ended with ${code}\n${stderr}`)
  if (wrong > 0 || results.some(({ code }) => code !== 0)) process.exitCode = 1
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
