'use strict'
// What `require('faultless')` gives. Named one by one, so that ESM finds the names as well. What each of them and of their
// members takes, gives and throws, and where it runs, is said in types/index.d.ts, for all of lib/.

const { attach } = require('./attach')
const { open, map } = require('./open')
const { Pool, configure } = require('./pool')
const { MappedFile } = require('./mapped-file')
const { PROT_READ, PROT_WRITE, MAP_SHARED, MAP_PRIVATE } = require('./options')

module.exports = { open, map, attach, Pool, configure, MappedFile, PROT_READ, PROT_WRITE, MAP_SHARED, MAP_PRIVATE }
