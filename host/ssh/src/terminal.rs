//! The command line of the system's `ssh`, for a person who wants a terminal. It starts nothing.

use crate::connect::check_target;
use crate::{Ssh, SshError, Target};

impl Ssh {
    /// Returns the arguments, `ssh` first: our key, our pinned host key, and no other.
    pub fn terminal_command(&self, at: &Target) -> Result<Vec<String>, SshError> {
        check_target(at)?;
        self.room.key.get()?;
        let pins = self.room.pins.file();
        let options = [
            "IdentitiesOnly=yes".to_owned(),
            // The option's value is a list of words, so a folder with a space in its name needs the quotes.
            format!("UserKnownHostsFile=\"{}\"", pins.display()),
            "GlobalKnownHostsFile=/dev/null".to_owned(),
            "StrictHostKeyChecking=yes".to_owned(),
            "UpdateHostKeys=no".to_owned(),
            format!("HostKeyAlias={}", at.instance),
            "ServerAliveInterval=15".to_owned(),
        ];
        let mut command = vec!["ssh".to_owned(), "-i".to_owned(), self.room.key.path().display().to_string()];
        for option in options {
            command.extend(["-o".to_owned(), option]);
        }
        command.extend(["-p".to_owned(), at.port.to_string(), "-l".to_owned(), at.user.clone(), at.host.clone()]);
        Ok(command)
    }
}
