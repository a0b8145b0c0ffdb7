//! The providers' own clients, from the Python index, each in a virtual environment of its own: tests point them at practice.

use crate::{run, say, target};
use anyhow::{Context, Result};
use std::process::Command;

/// Package and version. Tests find it as `target/tmp/clients/PACKAGE-VERSION/bin`.
const CLIENTS: [(&str, &str); 2] = [("tensorpool", "0.0.9"), ("vastai", "1.9.1")];

/// Makes what is missing. One that was made half is made again.
pub fn install_all() -> Result<()> {
    for (package, version) in CLIENTS {
        let place = target().join("tmp/clients").join(format!("{package}-{version}"));
        if place.join("done").exists() {
            continue;
        }
        say(&format!("installing {package} {version} for the tests"));
        if place.exists() {
            std::fs::remove_dir_all(&place).with_context(|| format!("{} could not be removed", place.display()))?;
        }
        run(Command::new("python3").args(["-m", "venv"]).arg(&place))?;
        let wanted = format!("{package}=={version}");
        run(Command::new(place.join("bin/pip")).args(["install", "--quiet", "--disable-pip-version-check", &wanted]))?;
        std::fs::write(place.join("done"), b"")?;
    }
    Ok(())
}
