'use strict'
// Where `faultless bench` puts its sample: the examples look for it here.

module.exports = require('../../cli/trial/temporary-folder')
