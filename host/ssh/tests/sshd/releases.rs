//! OpenSSH as other releases of the distribution have it, with their own loader and libraries: the oldest and the newest that
//! rented machines run. `cargo xtask test` fetches them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::machine::{Machine, Server, openssh};
use crate::odd::plain;
use crate::operations::all_of_it;

#[tokio::test]
async fn openssh_8_4() {
    of_release("8.4", |dir, port| server("8.4", dir, port)).await;
}

#[tokio::test]
async fn openssh_10_0() {
    of_release("10.0", |dir, port| server("10.0", dir, port)).await;
}

async fn of_release(openssh: &str, server: Server) {
    let missing = !place(openssh).join("ready").exists();
    if missing {
        eprintln!(
            "NOT TESTED: OpenSSH {openssh} is not there; `cargo xtask test` fetches it, and says why where it cannot"
        );
        return;
    }
    let version = Command::new(program(openssh, "usr/sbin/sshd")).arg("-V").output().unwrap().stderr;
    let version = String::from_utf8_lossy(&version);
    assert!(version.contains(&format!("OpenSSH_{openssh}")), "{version}");
    all_of_it(&Machine::served_by(server, plain)).await;
}

fn server(release: &str, dir: &Path, port: u16) -> Command {
    let mut command = Command::new(program(release, "usr/sbin/sshd"));
    command.args(openssh(dir, port).get_args());
    // Newer ones have a program of their own for a session, and for a login, and look for them where they are installed.
    for (option, name) in [("SshdSessionPath", "sshd-session"), ("SshdAuthPath", "sshd-auth")] {
        let path = program(release, &format!("usr/lib/openssh/{name}"));
        if path.exists() {
            command.arg(format!("-o{option}={}", path.display()));
        }
    }
    command
}

fn program(release: &str, path: &str) -> PathBuf {
    place(release).join("root").join(path)
}

fn place(release: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("openssh").join(release)
}
