// One pass over a file for two ends: chunks of the mapping go into a hash and into gzip, and none is copied on the way.

import { createHash } from 'node:crypto'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { open } from 'faultless'
import { FLIGHTS_JSON } from './data/packages.mjs'

const file = await open(FLIGHTS_JSON)
const hash = createHash('sha256')
let packed = 0

async function* hashed(chunks) {
  for await (const chunk of chunks) {
    hash.update(chunk)
    yield chunk
  }
}

const counter = new Writable({
  write(chunk, _encoding, done) {
    packed += chunk.length
    done()
  }
})

await pipeline(hashed(file.chunks()), createGzip({ level: 1 }), counter)
console.log(`${file.byteLength} bytes became ${packed}; sha256 ${hash.digest('hex')}`)

await file.close() // only now: gzip held views until it was done
