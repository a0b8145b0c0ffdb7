//! Builds both drivers as components, BitLaunch as it is bundled, in target directories of their own.

use std::{env, path::PathBuf, process::Command};

fn main() {
    for watched in
        ["../plans/Cargo.toml", "../plans/driver.toml", "../plans/src", "../../plugins", "../../sdk", "../../wit"]
    {
        println!("cargo::rerun-if-changed={watched}");
    }
    component("../plans/Cargo.toml", "plans");
    component("../../plugins/Cargo.toml", "bitlaunch");
}

fn component(manifest: &str, name: &str) {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let target = out.join("target").join(name);
    let mut cargo = Command::new(env::var_os("CARGO").expect("cargo sets CARGO"));
    cargo.args(["build", "--release", "--locked", "--target", "wasm32-wasip2", "--manifest-path", manifest]);
    cargo.args(["--package", name]).env("CARGO_TARGET_DIR", &target);
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
    assert!(built.success(), "{name} could not be built; is the target there? rustup target add wasm32-wasip2");
    let component = target.join(format!("wasm32-wasip2/release/{name}.wasm"));
    std::fs::copy(component, out.join(format!("{name}.wasm"))).expect("the build makes the component");
}
