'use strict'
// An error that the reader can put right: its message is all there is to show. The examples have it as well.

module.exports = require('../../cli/usage-error')
