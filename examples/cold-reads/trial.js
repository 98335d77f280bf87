'use strict'
// The child process: one way of reading, once. Receives the plan as a message, sends its progress and then the result.

const contenders = require('./contenders')
const { chooseBlocks } = require('./blocks')
const readAll = require('./read-all')
const makeCold = require('../../bench/common/make-cold')
const measure = require('../../bench/common/measure')
const verify = require('./verify')

// Threads start and code is compiled with the first reads. A server pays for that once; it is not what a read costs.
// The same few blocks again and again: only the first round has to wait for a slow disk.
const WARM_UP_BLOCKS = 256
const WARM_UP_ROUNDS = 16

async function trial(plan) {
  const contender = contenders.find(({ name }) => name === plan.contender)
  const blocks = chooseBlocks(plan.seed, plan.reads, plan.blocks)
  await warmUp(contender, plan, blocks.slice(0, WARM_UP_BLOCKS))
  const residentShare = await makeCold(plan.path)

  const way = await contender.open(plan.path)
  const progress = (done) => process.send({ progress: done })
  const { result: sums, ...figures } = await measure(() => readAll(way, blocks, { ...plan, progress }))
  await way.close()

  const wrongBlocks = verify(plan, blocks, sums)
  return { contender: plan.contender, reads: sums.length, ...figures, residentShare, wrongBlocks }
}

async function warmUp(contender, plan, blocks) {
  const way = await contender.open(plan.path)
  for (let round = 0; round < WARM_UP_ROUNDS; round++) await readAll(way, blocks, { ...plan, progress() {} })
  await way.close()
}

process.once('message', async (plan) => {
  const message = await trial(plan).then(
    (result) => ({ result }),
    (error) => ({ error: { message: error.message, code: error.code, stack: error.stack } })
  )
  // The channel to the parent is all that keeps this process alive.
  process.send(message, () => process.disconnect())
})

// A parent that is gone wants no result.
process.once('disconnect', () => process.exit())
