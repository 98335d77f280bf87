'use strict'
// One run of one contender, in a process of its own, so that none inherits another's threads, heap, compiled code or
// mapping. The task comes as an argument, the figures go to descriptor 3: both work in Bun and inside a cgroup as well.

const fs = require('node:fs')

const RESULT_FD = 3

async function main() {
  const task = JSON.parse(process.argv[2])
  const work = require(`./work/${task.work}`)
  return work(task)
}

main().then(
  (figures) => figures.skipped === undefined ? { figures } : figures,
  (error) => ({ error: error.message, stack: error.stack })
).then((message) => {
  fs.writeFileSync(RESULT_FD, JSON.stringify(message))
  // What a contender left running is nobody's concern any more. Not by process.exit(), which may hang amid work: see
  // docs/safety.md.
  process.kill(process.pid, 'SIGKILL')
})
