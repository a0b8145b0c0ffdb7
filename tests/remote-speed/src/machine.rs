//! The machine of the measurements: OpenSSH's own server on loopback, with a home folder of its own, in memory where there is
//! room; and the system's client, over a connection that stays.

use anyhow::{Context, Result, ensure};
use bursar_ssh::{Ssh, Target};
use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

pub struct Machine {
    dir: tempfile::TempDir,
    port: u16,
    user: String,
    sshd: Child,
    ssh: Ssh,
}

impl Machine {
    pub fn start() -> Result<Machine> {
        let memory = PathBuf::from("/dev/shm");
        let place = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let dir = tempfile::Builder::new().prefix("bursar-speed").tempdir_in(place)?;
        fs::create_dir_all(dir.path().join("home"))?;
        let ssh = Ssh::open(&dir.path().join("ssh"), None)?;
        fs::write(dir.path().join("authorized_keys"), ssh.public_key()? + "\n")?;
        let host_key = dir.path().join("host_key");
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&host_key).status();
        ensure!(made.context("ssh-keygen: apt-get install openssh-client")?.success(), "ssh-keygen failed");
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let at = dir.path().display();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {at}/host_key\nPidFile none\n\
             AuthorizedKeysFile {at}/authorized_keys\nStrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\n\
             Subsystem sftp internal-sftp\nSetEnv HOME={at}/home\n"
        );
        fs::write(dir.path().join("sshd_config"), config)?;
        if Path::new("/run").is_dir() {
            let _ = fs::create_dir_all("/run/sshd");
        }
        let mut start = Command::new("/usr/sbin/sshd");
        start.args(["-D", "-e", "-f"]).arg(dir.path().join("sshd_config"));
        let sshd = start.stdin(Stdio::null()).stderr(Stdio::null()).spawn();
        let user = String::from_utf8(Command::new("id").arg("-un").output()?.stdout)?.trim().to_owned();
        let machine =
            Machine { port, user, sshd: sshd.context("/usr/sbin/sshd: apt-get install openssh-server")?, dir, ssh };
        let until = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(Instant::now() < until, "sshd does not answer on port {port} within 10 s");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(machine)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// A path that goes with the machine; its home is `home`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn ssh(&self) -> &Ssh {
        &self.ssh
    }

    /// The machine behind `port`: its own, or that of a line.
    pub fn at(&self, port: u16) -> Target {
        let (host, user) = ("127.0.0.1".to_owned(), self.user.clone());
        Target { instance: format!("speed-{port}"), host, port, user, jump: None }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
    }
}

/// An `ssh` in the background that keeps its connection for others. They name the machine `machine`.
pub struct Master {
    /// For `ssh`, `scp` and `rsync -e`. The cipher is the one that ours takes.
    options: String,
}

impl Master {
    pub fn open(machine: &Machine, port: u16) -> Result<Master> {
        let (dir, user) = (machine.dir.path().display(), &machine.user);
        let options = format!(
            "-F none -o HostName=127.0.0.1 -o Port={port} -o User={user} -o IdentityFile={dir}/ssh/id_ed25519 \
             -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
             -o LogLevel=ERROR -o Ciphers=aes128-gcm@openssh.com -o ControlPath={dir}/master-{port}"
        );
        let master = Master { options };
        let mut open = master.ssh(&["-M", "-N", "-f", "machine"]);
        ensure!(open.status().context("ssh: apt-get install openssh-client")?.success(), "ssh -M did not log in");
        Ok(master)
    }

    /// The command line of a client, without the machine.
    pub fn line(&self, program: &str) -> String {
        format!("{program} {}", self.options)
    }

    pub fn run(&self, command: &str) -> Result<()> {
        let ran = self.ssh(&["machine", command]).stderr(Stdio::piped()).output()?;
        ensure!(ran.status.success(), "ssh failed: {}", String::from_utf8_lossy(&ran.stderr));
        Ok(())
    }

    fn ssh(&self, words: &[&str]) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.args(self.options.split(' ')).args(words).stdin(Stdio::null()).stderr(Stdio::null());
        ssh
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        let _ = self.ssh(&["-O", "exit", "machine"]).status();
    }
}
