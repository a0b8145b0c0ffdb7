//! Everything Bursar does on a rented machine: log in, set up, run, copy, keep jobs. This room never opens a local path that
//! a caller names (files and folders come as opened handles), never reads the ledger, and trusts nothing that a machine says.

mod clean;
mod connect;
mod copy;
mod dial;
mod env;
mod error;
mod exec;
mod fetch_file;
mod gather;
mod http;
mod install_keys;
mod instance_key;
mod job;
mod job_follow;
mod job_log;
mod job_read;
mod key;
mod pins;
mod port;
mod pulse;
mod run;
mod script;
mod self_end;
mod send_file;
mod set_up;
mod stream;
mod terminal;
mod tree;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

pub use bursar_core::instance::Hop;
pub use bursar_core::job::JobState;
pub use clean::{bound, clean, clean_line};
pub use copy::{Content, Copied, Upload};
pub use env::Env;
pub use error::SshError;
pub use gather::Sink;
pub use http::{HttpAnswer, HttpAsk, HttpCut};
pub use job::{JobSpec, JobStopped};
pub use job_follow::FollowFrom;
pub use job_log::{LogPart, LogPiece};
pub use job_read::{Job, JobRead, JobSummary, LogText};
pub use port::PortStream;
pub use run::{Ran, Run, Streams};
pub use self_end::SelfEnd;
pub use set_up::{Gpu, SetUp, SetUpState};
pub use tree::{Look, TreeCopied, TreeCopy};

/// One machine, and how it is reached. The pinned host key and the warm connection belong to `instance`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Our own id of the instance.
    pub instance: String,
    pub host: String,
    pub port: u16,
    pub user: String,
    /// The machine in front of it, where it has no address of its own. It takes the same key; its host key is pinned, too.
    pub jump: Option<Hop>,
}

impl Target {
    /// Returns `user@host:port`, for messages.
    pub fn address(&self) -> String {
        format!("{}@{}:{}", self.user, self.host, self.port)
    }

    /// Returns the jump host as something to log in to, under a name of its own among the pins.
    pub(crate) fn hop(&self) -> Option<Target> {
        let Hop { host, port, user } = self.jump.clone()?;
        Some(Target { instance: hop_name(&self.instance), host, port, user, jump: None })
    }
}

/// Ids of instances hold no dot, so this is nobody else's name.
fn hop_name(instance: &str) -> String {
    format!("{instance}.hop")
}

/// A cheap handle to the owner's key, the pinned host keys and the warm connections of this process.
#[derive(Clone)]
pub struct Ssh {
    room: Arc<Room>,
}

struct Room {
    key: key::OwnKey,
    pins: pins::Pins,
    slots: Mutex<HashMap<String, Arc<connect::Slot>>>,
}

impl Ssh {
    /// Opens the folder `dir` (made 0700 where it is missing). No key is made before one is needed.
    /// `imported` is a private key the owner names instead of ours.
    pub fn open(dir: &Path, imported: Option<&Path>) -> Result<Ssh, SshError> {
        key::make_private_dir(dir)?;
        let key = key::OwnKey::new(dir, imported.map(PathBuf::from));
        let pins = pins::Pins::new(dir);
        Ok(Ssh { room: Arc::new(Room { key, pins, slots: Mutex::default() }) })
    }

    /// Returns the public key in the form of one `authorized_keys` line, making the pair on first use.
    pub fn public_key(&self) -> Result<String, SshError> {
        self.room.key.public_line()
    }

    /// Drops what we know of an ended instance: its warm connection and its pinned host key.
    pub fn forget(&self, instance: &str) {
        self.slots().remove(instance);
        self.forget_own_key(instance);
        for name in [instance, &hop_name(instance)] {
            if let Err(error) = self.room.pins.forget(name) {
                tracing::warn!(name, %error, "the pinned host key of an ended instance stays in the file");
            }
        }
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<connect::Slot>>> {
        self.room.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Ssh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ssh").finish_non_exhaustive()
    }
}
