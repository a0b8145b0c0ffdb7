//! A machine for a test: OpenSSH's own server as a child process, with a home folder in a temporary directory. Where the
//! server is missing the test fails and says so; nothing is skipped.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bursar_ssh::{Env, Ran, Run, Ssh, SshError, Target};

pub(crate) struct Machine {
    dir: tempfile::TempDir,
    port: u16,
    sshd: Option<Child>,
    server: Server,
    pub(crate) ssh: Ssh,
}

/// Returns the command of an SSH server that serves a machine's folder at a port.
pub(crate) type Server = fn(&Path, u16) -> Command;

impl Machine {
    pub(crate) fn start() -> Machine {
        Machine::start_with(|_| {})
    }

    /// `prepare` gets the home folder before the server starts.
    pub(crate) fn start_with(prepare: impl FnOnce(&Path)) -> Machine {
        Machine::served_by(openssh, prepare)
    }

    pub(crate) fn served_by(server: Server, prepare: impl FnOnce(&Path)) -> Machine {
        let dir = tempfile::Builder::new().prefix("bssh").tempdir().unwrap();
        for folder in ["home/.ssh", "tmux", "shims"] {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let ssh = Ssh::open(&dir.path().join("state/ssh"), None).unwrap();
        fs::write(dir.path().join("home/.ssh/authorized_keys"), ssh.public_key().unwrap() + "\n").unwrap();
        prepare(&dir.path().join("home"));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut machine = Machine { dir, port, sshd: None, server, ssh };
        machine.new_host_key();
        machine.write_config();
        machine.up();
        machine
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.dir.path().join("state/ssh")
    }

    pub(crate) fn at(&self) -> Target {
        Target { instance: "i1".into(), host: "127.0.0.1".into(), port: self.port, user: user(), jump: None }
    }

    /// Puts a program in front of all others of that name.
    pub(crate) fn shim(&self, name: &str, text: &str) {
        let path = self.dir.path().join("shims").join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Leaves only the shims and these programs on the machine.
    pub(crate) fn only(&mut self, programs: &[&str]) {
        let bin = self.dir.path().join("bin");
        fs::create_dir_all(&bin).unwrap();
        for program in programs {
            let found = which(program).unwrap_or_else(|| panic!("the test needs {program}, and it is not in PATH"));
            std::os::unix::fs::symlink(found, bin.join(program)).unwrap();
        }
        self.set_env(&[("PATH", &format!("{}:{}", self.dir.path().join("shims").display(), bin.display()))]);
    }

    /// Sets further variables for all that logs in, and starts the server anew.
    pub(crate) fn set_env(&mut self, more: &[(&str, &str)]) {
        let path = self.dir.path().join("env");
        let mut text = fs::read_to_string(&path).unwrap_or_default();
        for (name, value) in more {
            text.push_str(&format!("{name}={value}\n"));
        }
        fs::write(path, text).unwrap();
        self.write_config();
        self.down();
        self.up();
    }

    /// Adds lines to the server's configuration, and starts it anew.
    pub(crate) fn configure(&mut self, lines: &str) {
        fs::write(self.dir.path().join("more"), lines).unwrap();
        self.write_config();
        self.down();
        self.up();
    }

    pub(crate) fn new_host_key(&self) {
        let path = self.dir.path().join("host_key");
        let _ = fs::remove_file(&path);
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&path).status();
        assert!(made.expect("ssh-keygen is missing: apt-get install openssh-client").success());
    }

    pub(crate) fn up(&mut self) {
        let child = (self.server)(self.dir.path(), self.port)
            .stdin(Stdio::null())
            .stderr(fs::File::create(self.dir.path().join("sshd.log")).unwrap())
            .spawn()
            .unwrap();
        self.sshd = Some(child);
        let until = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = || fs::read_to_string(self.dir.path().join("sshd.log")).unwrap_or_default();
            assert!(Instant::now() < until, "sshd does not answer: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends the server and every connection, as a power cut would; what runs on the machine goes on.
    pub(crate) fn down(&mut self) {
        let Some(mut sshd) = self.sshd.take() else { return };
        self.break_connections(sshd.id());
        let _ = sshd.kill();
        let _ = sshd.wait();
    }

    pub(crate) fn cut(&self) {
        self.break_connections(self.sshd.as_ref().unwrap().id());
    }

    fn break_connections(&self, root: u32) {
        let mut family = vec![root];
        let all = processes();
        let mut at = 0;
        while at < family.len() {
            let parent = family[at];
            family.extend(
                all.iter()
                    .filter(|p| p.parent == parent && SERVERS.iter().any(|s| p.name.starts_with(s)))
                    .map(|p| p.pid),
            );
            at += 1;
        }
        for pid in &family[1..] {
            kill(*pid);
        }
        // What was killed is dead, and its connections closed, a moment later.
        let until = Instant::now() + Duration::from_secs(5);
        while processes().iter().any(|p| family[1..].contains(&p.pid)) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn write_config(&self) {
        let dir = self.dir.path().display();
        let shims = format!("{dir}/shims:{}", std::env::var("PATH").unwrap_or_default());
        let more = fs::read_to_string(self.dir.path().join("env")).unwrap_or_default();
        let mut env = vec![format!("HOME={dir}/home"), format!("TMUX_TMPDIR={dir}/tmux")];
        if !more.contains("PATH=") {
            env.push(format!("PATH={shims}"));
        }
        env.extend(more.lines().map(str::to_owned));
        let text = format!(
            "Port {}\nListenAddress 127.0.0.1\nHostKey {dir}/host_key\nPidFile none\nAuthorizedKeysFile {dir}/home/.ssh/authorized_keys\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\nMaxStartups 100\n\
             Subsystem sftp internal-sftp\nSetEnv {}\n{}\n",
            self.port,
            env.join(" "),
            fs::read_to_string(self.dir.path().join("more")).unwrap_or_default(),
        );
        fs::write(self.dir.path().join("sshd_config"), text).unwrap();
    }

    pub(crate) async fn run(&self, command: &str) -> Ran {
        self.try_run(command).await.unwrap()
    }

    pub(crate) async fn try_run(&self, command: &str) -> Result<Ran, SshError> {
        self.ssh.run(&self.at(), &run(command)).await
    }

    /// Whether a process lives whose command line holds `text`.
    pub(crate) fn lives(&self, text: &str) -> bool {
        processes().iter().any(|p| p.line.contains(text))
    }
}

impl Machine {
    /// Ends the server and every process on the machine, as a power cut would. It comes back with `up`.
    pub(crate) fn power_off(&mut self) {
        self.down();
        let mark = format!("HOME={}", self.home().display());
        for _ in 0..3 {
            for pid in processes().iter().map(|p| p.pid) {
                let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
                if environ.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes()) {
                    kill(pid);
                }
            }
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.power_off();
    }
}

/// The names of what answers for a machine; what runs on it has others.
const SERVERS: [&str; 2] = ["sshd", "dropbear"];

pub(crate) fn openssh(dir: &Path, _: u16) -> Command {
    let sshd =
        which("sshd").expect("the OpenSSH server is missing and these tests need it: apt-get install openssh-server");
    if Path::new("/run").is_dir() {
        let _ = fs::create_dir_all("/run/sshd");
    }
    let mut command = Command::new(sshd);
    command.args(["-D", "-e", "-f"]).arg(dir.join("sshd_config"));
    command
}

pub(crate) fn run(command: &str) -> Run {
    Run {
        command: command.into(),
        timeout: Duration::from_secs(30),
        stdin: None,
        max_output: 100_000,
        workdir: None,
        env: Env::default(),
    }
}

pub(crate) fn quiet() -> impl FnMut(u64, u64) + Send {
    |_, _| {}
}

struct Process {
    pid: u32,
    parent: u32,
    name: String,
    line: String,
}

fn processes() -> Vec<Process> {
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
        let mut fields = rest.split(' ');
        if fields.next()? == "Z" {
            return None;
        }
        let parent = fields.next()?.parse().ok()?;
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        Some(Process { pid, parent, name: name.to_owned(), line })
    })
    .collect()
}

fn kill(pid: u32) {
    let _ = Command::new("kill").args(["-9", &pid.to_string()]).stderr(Stdio::null()).status();
}

fn user() -> String {
    String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap().trim().to_owned()
}

pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin:/usr/local/sbin";
    path.split(':').map(|folder| Path::new(folder).join(program)).find(|path| path.is_file())
}
