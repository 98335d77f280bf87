'use strict'
// The parent's side of a trial: starts the child, passes its progress on, resolves with its result.

const { fork } = require('node:child_process')
const path = require('node:path')

module.exports = function runTrial(plan, report) {
  return new Promise((resolve, reject) => {
    const child = fork(path.join(__dirname, 'trial.js'), { serialization: 'advanced' })
    let outcome
    child.on('message', (message) => {
      if ('progress' in message) report(message.progress)
      else outcome = message
    })
    const keepAlive = setInterval(() => {}, 1 << 30)
    child.once('error', (error) => {
      clearInterval(keepAlive)
      reject(error)
    })
    // Only its end frees what the child has mapped, and the next trial needs it freed. Not 'exit': the last messages may come
    // after it (seen under Wine), and by then nothing else keeps this process alive.
    child.once('close', (code, signal) => {
      clearInterval(keepAlive)
      if (outcome?.result) resolve(outcome.result)
      else reject(failure(plan, outcome?.error, signal ?? `exit code ${code}`))
    })
    child.send(plan)
  })
}

function failure({ contender }, error, end) {
  if (!error) return new Error(`the process of the trial '${contender}' ended with ${end} and without a result`)
  return Object.assign(new Error(error.message), { code: error.code, stack: error.stack })
}
