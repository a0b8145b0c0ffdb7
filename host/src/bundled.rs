//! The drivers that come inside the binary. Each is loaded exactly as a stranger's file would be.

/// File name and component of every bundled driver, built from `plugins/` by `build.rs`.
pub const DRIVERS: &[(&str, &[u8])] = &[
    ("aleph.wasm", include_bytes!(concat!(env!("OUT_DIR"), "/aleph.wasm"))),
    ("bitlaunch.wasm", include_bytes!(concat!(env!("OUT_DIR"), "/bitlaunch.wasm"))),
    ("vast.wasm", include_bytes!(concat!(env!("OUT_DIR"), "/vast.wasm"))),
];
