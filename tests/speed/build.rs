//! Builds the BitLaunch driver as a component, as it is bundled, in a target directory of its own.

use std::{env, path::PathBuf, process::Command};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    for watched in ["../../plugins/Cargo.toml", "../../plugins/bitlaunch", "../../sdk", "../../wit"] {
        println!("cargo::rerun-if-changed={watched}");
    }
    let mut cargo = Command::new(env::var_os("CARGO").expect("cargo sets CARGO"));
    cargo.args(["build", "--release", "--locked", "--target", "wasm32-wasip2", "--manifest-path"]);
    cargo.arg("../../plugins/Cargo.toml").env("CARGO_TARGET_DIR", out.join("plugins"));
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
    assert!(built.success(), "the driver could not be built; is the target there? rustup target add wasm32-wasip2");
    let component = out.join("plugins/wasm32-wasip2/release/bitlaunch.wasm");
    std::fs::copy(component, out.join("bitlaunch.wasm")).expect("the build makes the component");
}
