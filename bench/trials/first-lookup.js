'use strict'
// A GeoIP database that is opened for one question.

const fs = require('node:fs')
const path = require('node:path')
const peers = require('../peers')
const { countryAt } = require('../geoip-database')
const { COMPILED } = require('./reasons')

const ADDRESS = '81.2.69.142'
const REAL = '@ip-location-db/geo-whois-asn-country-mmdb'

const mapping = { name: 'faultless, straight from the mapping', reader: 'mapping', ours: true, peer: 'mmdb-lib' }
const readFile = { name: 'fs.promises.readFile', reader: 'readFile', peer: 'mmdb-lib' }
// What nobody can do without who has the file opened off the main thread and uses that reader of the format.
const floor = { name: 'fs.open, and the lookup in bytes that are there', reader: 'openAlone', peer: 'mmdb-lib', aside: true }
// The same by the calls of the addon that open() comes down to, without any of the JavaScript around them.
const addon = { name: 'its addon\'s calls alone', reader: 'addon', peer: 'mmdb-lib', aside: true }
// V8 compiles a function when it is first called. Here it has done so when the module was loaded, which is not measured.
const compiled = { ...mapping, name: 'faultless, compiled before (node --no-lazy)', execArgv: ['--no-lazy'], aside: true }
const aside = [
  floor,
  addon,
  compiled,
  { name: 'faultless map(), as in node-mmap', reader: 'map', ours: true, peer: 'mmdb-lib', aside: true },
  { name: 'faultless view() of all of it', reader: 'view', ours: true, peer: 'mmdb-lib', aside: true },
  { name: 'fs.readFileSync', reader: 'readFileSync', peer: 'mmdb-lib', aside: true }
]

const shared = {
  work: 'first-lookup',
  hot: true,
  often: (mode) => mode.oftenShort,
  contenders: [mapping, readFile, ...aside],
  figures: ['milliseconds', 'cpuSeconds', 'majorFaults']
}

const generated = {
  ...shared,
  name: 'first-lookup',
  about: 'Open a GeoIP database of 28 MB that is in the page cache, and look one address up',
  files: (files, mode) => files.database(mode.databaseRecords),
  parameters: (mode) => ({ address: ADDRESS, country: countryAt(ADDRESS, mode.databaseRecords) }),
  // How many times as fast: the time of the other one over ours.
  bars: [{ figure: 'milliseconds', of: mapping, against: readFile, limit: addon, atLeast: 15, inverse: true, because: COMPILED }]
}

// A real one; the packages that have more than countries are hundreds of MB large.
const real = {
  ...shared,
  name: 'first-lookup-real',
  about: 'The same with a real database of countries (8 MB)',
  files: async () => {
    const file = path.join(peers.folderOf(REAL), 'geo-whois-asn-country.mmdb')
    return { path: file, bytes: fs.statSync(file).size }
  },
  parameters: () => ({ address: ADDRESS }),
  contenders: shared.contenders.map((contender) => ({ ...contender, peers: [contender.peer, REAL] })),
  bars: []
}

module.exports = { generated, real }
