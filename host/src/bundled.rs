//! The drivers that come inside the binary. Each is loaded exactly as a stranger's file would be.

macro_rules! bundled {
    ($($name:literal),*) => {
        &[$((concat!($name, ".wasm"), include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".wasm")))),*]
    };
}

/// File name and component of every bundled driver, built from `plugins/` by `build.rs`.
pub const DRIVERS: &[(&str, &[u8])] = bundled!["aleph", "bitlaunch", "ionet", "tensorpool", "vast"];

/// The one that simulated worlds are walked with: loading all of them for each simulated process takes most of a walk.
pub const SIMULATED: &[(&str, &[u8])] = bundled!["bitlaunch"];
