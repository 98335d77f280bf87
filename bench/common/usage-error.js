'use strict'
// An error that the reader can put right: its message is all there is to show.

module.exports = function usageError(message) {
  return Object.assign(new Error(message), { code: 'ERR_USAGE' })
}
