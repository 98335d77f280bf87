// mmdb-lib and maxmind, which has its Reader from there: look-ups load from the mapping.

import assert from 'node:assert/strict'
import maxmind from 'maxmind'
import { Reader } from 'mmdb-lib'
import { COUNTRIES } from '../../examples/data/packages.mjs'
import { assertNoCopy, assertSeesStores } from './helpers.mjs'

const IPV4 = Array.from({ length: 2000 }, (_, i) => [i * 37, i * 101, i * 13, i].map((part) => part % 256).join('.'))
const IPV6 = Array.from({ length: 200 }, (_, i) => `2${(0x001 + i).toString(16).padStart(3, '0')}:db8::${i}`)

async function check(context, ReaderClass) {
  const { file, view, heap } = await context.both(COUNTRIES)
  const reader = await assertNoCopy(view, () => new ReaderClass(view))
  const wanted = new ReaderClass(heap)
  assert.deepEqual(reader.metadata, wanted.metadata)
  const found = [...IPV4, ...IPV6].map((address) => reader.get(address))
  assert.deepEqual(found, [...IPV4, ...IPV6].map((address) => wanted.get(address)))
  assert.ok(new Set(found.map((place) => place?.country_code)).size > 20)
  const { country_code: country } = reader.get('1.1.1.1')
  const record = view.lastIndexOf(country) // countries are stored once each, behind the tree
  assertSeesStores(file, record, () => new ReaderClass(view).get('1.1.1.1').country_code)
}

export const checks = {
  'mmdb-lib over a view': (context) => check(context, Reader),
  'maxmind over a view': (context) => check(context, maxmind.Reader)
}
