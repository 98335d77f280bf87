'use strict'
const CORE = {}
const FILES = {}
const TESTS = {}
module.exports = { leftOutCoreTest: (name) => CORE[name], leftOutFile: (name) => FILES[name], leftOutTests: (name) => TESTS[name] ?? [] }
