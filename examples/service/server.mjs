// A service over mapped files: ranges of files, the country of an IP address, words of a dictionary. Several processes
// share one port and, since all of them map the same files, the page cache's one copy of the data.
//
//   node examples/service/server.mjs [--port N] [--workers N] [--seconds N] [--file PATH] [--direct]
//
// It listens on this machine alone, and stops by itself. This file is the process that the others belong to: it starts
// them, passes on the signal to stop, and ends with 0 when each of them has finished what it had in hand.

import cluster from 'node:cluster'
import { once } from 'node:events'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const LONGEST_S = 24 * 3600

const HELP = `Usage: node examples/service/server.mjs [options]

  --port N      the port (default: one that is free)
  --workers N   how many processes serve (default 2)
  --seconds N   stop after so long (default 300)
  --file PATH   serve this file as well, as /files/ and its name
  --direct      load straight from the mappings, as any mmap does: to compare with`

function readOptions() {
  const string = { type: 'string' }
  const { values } = parseArgs({
    options: { port: string, workers: string, seconds: string, file: string, direct: { type: 'boolean' }, help: { type: 'boolean' } }
  })
  if (values.help) {
    console.log(HELP)
    process.exit(0)
  }
  return {
    port: integer('port', values.port ?? '0', 0, 65535),
    workers: integer('workers', values.workers ?? '2', 1, 64),
    seconds: integer('seconds', values.seconds ?? '300', 1, LONGEST_S),
    file: values.file && path.resolve(values.file),
    direct: values.direct === true
  }
}

function integer(name, text, min, max) {
  const value = /^\d+$/.test(text) ? Number(text) : NaN
  if (value >= min && value <= max) return value
  throw new Error(`--${name} takes an integer from ${min} to ${max}, not '${text}'`)
}

let stopping = false

function stop() {
  stopping = true
  for (const { process: child } of Object.values(cluster.workers)) child.kill('SIGTERM')
}

// Who starts services starts this one again; it does not try to live on with half of its processes.
function onExit(worker, code, signal) {
  if (stopping && (code === 0 || signal === 'SIGTERM')) return
  console.error(`process ${worker.process.pid} ended with ${signal ?? code}`)
  process.exitCode = 1
  stop()
}

async function main() {
  const options = readOptions()
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, stop)
  cluster.on('exit', onExit)
  cluster.setupPrimary({ exec: fileURLToPath(new URL('worker.mjs', import.meta.url)), args: [JSON.stringify(options)] })
  const workers = Array.from({ length: options.workers }, () => cluster.fork())
  const [{ port }] = (await Promise.all(workers.map((worker) => once(worker, 'listening')))).map(([address]) => address)
  setTimeout(stop, options.seconds * 1e3).unref()
  console.log(`http://127.0.0.1:${port} by processes ${workers.map((worker) => worker.process.pid).join(' ')}`)
}

main().catch((error) => {
  console.error(error.message)
  process.exitCode = 2
})
