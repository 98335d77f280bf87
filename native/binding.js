'use strict'
// Loads the addon: the one that was built here, or the one that came with the package. Both JavaScript layers above come
// through here and nowhere else.

const path = require('node:path')

module.exports = require('node-gyp-build')(path.join(__dirname, '..'))
