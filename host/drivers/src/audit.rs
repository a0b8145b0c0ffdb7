//! What the door says of each request: to whoever keeps the trail, and as counts of this process. Nothing that is said
//! here holds a body, a credential, or more of a driver's words than a line.

use crate::{
    door::{Door, Unanswered},
    manifest::{Effect, Route},
    template::{Cause, Refused},
    text,
};
use bursar_core::time::Moment;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Of one call; a driver that goes on asking fills no trail. What it cost is noted whatever came before.
const NOTED_MAX: u32 = 5;
const LINE_MAX: usize = 300;

/// Keeps the trail.
pub trait Audit: Send + Sync {
    /// Takes one event. It never waits.
    fn note(&self, event: DoorEvent);
    /// Returns once everything noted so far is kept: a call that was refused something, or ordered, or ended something,
    /// returns after that.
    fn kept(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
    /// Has the last word on a request that costs, just before it leaves: why it may not.
    fn may_spend(&self, _spend: SpendAsk) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A request that costs and is about to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendAsk {
    pub tag: Option<String>,
    /// The function that is running: `create`, `resume` or `extend`.
    pub call: &'static str,
    /// When that call began.
    pub asked: Moment,
}

/// Keeps nothing.
impl Audit for () {
    fn note(&self, _: DoorEvent) {}

    fn kept(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}

/// One line of the trail. Reads that were answered are counted and not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoorEvent {
    pub at: Moment,
    pub driver: String,
    /// The function that was running, such as `create`.
    pub call: &'static str,
    pub route: String,
    /// `read`, `change`, `spend` or `release`; none where there is no such route.
    pub effect: Option<&'static str>,
    pub tag: Option<String>,
    /// The provider's id of the instance that the call is about.
    pub provider_id: Option<String>,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A request that costs is on its way.
    Left,
    Answered {
        status: u16,
    },
    /// Nothing left: what was asked, why not, and the line that would grant it.
    Refused {
        cause: Cause,
        asked: String,
        why: String,
        grant: String,
    },
    NotSent(String),
    MaybeSent(String),
}

impl What {
    pub fn name(&self) -> &'static str {
        match self {
            What::Left => "left",
            What::Answered { .. } => "answered",
            What::Refused { .. } => "refused",
            What::NotSent(_) => "not_sent",
            What::MaybeSent(_) => "maybe_sent",
        }
    }
}

/// What this process counted of one driver.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    pub calls: u64,
    /// Requests that left.
    pub requests: u64,
    pub answers: u64,
    pub not_sent: u64,
    pub maybe_sent: u64,
    /// Of bodies and targets.
    pub bytes_out: u64,
    /// Of bodies.
    pub bytes_in: u64,
    pub traps: u64,
    pub time_outs: u64,
    /// By cause; those that never happened are not there.
    pub refusals: BTreeMap<&'static str, u64>,
}

#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) calls: AtomicU64,
    requests: AtomicU64,
    answers: AtomicU64,
    not_sent: AtomicU64,
    maybe_sent: AtomicU64,
    bytes_out: AtomicU64,
    bytes_in: AtomicU64,
    pub(crate) traps: AtomicU64,
    pub(crate) time_outs: AtomicU64,
    refusals: [AtomicU64; Cause::ALL.len()],
}

pub(crate) fn one_more(count: &AtomicU64) {
    count.fetch_add(1, Relaxed);
}

impl Counts {
    pub(crate) fn read(&self) -> Counters {
        let refused = Cause::ALL.iter().zip(&self.refusals).map(|(cause, count)| (cause.name(), count.load(Relaxed)));
        Counters {
            calls: self.calls.load(Relaxed),
            requests: self.requests.load(Relaxed),
            answers: self.answers.load(Relaxed),
            not_sent: self.not_sent.load(Relaxed),
            maybe_sent: self.maybe_sent.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
            bytes_in: self.bytes_in.load(Relaxed),
            traps: self.traps.load(Relaxed),
            time_outs: self.time_outs.load(Relaxed),
            refusals: refused.filter(|(_, count)| *count > 0).collect(),
        }
    }

    fn refused(&self, cause: Cause) {
        one_more(&self.refusals[cause as usize]);
    }
}

impl Door {
    /// Counts a refusal, tells the trail, and returns what the driver is told.
    pub(crate) fn refused(&self, refused: Refused) -> Refused {
        let line = |text: &str| text::clean(&self.ground.scrubbed(text), LINE_MAX);
        let refused = Refused {
            cause: refused.cause,
            route: text::clean(&refused.route, 64),
            asked: line(&refused.asked),
            why: line(&refused.why),
            grant: line(&refused.grant),
        };
        self.ground.counts.refused(refused.cause);
        let Refused { cause, asked, why, grant, .. } = refused.clone();
        self.note_few(&refused.route, What::Refused { cause, asked, why, grant });
        refused
    }

    pub(crate) fn left(&self, route: &Route, bytes: usize) {
        one_more(&self.ground.counts.requests);
        self.ground.counts.bytes_out.fetch_add(bytes as u64, Relaxed);
        if route.effect == Effect::Spend {
            self.note(&route.name, What::Left);
        }
    }

    pub(crate) fn answered(&self, route: &Route, status: u16, bytes: usize) {
        one_more(&self.ground.counts.answers);
        self.ground.counts.bytes_in.fetch_add(bytes as u64, Relaxed);
        if route.effect != Effect::Read {
            self.note(&route.name, What::Answered { status });
        }
    }

    /// Tells how a request failed that nobody refused.
    pub(crate) fn failed(&self, route: &Route, unanswered: Unanswered) -> Unanswered {
        let counts = &self.ground.counts;
        match &unanswered {
            Unanswered::Denied(_) => {}
            Unanswered::NotSent(why) => {
                one_more(&counts.not_sent);
                if route.effect != Effect::Read {
                    self.note_few(&route.name, What::NotSent(text::clean(why, LINE_MAX)));
                }
            }
            Unanswered::MaybeSent(why) => {
                one_more(&counts.maybe_sent);
                if route.effect != Effect::Read {
                    self.note(&route.name, What::MaybeSent(text::clean(why, LINE_MAX)));
                }
            }
        }
        unanswered
    }

    fn note_few(&self, route: &str, what: What) {
        let few = {
            let mut record = self.record();
            record.noted += 1;
            record.noted <= NOTED_MAX
        };
        if few {
            self.note(route, what);
        }
    }

    fn note(&self, route: &str, what: What) {
        self.record().keep = true;
        let effect = self.ground.manifest.route(route).map(|route| route.effect.name());
        self.ground.config.audit.note(DoorEvent {
            at: Moment(self.now),
            driver: self.ground.name().to_owned(),
            call: self.words.call().name(),
            route: route.to_owned(),
            effect,
            tag: self.words.value(&crate::template::Word::Tag),
            provider_id: self.words.value(&crate::template::Word::Instance).or_else(|| self.record().signed.clone()),
            what,
        });
    }
}
