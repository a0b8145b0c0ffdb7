//! Shows that the tests of the sandbox catch a door that was weakened, and the simulation money that leaks: each patch in
//! `tests/sandbox/weakened` and `tests/simulation/weakened` is applied to a copy of this tree, and the test that it names must
//! fail there. What it does not do: touch the tree itself.

use crate::{root, run, say};
use anyhow::{Context, Result, bail, ensure};
use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A patch, and the test that must fail with it.
struct Weakening {
    patch: PathBuf,
    what: String,
    package: String,
    target: String,
    test: String,
}

/// Tries every patch, or those with this word in their path.
pub fn run_all(word: Option<&str>) -> Result<()> {
    crate::tools::wasm_target()?;
    let copy = root().canonicalize()?.join("target/weakened");
    copy_tree(&copy)?;
    let all = weakenings(word.unwrap_or_default())?;
    let mut seen = HashSet::new();
    for weakening in all.iter().filter(|weakening| seen.insert((&weakening.package, &weakening.test))) {
        say(&format!("as it is: {}", weakening.test));
        run(&mut weakening.test(&copy, &[]))?;
    }
    let mut missed = Vec::new();
    for weakening in &all {
        say(&format!("weakened: {}", weakening.what));
        apply(&copy, &weakening.patch, &[])?;
        let caught = weakening.is_caught(&copy);
        apply(&copy, &weakening.patch, &["--reverse"])?;
        if !caught? {
            missed.push(weakening.what.clone());
        }
    }
    println!("\n| weakening | test that fails |\n|---|---|");
    for weakening in &all {
        let outcome = if missed.contains(&weakening.what) { "**none**" } else { &weakening.test };
        println!("| {} | `{outcome}` |", weakening.what);
    }
    ensure!(missed.is_empty(), "these weakenings are not caught: {}", missed.join("; "));
    Ok(())
}

impl Weakening {
    fn read(patch: PathBuf) -> Result<Weakening> {
        let text = fs::read_to_string(&patch)?;
        let line = |name: &str| {
            let found = text.lines().find_map(|line| line.strip_prefix(name));
            found.map(str::to_owned).with_context(|| format!("{} has no line `{name}`", patch.display()))
        };
        let (what, caught) = (line("Weakens: ")?, line("Caught by: ")?);
        let words: Vec<&str> = caught.split(' ').collect();
        let [package, target, test] = words[..] else { bail!("{}: `Caught by: PACKAGE TARGET TEST`", patch.display()) };
        Ok(Weakening { what, package: package.into(), target: target.into(), test: test.into(), patch })
    }

    /// The one test of this weakening, in the copy, with what is built shared.
    fn test(&self, copy: &Path, more: &[&str]) -> Command {
        let mut command = Command::new("cargo");
        command.args(["test", "--quiet", "--locked", "--package", &self.package]).args(more);
        match self.target.as_str() {
            "lib" => command.arg("--lib"),
            target => command.args(["--test", target]),
        };
        command.env("CARGO_TARGET_DIR", crate::target()).current_dir(copy);
        command.args(["--", "--exact", &self.test]);
        command
    }

    /// A weakened door that does not build is caught by nothing.
    fn is_caught(&self, copy: &Path) -> Result<bool> {
        run(&mut self.test(copy, &["--no-run"]))?;
        let output = self.test(copy, &[]).output()?;
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let shows = |line: &&str| line.contains("got through") || line.contains("a law got broken");
        told.lines().filter(shows).for_each(|line| eprintln!("{line}"));
        Ok(!output.status.success() && told.contains("test result: FAILED"))
    }
}

fn weakenings(word: &str) -> Result<Vec<Weakening>> {
    let mut patches: Vec<PathBuf> = Vec::new();
    for folder in ["tests/sandbox/weakened", "tests/simulation/weakened"] {
        for entry in fs::read_dir(root().join(folder))? {
            patches.push(entry?.path());
        }
    }
    patches.retain(|patch| patch.to_string_lossy().contains(word));
    patches.sort();
    ensure!(!patches.is_empty(), "there are no such patches");
    patches.into_iter().map(Weakening::read).collect()
}

/// Copies what git knows or would take, so that nothing built comes along. What did not change is not written again.
fn copy_tree(copy: &Path) -> Result<()> {
    let listed = Command::new("git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).output()?;
    ensure!(listed.status.success(), "git does not list the files of this tree");
    for file in String::from_utf8(listed.stdout)?.split('\0').filter(|file| !file.is_empty()) {
        let (from, to) = (root().join(file), copy.join(file));
        let Ok(bytes) = fs::read(&from) else { continue };
        if fs::read(&to).is_ok_and(|there| there == bytes) {
            continue;
        }
        fs::create_dir_all(to.parent().context("a file lies in a folder")?)?;
        fs::write(&to, bytes)?;
    }
    Ok(())
}

fn apply(copy: &Path, patch: &Path, more: &[&str]) -> Result<()> {
    let mut command = Command::new("git");
    // The copy lies inside the tree; git must not look for a repository around it.
    command.current_dir(copy).env("GIT_CEILING_DIRECTORIES", copy.parent().context("it lies in target")?);
    run(command.arg("apply").args(more).arg(patch.canonicalize()?))
}
