//! The way to a machine: one warm connection per instance, shared by all calls of this process and made anew when it died.
//! It keeps one opened session in reserve, so that a command costs a single round trip.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use russh::client::{self, Handle};
use russh::{Channel, Disconnect};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::clean::clean_line;
use crate::dial::Witness;
use crate::error::SshError;
use crate::pulse::Pulse;
use crate::{Ssh, Target};

const OPEN_SECS: u64 = 8;
const OPEN_TRIES: u32 = 8;
/// A machine that gave no second session is not asked for one in reserve before this.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// The place of one instance's warm connection. Whoever dials holds it, so that calls at once share one handshake.
#[derive(Default)]
pub(crate) struct Slot {
    warm: Mutex<Option<Arc<Link>>>,
}

/// One logged-in connection.
pub(crate) struct Link {
    handle: Handle<Witness>,
    at: Target,
    by_own_key: bool,
    pulse: Pulse,
    reserve: std::sync::Mutex<Reserve>,
    /// The jump host's connection, which must live as long.
    _hop: Option<Box<Link>>,
}

/// A session that was opened before anybody needs it.
#[derive(Default)]
struct Reserve {
    session: Option<JoinHandle<Result<Channel<client::Msg>, Refusal>>>,
    refused_at: Option<Instant>,
}

/// What is opened on a machine.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Opening {
    Session,
    /// A connection to this port of the machine's own loopback.
    Port(u16),
}

impl Link {
    pub(crate) fn new(
        handle: Handle<Witness>,
        at: Target,
        by_own_key: bool,
        pulse: Pulse,
        hop: Option<Box<Link>>,
    ) -> Link {
        Link { handle, at, by_own_key, pulse, reserve: std::sync::Mutex::default(), _hop: hop }
    }

    pub(crate) fn address(&self) -> String {
        self.at.address()
    }

    /// Whether the instance's own key opened it, not the ledger's.
    pub(crate) fn is_by_own_key(&self) -> bool {
        self.by_own_key
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    pub(crate) fn handle(&self) -> &Handle<Witness> {
        &self.handle
    }

    pub(crate) fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    async fn open(&self, what: Opening) -> Result<Channel<client::Msg>, Refusal> {
        let opening = async {
            match what {
                Opening::Session => self.handle.channel_open_session().await,
                Opening::Port(port) => {
                    self.handle.channel_open_direct_tcpip("localhost", port.into(), "127.0.0.1", 0).await
                }
            }
        };
        let mut opening = std::pin::pin!(opening);
        for _ in 0..OPEN_TRIES {
            match timeout(Duration::from_secs(OPEN_SECS), &mut opening).await {
                Ok(Ok(channel)) => return Ok(channel),
                Ok(Err(russh::Error::ChannelOpenFailure(why))) => return Err(Refusal::Full(format!("{why:?}"))),
                Ok(Err(why)) => return Err(Refusal::Dead(why.to_string())),
                // A copy over a slow line is in front of the question; as long as something comes, it is not dead.
                Err(_) if self.pulse.silent_secs() < OPEN_SECS => {}
                Err(_) => break,
            }
        }
        Err(Refusal::Dead(format!("no answer within {OPEN_SECS} s")))
    }

    /// Takes the session in reserve, where there is one and nothing says that the machine closed it. An error where the
    /// connection died while it was opened.
    async fn reserved(&self) -> Result<Option<Channel<client::Msg>>, String> {
        let Some(opened) = self.reserve().session.take() else { return Ok(None) };
        let mut channel = match opened.await {
            Ok(Ok(channel)) => channel,
            Ok(Err(Refusal::Full(why))) => {
                tracing::debug!(instance = self.at.instance, why, "no session in reserve");
                self.reserve().refused_at = Some(Instant::now());
                return Ok(None);
            }
            Ok(Err(Refusal::Dead(why))) => return Err(why),
            Err(_) => return Ok(None),
        };
        // Some servers close a session that stands idle.
        let untouched = channel.wait().now_or_never().is_none();
        Ok((untouched && self.pulse.is_fresh()).then_some(channel))
    }

    /// Opens a session for the next command while the one before it runs.
    fn prepare(self: &Arc<Link>) {
        let mut reserve = self.reserve();
        let refused = reserve.refused_at.is_some_and(|at| at.elapsed() < ASK_AGAIN);
        if reserve.session.is_none() && !refused {
            let link = self.clone();
            reserve.session = Some(tokio::spawn(async move { link.open(Opening::Session).await }));
        }
    }

    fn reserve(&self) -> std::sync::MutexGuard<'_, Reserve> {
        self.reserve.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A channel, and the connection that must live as long.
pub(crate) type Opened = (Arc<Link>, Channel<client::Msg>);

/// Why a connection gave no channel: it is dead, or has as many sessions as the machine allows.
enum Refusal {
    Dead(String),
    Full(String),
}

impl Ssh {
    /// Opens a session for one command, at no cost where one is in reserve.
    pub(crate) async fn session(&self, at: &Target) -> Result<Opened, SshError> {
        check_target(at)?;
        let link = self.link(at).await?;
        match link.reserved().await {
            Ok(Some(channel)) => {
                link.prepare();
                return Ok((link, channel));
            }
            Ok(None) => {}
            Err(why) => {
                tracing::debug!(instance = at.instance, why, "the warm connection died since the last command");
                self.drop_link(at, &link).await;
            }
        }
        let opened = self.channel(at).await?;
        // A connection that was made for one command because the warm one is full keeps nothing in reserve.
        if Arc::ptr_eq(&opened.0, &link) {
            link.prepare();
        }
        Ok(opened)
    }

    /// Opens a channel, over the warm connection where it lives. Nothing of the caller's was sent when this fails.
    pub(crate) async fn channel(&self, at: &Target) -> Result<Opened, SshError> {
        check_target(at)?;
        let why = match self.open_warm(at, Opening::Session).await? {
            Ok(opened) => return Ok(opened),
            Err(full) => full,
        };
        tracing::debug!(instance = at.instance, why, "the warm connection is full; dialling another");
        let link = Arc::new(self.dial(at).await?);
        match link.open(Opening::Session).await {
            Ok(channel) => Ok((link, channel)),
            Err(Refusal::Dead(why) | Refusal::Full(why)) => Err(nothing_opened(&link, &why)),
        }
    }

    /// Opens something over the warm connection, which is made anew where it died. The inner error is the machine's own no.
    pub(crate) async fn open_warm(&self, at: &Target, what: Opening) -> Result<Result<Opened, String>, SshError> {
        let link = self.link(at).await?;
        let why = match link.open(what).await {
            Ok(channel) => return Ok(Ok((link, channel))),
            Err(Refusal::Full(why)) => return Ok(Err(why)),
            Err(Refusal::Dead(why)) => why,
        };
        tracing::debug!(instance = at.instance, why, "the warm connection is dead; dialling anew");
        self.drop_link(at, &link).await;
        let link = self.link(at).await?;
        match link.open(what).await {
            Ok(channel) => Ok(Ok((link, channel))),
            Err(Refusal::Full(why)) => Ok(Err(why)),
            Err(Refusal::Dead(why)) => Err(nothing_opened(&link, &why)),
        }
    }

    async fn link(&self, at: &Target) -> Result<Arc<Link>, SshError> {
        let slot = self.slots().entry(at.instance.clone()).or_default().clone();
        let mut warm = slot.warm.lock().await;
        if let Some(link) = warm.as_ref().filter(|link| link.at == *at && !link.handle.is_closed()) {
            return Ok(link.clone());
        }
        *warm = None;
        let link = Arc::new(self.dial(at).await?);
        *warm = Some(link.clone());
        Ok(link)
    }

    pub(crate) async fn drop_link(&self, at: &Target, dead: &Arc<Link>) {
        let slot = self.slots().get(&at.instance).cloned();
        if let Some(slot) = slot {
            let mut warm = slot.warm.lock().await;
            if warm.as_ref().is_some_and(|link| Arc::ptr_eq(link, dead)) {
                *warm = None;
            }
        }
        // Whoever still uses it finds out himself: what seems dead to one may only be slow.
        if Arc::strong_count(dead) > 2 {
            return;
        }
        let bye = dead.handle.disconnect(Disconnect::ByApplication, "", "");
        let _ = timeout(Duration::from_secs(1), bye).await;
    }
}

fn nothing_opened(link: &Link, why: &str) -> SshError {
    SshError::Unreachable { address: link.address(), why: format!("it opened no session: {why}") }
}

/// Refuses targets whose words could mean something else in a file or on a command line.
pub(crate) fn check_target(at: &Target) -> Result<(), SshError> {
    let plain = |text: &str, more: &str| {
        !text.is_empty()
            && text.len() <= 128
            && !text.starts_with('-')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    let mut words = vec![("instance id", &at.instance, "-_."), ("user", &at.user, "-_."), ("host", &at.host, "-_.:")];
    if let Some(hop) = &at.jump {
        words.extend([("jump host's user", &hop.user, "-_."), ("jump host", &hop.host, "-_.:")]);
    }
    for (what, text, more) in words {
        if !plain(text, more) {
            return Err(SshError::input(what, format!("`{}` is not a plain name", clean_line(text.as_bytes(), 80))));
        }
    }
    Ok(())
}
