//! What building and testing need from the computer: installed where that is ours to do, named exactly where not.

use crate::{run, say, target};
use anyhow::{Result, bail};
use std::process::Command;

/// Makes sure that drivers can be built.
pub fn wasm_target() -> Result<()> {
    let installed = Command::new("rustup").args(["target", "list", "--installed"]).output();
    match installed {
        Ok(output) if String::from_utf8_lossy(&output.stdout).contains("wasm32-wasip2") => Ok(()),
        Ok(_) => {
            say("adding the target that drivers are built for");
            run(Command::new("rustup").args(["target", "add", "wasm32-wasip2"]))
        }
        // Without rustup the target may be there all the same; the build will say.
        Err(_) => Ok(()),
    }
}

/// Program, and the Debian package that has it.
const FOR_TESTS: [(&str, &str); 11] = [
    ("/usr/sbin/sshd", "openssh-server"),
    ("ssh", "openssh-client"),
    ("/usr/sbin/dropbear", "dropbear-bin"),
    ("fish", "fish"),
    ("/usr/share/doc/libnss-wrapper", "libnss-wrapper"),
    ("tmux", "tmux"),
    ("strace", "strace"),
    ("busybox", "busybox"),
    ("openssl", "openssl"),
    ("patchelf", "patchelf"),
    ("python3", "python3-venv"),
];

/// The providers' own clients, from the Python index: each walks its imitation in practice.
const PYTHON_CLIENTS: [(&str, &str); 1] = [("vastai", "1.9.1")];

/// Makes sure that the providers' own clients are there: each in an environment of its own under the target directory, where
/// tests look for it.
pub fn python_clients() -> Result<()> {
    for (package, version) in PYTHON_CLIENTS {
        let place = target().join("clients").join(format!("{package}-{version}"));
        if place.join("bin").join(package).exists() {
            continue;
        }
        say(&format!("installing {package} {version} into {}", place.display()));
        run(Command::new("python3").args(["-m", "venv"]).arg(&place))?;
        let mut pip = Command::new(place.join("bin/pip"));
        run(pip.args(["install", "--quiet", "--disable-pip-version-check", &format!("{package}=={version}")]))?;
    }
    Ok(())
}

/// What copies are measured against.
const FOR_BENCH: [(&str, &str); 3] =
    [("/usr/sbin/sshd", "openssh-server"), ("scp", "openssh-client"), ("rsync", "rsync")];

/// Makes sure that the tests find real SSH servers and the like. Nothing is skipped because something is missing.
pub fn for_tests() -> Result<()> {
    all_there(&FOR_TESTS)
}

pub fn for_bench() -> Result<()> {
    all_there(&FOR_BENCH)
}

fn all_there(wanted: &[(&str, &'static str)]) -> Result<()> {
    let missing =
        || wanted.iter().filter(|(program, _)| !has(program)).map(|(_, package)| *package).collect::<Vec<_>>();
    if missing().is_empty() {
        return Ok(());
    }
    if has("apt-get") && is_root() {
        say(&format!("installing {}", missing().join(", ")));
        run(Command::new("apt-get").args(["update", "-qq"]))?;
        let mut install = Command::new("apt-get");
        install.args(["install", "-y", "-qq", "--no-install-recommends"]).args(missing());
        run(install.env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    match &missing()[..] {
        [] => Ok(()),
        names => bail!("this needs {}; install it (on Debian as root this is done for you)", names.join(", ")),
    }
}

/// Returns whether a program is there: by its path, or somewhere in PATH.
pub fn has(program: &str) -> bool {
    if program.starts_with('/') {
        return std::path::Path::new(program).exists();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}
