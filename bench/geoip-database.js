'use strict'
// Writes a GeoIP database in the MaxMind DB format 2.0 (maxmind.github.io/MaxMind-DB): a complete tree over the first
// 21 bits of IPv4 addresses, and records that are distinct. With 2 ** 17 of them it has 28 MB, as databases of networks
// have. What is looked up is then known, and nothing has to be downloaded.

const fs = require('node:fs')

const DEPTH = 21
const NODES = 2 ** DEPTH - 1
const NODE_BYTES = 8 // two records of 32 bits
const SEPARATOR_BYTES = 16
const METADATA_MARK = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1')

// Types of fields, in the upper three bits of their control byte; those from 8 on have a byte of their own.
const STRING = 2
const UINT16 = 5
const UINT32 = 6
const MAP = 7
const UINT64 = 9
const ARRAY = 11

function control(type, size) {
  const [sizeBits, sizeByte] = size < 29 ? [size, []] : [29, [size - 29]]
  return Buffer.from(type < 8 ? [type << 5 | sizeBits, ...sizeByte] : [sizeBits, type - 7, ...sizeByte])
}

const string = (value) => Buffer.concat([control(STRING, Buffer.byteLength(value)), Buffer.from(value)])
const map = (entries) => Buffer.concat([control(MAP, entries.length), ...entries.flatMap(([k, v]) => [string(k), v])])
const array = (items) => Buffer.concat([control(ARRAY, items.length), ...items])

function number(type, value) {
  const bytes = []
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return Buffer.concat([control(type, bytes.length), Buffer.from(bytes)])
}

const record = (i) => map([
  ['country', string(countryOf(i))],
  ['network', string(`network number ${String(i).padStart(8, '0')} of the benchmarks of faultless, not real`)]
])

const countryOf = (i) => String.fromCharCode(65 + i % 26, 65 + Math.floor(i / 26) % 26)

// The nodes of the lowest level point to records, in turn; all others to the two nodes below them, as in a heap.
function tree(recordOffsets) {
  const nodes = Buffer.alloc(NODES * NODE_BYTES)
  const firstLowest = 2 ** (DEPTH - 1) - 1
  for (let node = 0; node < NODES; node++) {
    for (const side of [0, 1]) {
      const leaf = (node - firstLowest) * 2 + side
      const to = leaf < 0 ? 2 * node + 1 + side : NODES + SEPARATOR_BYTES + recordOffsets[leaf % recordOffsets.length]
      nodes.writeUInt32BE(to, node * NODE_BYTES + side * 4)
    }
  }
  return nodes
}

const metadata = () => map([
  ['binary_format_major_version', number(UINT16, 2)],
  ['binary_format_minor_version', number(UINT16, 0)],
  ['build_epoch', number(UINT64, 1)],
  ['database_type', string('faultless-bench')],
  ['description', map([['en', string('made for the benchmarks of faultless')]])],
  ['ip_version', number(UINT16, 4)],
  ['languages', array([string('en')])],
  ['node_count', number(UINT32, NODES)],
  ['record_size', number(UINT16, 32)]
])

function writeDatabase(path, count) {
  const records = Array.from({ length: count }, (_, i) => record(i))
  let end = 0
  const offsets = records.map(({ length }) => (end += length) - length)
  const parts = [tree(offsets), Buffer.alloc(SEPARATOR_BYTES), ...records, METADATA_MARK, metadata()]
  fs.writeFileSync(path, Buffer.concat(parts), { flag: 'wx' })
}

/** @returns {string} what the database has for an address */
function countryAt(address, count) {
  const bits = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  return countryOf(Math.floor(bits / 2 ** (32 - DEPTH)) % count)
}

module.exports = writeDatabase
module.exports.countryAt = countryAt
