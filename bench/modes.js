'use strict'
// How much is done: the same trials in all three modes, with other sizes.

const MIB = 2 ** 20
const GIB = 2 ** 30

const DEPTHS = [1, 2, 4, 8, 16, 32, 64, 128]

const full = {
  name: 'full',
  fileBytes: 4 * GIB, // of the file that is read at random and scanned
  warmBytes: 64 * MIB,
  coldReads: 400_000, // some seconds of each: code is compiled anew in the first tenths of one
  readsInTurn: 50_000,
  depthReads: (depth) => Math.min(40_000, 8_000 * depth),
  depths: DEPTHS,
  limitBytes: 256 * MIB,
  limitedReads: 400_000,
  hotBytes: 64 * MIB,
  nearBytes: 2 * MIB, // what fits into a processor's own cache
  hotSyncReads: 1_000_000,
  hotAsyncReads: 100_000,
  singleReads: 100_000,
  pingPongs: 20_000,
  broadcasts: 5_000,
  workers: 8,
  sharedBytes: GIB,
  databaseRecords: 2 ** 17,
  closeBytes: 4 * GIB,
  sizes: [64 * MIB, 256 * MIB, GIB, 4 * GIB, 16 * GIB],
  sizeReads: 10_000,
  lmdbBytes: 512 * MIB,
  repetitions: 5,
  oftenCold: 2, // times as often, of the cold reads
  oftenShort: 3, // of what takes milliseconds
  repetitionsAside: 3 // of what stands beside, in no bar, of the series, and of what does not vary
}

const quick = {
  ...full,
  name: 'quick',
  fileBytes: 512 * MIB,
  coldReads: 16_000,
  readsInTurn: 3_000,
  depthReads: (depth) => Math.min(16_000, 1_000 * depth),
  depths: [1, 64],
  limitBytes: 128 * MIB,
  limitedReads: 40_000, // more than fit into the limit
  hotSyncReads: 300_000,
  hotAsyncReads: 10_000,
  singleReads: 6_000,
  pingPongs: 3_000,
  broadcasts: 300,
  sharedBytes: 256 * MIB, // eight copies of 1 GiB take a minute where a hypervisor has to give the memory
  closeBytes: GIB,
  sizes: [64 * MIB, 256 * MIB, 16 * GIB],
  sizeReads: 5_000,
  lmdbBytes: 128 * MIB, // another size than what it is warmed up with
  repetitions: 2,
  oftenCold: 1,
  oftenShort: 1,
  repetitionsAside: 1
}

// Shows that the benchmarks still run, on any machine; its figures mean nothing.
const tiny = {
  ...full,
  name: 'tiny',
  fileBytes: 8 * MIB,
  warmBytes: MIB,
  coldReads: 500,
  readsInTurn: 500,
  depthReads: () => 200,
  depths: [1, 8],
  limitBytes: 128 * MIB,
  limitedReads: 500,
  hotBytes: MIB,
  nearBytes: MIB,
  hotSyncReads: 1_000,
  hotAsyncReads: 200,
  singleReads: 100,
  pingPongs: 100,
  broadcasts: 20,
  workers: 2,
  sharedBytes: 2 * MIB,
  databaseRecords: 2 ** 8,
  closeBytes: 16 * MIB,
  sizes: [MIB, 4 * MIB],
  sizeReads: 100,
  lmdbBytes: 2 * MIB,
  repetitions: 1,
  oftenCold: 1,
  oftenShort: 1,
  repetitionsAside: 1,
  anyMachine: true // no run is refused because the device gave less than was asked for
}

module.exports = { full, quick, tiny }
