// The country of an IP address, by mmdb-lib over pinned memory: a look-up loads from anywhere in the database and cannot
// wait, and it is a part of every request. So this is what pins are for: a file of some MiB, read all the time, that must
// not be evicted. It is never copied to the heap, and every process that maps it shares the page cache's one copy.

import { open } from 'faultless'
import { Reader } from 'mmdb-lib'
import { COUNTRIES } from './data/packages.mjs'

const addresses = process.argv.length > 2 ? process.argv.slice(2) : ['1.1.1.1', '193.0.6.139', '2001:4860:4860::8888']

/** All of a file, for as long as it is open: not to be evicted, where the system lets us. */
async function hold(file) {
  try {
    return (await file.pin()).view
  } catch (error) {
    if (error.code !== 'ERR_MAP_PIN_LIMIT') throw error
    const [needed, limit, locked] = [file.byteLength, error.limit, error.locked].map((bytes) => bytes.toLocaleString('en-US'))
    console.error(`Not pinned: ${needed} bytes are needed; the process may lock ${limit}, and has locked ${locked}.`)
    console.error(`A look-up may wait for the disk when memory is short. ${error.howToRaise}.`)
    return file.view()
  }
}

const file = await open(COUNTRIES)
const reader = new Reader(await hold(file))
for (const address of addresses) console.log(`${address} ${reader.get(address)?.country_code ?? 'unknown'}`)

await file.close() // ends the pin as well
