'use strict'
// Which file is read: the reader's own, checked before anything else happens, or one to be made for the occasion.

const fs = require('node:fs')
const path = require('node:path')
const { BLOCK_SIZE } = require('./blocks')
const usageError = require('../../cli/usage-error')
const { temporaryFolder } = require('../../cli/trial/temporary-folder')

const SAMPLE_BYTES = 256 * 2 ** 20

// Below this there is nothing to read at random.
const MIN_BLOCKS = 16

module.exports = async function chooseFile(given) {
  if (given !== undefined) return { path: path.resolve(given), blocks: await countBlocks(path.resolve(given)) }
  const name = `faultless-sample-${process.pid}.bin`
  return { path: path.join(temporaryFolder(), name), blocks: SAMPLE_BYTES / BLOCK_SIZE, sample: true }
}

// Whole blocks only: a shorter one at the end is left out.
async function countBlocks(file) {
  const { stat, access } = fs.promises
  const fail = (error) => { throw usageError(explain(error, file)) }
  const stats = await stat(file).catch(fail)
  if (stats.isDirectory()) throw usageError(`${file} is a directory; give a file`)
  if (!stats.isFile()) throw usageError(`${file} is not a regular file, so it cannot be made cold`)
  await access(file, fs.constants.R_OK).catch(fail)
  if (stats.size === 0) throw usageError(`${file} is empty; there is nothing to read`)
  const blocks = Math.floor(stats.size / BLOCK_SIZE)
  if (blocks >= MIN_BLOCKS) return blocks
  throw usageError(`${file} has only ${stats.size} bytes; ${MIN_BLOCKS * BLOCK_SIZE} is the least`)
}

const SENTENCES = { ENOENT: 'does not exist', ENOTDIR: 'does not exist', EACCES: 'cannot be read: permission denied' }

function explain(error, file) {
  return error.code in SENTENCES ? `${file} ${SENTENCES[error.code]}` : error.message
}
