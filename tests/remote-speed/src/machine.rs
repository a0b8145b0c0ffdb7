//! The machine of the measurements: OpenSSH's own server on loopback, with a home folder of its own.

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
    sshd: Child,
    ssh: Ssh,
}

impl Machine {
    pub fn start() -> Result<Machine> {
        let dir = tempfile::Builder::new().prefix("bursar-speed").tempdir()?;
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
        let machine = Machine { port, sshd: sshd.context("/usr/sbin/sshd: apt-get install openssh-server")?, dir, ssh };
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

    /// A folder that goes with the machine.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn ssh(&self) -> &Ssh {
        &self.ssh
    }

    /// The machine behind `port`: its own, or that of a line.
    pub fn at(&self, port: u16) -> Result<Target> {
        let user = Command::new("id").arg("-un").output()?.stdout;
        let user = String::from_utf8(user)?.trim().to_owned();
        let host = "127.0.0.1".to_owned();
        Ok(Target { instance: format!("speed-{port}"), host, port, user, jump: None })
    }

    /// The words with which `ssh`, `scp` and `rsync -e` reach it, without the program's own name and the host.
    pub fn ssh_options(&self) -> Vec<String> {
        let key: PathBuf = self.dir.path().join("ssh/id_ed25519");
        let mut words = vec!["-F".to_owned(), "none".to_owned(), "-i".to_owned(), key.display().to_string()];
        for option in ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"] {
            words.extend(["-o".to_owned(), option.to_owned()]);
        }
        words
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
    }
}
