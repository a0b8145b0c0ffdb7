//! The way in for the system's own `ssh`: its command line, and a file for `Include` in which each instance has its name.
//! Both use our key, our pinned host keys, and no other. This module starts nothing.

use std::path::Path;

use crate::connect::check_target;
use crate::key::{temporary, write_private};
use crate::script::quote;
use crate::{Ssh, SshError, Target};

const HEAD: &str = "# Written by bursar whenever its machines change; what is changed here is lost. To make `ssh NAME` work:\n\
    # put this line at the top of ~/.ssh/config:  Include ";

impl Ssh {
    /// Returns the arguments, `ssh` first.
    pub fn terminal_command(&self, at: &Target) -> Result<Vec<String>, SshError> {
        check_target(at)?;
        self.room.key.get()?;
        let mut command = self.command_to(at);
        if let Some(hop) = at.hop() {
            let words: Vec<String> = self.command_to(&hop).iter().map(|word| quote(&word.replace('%', "%%"))).collect();
            let (host, options) =
                words.split_last().map_or((&[][..], &[][..]), |(host, rest)| (std::slice::from_ref(host), rest));
            let way = format!("ProxyCommand={} -W '[%h]:%p' {}", options.join(" "), host.join(" "));
            let last = command.len() - 1;
            command.splice(last..last, ["-o".to_owned(), way]);
        }
        Ok(command)
    }

    /// The file that `~/.ssh/config` may include.
    pub fn config_file(&self) -> std::path::PathBuf {
        self.room.pins.file().with_file_name("config")
    }

    /// Writes the file anew where it differs: one entry per name. An instance that cannot be an entry has none.
    pub fn write_config(&self, machines: &[(String, Target)]) -> Result<(), SshError> {
        let file = self.config_file();
        let mut text = format!("{HEAD}{}\n", shown(&file));
        for (name, at) in machines.iter().filter(|(name, at)| is_alias(name) && check_target(at).is_ok()) {
            let hop = at.hop().map(|hop| (format!("bursar-{}", hop.instance), hop));
            text.push_str(&self.entry(name, at, hop.as_ref().map(|(alias, _)| alias.as_str())));
            if let Some((alias, hop)) = &hop {
                text.push_str(&self.entry(alias, hop, None));
            }
        }
        let old = std::fs::read_to_string(&file).unwrap_or_default();
        if old == text || (old.is_empty() && machines.is_empty() && !file.exists()) {
            return Ok(());
        }
        let new = temporary(&file);
        write_private(&new, text.as_bytes())?;
        std::fs::rename(&new, &file).map_err(|why| SshError::state(&file, why))
    }

    fn entry(&self, name: &str, at: &Target, jump: Option<&str>) -> String {
        let mut lines =
            format!("\nHost {name}\n    HostName {}\n    Port {}\n    User {}\n", at.host, at.port, at.user);
        for key in self.key_files(&at.instance) {
            lines.push_str(&format!("    IdentityFile {}\n", shown(&key)));
        }
        for (option, value) in self.options(at) {
            lines.push_str(&format!("    {option} {value}\n"));
        }
        if let Some(jump) = jump {
            lines.push_str(&format!("    ProxyJump {jump}\n"));
        }
        lines
    }

    fn command_to(&self, at: &Target) -> Vec<String> {
        let mut command = vec!["ssh".to_owned()];
        for key in self.key_files(&at.instance) {
            command.extend(["-i".to_owned(), key.display().to_string()]);
        }
        for (option, value) in self.options(at) {
            command.extend(["-o".to_owned(), format!("{option}={value}")]);
        }
        command.extend(["-p".to_owned(), at.port.to_string(), "-l".to_owned(), at.user.clone(), at.host.clone()]);
        command
    }

    fn options(&self, at: &Target) -> [(&'static str, String); 7] {
        [
            ("IdentitiesOnly", "yes".to_owned()),
            ("UserKnownHostsFile", shown(self.room.pins.file())),
            ("GlobalKnownHostsFile", "/dev/null".to_owned()),
            ("StrictHostKeyChecking", "yes".to_owned()),
            ("UpdateHostKeys", "no".to_owned()),
            ("HostKeyAlias", at.instance.clone()),
            ("ServerAliveInterval", "15".to_owned()),
        ]
    }
}

/// A list of words to ssh, so a folder with a space in its name needs the quotes; `%` would be a token.
fn shown(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('%', "%%"))
}

/// A name that is no pattern and no option.
fn is_alias(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('-')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}
