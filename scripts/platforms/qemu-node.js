// Preloaded into a Node that qemu-user runs: the kernel cannot start that binary by itself, so children that a test starts
// by process.execPath go through the script that starts it under qemu. FAULTLESS_QEMU_NODE names that script.
'use strict'

process.execPath = process.env.FAULTLESS_QEMU_NODE
