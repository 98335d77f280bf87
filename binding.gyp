# Builds the addon: the C core and the thin C++ binding, as one shared object.
{
  "variables": {
    # CI sets this to 1: a warning in our own sources is an error there, and never on a user's compiler.
    "werror%": "<!(node -p \"process.env.FAULTLESS_WERROR || 0\")",
    # What the core is built on: the system, or `posix` (Linux without Linux's own calls, as macOS would run it), or `stub`
    # (a system that refuses everything). See docs/platforms.md.
    "faultless_os%": "<!(node -p \"process.env.FAULTLESS_OS || ''\")"
  },
  "targets": [
    {
      "target_name": "faultless",
      "sources": [
        "native/table.c",
        "native/mapping_table.c",
        "native/mapping.c",
        "native/mapping_setup.c",
        "native/mapping_end.c",
        "native/succession.c",
        "native/growth.c",
        "native/operation.c",
        "native/overlay.c",
        "native/overlay_ends.c",
        "native/populate.c",
        "native/read_policy.c",
        "native/residency.c",
        "native/advice.c",
        "native/blocks.c",
        "native/batch.c",
        "native/transfer.c",
        "native/damage.c",
        "native/guard.c",
        "native/verdict.c",
        "native/refresh.c",
        "native/write.c",
        "native/write_back.c",
        "native/resize.c",
        "native/mirror.c",
        "native/mirror_thread.c",
        "native/reaper.c",
        "native/map_entries.c",
        "native/pin_counts.c",
        "native/pinned_pages.c",
        "native/pins.c",
        "native/window.c",
        "native/inbox.c",
        "native/waiter.c",
        "native/waiter_thread.c",
        "native/binding.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": [
        "NAPI_VERSION=8",
        "NAPI_DISABLE_CPP_EXCEPTIONS",
        # A thread that is terminated inside a call of the addon takes no exception any more: that is no reason to abort.
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"
      ],
      "cflags": ["-Wall", "-Wextra", "-fvisibility=hidden"],
      "cflags_c": ["-std=c11"],
      "cflags_cc": ["-fvisibility-inlines-hidden"],
      "conditions": [
        ["faultless_os=='stub'", {
          "sources": ["native/os_stub.c", "native/os_no_blocks.c", "native/os_no_cached.c", "native/os_no_ranges.c", "native/os_no_waits.c"]
        }],
        ["faultless_os=='posix'", {
          "sources": ["native/os_posix.c", "native/os_posix_fault.c", "native/os_portable.c", "native/os_plain.c", "native/os_linux_any.c", "native/os_no_blocks.c", "native/os_no_cached.c", "native/os_no_ranges.c", "native/os_no_waits.c"]
        }],
        ["OS=='mac' and faultless_os==''", {
          "sources": ["native/os_posix.c", "native/os_posix_fault.c", "native/os_portable.c", "native/os_darwin.c", "native/os_no_blocks.c", "native/os_no_cached.c", "native/os_no_ranges.c"],
          # Node 22's own oldest macOS.
          "xcode_settings": {
            "MACOSX_DEPLOYMENT_TARGET": "11.0",
            "GCC_C_LANGUAGE_STANDARD": "c11",
            "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
            "WARNING_CFLAGS": ["-Wall", "-Wextra"]
          }
        }],
        ["OS=='linux' and faultless_os==''", {
          "sources": ["native/os_posix.c", "native/os_posix_fault.c", "native/os_linux.c", "native/os_linux_any.c", "native/os_linux_blocks.c", "native/os_linux_futex.c", "native/os_linux_open.c", "native/os_linux_ranges.c"],
          # The finalizer of an external buffer may run after the last thread that loaded the addon has gone
          # (docs/internals.md), so the object must never be unloaded.
          "ldflags": ["-Wl,-z,nodelete"],
          "conditions": [
            # Where off_t has 64 bits anyway, glibc would name fcntl64, which musl has not: the binary is to load on both.
            ["target_arch=='x64' or target_arch=='arm64'", { "cflags": ["-U_FILE_OFFSET_BITS"] }]
          ]
        }],
        ["OS!='win'", { "sources": ["native/host_posix.cc"] }],
        # What is built here is the mingw-w64 build of scripts/platforms/windows.js: the core uses POSIX threads, which
        # Microsoft's compiler has none of.
        ["OS=='win'", {
          "sources": [
            "native/os_windows.c",
            "native/os_windows_errors.c",
            "native/os_windows_range.c",
            "native/os_windows_space.c",
            "native/os_windows_fault.c",
            "native/os_no_blocks.c",
            "native/os_no_cached.c",
            "native/os_no_ranges.c",
            "native/os_no_waits.c",
            "native/host_windows.cc"
          ]
        }],
        ["werror==1", { "cflags": ["-Werror"] }]
      ]
    }
  ]
}
