//! `cargo xtask demo | test | bench | fuzz | kills | soak | live | weaken`: the commands of the README. Everything they need they install or name.

mod bench;
mod clients;
mod fuzz;
mod live;
mod releases;
mod tools;
mod weaken;

use anyhow::{Context, Result, bail};
use std::{path::PathBuf, process::Command};

const USAGE: &str = "usage: cargo xtask demo [--provider NAME] | test | bench | fuzz | kills | soak | live | weaken

  demo [--provider NAME]  builds Bursar and walks the whole loop against an imitated provider, for nothing
  test    formatting, lints, documentation, every test
  bench [start | call | ledger | remote | files]  measures start and memory, a driver call, reserving, work on machines, copies; or one of these
  fuzz [MINUTES]  arbitrary requests at the door and arbitrary results of drivers, an hour of each unless said otherwise
  kills [N]  kills servers, commands and keepers 500 times, or N, while they rent and end at a provider with faults
  soak [--walks N] [--from SEED] | --seed SEED  walks simulated worlds and holds the laws against their truth; or tells one walk
  live    walks the loop against the real provider with your key, on its cheapest machine, and destroys it
  weaken [WORD]  weakens the sandbox or how money is kept in a copy of this tree, once per patch (with the word in its path), and
          sees that a test fails each time";

fn main() -> Result<()> {
    if let Some(rustc) = fuzz::as_compiler() {
        return rustc;
    }
    std::env::set_current_dir(root())?;
    let task = std::env::args().nth(1).unwrap_or_default();
    match task.as_str() {
        "demo" => demo(&std::env::args().skip(2).collect::<Vec<_>>()),
        "test" => test(),
        "bench" => bench::run(std::env::args().nth(2).as_deref()),
        "fuzz" => fuzz::run(std::env::args().nth(2).as_deref()),
        "kills" => kills(std::env::args().nth(2).as_deref()),
        "soak" => soak(&std::env::args().skip(2).collect::<Vec<_>>()),
        "live" => live::run(),
        "weaken" => weaken::run_all(std::env::args().nth(2).as_deref()),
        _ => bail!("{USAGE}"),
    }
}

fn demo(args: &[String]) -> Result<()> {
    tools::wasm_target()?;
    say("building Bursar; the first time this takes some minutes");
    cargo(&["build", "--locked", "--package", "bursar"])?;
    run(Command::new(target().join("debug/bursar")).arg("demo").args(args))
}

fn test() -> Result<()> {
    tools::wasm_target()?;
    tools::for_tests()?;
    releases::fetch_all();
    clients::install_all()?;
    say("formatting");
    cargo(&["fmt", "--all", "--check"])?;
    cargo(&["fmt", "--manifest-path", "plugins/Cargo.toml", "--all", "--check"])?;
    say("lints");
    cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    cargo(&["clippy", "--locked", "--manifest-path", "plugins/Cargo.toml", "--all-targets", "--", "-D", "warnings"])?;
    say("documentation");
    run(Command::new("cargo")
        .args(["doc", "--locked", "--workspace", "--no-deps", "--quiet"])
        .env("RUSTDOCFLAGS", "-D warnings"))?;
    say("drivers, against recorded replies");
    cargo(&["test", "--locked", "--manifest-path", "plugins/Cargo.toml"])?;
    say("everything else");
    match tools::has("cargo-nextest") {
        true => cargo(&["nextest", "run", "--locked", "--workspace"])?,
        false => cargo(&["test", "--locked", "--workspace", "--lib", "--bins", "--tests"])?,
    }
    cargo(&["test", "--locked", "--workspace", "--doc"])?;
    say("all tests passed");
    Ok(())
}

/// The tests kill a few dozen; this kills as many as one likes.
fn kills(times: Option<&str>) -> Result<()> {
    tools::wasm_target()?;
    let walk = ["test", "--locked", "--package", "bursar", "--test", "system", "kills::", "--", "--nocapture"];
    run(Command::new("cargo").args(walk).env("BURSAR_KILLS", times.unwrap_or("500")))
}

/// The tests walk the first 2,000 seeds; this walks as many as one likes, optimised, with every overflow and assertion of ours on.
fn soak(words: &[String]) -> Result<()> {
    tools::wasm_target()?;
    let walk = ["run", "--locked", "--profile", "fuzz", "--package", "simulation", "--"];
    run(Command::new("cargo").args(walk).args(words))
}

/// Runs cargo, and stops at the first failure.
pub fn cargo(args: &[&str]) -> Result<()> {
    run(Command::new("cargo").args(args))
}

/// Runs a command, and stops at the first failure.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?} could not be started"))?;
    match status.success() {
        true => Ok(()),
        false => bail!("{command:?} ended with {status}; see above"),
    }
}

/// Says what comes next.
pub fn say(text: &str) {
    eprintln!("\n── {text}");
}

/// Returns where cargo builds.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Returns the root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
