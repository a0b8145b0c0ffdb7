//! One rented machine or cluster, as we wrote it down and as its provider shows it.

use crate::{
    lease::Lease,
    ledger::Totals,
    money::Usd,
    offer::{Order, Price, Priced},
    time::Moment,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Our name for an instance: `[a-z0-9]`, made before anyone is asked, never used twice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstanceId(pub String);

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Ledger id and instance id in one word, given to the provider at create and found again in its lists:
/// `[a-z0-9]`, at most 24 characters. *Ours* means: it begins with this ledger's id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tag(pub String);

/// How long a ledger's id is, at the front of every tag.
pub const LEDGER_ID_LEN: usize = 10;
/// How long an instance's id is, at the end of every tag.
pub const INSTANCE_ID_LEN: usize = 10;

impl Tag {
    /// Returns the tag of an instance of this ledger.
    pub fn new(ledger: &str, instance: &InstanceId) -> Tag {
        Tag(format!("{ledger}{instance}"))
    }

    /// Returns the instance a tag names, if the tag is of this ledger.
    pub fn instance_of(text: &str, ledger: &str) -> Option<InstanceId> {
        let rest = text.strip_prefix(ledger)?;
        let plain = rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        (rest.len() == INSTANCE_ID_LEN && plain).then(|| InstanceId(rest.to_owned()))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an instance stands, by our own book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Its hold is on disk; the provider is being asked.
    Requested,
    /// Asked, and nobody knows whether it was made. The hold stays.
    InDoubt,
    /// The provider named it.
    Made,
    /// SSH answers, the set-up has finished, and on GPU offers the GPU works.
    Ready,
    /// Its end was asked; it lives until lists say otherwise.
    Stopping,
    /// Never made, or seen to be gone. Its hold is released.
    Gone,
}

impl Stage {
    /// Returns whether the instance may exist and cost, so that its hold must stay.
    pub fn is_open(self) -> bool {
        self != Stage::Gone
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Requested => "requested",
            Stage::InDoubt => "in doubt",
            Stage::Made => "made",
            Stage::Ready => "ready",
            Stage::Stopping => "stopping",
            Stage::Gone => "gone",
        })
    }
}

/// Where a node answers SSH: directly, or through a jump host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshAt {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub jump: Option<Hop>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    pub host: String,
    pub port: u16,
    pub user: String,
}

/// What the provider says an instance does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderState {
    Requested,
    Starting,
    Running,
    Pausing,
    Paused,
    Stopping,
    /// It will not run any more, and may still exist and cost.
    Failed(String),
    Gone,
    Other(String),
}

impl fmt::Display for ProviderState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProviderState::Requested => f.write_str("requested"),
            ProviderState::Starting => f.write_str("starting"),
            ProviderState::Running => f.write_str("running"),
            ProviderState::Pausing => f.write_str("pausing"),
            ProviderState::Paused => f.write_str("paused"),
            ProviderState::Stopping => f.write_str("stopping"),
            ProviderState::Failed(why) if why.is_empty() => f.write_str("failed"),
            ProviderState::Failed(why) => write!(f, "failed: {why}"),
            ProviderState::Gone => f.write_str("gone"),
            ProviderState::Other(what) => f.write_str(what),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    pub id: String,
    pub name: String,
    pub state: ProviderState,
    /// Checked by the host: it stood in an answer of the same call.
    pub ssh: Option<SshAt>,
}

/// The provider's id as the door saw it, and the driver's own note (never trusted, never shown).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handle {
    pub id: String,
    pub memo: String,
}

/// An instance as its provider shows it now, converted by the driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    pub handle: Handle,
    /// As the driver says; what counts as ours is read by the host from the answer.
    pub tag: Option<String>,
    pub state: ProviderState,
    pub per_hour: Option<Usd>,
    pub spent: Option<Usd>,
    pub made_at: Option<Moment>,
    pub paid_until: Option<Moment>,
    /// The first is the one that commands go to.
    pub nodes: Vec<Node>,
    pub note: Option<String>,
}

/// An instance as our book has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    pub id: InstanceId,
    pub tag: Tag,
    /// Unique among a principal's open instances.
    pub name: String,
    pub principal: String,
    /// The provider's driver and the account's identity.
    pub provider: String,
    pub account: String,
    pub order: Order,
    pub price: Price,
    pub priced: Priced,
    /// What was wanted, in the words of the request, and the image it named: so that a repeat is known.
    #[serde(default)]
    pub asked: String,
    #[serde(default)]
    pub asked_image: Option<String>,
    pub title: String,
    pub gpu: bool,
    pub stage: Stage,
    pub lease: Lease,
    /// The provider's id, once the door saw one. One id belongs to one instance for ever.
    pub handle: Option<Handle>,
    /// A create that is not finished: the text for `advance`.
    pub pending: Option<String>,
    pub ssh: Option<SshAt>,
    /// The owner's further public keys, added over SSH.
    pub ssh_keys: Vec<String>,
    /// When a lost create can no longer land.
    pub lands_until: Moment,
    /// How long after an accepted end it may take to be gone.
    pub stop_secs: u64,
    /// What lists and ends have shown so far; see `settle`.
    pub sightings: Sightings,
    /// In words, for people: what is still missing, why it failed.
    pub note: Option<String>,
}

/// What is known from complete lists and from ends at the door, in the order it was learned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sightings {
    /// When a list last showed it.
    pub seen_at: Option<Moment>,
    /// When an end was accepted at the door.
    pub end_accepted_at: Option<Moment>,
    /// How often its end was asked, and when at last: an end that does not happen is asked again, ever more rarely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_asked: Option<(u32, Moment)>,
    /// When complete lists of the same account, asked after the last sighting, did not show it.
    pub absent_at: Vec<Moment>,
    /// The highest rate above the quoted one that the host read in an answer: what it is really billed at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Usd>,
    /// Of what is charged for it: what accounts told beyond our reckoning. The reckoning goes on without it.
    #[serde(default, skip_serializing_if = "Usd::is_zero")]
    pub corrected: Usd,
    /// When a lost create can no longer land by the clock that counts from the start of the computer, and which start: the
    /// time of day may be set forward, and that proves nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lands_by_boot: Option<(String, u64)>,
    /// When a clock on the machine ends it, with a key of its own that was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_ends: Option<Moment>,
}

impl Instance {
    /// Returns what of its charges follows from its own time and price.
    pub fn reckoned(&self, totals: Totals) -> Usd {
        totals.charged.minus(self.sightings.corrected)
    }

    /// Returns the rate that its provider bills where that is above the quoted one.
    pub fn dearer(&self) -> Option<Usd> {
        self.sightings.rate.filter(|rate| *rate > self.price.per_hour)
    }

    /// Returns everything that people should know of it, in words.
    pub fn notes(&self) -> Option<String> {
        let dearer = self.dearer().map(|rate| {
            let quoted = self.price.per_hour;
            format!("its provider bills {rate} USD/h, {quoted} USD/h were quoted: destroy it if that is too much")
        });
        match (dearer, &self.note) {
            (Some(dearer), Some(note)) => Some(format!("{dearer}; {note}")),
            (dearer, note) => dearer.or_else(|| note.clone()),
        }
    }
}
