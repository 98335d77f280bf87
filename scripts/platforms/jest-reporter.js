// Why: jest's own JSON fails on errors that hold themselves, and ends up nowhere when the process is killed. One line of
// JSON for each test, as soon as it is done, into the file that FAULTLESS_RESULTS names; which one runs goes to the output, so
// that the last one named is the one that hung.
'use strict'

const fs = require('node:fs')

module.exports = class {
  onTestCaseStart(test, { fullName, ancestorTitles, title }) {
    console.log(`running: ${fullName ?? [...ancestorTitles, title].join(' ')}`)
  }

  onTestCaseResult(test, result) {
    write([result])
  }

  onTestResult(test, { testResults, testExecError }) {
    // Tests that were left out never begin.
    write(testResults.filter(({ status }) => status !== 'passed' && status !== 'failed'))
    if (testExecError) write([{ fullName: '(the file itself)', status: 'failed', failureMessages: [testExecError.stack ?? testExecError.message] }])
  }
}

function write(results) {
  const lines = results.map(({ fullName, status, failureMessages }) => JSON.stringify({ fullName, status, failureMessages }))
  fs.appendFileSync(process.env.FAULTLESS_RESULTS, lines.map((line) => `${line}\n`).join(''))
}
