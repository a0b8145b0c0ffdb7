//! Both fuzz targets under libFuzzer, on the stable compiler: only our own crates are compiled with its counters, so
//! that the runtime's millions of branches neither slow it down nor fill the corpus.

use crate::{run as must, say, tools};
use anyhow::{Context, Result, bail};
use std::{path::Path, process::Command, thread};

const TARGETS: [&str; 2] = ["door", "results"];
/// Crates whose branches are counted.
const COUNTED: [&str; 4] = ["bursar_core", "bursar_http", "bursar_drivers", "fuzz"];
const COUNTERS: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];
/// Set for cargo, which then calls this program in the place of the compiler.
const AS_COMPILER: &str = "BURSAR_XTASK_COUNTS";

/// Runs each target for so long, one beside the other. A finding stays in `tests/fuzz/findings` and ends the run.
pub fn run(minutes: Option<&str>) -> Result<()> {
    let minutes: u64 = minutes.unwrap_or("60").parse().context("how many minutes? cargo xtask fuzz 60")?;
    tools::wasm_target()?;
    let mut build = Command::new("cargo");
    build.args(["build", "--locked", "--profile", "fuzz", "--package", "fuzz", "--features", "libfuzzer"]);
    must(build.env("RUSTC_WORKSPACE_WRAPPER", std::env::current_exe()?).env(AS_COMPILER, "1"))?;
    say(&format!("fuzzing: {} for {minutes} min each", TARGETS.join(" and ")));
    let runs = TARGETS.map(|target| thread::spawn(move || fuzz(target, minutes * 60)));
    let mut failed = Vec::new();
    for (target, run) in TARGETS.iter().zip(runs) {
        if let Err(why) = run.join().unwrap_or_else(|_| bail!("its thread broke down")) {
            failed.push(format!("{target}: {why:#}"));
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => bail!(
            "{}\nthe inputs are in tests/fuzz/findings; \
             run one with FUZZ_INPUT=FILE cargo test -p fuzz, and keep it in tests/fuzz/corpus",
            failed.join("\n")
        ),
    }
}

fn fuzz(target: &str, secs: u64) -> Result<()> {
    let (kept, findings) = (format!("tests/fuzz/corpus/{target}"), "tests/fuzz/findings");
    let found = crate::target().join("fuzz-corpus").join(target);
    for folder in [&found, Path::new(&kept), Path::new(findings)] {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let mut fuzzer = Command::new(crate::target().join(format!("fuzz/fuzz-{target}")));
    fuzzer.args(["-max_len=4096", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"]);
    fuzzer.arg(format!("-max_total_time={secs}")).arg(format!("-artifact_prefix={findings}/{target}-"));
    must(fuzzer.arg(found).arg(kept))
}

/// Acts as the compiler if cargo calls this program as one.
pub fn as_compiler() -> Option<Result<()>> {
    let mut args = std::env::args().skip(1);
    let rustc = args.next().filter(|_| std::env::var_os(AS_COMPILER).is_some())?;
    let args: Vec<String> = args.collect();
    let name = args.iter().position(|arg| arg == "--crate-name").and_then(|at| args.get(at + 1));
    let counted = name.is_some_and(|name| COUNTED.contains(&name.as_str()));
    let mut command = Command::new(rustc);
    command.args(&args).args(COUNTERS.iter().filter(|_| counted));
    // Warnings and errors go through as the compiler prints them.
    Some(match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(why) => Err(why.into()),
    })
}
