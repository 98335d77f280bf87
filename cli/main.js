#!/usr/bin/env node
'use strict'
// The command `faultless`: hands its arguments to the verbs, and turns how it went into the exit code.

const { run } = require('./program')

run(process.argv).then((code) => {
  process.exitCode = code
})
