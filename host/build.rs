//! Builds the drivers in `plugins/` as components and hands them to `bundled.rs`.
//!
//! They are a workspace of their own with a target directory of their own: a nested cargo on the shared one would wait
//! for this very build.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

const DRIVERS: [&str; 5] = ["aleph", "bitlaunch", "ionet", "tensorpool", "vast"];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let drivers = DRIVERS.map(|driver| format!("plugins/{driver}"));
    let shared = ["plugins/Cargo.toml", "plugins/Cargo.lock", "sdk", "wit"];
    for watched in drivers.iter().map(String::as_str).chain(shared) {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    let target = out.join("plugins");
    let mut cargo = Command::new(env::var_os("CARGO").expect("cargo sets CARGO"));
    cargo.args(["build", "--release", "--locked", "--target", "wasm32-wasip2", "--manifest-path"]);
    cargo.arg(root.join("plugins/Cargo.toml")).env("CARGO_TARGET_DIR", &target);
    // What the outer build sets for the host's own target is not meant for a component.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        let outer =
            name.starts_with("CARGO_ENCODED_") || name.starts_with("CARGO_CFG_") || name.starts_with("CARGO_PROFILE_");
        if outer || ["RUSTFLAGS", "RUSTC_WORKSPACE_WRAPPER", "RUSTC_WRAPPER", "CARGO_BUILD_TARGET"].contains(&&*name) {
            cargo.env_remove(&*name);
        }
    }
    let built = cargo.status().expect("cargo can be started");
    assert!(
        built.success(),
        "the drivers could not be built (see above); if the target is missing: rustup target add wasm32-wasip2"
    );
    for driver in DRIVERS {
        let component = target.join("wasm32-wasip2/release").join(format!("{driver}.wasm"));
        std::fs::copy(&component, out.join(format!("{driver}.wasm")))
            .expect("the build makes one component per driver");
    }
}
