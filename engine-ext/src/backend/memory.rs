//! What a process keeps of its memory between calls.
//!
//! The C library returns the top of the heap to the kernel as soon as 128 kB of it are free. A call on a hundred runs uses more,
//! so that each one would fetch its pages again: a tenth of its CPU time.

#![allow(unsafe_code)]

/// What a process keeps of the top of its heap.
#[cfg(target_env = "gnu")]
const KEPT_BYTES: i32 = 4 << 20;

/// Called once, when the library is loaded.
pub(crate) fn install() {
    #[cfg(target_env = "gnu")]
    // SAFETY: sets two numbers of the allocator of this process. Blocks below the second come from the heap; either setting stops
    // the library from adapting both.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES);
        libc::mallopt(libc::M_MMAP_THRESHOLD, KEPT_BYTES);
    }
}
