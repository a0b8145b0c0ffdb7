//! The odd machines × the operations: every cell of the table is done against a real server, and all that fail are named.

use std::fs;
use std::path::Path;
use std::process::Command;

use bursar_ssh::SshError;

use crate::machine::{Machine, openssh, which};
use crate::operations::{all_of_it, cell, download, folder_down, folder_up, forward, job, logs, run_works, upload};
use crate::trees;

#[tokio::test]
async fn openssh_as_the_distribution_has_it() {
    all_of_it(&Machine::served_by(openssh, plain)).await;
}

#[tokio::test]
async fn dropbear() {
    all_of_it(&Machine::served_by(dropbear_server, plain)).await;
}

// It closes a session that waits for its command when another one ends.
#[tokio::test]
async fn dropbear_with_sessions_that_end_while_others_begin() {
    let machine = Machine::served_by(dropbear_server, plain);
    let here = tempfile::tempdir().unwrap();
    trees::odd_folder(here.path());
    folder_up(&machine, here.path(), 14).await.unwrap();
    for _ in 0..20 {
        let back = tempfile::tempdir().unwrap();
        assert_eq!(folder_up(&machine, here.path(), 0).await, Ok(()));
        assert_eq!(folder_down(&machine, back.path(), 14).await, Ok(()));
    }
}

#[tokio::test]
async fn a_login_shell_that_is_fish() {
    let machine = Machine::served_by(fish_login, plain);
    assert!(machine.run("tr '\\0' ' ' </proc/$PPID/cmdline").await.stdout.contains("sshd"), "nothing stays between");
    all_of_it(&machine).await;
}

#[tokio::test]
async fn a_fish_login_of_dropbear_that_prints() {
    let prints = |home: &Path| {
        plain(home);
        fs::create_dir_all(home.join(".config/fish")).unwrap();
        fs::write(home.join(".config/fish/config.fish"), "echo welcome; echo hint >&2\n").unwrap();
    };
    all_of_it(&Machine::served_by(dropbear_fish, prints)).await;
}

#[tokio::test]
async fn a_profile_that_prints_a_banner() {
    let mut machine = Machine::served_by(openssh, |home| {
        plain(home);
        fs::write(home.join(".bashrc"), "printf '\\033[1mWelcome to ACME\\033[0m\\nno newline at the end'\n").unwrap();
    });
    let banner = machine.home().join("banner");
    fs::write(&banner, "authorized use only\n").unwrap();
    machine.configure(&format!("Banner {}", banner.display()));
    all_of_it(&machine).await;
}

#[tokio::test]
async fn a_container_without_tmux() {
    let mut machine = Machine::served_by(openssh, plain);
    machine.only(&[
        "sh",
        "bash",
        "cat",
        "chmod",
        "cut",
        "date",
        "dd",
        "dirname",
        "env",
        "find",
        "grep",
        "head",
        "id",
        "ln",
        "ls",
        "mkdir",
        "mktemp",
        "mv",
        "od",
        "printf",
        "readlink",
        "rm",
        "rmdir",
        "sed",
        "setsid",
        "sha256sum",
        "sleep",
        "sort",
        "stat",
        "tail",
        "tar",
        "timeout",
        "touch",
        "tr",
        "uname",
        "wc",
        "xargs",
    ]);
    machine.set_env(&[("BURSAR_SET_UP_PAUSE", "0")]);
    machine.shim("apt-get", "echo 'no way out of this container' >&2; exit 100");
    assert_eq!(machine.run("command -v tmux").await.exit, Some(1));
    all_of_it(&machine).await;
}

#[tokio::test]
async fn a_machine_without_tar_and_findutils_says_so() {
    let mut machine = Machine::served_by(openssh, plain);
    machine.only(&[
        "sh",
        "bash",
        "cat",
        "id",
        "mkdir",
        "mv",
        "rm",
        "rmdir",
        "sleep",
        "stat",
        "timeout",
        "uname",
        "wc",
        "chmod",
        "sha256sum",
    ]);
    let here = tempfile::tempdir().unwrap();
    trees::write(here.path().join("d/a"), "a");
    fs::create_dir_all(machine.home().join("a folder/of folders")).unwrap();
    let up = folder_up(&machine, here.path(), 1).await.unwrap_err();
    assert!(up.contains("lacks tar find xargs;") && up.contains("install"), "{up}");
    let down = folder_down(&machine, here.path(), 1).await.unwrap_err();
    assert!(down.contains("lacks find xargs;") && down.contains("or copy single files"), "{down}");
    assert_eq!(upload(&machine, "a folder/a", b"a").await, Ok(()));
}

#[tokio::test]
async fn a_server_with_one_session_at_a_time() {
    let mut machine = Machine::served_by(openssh, plain);
    machine.configure("MaxSessions 1");
    all_of_it(&machine).await;
}

#[tokio::test]
async fn a_machine_that_restarts() {
    for server in [openssh, dropbear_server] {
        let mut machine = Machine::served_by(server, plain);
        all_of_it(&machine).await;
        machine.down();
        let error = machine.try_run("true").await.unwrap_err();
        assert!(matches!(error, SshError::Unreachable { .. }) && error.may_pass(), "{error}");
        machine.up();
        all_of_it(&machine).await;
    }
}

#[tokio::test]
async fn a_full_disk() {
    let machine = Machine::served_by(openssh, |home| {
        let keys = fs::read(home.join(".ssh/authorized_keys")).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(home).status();
        assert!(mounted.unwrap().success(), "a small disk needs root: mount -t tmpfs");
        fs::create_dir_all(home.join(".ssh")).unwrap();
        fs::write(home.join(".ssh/authorized_keys"), keys).unwrap();
        plain(home);
    });
    let _unmounted = Unmount(machine.home());
    all_of_it(&machine).await;
    fs::write(machine.home().join("kept"), "old").unwrap();
    let (here, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    trees::write(here.path().join("d/kept"), "old");
    assert_eq!(folder_up(&machine, here.path(), 1).await, Ok(()));
    let filled = machine.run("cat /dev/zero >filling; sync").await;
    assert!(filled.stderr.contains("No space left"), "{filled:?}");

    let mut wrong = vec![];
    cell(&mut wrong, "run", run_works(&machine).await);
    cell(&mut wrong, "logs", logs(&machine, "odd0").await);
    cell(&mut wrong, "forward", forward(&machine).await);
    cell(&mut wrong, "download", download(&machine, "kept", b"old").await);
    cell(&mut wrong, "folder up, unchanged", folder_up(&machine, here.path(), 0).await);
    cell(&mut wrong, "folder down", folder_down(&machine, back.path(), 1).await);
    // What cannot be done is refused with the reason, and leaves nothing half.
    let says_why = |done: Result<(), String>| match done {
        Err(why) if why.contains("No space left") => Ok(()),
        other => Err(format!("{other:?}")),
    };
    cell(&mut wrong, "upload", says_why(upload(&machine, "kept", &[b'x'; 300_000]).await));
    trees::write(here.path().join("d/kept"), vec![b'x'; 300_000]);
    cell(&mut wrong, "folder up", says_why(folder_up(&machine, here.path(), 1).await));
    cell(&mut wrong, "job", says_why(job(&machine, "another").await));
    assert_eq!(fs::read_to_string(machine.home().join("kept")).unwrap(), "old");
    let there = machine.home().join("a folder/of folders");
    assert_eq!(fs::read_to_string(there.join("d/kept")).unwrap(), "old");
    for folder in [machine.home(), there] {
        let left: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().contains("part")), "{left:?}");
    }
    fs::remove_file(machine.home().join("filling")).unwrap();
    cell(&mut wrong, "folder with room again", folder_up(&machine, here.path(), 1).await);
    cell(&mut wrong, "job with room again", job(&machine, "another").await);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the set-up would fetch is there already: the machine that runs the tests is never changed.
pub(crate) fn plain(home: &Path) {
    let bin = home.join(".local/bin");
    fs::create_dir_all(&bin).unwrap();
    for tool in ["git", "curl", "rsync", "uv"] {
        fs::write(bin.join(tool), "#!/bin/sh\n").unwrap();
        fs::set_permissions(bin.join(tool), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
}

fn fish_login(dir: &Path, port: u16) -> Command {
    at_home(openssh(dir, port), dir, "/usr/bin/fish")
}

fn dropbear_server(dir: &Path, port: u16) -> Command {
    at_home(bare_dropbear(dir, port), dir, "/bin/sh")
}

fn dropbear_fish(dir: &Path, port: u16) -> Command {
    at_home(bare_dropbear(dir, port), dir, "/usr/bin/fish")
}

fn bare_dropbear(dir: &Path, port: u16) -> Command {
    let key = dir.join("dropbear_key");
    if !key.exists() {
        let made = Command::new("dropbearkey").args(["-t", "ed25519", "-f"]).arg(&key).output();
        assert!(made.expect("dropbear is missing: apt-get install dropbear-bin").status.success());
    }
    let mut command = Command::new(which("dropbear").expect("dropbear is missing: apt-get install dropbear-bin"));
    // With -e its sessions get its own environment, so that each machine has a tmux of its own.
    command.args(["-F", "-E", "-e", "-s", "-p", &format!("127.0.0.1:{port}"), "-P"]).arg(dir.join("pid"));
    command.arg("-r").arg(key).env("TMUX_TMPDIR", dir.join("tmux"));
    command
}

/// Lets a server believe in another home folder and login shell of whoever runs the tests.
fn at_home(mut command: Command, dir: &Path, shell: &str) -> Command {
    let me = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    let all = fs::read_to_string("/etc/passwd").unwrap();
    let changed = all.lines().map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        match fields[..] {
            [name, x, user, group, about, ..] if name == me.trim() => {
                format!("{name}:{x}:{user}:{group}:{about}:{}/home:{shell}\n", dir.display())
            }
            _ => format!("{line}\n"),
        }
    });
    fs::write(dir.join("passwd"), changed.collect::<String>()).unwrap();
    assert!(Path::new("/usr/share/doc/libnss-wrapper").exists(), "it is missing: apt-get install libnss-wrapper");
    command.env("LD_PRELOAD", "libnss_wrapper.so").env("NSS_WRAPPER_PASSWD", dir.join("passwd"));
    command.env("NSS_WRAPPER_GROUP", "/etc/group");
    command
}

struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
