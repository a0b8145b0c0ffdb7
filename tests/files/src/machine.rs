//! One sshd on loopback with its home in memory where there is room, and the command lines of its clients.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bursar_ssh::{Ssh, Target};

pub struct Machine {
    dir: tempfile::TempDir,
    pub port: u16,
    pub ssh: Ssh,
    sshd: Option<Child>,
}

impl Machine {
    pub fn start() -> Result<Machine> {
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let dir = tempfile::Builder::new().prefix("bursar-files").tempdir_in(place)?;
        for folder in ["home", "local", "back"] {
            fs::create_dir(dir.path().join(folder))?;
        }
        let ssh = Ssh::open(&dir.path().join("state"), None)?;
        fs::write(dir.path().join("keys"), ssh.public_key()? + "\n")?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut machine = Machine { dir, port, ssh, sshd: None };
        machine.up()?;
        Ok(machine)
    }

    fn up(&mut self) -> Result<()> {
        let dir = self.dir.path().display();
        let key = format!("{dir}/host_key");
        run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &key]))?;
        let config = format!(
            "Port {}\nListenAddress 127.0.0.1\nHostKey {key}\nPidFile none\nAuthorizedKeysFile {dir}/keys\nStrictModes no\n\
             UsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\n\
             SetEnv HOME={dir}/home\n",
            self.port
        );
        fs::write(self.path("sshd_config"), config)?;
        fs::create_dir_all("/run/sshd").ok();
        let mut sshd = Command::new("/usr/sbin/sshd");
        sshd.args(["-D", "-e", "-f"]).arg(self.path("sshd_config")).stdin(Stdio::null()).stderr(Stdio::null());
        self.sshd = Some(sshd.spawn().context("sshd")?);
        let until = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            ensure!(Instant::now() < until, "sshd does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn target(&self, port: u16) -> Target {
        let user = std::env::var("USER").unwrap_or_else(|_| "root".into());
        Target { instance: "bench".into(), host: "127.0.0.1".into(), port, user, jump: None }
    }

    /// The system's client over a connection that stays; the same fast cipher that ours takes.
    pub fn ssh_line(&self, port: u16) -> String {
        let dir = self.dir.path().display();
        format!(
            "ssh -o HostName=127.0.0.1 -o Port={port} -o User={} -o IdentityFile={dir}/state/id_ed25519 -o IdentitiesOnly=yes \
             -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o Ciphers=aes128-gcm@openssh.com \
             -o ControlMaster=auto -o ControlPersist=yes -o ControlPath={dir}/{port}.ctl -F none",
            self.target(port).user
        )
    }

    pub fn connect(&self, port: u16) -> Result<()> {
        self.sh(&format!("{} bench true", self.ssh_line(port)))
    }

    pub fn sh(&self, line: &str) -> Result<()> {
        run(Command::new("sh").args(["-c", line]).stdin(Stdio::null()))
    }

    /// Makes a file of bytes that nothing can compress.
    pub fn fill(&self, name: &str, bytes: usize) -> Result<()> {
        let path = self.path(name);
        fs::create_dir_all(path.parent().context("a name in a folder")?)?;
        let mut file = std::io::BufWriter::new(fs::File::create(path)?);
        let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ bytes as u64;
        for _ in 0..bytes / 8 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            file.write_all(&state.to_le_bytes())?;
        }
        Ok(file.flush()?)
    }

    /// Removes a file or folder; `back` is made anew.
    pub fn remove(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        match path.is_dir() {
            true => fs::remove_dir_all(&path)?,
            false => drop(fs::remove_file(&path)),
        }
        if name == "back" {
            fs::create_dir(path)?;
        }
        Ok(())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for entry in fs::read_dir(self.dir.path()).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(port) = name.strip_suffix(".ctl").and_then(|port| port.parse().ok()) {
                drop(self.sh(&format!("{} -O exit bench 2>/dev/null", self.ssh_line(port))));
            }
        }
        if let Some(mut sshd) = self.sshd.take() {
            drop((sshd.kill(), sshd.wait()));
        }
    }
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
