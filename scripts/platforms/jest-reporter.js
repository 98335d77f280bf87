// Why: jest's own JSON fails on errors that hold themselves, and ends up nowhere when the process is killed. One line of
// JSON for each test, as soon as its file is done, into the file that FAULTLESS_RESULTS names.
'use strict'

const fs = require('node:fs')

module.exports = class {
  onTestResult(test, { testResults, testExecError }) {
    const lines = testResults.map(({ fullName, status, failureMessages }) => ({ fullName, status, failureMessages }))
    if (testExecError) lines.push({ fullName: '(the file itself)', status: 'failed', failureMessages: [testExecError.stack ?? testExecError.message] })
    fs.appendFileSync(process.env.FAULTLESS_RESULTS, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  }
}
