//! What can go wrong with the ledger, by what the caller can do about it. Nothing was written when one of these returns.

use bursar_core::{
    instance::{Instance, InstanceId},
    ledger::{self, Refusal},
    money::Usd,
};
use std::{error::Error, io, path::PathBuf};

/// Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "the ledger in {} was made {}, and this bursar runs {}: nothing was read and nothing is spent\n\
         hint: name another directory with BURSAR_HOME, or run it as it was made",
        home.display(), mode(*ledger_is_practice), mode(!*ledger_is_practice)
    )]
    OtherMode { home: PathBuf, ledger_is_practice: bool },

    #[error(
        "{} is on {kind}, where two processes can both believe that they hold a lock: no ledger is kept there\n\
         hint: name a directory on a disk of this machine with BURSAR_HOME", home.display()
    )]
    NetworkDisk { home: PathBuf, kind: &'static str },

    #[error(
        "everybody may write to {} (mode {mode:o}): no ledger is kept there\n\
         hint: name a directory of your own with BURSAR_HOME, or `chmod 700` this one", home.display()
    )]
    OpenToAll { home: PathBuf, mode: u32 },

    #[error(
        "this bursar is older than its ledger: it knows version {known}, the ledger is at {found}; nothing is spent, \
         reading and ending still work\nhint: start the newer bursar, or update this one"
    )]
    Newer { found: i64, known: i64 },

    #[error(
        "the ledger is damaged: {what}; nothing is spent until it is whole, what can be read is still read\n\
         hint: `bursar doctor` lists what is wrong and `bursar ls` what may still run; then put a backup of ledger.db back"
    )]
    Damaged { what: String },

    #[error(
        "another process kept the ledger locked for {waited_secs} s: nothing was written\n\
         hint: try again; if it stays so, find what holds ledger.db open (`fuser`, `lsof`) and end it"
    )]
    Busy { waited_secs: u64 },

    #[error(
        "failed to {doing}\nhint: see that the disk has room and that the directory is yours to write; nothing was written"
    )]
    Disk { doing: String, source: Box<dyn Error + Send + Sync> },

    #[error(
        "the provider's id `{provider_id}` already belongs to {by}: one id is one instance for ever, nothing was written\n\
         hint: look at both with `bursar ls` and at the provider's own list"
    )]
    IdTaken { provider_id: String, by: InstanceId },

    #[error("nothing was written for instance {instance}\nhint: `bursar spending` shows what is held for it")]
    HoldTooSmall { instance: InstanceId, source: ledger::HoldTooSmall },

    #[error("there is no instance {0}\nhint: `bursar ls` shows those that there are")]
    NoSuchInstance(InstanceId),

    #[error("the name `{name}` belongs to {by}, which is open: nothing was written\nhint: take another name")]
    NameInUse { name: String, by: InstanceId },

    #[error(
        "a law of the ledger would be broken for {instance}: {broken}; nothing was written\nhint: report this as a fault of bursar"
    )]
    Broken { instance: InstanceId, broken: Broken },
}

/// What no change may do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("its {0} would change")]
    Identity(&'static str),
    #[error("its id or its tag was used before")]
    UsedBefore,
    #[error("it would begin as gone")]
    BornGone,
    #[error("it would be gone with {held} USD still held")]
    GoneWithHold { held: Usd },
    #[error("it would be open with nothing held")]
    OpenWithoutHold,
    #[error("{amount} USD more than can be counted would be held or charged")]
    TooMuch { amount: Usd },
}

/// Why nothing is reserved.
#[derive(Debug, thiserror::Error)]
pub enum ReserveError {
    #[error(transparent)]
    Refused(Refusal),
    /// An open instance of this principal has this name.
    #[error(
        "the name `{}` belongs to {}, which is {}; nothing is reserved\nhint: take another name, or destroy that one first",
        .0.name, .0.id, .0.stage
    )]
    NameTaken(Box<Instance>),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl StoreError {
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> StoreError {
        let doing = doing.into();
        move |source| StoreError::Disk { doing, source: source.into() }
    }

    pub(crate) fn damaged(what: impl Into<String>) -> StoreError {
        StoreError::Damaged { what: what.into() }
    }
}

impl From<sqlx::Error> for ReserveError {
    fn from(error: sqlx::Error) -> ReserveError {
        ReserveError::Store(error.into())
    }
}

/// SQLite's primary result codes that mean something of their own here.
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const CORRUPT: i32 = 11;
const CONSTRAINT: i32 = 19;
const NOT_A_DATABASE: i32 = 26;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        if matches!(error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) {
            return StoreError::damaged(error.to_string());
        }
        let code = error.as_database_error().and_then(|e| e.code()).and_then(|code| code.parse::<i32>().ok());
        let text = || error.as_database_error().map_or_else(String::new, |e| e.message().to_owned());
        match code.map(|code| code & 0xff) {
            Some(BUSY | LOCKED) => StoreError::Busy { waited_secs: crate::lane::BUSY_WAIT.as_secs() },
            Some(CORRUPT | NOT_A_DATABASE) => StoreError::damaged(text()),
            Some(CONSTRAINT) => StoreError::damaged(format!("it refuses a row ({})", text())),
            _ => StoreError::Disk { doing: "use the ledger".to_owned(), source: error.into() },
        }
    }
}

fn mode(practice: bool) -> &'static str {
    if practice { "in practice mode" } else { "for real money" }
}
