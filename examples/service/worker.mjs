// One process of the service: opens the files, listens, and on SIGTERM finishes what it has in hand, closes the files and
// ends with 0.

import cluster from 'node:cluster'
import http from 'node:http'
import path from 'node:path'
import { Reader } from 'mmdb-lib'
import { COUNTRIES, FLIGHTS_PARQUET, WORDNET } from '../data/packages.mjs'
import { direct, faultless } from './access.mjs'
import { Dictionary } from './dictionary.mjs'
import { drainable } from './drain.mjs'
import { createHandler } from './handler.mjs'
import { Search } from './search.mjs'

const PATIENCE_MS = 10_000 // for requests in hand, when it has to stop

const options = JSON.parse(process.argv[2])
const access = options.direct ? direct : faultless
const opened = []

async function openFile(name) {
  const file = await access.open(name)
  opened.push(file)
  return file
}

async function openAll() {
  const paths = [FLIGHTS_PARQUET, options.file].filter(Boolean)
  const served = await Promise.all(paths.map(async (name) => [path.basename(name), await openFile(name)]))
  const countries = await openFile(COUNTRIES)
  const dictionary = await Dictionary.open(WORDNET, openFile, access)
  return {
    access,
    files: new Map(served),
    // Look-ups load from anywhere in it and cannot wait, so all of it is touched now.
    countries: new Reader(await countries.view()),
    dictionary,
    search: new Search(dictionary.parts)
  }
}

const data = await openAll()
const server = http.createServer(createHandler(data))
const drain = drainable(server)

async function stop() {
  await drain(PATIENCE_MS)
  await data.search.close()
  await Promise.all(opened.map((file) => file.close())) // not before: responses were views of them
  cluster.worker.disconnect() // nothing else keeps this process
}

process.on('SIGINT', () => {}) // ctrl-C goes to every process of a terminal; the first one makes a SIGTERM of it
process.once('SIGTERM', stop)
server.listen(options.port, '127.0.0.1')
