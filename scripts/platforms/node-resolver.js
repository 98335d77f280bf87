// Why: jest finds modules with unrs-resolver, which is a binary of each system's; that of Windows finds nothing under Wine 8.
// In the copy that is tested this stands in its place, and finds what Node's require finds.
'use strict'

const { createRequire } = require('node:module')
const path = require('node:path')

class ResolverFactory {
  sync(folder, request) {
    try {
      return { path: createRequire(path.join(folder, 'any.js')).resolve(request) }
    } catch (error) {
      return { error: error.message }
    }
  }

  async(folder, request) {
    return Promise.resolve(this.sync(folder, request))
  }

  cloneWithOptions() {
    return new ResolverFactory()
  }

  clearCache() {}
}

module.exports = { ResolverFactory }
