// How a check tells that nothing was copied, that text was sent instead of bytes, and which Node runs.

import assert from 'node:assert/strict'

/**
 * Asserts that `look` still sees the mapping: a byte is changed there (in memory alone: such files are copy-on-write) and
 * put back, and what `look` returns has to change with it.
 * @param {{buffer: SharedArrayBuffer, stats: {copyOnWrite: boolean}}} file
 * @param {number} offset a byte that `look` depends on
 */
export function assertSeesStores(file, offset, look) {
  assert.ok(file.stats.copyOnWrite, 'a store would reach the file')
  const bytes = new Uint8Array(file.buffer)
  const before = look()
  bytes[offset] ^= 1
  try {
    assert.notDeepEqual(look(), before)
  } finally {
    bytes[offset] ^= 1
  }
  assert.deepEqual(look(), before)
}

/** Asserts that `act` allocates less binary memory than a copy of `view` takes. @returns {Promise} what `act` does */
export async function assertNoCopy(view, act) {
  const before = process.memoryUsage().arrayBuffers
  const value = await act()
  const grown = process.memoryUsage().arrayBuffers - before
  assert.ok(grown < view.length / 2, `${grown} bytes were allocated for ${view.length}`)
  return value
}

/** Asserts that assertNoCopy would notice. */
export async function assertCopyIsNoticed(view) {
  await assert.rejects(assertNoCopy(view, () => Buffer.from(view)), /bytes were allocated/)
}

/** Asserts that `send` sends the text of bytes, which is another thing where they are none. @param send resolves with what arrived */
export async function assertSentAsText(bytes, send) {
  const sent = await send(bytes)
  assert.ok(!sent.equals(bytes))
  assert.equal(sent.toString(), String(bytes))
}

const [major, minor] = process.versions.node.split('.').map(Number)

/** Major version of the Node that runs. */
export const NODE = major

/** Whether the Node that runs is of this version or newer. */
export const isSince = (wantedMajor, wantedMinor) => major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)
