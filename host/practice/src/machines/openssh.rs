//! The SSH server of OpenSSH, one process for each machine, for tests against the real thing. It needs root and
//! openssh-server, and `check` says so. Commands run in the machine's directory by way of a forced command.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::home::{Home, quoted, shell, write};
use super::{Roster, reap};

const SSHD: [&str; 3] = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"];
const SFTP_SERVER: [&str; 5] = [
    "/usr/lib/openssh/sftp-server",
    "/usr/libexec/openssh/sftp-server",
    "/usr/lib/ssh/sftp-server",
    "/usr/libexec/sftp-server",
    "/usr/lib64/misc/sftp-server",
];
const STARTS_WITHIN: Duration = Duration::from_secs(10);

/// A running sshd.
pub(crate) struct Door {
    child: Child,
    id: String,
}

/// Tells in three parts why machines of this kind cannot run here, where they cannot.
pub(crate) fn check() -> Result<(), String> {
    let uid = rustix::process::getuid().as_raw();
    if uid != 0 {
        return Err(format!(
            "practice machines with OpenSSH cannot start: sshd lets root in only when it runs as root, and this user has \
             id {uid}; run as root (a container will do), or use the built-in machines"
        ));
    }
    let missing: Vec<String> = [("sshd", find(&SSHD)), ("sftp-server", find(&SFTP_SERVER))]
        .into_iter()
        .filter(|(_, found)| found.is_none())
        .map(|(name, _)| name.to_owned())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "practice machines with OpenSSH cannot start: {} not found at any of {} known places; \
         run: apt-get install openssh-server, or use the built-in machines",
        missing.join(" and "),
        SSHD.len() + SFTP_SERVER.len(),
    ))
}

pub(crate) async fn open(home: &Home, at: SocketAddr, roster: &Roster) -> std::io::Result<Door> {
    let sshd = find(&SSHD).ok_or_else(|| std::io::Error::other("sshd is not installed"))?;
    // sshd insists on this directory, and only its service unit makes it.
    std::fs::create_dir_all("/run/sshd")?;
    write(&home.dir.join("login"), &login(home), 0o755)?;
    let config = home.dir.join("sshd_config");
    write(&config, &text(home, at), 0o600)?;
    let log = std::fs::OpenOptions::new().create(true).append(true).open(home.dir.join("sshd.log"))?;
    let child = Command::new(sshd)
        .args(["-D", "-e", "-f"])
        .arg(&config)
        .env_clear()
        .env(reap::MARKER, &home.id)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()?;
    let mut door = Door { child, id: home.id.clone() };
    // sshd writes its title over its environment, so the mark alone does not find it.
    if let Some(pid) = door.pid() {
        roster.add_root(&door.id, pid);
    }
    door.wait_until_open(at, home).await?;
    Ok(door)
}

impl Door {
    fn pid(&self) -> Option<i32> {
        self.child.id().and_then(|pid| i32::try_from(pid).ok())
    }

    async fn wait_until_open(&mut self, at: SocketAddr, home: &Home) -> std::io::Result<()> {
        let deadline = tokio::time::Instant::now() + STARTS_WITHIN;
        while TcpStream::connect(at).await.is_err() {
            let ended = self.child.try_wait()?;
            if ended.is_some() || tokio::time::Instant::now() > deadline {
                let log = std::fs::read_to_string(home.dir.join("sshd.log")).unwrap_or_default();
                return Err(std::io::Error::other(format!("sshd does not start: {}", log.trim())));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Ends sshd, its sessions and everything they started.
    pub(crate) async fn close(mut self, roster: &Roster) {
        let (id, pid) = (self.id.clone(), self.pid());
        let roots: Vec<i32> = pid.into_iter().collect();
        let _ = tokio::task::spawn_blocking(move || reap::reap(&id, &roots)).await;
        let _ = self.child.wait().await;
        if let Some(pid) = pid {
            roster.remove_root(&self.id, pid);
        }
    }
}

fn text(home: &Home, at: SocketAddr) -> String {
    let dir = home.dir.display();
    format!(
        "ListenAddress {}\nPort {}\nHostKey {dir}/host_key\nPidFile none\n\
         AuthorizedKeysFile {dir}/root/.ssh/authorized_keys\nPermitRootLogin prohibit-password\nStrictModes no\n\
         UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUseDNS no\nPrintMotd no\n\
         PrintLastLog no\nMaxStartups 200\nMaxSessions 200\nAcceptEnv *\nAllowTcpForwarding yes\nLogLevel INFO\n\
         Subsystem sftp practice-sftp\nForceCommand {dir}/login\n",
        at.ip(),
        at.port(),
    )
}

/// Returns the program every session runs: it goes into the machine's directory and does what the client asked.
fn login(home: &Home) -> String {
    let root = quoted(&home.root.display().to_string());
    let sftp = find(&SFTP_SERVER).unwrap_or_default();
    let sftp = sftp.display();
    format!(
        "#!{shell}\n{environment}unset MAIL\ncd {root} || exit 255\n\
         if [ \"$SSH_ORIGINAL_COMMAND\" = practice-sftp ]; then exec {sftp} -d {root}; fi\n\
         if [ -n \"$SSH_ORIGINAL_COMMAND\" ]; then\n  command=$SSH_ORIGINAL_COMMAND\n  unset SSH_ORIGINAL_COMMAND\n  \
         exec {shell} -c \"$command\"\nfi\nexec {shell} -l\n",
        shell = shell(),
        environment = home.environment_script(),
    )
}

fn find(places: &[&str]) -> Option<PathBuf> {
    places.iter().map(Path::new).find(|path| path.exists()).map(Path::to_path_buf)
}
