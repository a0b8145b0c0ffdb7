//! The way to a machine: one warm connection per instance, shared by all calls of this process and made anew when it died.
//! A machine is trusted by its pinned host key only, and pinned only once it took our key.

use std::sync::Arc;
use std::time::Duration;

use russh::client::{self, Handle};
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{Channel, Disconnect, cipher};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::clean::clean_line;
use crate::error::SshError;
use crate::{Ssh, Target};

const DIAL_SECS: u64 = 8;
const LOGIN_SECS: u64 = 12;
const OPEN_SECS: u64 = 8;
const KEEPALIVE: Duration = Duration::from_secs(15);

/// The place of one instance's warm connection. Whoever dials holds it, so that calls at once share one handshake.
#[derive(Default)]
pub(crate) struct Slot {
    warm: Mutex<Option<Arc<Link>>>,
}

/// One logged-in connection.
pub(crate) struct Link {
    handle: Handle<Witness>,
    at: Target,
}

impl Link {
    pub(crate) fn address(&self) -> String {
        self.at.address()
    }

    async fn channel(&self) -> Result<Channel<client::Msg>, Refusal> {
        match timeout(Duration::from_secs(OPEN_SECS), self.handle.channel_open_session()).await {
            Ok(Ok(channel)) => Ok(channel),
            Ok(Err(russh::Error::ChannelOpenFailure(why))) => Err(Refusal::Full(format!("{why:?}"))),
            Ok(Err(why)) => Err(Refusal::Dead(why.to_string())),
            Err(_) => Err(Refusal::Dead(format!("no answer within {OPEN_SECS} s"))),
        }
    }
}

/// Why a connection gave no channel: it is dead, or has as many sessions as the machine allows.
enum Refusal {
    Dead(String),
    Full(String),
}

impl Ssh {
    /// Opens a channel, over the warm connection where it lives. Nothing of the caller's was sent when this fails.
    pub(crate) async fn channel(&self, at: &Target) -> Result<(Arc<Link>, Channel<client::Msg>), SshError> {
        check_target(at)?;
        let link = self.link(at).await?;
        let why = match link.channel().await {
            Ok(channel) => return Ok((link, channel)),
            Err(Refusal::Dead(why)) => {
                tracing::debug!(instance = at.instance, why, "the warm connection is dead; dialling anew");
                self.drop_link(at, &link).await;
                return self.first_channel(self.link(at).await?).await;
            }
            Err(Refusal::Full(why)) => why,
        };
        tracing::debug!(instance = at.instance, why, "the warm connection is full; dialling another");
        self.first_channel(Arc::new(self.dial(at).await?)).await
    }

    async fn first_channel(&self, link: Arc<Link>) -> Result<(Arc<Link>, Channel<client::Msg>), SshError> {
        match link.channel().await {
            Ok(channel) => Ok((link, channel)),
            Err(Refusal::Dead(why) | Refusal::Full(why)) => {
                Err(SshError::Unreachable { address: link.address(), why: format!("it opened no session: {why}") })
            }
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

    async fn drop_link(&self, at: &Target, dead: &Arc<Link>) {
        let slot = self.slots().get(&at.instance).cloned();
        if let Some(slot) = slot {
            let mut warm = slot.warm.lock().await;
            if warm.as_ref().is_some_and(|link| Arc::ptr_eq(link, dead)) {
                *warm = None;
            }
        }
        let bye = dead.handle.disconnect(Disconnect::ByApplication, "", "");
        let _ = timeout(Duration::from_secs(1), bye).await;
    }

    /// Connects, checks the host key, logs in, and pins the key of a machine met for the first time.
    async fn dial(&self, at: &Target) -> Result<Link, SshError> {
        let pinned = self.room.pins.find(&at.instance)?;
        let stream = open_socket(at).await?;
        let window = window_for(first_word(&stream).await);
        let seen = Arc::new(std::sync::Mutex::new(None));
        let witness = Witness { pinned: pinned.clone(), seen: seen.clone() };
        let deadline = tokio::time::Instant::now() + Duration::from_secs(LOGIN_SECS);
        let shaking = client::connect_stream(config(pinned.as_ref(), window), stream, witness);
        let shaken = tokio::time::timeout_at(deadline, shaking).await.map_err(|_| silent(at, "the SSH handshake"))?;
        let seen = seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let mut handle = match (shaken, &pinned, &seen) {
            (Ok(handle), ..) => handle,
            (Err(_), Some(pinned), Some(seen)) if pinned.key_data() != seen.key_data() => {
                return Err(self.changed(at, pinned, seen));
            }
            (Err(why), ..) => return Err(unreachable(at, why)),
        };
        tokio::time::timeout_at(deadline, self.log_in(at, &mut handle))
            .await
            .map_err(|_| silent(at, "the login"))??;
        let seen = seen.ok_or_else(|| unreachable(at, "it showed no host key"))?;
        let pinned = self.room.pins.pin(&at.instance, &seen)?;
        if pinned.key_data() != seen.key_data() {
            return Err(self.changed(at, &pinned, &seen));
        }
        Ok(Link { handle, at: at.clone() })
    }

    async fn log_in(&self, at: &Target, handle: &mut Handle<Witness>) -> Result<(), SshError> {
        let key = self.room.key.get()?;
        let hash = match key.algorithm().is_rsa() {
            true => handle.best_supported_rsa_hash().await.map_err(|why| unreachable(at, why))?.flatten(),
            false => None,
        };
        let key = PrivateKeyWithHashAlg::new(key, hash);
        let answer = handle.authenticate_publickey(&at.user, key).await.map_err(|why| unreachable(at, why))?;
        match answer.success() {
            true => Ok(()),
            false => Err(SshError::Denied { address: at.address(), key: self.room.key.fingerprint() }),
        }
    }

    fn changed(&self, at: &Target, pinned: &PublicKey, seen: &PublicKey) -> SshError {
        SshError::HostKeyChanged {
            instance: at.instance.clone(),
            address: at.address(),
            pinned: pinned.fingerprint(HashAlg::Sha256).to_string(),
            seen: seen.fingerprint(HashAlg::Sha256).to_string(),
            file: self.room.pins.file().to_path_buf(),
        }
    }
}

/// Refuses targets whose words could mean something else in a file or on a command line.
pub(crate) fn check_target(at: &Target) -> Result<(), SshError> {
    let plain = |text: &str, more: &str| {
        !text.is_empty()
            && text.len() <= 128
            && !text.starts_with('-')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    for (what, text, more) in
        [("instance id", &at.instance, "-_."), ("user", &at.user, "-_."), ("host", &at.host, "-_.:")]
    {
        if !plain(text, more) {
            return Err(SshError::input(what, format!("`{}` is not a plain name", clean_line(text.as_bytes(), 80))));
        }
    }
    Ok(())
}

async fn open_socket(at: &Target) -> Result<tokio::net::TcpStream, SshError> {
    let dialling = tokio::net::TcpStream::connect((at.host.as_str(), at.port));
    let stream = match timeout(Duration::from_secs(DIAL_SECS), dialling).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(why)) => return Err(unreachable(at, why)),
        Err(_) => return Err(silent(at, "the connection")),
    };
    stream.set_nodelay(true).map_err(|why| unreachable(at, why))?;
    Ok(stream)
}

/// Returns how long the server's first word was on its way: once there and back, and a moment of its own.
async fn first_word(stream: &tokio::net::TcpStream) -> Duration {
    let asked = tokio::time::Instant::now();
    // Whether it comes at all is for the handshake to find out.
    let _ = timeout(Duration::from_secs(2), stream.readable()).await;
    asked.elapsed()
}

/// What a machine may send before we say that more may come: over a long way this bounds the speed. Over a short one more
/// than OpenSSH's own 2 MiB is slower: its server then fills its memory with what it cannot send yet, and shifts it about.
fn window_for(way: Duration) -> u32 {
    let bytes = way.as_micros().saturating_mul(512);
    u32::try_from(bytes).unwrap_or(u32::MAX).clamp(2 << 20, 32 << 20)
}

/// The most that the library takes in one packet: fewer packets are fewer wake-ups.
const PACKET: u32 = 65_535;
/// The fastest first: processors have instructions for AES. The others are for servers and processors without it.
const CIPHERS: &[cipher::Name] = &[
    cipher::AES_128_GCM,
    cipher::AES_256_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];

fn config(pinned: Option<&PublicKey>, window: u32) -> Arc<client::Config> {
    let mut config = client::Config {
        window_size: window,
        maximum_packet_size: PACKET,
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: 3,
        nodelay: true,
        ..client::Config::default()
    };
    config.preferred.cipher = CIPHERS.into();
    if let Some(pinned) = pinned {
        // A machine has several keys: ask for the one we know, or a key added later would look like a changed one.
        let mut wanted = config.preferred.key.to_vec();
        wanted.sort_by_key(|algorithm| *algorithm != pinned.algorithm());
        config.preferred.key = wanted.into();
    }
    Arc::new(config)
}

fn unreachable(at: &Target, why: impl std::fmt::Display) -> SshError {
    SshError::Unreachable { address: at.address(), why: clean_line(why.to_string().as_bytes(), 300) }
}

fn silent(at: &Target, what: &str) -> SshError {
    unreachable(at, format!("{what} got no answer in time"))
}

/// Sees the host key during the handshake. With a pin it lets only that key pass; without, the login decides.
struct Witness {
    pinned: Option<PublicKey>,
    seen: Arc<std::sync::Mutex<Option<PublicKey>>>,
}

impl client::Handler for Witness {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let key = shown.public_key();
        let fits = self.pinned.as_ref().is_none_or(|pinned| pinned.key_data() == key.key_data());
        // Keys are exchanged again on a long connection; only the first one shown may come back then.
        self.pinned.get_or_insert_with(|| key.clone());
        *self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(key);
        Ok(fits)
    }
}
