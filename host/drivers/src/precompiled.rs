//! The one place that needs `unsafe`: taking compiled code back from disk.

use wasmtime::{Engine, component::Component};

/// Loads what `Component::serialize` wrote, or nothing where this runtime did not write it.
#[expect(unsafe_code, reason = "wasmtime cannot check machine code; who may write the file can, see below")]
pub(crate) fn component(engine: &Engine, code: &[u8]) -> Option<Component> {
    // SAFETY: the bytes must come from `Component::serialize` unaltered. They were written by `cache` into a folder of
    // mode 0700 (checked at each load), whole or not at all, under a name that holds the driver's hash, the runtime's
    // compatibility hash and our policy, and their own hash was compared just now. Who can forge all that runs as the
    // owner and needs no cache to run code. wasmtime itself refuses what another version or configuration compiled.
    unsafe { Component::deserialize(engine, code) }.ok()
}
