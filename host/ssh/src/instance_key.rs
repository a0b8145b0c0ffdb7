//! A key of its own for one instance, where the owner wants that: made here, let in over the ledger's key, tried, and only
//! then the ledger's key is taken away there. Whatever breaks in between, one of the two logs in.

use std::path::PathBuf;
use std::sync::Arc;

use russh::keys::PrivateKey;

use crate::connect::check_target;
use crate::error::SshError;
use crate::key::{OwnKey, make_private_dir};
use crate::script::quote;
use crate::{Ssh, Target};

impl Ssh {
    /// Lets a key in that opens this instance only, and takes the ledger's own key away from it. A key that the owner named
    /// in place of ours stays. Asked again, it finishes what was interrupted, or does nothing.
    pub async fn own_key(&self, at: &Target) -> Result<(), SshError> {
        check_target(at)?;
        let path = self.instance_key(&at.instance);
        make_private_dir(path.parent().unwrap_or(&path))?;
        let own = OwnKey::at(path).public_line()?;
        if self.room.key.is_imported() {
            return self.install_keys(at, &[own]).await;
        }
        let ledgers = self.room.key.public_line()?;
        let file = ".ssh/authorized_keys";
        let there =
            format!("cd \"$HOME\" && grep -qF -e {} {file} && ! grep -qF -e {} {file}", bare(&own), bare(&ledgers));
        if self.ask(at, "looking at the keys", &there, 20).await?.exit == Some(0) {
            return Ok(());
        }
        self.install_keys(at, &[own]).await?;
        // Nothing is taken away before the new key has opened the door.
        let tried = self.dial(at).await?;
        if !tried.is_by_own_key() {
            let why = "the machine does not take the key that was added for it".to_owned();
            return Err(SshError::Machine { doing: "changing its key", why });
        }
        let remove = format!(
            "umask 077; cd \"$HOME\" && grep -vF -e {} {file} >{file}.bursar; [ -s {file}.bursar ] && mv -f {file}.bursar {file}",
            bare(&ledgers),
        );
        self.ask(at, "changing its key", &remove, 20).await?.succeeded("changing its key")?;
        Ok(())
    }

    /// Returns the keys to try, the instance's own first where it has one, and whether that is so.
    pub(crate) fn keys_for(&self, instance: &str) -> Result<Vec<(Arc<PrivateKey>, bool)>, SshError> {
        let mut keys = vec![];
        let own = self.instance_key(instance);
        if own.exists() {
            keys.push((OwnKey::at(own).get()?, true));
        }
        keys.push((self.room.key.get()?, false));
        Ok(keys)
    }

    /// The files of these keys, for the system's `ssh`.
    pub(crate) fn key_files(&self, instance: &str) -> Vec<PathBuf> {
        let own = self.instance_key(instance);
        let ledgers = self.room.key.path().to_path_buf();
        if own.exists() { vec![own, ledgers] } else { vec![ledgers] }
    }

    pub(crate) fn forget_own_key(&self, instance: &str) {
        match std::fs::remove_file(self.instance_key(instance)) {
            Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(instance, %why, "the key of an ended instance stays");
            }
            _ => {}
        }
    }

    fn instance_key(&self, instance: &str) -> PathBuf {
        self.room.pins.file().with_file_name("keys").join(instance)
    }
}

/// Algorithm and key, without the comment, as one word for a shell.
fn bare(line: &str) -> String {
    quote(&line.split(' ').take(2).collect::<Vec<_>>().join(" "))
}
