// Why: most tests evict a file before they read it, which Windows refuses (native/os_windows.c). There they run all the same,
// with the file as warm as it is: windows.js has the copy that it tests call this from lib/mapped-file.js, so that the
// refusal is none, in tests, in their children and in threads. Tests about eviction itself are left out by name
// (windows-left-out.js), and windows.test.js, for which this does nothing, tests the refusal.
'use strict'

module.exports = ({ prototype }) => {
  const { evict } = prototype
  if (process.env.FAULTLESS_WARM_FILES !== '1') return
  prototype.evict = async function (...args) {
    try {
      return await evict.apply(this, args)
    } catch (error) {
      if (error.code !== 'ENOTSUP') throw error
      return undefined
    }
  }
}
