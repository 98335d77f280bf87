'use strict'
// A WebAssembly module that counts the bytes of one value in its memory, 16 at a time. It imports that memory, and knows
// nothing of files. These are its bytes by hand, so that no compiler is needed; beside them is what they say.

const text = (name) => [name.length, ...Buffer.from(name)]
const section = (id, ...bytes) => [id, bytes.length, ...bytes] // none has 128 bytes or more, of which the length would take two

const AT = 0, END = 1, BYTE = 2, FOUND = 3, PATTERN = 4 // parameters and locals, by number
const get = (local) => [0x20, local]
const set = (local) => [0x21, local]

// (func (export "count") (param $at i32) (param $end i32) (param $byte i32) (result i32)
//   (local $found i32) (local $pattern v128)
const code = [
  2, 1, 0x7f, 1, 0x7b,
  // (local.set $pattern (i8x16.splat (local.get $byte)))
  ...get(BYTE), 0xfd, 0x0f, ...set(PATTERN),
  // (block $few
  //   (loop $blocks
  0x02, 0x40, 0x03, 0x40,
  //     (br_if $few (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 16)))
  ...get(END), ...get(AT), 0x6b, 0x41, 16, 0x49, 0x0d, 1,
  //     (local.set $found (i32.add (local.get $found) (i32.popcnt (i8x16.bitmask
  //       (i8x16.eq (v128.load (local.get $at)) (local.get $pattern))))))
  ...get(FOUND), ...get(AT), 0xfd, 0x00, 0, 0, ...get(PATTERN), 0xfd, 0x23, 0xfd, 0x64, 0x69, 0x6a, ...set(FOUND),
  //     (local.set $at (i32.add (local.get $at) (i32.const 16)))
  //     (br $blocks)))
  ...get(AT), 0x41, 16, 0x6a, ...set(AT), 0x0c, 0, 0x0b, 0x0b,
  // (block $all
  //   (loop $bytes
  0x02, 0x40, 0x03, 0x40,
  //     (br_if $all (i32.eq (local.get $at) (local.get $end)))
  ...get(AT), ...get(END), 0x46, 0x0d, 1,
  //     (local.set $found (i32.add (local.get $found) (i32.eq (i32.load8_u (local.get $at)) (local.get $byte))))
  ...get(FOUND), ...get(AT), 0x2d, 0, 0, ...get(BYTE), 0x46, 0x6a, ...set(FOUND),
  //     (local.set $at (i32.add (local.get $at) (i32.const 1)))
  //     (br $bytes)))
  ...get(AT), 0x41, 1, 0x6a, ...set(AT), 0x0c, 0, 0x0b, 0x0b,
  // (local.get $found))
  ...get(FOUND), 0x0b
]

const bytes = Uint8Array.from([
  0x00, ...Buffer.from('asm'), 1, 0, 0, 0,
  ...section(1, 1, 0x60, 3, 0x7f, 0x7f, 0x7f, 1, 0x7f), // (type (func (param i32 i32 i32) (result i32)))
  ...section(2, 1, ...text('env'), ...text('memory'), 2, 3, 0, 0x80, 0x80, 4), // (import "env" "memory" (memory 0 65536 shared))
  ...section(3, 1, 0),
  ...section(7, 1, ...text('count'), 0, 0),
  ...section(10, 1, code.length, ...code)
])

/**
 * @param {WebAssembly.Memory} memory a shared one
 * @returns {(start: number, end: number, byte: number) => number} counts a byte from `start` up to `end` of the memory
 */
module.exports = function createCounter(memory) {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } })
  return (start, end, byte) => exports.count(start, end, byte) >>> 0
}
