'use strict'
// Every trial, in the order in which they run. A trial is data:
//
//   name, about        what it is called and what it measures; `about` may be a function of the mode
//   work               the module of work/ that a child runs
//   files, parameters  what that module is given besides the seed, by the mode
//   cold               the file is dropped from the page cache before each run, and each run is refused whose device
//                      gave less than was asked for; `evicted` is the first half of this, `hot` the opposite:
//                      the file is read into the page cache
//   pressured          memory is short, so that major faults are to be expected
//   exact              the figure does not vary from run to run, so that few will do
//   often              how many times as often as others it runs, where a run is short, or differs much from the
//                      next; may be a function of the mode
//   contenders         who runs; see contenders.js
//   points             for a series: parameters and files that differ from point to point
//   figures            what is reported of each (figures.js)
//   bars               one contender's figure `of`, as a ratio `against` another's or by itself, `atLeast` or `atMost`;
//                      `limit` is a contender that shows what can be had at all on the machine; `because` says where
//                      a miss comes from, as far as it is known; may be a function of the mode

const { hotSync, hotSyncNear, hotAsync, singleRead } = require('./hot')
const { generated, real } = require('./first-lookup')
const { pingPong, broadcast } = require('./rounds')

module.exports = [
  require('./cold-random'),
  require('./answer-times'),
  require('./memory-limit'),
  hotSync,
  hotSyncNear,
  hotAsync,
  singleRead,
  require('./scan'),
  require('./beside-scan'),
  require('./wasm-scan'),
  require('./shared-memory'),
  generated,
  real,
  require('./first-read'),
  require('./close'),
  pingPong,
  broadcast,
  require('./queue-depth'),
  require('./file-size')
]
