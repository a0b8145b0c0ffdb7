//! Builds the guests from source, once per process, into a folder of their own.

use std::{path::PathBuf, process::Command, sync::OnceLock};

pub fn odd() -> &'static [u8] {
    read(&built("odd"))
}

/// Returns a component that imports what no driver is given.
pub fn reach() -> &'static [u8] {
    read(&built("reach"))
}

pub fn bundled() -> &'static [(&'static str, &'static [u8])] {
    static ALL: OnceLock<Vec<(&'static str, &'static [u8])>> = OnceLock::new();
    ALL.get_or_init(|| vec![("odd.wasm", odd())])
}

fn built(name: &str) -> PathBuf {
    static TARGET: OnceLock<PathBuf> = OnceLock::new();
    let target = TARGET.get_or_init(|| {
        let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("guests");
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guests/Cargo.toml");
        build(manifest, &target);
        target
    });
    target.join(format!("wasm32-wasip2/release/{name}.wasm"))
}

/// Builds a workspace of components. Nothing of the outer build's environment leaks into it.
pub fn build(manifest: &str, target: &std::path::Path) {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--quiet", "--target", "wasm32-wasip2", "--manifest-path", manifest]);
    command.env("CARGO_TARGET_DIR", target);
    for leak in
        ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_TARGET"]
    {
        command.env_remove(leak);
    }
    let output = command.output().expect("cargo runs");
    assert!(output.status.success(), "the guests do not build:\n{}", String::from_utf8_lossy(&output.stderr));
}

fn read(path: &std::path::Path) -> &'static [u8] {
    std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).leak()
}
