'use strict'
// A command line that cannot be obeyed, though each of its parts is well formed: exit code 2.

module.exports = (message) => Object.assign(new Error(message), { code: 'ERR_USAGE' })
