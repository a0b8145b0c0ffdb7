//! The directory of one machine: root's home, a `bin` of imitated commands, temporary files, keys, and the
//! environment its processes get. It opens no socket and ends no process.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use russh::keys::PrivateKey;
use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};

use super::reap::MARKER;
use super::{Driver, Gpu, Wanted};
use crate::ids;

/// The imitated commands of every machine; each begins with lines that say which machine it is.
const SHIMS: [(&str, &str); 11] = [
    ("apt", include_str!("shims/apt-get.sh")),
    ("apt-get", include_str!("shims/apt-get.sh")),
    ("cat", include_str!("shims/cat.sh")),
    ("cloud-init", include_str!("shims/cloud-init.sh")),
    ("hostname", include_str!("shims/hostname.sh")),
    ("reboot", include_str!("shims/reboot.sh")),
    ("shutdown", include_str!("shims/reboot.sh")),
    ("sudo", include_str!("shims/sudo.sh")),
    ("systemctl", include_str!("shims/systemctl.sh")),
    ("ubuntu-drivers", include_str!("shims/ubuntu-drivers.sh")),
    ("uv", include_str!("shims/uv.sh")),
];
const NVIDIA_SMI: &str = include_str!("shims/nvidia-smi.sh");
const LSPCI: &str = include_str!("shims/lspci.sh");
const TMUX: &str = include_str!("shims/tmux.sh");

/// Where commands are looked for after the machine's own.
const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin";

/// The directory of one machine. Cloning it copies the names only.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    pub(crate) id: String,
    /// Everything of the machine lies below it.
    pub(crate) dir: PathBuf,
    /// The home of root: what SSH and SFTP see as `~`.
    pub(crate) root: PathBuf,
    /// Short, because the path of a socket may have 108 bytes.
    tmux: PathBuf,
    http: SocketAddr,
    /// Who logs in; to the machine it is root all the same.
    pub(crate) user: &'static str,
    pub(crate) leads_to: Vec<Ipv4Addr>,
}

impl Home {
    pub(crate) fn create(base: &Path, want: &Wanted, http: SocketAddr) -> std::io::Result<Self> {
        let dir = base.join(&want.id);
        let root = dir.join("root");
        let (user, leads_to) = (want.user, want.leads_to.clone());
        let home = Self { id: want.id.clone(), root, tmux: Self::short_dir(&want.id), dir, http, user, leads_to };
        for dir in [&home.dir, &home.root, &home.tmux, &home.root.join(".ssh"), &home.dir.join("tmp")] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        write(&home.root.join(".ssh/authorized_keys"), &format!("{}\n", want.keys.join("\n")), 0o600)?;
        write(&home.dir.join("name"), &want.name, 0o600)?;
        home.write_host_key()?;
        home.write_profile(&want.name)?;
        home.write_shims(want)?;
        Ok(home)
    }

    /// Returns where a machine keeps its tmux socket.
    pub(crate) fn short_dir(id: &str) -> PathBuf {
        Path::new("/tmp").join(format!("bursar-{}", id.get(..16).unwrap_or(id)))
    }

    pub(crate) fn dirs(&self) -> Vec<PathBuf> {
        vec![self.tmux.clone(), self.dir.clone()]
    }

    pub(crate) fn remove(&self) {
        for dir in self.dirs() {
            if let Err(error) = fs::remove_dir_all(&dir) {
                tracing::warn!(machine = %self.id, dir = %dir.display(), %error, "directory stays behind");
            }
        }
    }

    /// What changes with a boot: the boot has an id of its own, and a driver that was installed works from now on.
    pub(crate) fn on_boot(&self, want: &Wanted) -> std::io::Result<()> {
        write(&self.dir.join("boot_id"), &format!("{}\n", ids::hex(&ids::random::<16>())), 0o644)?;
        let Some(gpu) = want.gpu else { return Ok(()) };
        if gpu.driver == Driver::Working || self.dir.join("driver-installed").exists() {
            self.write_shim("nvidia-smi", NVIDIA_SMI)?;
        }
        Ok(())
    }

    /// Returns the environment of every process of the machine; nothing else is inherited.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let text = |path: &Path| path.display().to_string();
        let own = |name: &str, value: String| (name.to_owned(), value);
        vec![
            own("HOME", text(&self.root)),
            own("USER", "root".into()),
            own("LOGNAME", "root".into()),
            own("SHELL", shell().into()),
            own("PATH", self.path()),
            own("LANG", "C.UTF-8".into()),
            own("TMPDIR", text(&self.dir.join("tmp"))),
            own("TMUX_TMPDIR", text(&self.tmux)),
            own(MARKER, self.id.clone()),
            // What Bursar's set-up looks at to find a card, and how long it pauses.
            own("BURSAR_SET_UP_PCI", text(&self.pci())),
            own("BURSAR_SET_UP_PAUSE", "0.2".into()),
        ]
    }

    /// Returns the same as lines of a shell script.
    pub(crate) fn environment_script(&self) -> String {
        let lines = self.environment().into_iter().map(|(name, value)| format!("export {name}={}\n", quoted(&value)));
        lines.collect()
    }

    pub(crate) fn host_key_path(&self) -> PathBuf {
        self.dir.join("host_key")
    }

    /// Runs a script as the first boot does: in the background, its output in a log.
    pub(crate) fn run_in_background(&self, script: &str) -> std::io::Result<()> {
        let path = self.dir.join("first-boot");
        write(&path, script, 0o700)?;
        let log = fs::File::create(self.dir.join("first-boot.log"))?;
        let mut child = Command::new(shell())
            .arg(&path)
            .env_clear()
            .envs(self.environment())
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        // Somebody must wait for it, or it stays as a zombie.
        std::thread::spawn(move || child.wait());
        Ok(())
    }

    fn pci(&self) -> PathBuf {
        self.dir.join("pci")
    }

    fn path(&self) -> String {
        format!("{}:{SYSTEM_PATH}", self.dir.join("bin").display())
    }

    /// A rebooted machine keeps its key, a rebuilt one gets another.
    fn write_host_key(&self) -> std::io::Result<()> {
        let pair = Ed25519Keypair::from_seed(&ids::random::<32>());
        let key = PrivateKey::new(KeypairData::from(pair), "practice").map_err(std::io::Error::other)?;
        let text = key.to_openssh(LineEnding::LF).map_err(std::io::Error::other)?;
        write(&self.host_key_path(), &text, 0o600)
    }

    /// Login shells read `/etc/profile`, which forgets our path; these files bring it back.
    fn write_profile(&self, name: &str) -> std::io::Result<()> {
        let environment = self.environment_script();
        let prompt = format!("PS1='root@'{}':\\w# '\n", quoted(name));
        write(&self.root.join(".profile"), &environment, 0o644)?;
        write(&self.root.join(".bashrc"), &format!("{environment}{prompt}"), 0o644)
    }

    fn write_shims(&self, want: &Wanted) -> std::io::Result<()> {
        fs::create_dir_all(self.dir.join("bin"))?;
        for (name, script) in SHIMS {
            self.write_shim(name, script)?;
        }
        if let Some(Gpu { gigabytes, .. }) = want.gpu {
            self.write_shim("lspci", LSPCI)?;
            write(&self.dir.join("gpu"), &gigabytes.to_string(), 0o600)?;
            fs::create_dir_all(self.pci().join("0000:00:05.0"))?;
            write(&self.pci().join("0000:00:05.0/vendor"), "0x10de\n", 0o644)?;
        }
        // What `apt-get install tmux` puts into place on a computer that has none.
        write(&self.dir.join("tmux.shim"), &self.with_head(TMUX), 0o755)
    }

    fn write_shim(&self, name: &str, script: &str) -> std::io::Result<()> {
        write(&self.dir.join("bin").join(name), &self.with_head(script), 0o755)
    }

    fn with_head(&self, script: &str) -> String {
        let dir = quoted(&self.dir.display().to_string());
        let (host, port, id) = (self.http.ip(), self.http.port(), &self.id);
        format!("#!{}\nmachine={dir}\nid={id}\npractice_host={host}\npractice_port={port}\n{script}", shell())
    }
}

/// Returns the shell that runs commands: bash where there is one.
pub(crate) fn shell() -> &'static str {
    let known = ["/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash"];
    known.into_iter().find(|path| Path::new(path).exists()).unwrap_or("/bin/sh")
}

/// Quotes a text for a shell.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Writes a file that only its owner reads.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    write_bytes(path, bytes, 0o600)
}

/// Writes a file that has its final rights from the first byte.
pub(crate) fn write(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    write_bytes(path, text.as_bytes(), mode)
}

fn write_bytes(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(bytes)
}
