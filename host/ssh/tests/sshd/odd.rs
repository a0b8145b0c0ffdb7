//! The odd machines × the operations: every cell of the table is done against a real server, and all that fail are named.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use bursar_ssh::{Content, JobRead, JobSpec, JobState, Run, SetUp, SetUpState, SshError, Upload};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::machine::{Machine, openssh, quiet, run, which};

#[tokio::test]
async fn openssh_as_the_distribution_has_it() {
    all_of_it(&Machine::served_by(openssh, plain)).await;
}

#[tokio::test]
async fn dropbear() {
    all_of_it(&Machine::served_by(dropbear_server, plain)).await;
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
        "dirname",
        "env",
        "find",
        "grep",
        "head",
        "id",
        "ln",
        "ls",
        "mkdir",
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
    ]);
    machine.set_env(&[("BURSAR_SET_UP_PAUSE", "0")]);
    machine.shim("apt-get", "echo 'no way out of this container' >&2; exit 100");
    assert_eq!(machine.run("command -v tmux").await.exit, Some(1));
    all_of_it(&machine).await;
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
    let filled = machine.run("cat /dev/zero >filling; sync").await;
    assert!(filled.stderr.contains("No space left"), "{filled:?}");

    let mut wrong = vec![];
    cell(&mut wrong, "run", run_works(&machine).await);
    cell(&mut wrong, "logs", logs(&machine, "odd").await);
    cell(&mut wrong, "forward", forward(&machine).await);
    cell(&mut wrong, "download", download(&machine, "kept", b"old").await);
    // What cannot be done is refused with the reason, and leaves nothing half.
    let says_why = |done: Result<(), String>| match done {
        Err(why) if why.contains("No space left") => Ok(()),
        other => Err(format!("{other:?}")),
    };
    cell(&mut wrong, "upload", says_why(upload(&machine, "kept", &[b'x'; 300_000]).await));
    cell(&mut wrong, "job", says_why(job(&machine, "another").await));
    assert_eq!(fs::read_to_string(machine.home().join("kept")).unwrap(), "old");
    let left = fs::read_dir(machine.home())
        .unwrap()
        .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().contains("part"));
    assert_eq!(left.count(), 0);
    fs::remove_file(machine.home().join("filling")).unwrap();
    cell(&mut wrong, "job with room again", job(&machine, "another").await);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every operation on one machine.
async fn all_of_it(machine: &Machine) {
    let mut wrong = vec![];
    let data: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    cell(&mut wrong, "set up", set_up(machine).await);
    cell(&mut wrong, "run", run_works(machine).await);
    cell(&mut wrong, "time-out", time_out(machine).await);
    cell(&mut wrong, "upload", upload(machine, "a folder/it's.bin", &data).await);
    cell(&mut wrong, "download", download(machine, "a folder/it's.bin", &data).await);
    cell(&mut wrong, "job", job(machine, "odd").await);
    cell(&mut wrong, "logs", logs(machine, "odd").await);
    cell(&mut wrong, "forward", forward(machine).await);
    let _ = fs::remove_dir_all(machine.home().join("a folder"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn cell(wrong: &mut Vec<String>, operation: &str, done: Result<(), String>) {
    if let Err(why) = done {
        wrong.push(format!("{operation}: {why}"));
    }
}

async fn set_up(machine: &Machine) -> Result<(), String> {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        match machine.ssh.set_up(&machine.at(), &SetUp { gpu: false }).await.map_err(|error| error.to_string())? {
            SetUpState::Done { .. } => return Ok(()),
            SetUpState::Running { .. } if Instant::now() < until => {}
            other => return Err(format!("{other:?}")),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn run_works(machine: &Machine) -> Result<(), String> {
    let ask = Run {
        stdin: Some(b"in\n".to_vec()),
        ..run("cat <<'E'\n$HOME it's \"x\" \\n !!\nE\ncat; echo err >&2; exit 7 # end")
    };
    let ran = machine.ssh.run(&machine.at(), &ask).await.map_err(|error| error.to_string())?;
    same(&ran.stdout, "$HOME it's \"x\" \\n !!\nin\n")?;
    // A login may print there; the command's own words come last.
    same(ran.stderr.lines().last().unwrap_or_default(), "err")?;
    same(&format!("{:?}", ran.exit), "Some(7)")
}

async fn time_out(machine: &Machine) -> Result<(), String> {
    let sleeper = format!("sleep 99{}", machine.at().port);
    let ask = Run {
        timeout: Duration::from_secs(1),
        ..run(&format!("echo begun; trap '' TERM; setsid {sleeper} & {sleeper}; {sleeper}"))
    };
    let ran = machine.ssh.run(&machine.at(), &ask).await.map_err(|error| error.to_string())?;
    same(&format!("{} {}", ran.timed_out, ran.stdout), "true begun\n")?;
    same(&machine.lives(&sleeper).to_string(), "false")
}

async fn upload(machine: &Machine, to: &str, data: &[u8]) -> Result<(), String> {
    let upload = Upload { content: Content::Bytes(data.to_vec()), remote_path: to.into(), mode: None };
    let copied = machine.ssh.upload(&machine.at(), upload, &mut quiet()).await.map_err(|error| error.to_string())?;
    same(&copied.bytes.to_string(), &data.len().to_string())?;
    match fs::read(machine.home().join(to)).is_ok_and(|there| there == data) {
        true => Ok(()),
        false => Err("what arrived differs".into()),
    }
}

async fn download(machine: &Machine, from: &str, data: &[u8]) -> Result<(), String> {
    let here = tempfile::NamedTempFile::new().unwrap();
    let mut file = here.reopen().unwrap();
    let got = machine.ssh.download(&machine.at(), from, &mut file, None, &mut quiet()).await;
    got.map_err(|error| error.to_string())?;
    match fs::read(here.path()).unwrap() == data {
        true => Ok(()),
        false => Err("what came differs".into()),
    }
}

async fn job(machine: &Machine, name: &str) -> Result<(), String> {
    let spec = JobSpec {
        name: name.into(),
        command: "echo one; sleep 0.3; echo two; exit 3".into(),
        workdir: None,
        save: vec![],
    };
    machine.ssh.start_job(&machine.at(), &spec).await.map_err(|error| error.to_string())?;
    let until = Instant::now() + Duration::from_secs(15);
    loop {
        let job =
            machine.ssh.get_job(&machine.at(), name, &JobRead::default()).await.map_err(|error| error.to_string())?;
        match job.state {
            JobState::Exited { code: 3 } => return Ok(()),
            state if !state.is_open() || Instant::now() > until => return Err(format!("{state:?}")),
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn logs(machine: &Machine, name: &str) -> Result<(), String> {
    for (from_offset, log) in [(None, "one\ntwo\n"), (Some(0), "one\ntwo\n"), (Some(4), "two\n"), (Some(8), "")] {
        let read = JobRead { from_offset, ..JobRead::default() };
        let job = machine.ssh.get_job(&machine.at(), name, &read).await.map_err(|error| error.to_string())?;
        same(&job.log, log)?;
    }
    Ok(())
}

async fn forward(machine: &Machine) -> Result<(), String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut from, mut to) = stream.split();
        tokio::io::copy(&mut from, &mut to).await
    });
    let mut stream = machine.ssh.port(&machine.at(), port).await.map_err(|error| error.to_string())?;
    let mut came = [0; 5];
    stream.write_all(b"hello").await.map_err(|error| error.to_string())?;
    stream.read_exact(&mut came).await.map_err(|error| error.to_string())?;
    same(&String::from_utf8_lossy(&came), "hello")
}

fn same(found: &str, wanted: &str) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{found:?}, not {wanted:?}")) }
}

/// What the set-up would fetch is there already: the machine that runs the tests is never changed.
fn plain(home: &Path) {
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
