//! What can go wrong with a driver, by what the caller can do about it.

use crate::admission::NotAdmitted;
use std::fmt;

/// Why a driver cannot be used at all.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DriverError {
    #[error("there is no driver `{name}`; there are: {}", .known.join(", "))]
    Unknown { name: String, known: Vec<String> },
    #[error("driver `{name}` is not let in: {why}")]
    NotAdmitted { name: String, why: NotAdmitted },
    #[error("driver `{name}` waits for you: {}; look at it with `bursar driver inspect {name}`, let it in with `{command}`", .wider.join("; "))]
    Pending { name: String, wider: Vec<String>, command: String },
    #[error("driver `{name}` is refused: {why}")]
    Refused { name: String, why: String },
    #[error("the state of the drivers at {path} cannot be used: {why}")]
    State { path: String, why: String },
}

/// One call to a driver that did not end well. What it means for money is in `Created` and `Ended`, never here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    pub driver: String,
    pub call: &'static str,
    pub kind: CallErrorKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallErrorKind {
    /// The provider said no to this request as it stands.
    Refused(String),
    OutOfStock(String),
    InsufficientFunds(String),
    Unauthorized(String),
    /// Ask again after so many seconds, if the provider said how many.
    RateLimited(Option<u32>),
    /// The provider does not know this instance.
    Gone,
    NotSent(String),
    MaybeSent(String),
    Failed(String),
    Unsupported(String),
    /// No credential is stored and none of the variables is set.
    NoCredential {
        credential: String,
        env: Vec<String>,
        login: String,
    },
    /// The door did not let the driver's request through.
    Denied(String),
    /// The driver ended in a way no driver should: a trap, or too much computing.
    Trapped(String),
    /// Nothing came in the time a call has.
    TimedOut {
        secs: u64,
    },
    /// The driver's answer, or a provider's, passed a size limit.
    TooLarge(String),
}

impl std::error::Error for CallError {}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use CallErrorKind as K;
        let (driver, call) = (&self.driver, self.call);
        match &self.kind {
            K::Refused(why) => write!(f, "{driver} refused the {call}: {why}"),
            K::OutOfStock(why) => write!(f, "{driver} is out of stock: {why}; try another offer or site"),
            K::InsufficientFunds(why) => write!(f, "the balance at {driver} is too low: {why}; top it up there"),
            K::Unauthorized(why) => {
                write!(f, "{driver} does not take the credential: {why}; store a new one with `bursar login {driver}`")
            }
            K::RateLimited(Some(secs)) => write!(f, "{driver} asks for patience; ask again in {secs} s"),
            K::RateLimited(None) => write!(f, "{driver} asks for patience; ask again in a minute"),
            K::Gone => write!(f, "{driver} does not know this instance"),
            K::NotSent(why) => write!(f, "{driver} was not asked ({call}): {why}; ask again"),
            K::MaybeSent(why) => write!(f, "{driver} may have been asked ({call}), no answer came: {why}"),
            K::Failed(why) => write!(f, "{driver} failed ({call}): {why}"),
            K::Unsupported(why) => write!(f, "{driver} cannot do that ({call}): {why}"),
            K::NoCredential { credential, env, login } => write!(
                f,
                "no credential `{credential}` for {driver}; store it with `{login}`, or set {}",
                env.join(" or ")
            ),
            K::Denied(why) => write!(f, "driver {driver} was stopped at the door in {call}: {why}"),
            K::Trapped(why) => write!(f, "driver {driver} broke down in {call}: {why}; the host goes on without it"),
            K::TimedOut { secs } => write!(f, "{driver} did not finish {call} within {secs} s; ask again later"),
            K::TooLarge(why) => write!(f, "the answer of {driver} to {call} is too large: {why}"),
        }
    }
}
