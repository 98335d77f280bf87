'use strict'
// What outlives a request is made outside of its asynchronous context: else a timer or a thread keeps what the first caller had in an
// AsyncLocalStorage, for as long as it lives.

const { AsyncResource } = require('node:async_hooks')

/** It keeps no process alive: test runners that look for what does ask. */
class Outside extends AsyncResource {
  hasRef() {
    return false
  }
}

const resource = new Outside('faultless') // of the context in which the module was loaded

/** Runs `act` there. @returns what it returns */
const outside = (act) => resource.runInAsyncScope(act)

module.exports = { outside }
