//! One login: to the machine itself or through its jump host, each trusted by its pinned host key only, and pinned only once
//! it took our key.

use std::sync::Arc;
use std::time::Duration;

use russh::cipher;
use russh::client::{self, Handle};
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use tokio::time::timeout;

use crate::clean::clean_line;
use crate::connect::Link;
use crate::error::SshError;
use crate::pulse::{Io, Pulse};
use crate::{Ssh, Target};

const DIAL_SECS: u64 = 8;
const LOGIN_SECS: u64 = 12;
const KEEPALIVE: Duration = Duration::from_secs(15);
/// OpenSSH's own. Over a short way more is slower: its server then fills its memory with what it cannot send yet.
const WINDOW_MIN: u32 = 2 << 20;
const WINDOW_MAX: u32 = 32 << 20;
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

/// The bare way to a machine.
struct Road {
    stream: Box<dyn Io>,
    pulse: Pulse,
    window: u32,
    /// The jump host's connection carries it.
    hop: Option<Box<Link>>,
}

impl Ssh {
    /// Connects, checks the host key, logs in, and pins the key of a machine met for the first time.
    pub(crate) async fn dial(&self, at: &Target) -> Result<Link, SshError> {
        let Road { stream, pulse, window, hop } = match at.hop() {
            None => direct(at).await?,
            Some(hop) => {
                let hop = Box::pin(self.dial(&hop)).await.map_err(|error| through(at, error))?;
                behind(at, hop).await?
            }
        };
        let pinned = self.room.pins.find(&at.instance)?;
        let seen = Arc::new(std::sync::Mutex::new(None));
        let witness = Witness { pinned: pinned.clone(), seen: seen.clone() };
        let deadline = tokio::time::Instant::now() + Duration::from_secs(LOGIN_SECS);
        let shaking = client::connect_stream(config(pinned.as_ref(), window), pulse.watch(stream), witness);
        let shaken = tokio::time::timeout_at(deadline, shaking).await.map_err(|_| silent(at, "the SSH handshake"))?;
        let seen = seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let mut handle = match (shaken, &pinned, &seen) {
            (Ok(handle), ..) => handle,
            (Err(_), Some(pinned), Some(seen)) if pinned.key_data() != seen.key_data() => {
                return Err(self.changed(at, pinned, seen));
            }
            (Err(why), ..) => return Err(unreachable(at, why)),
        };
        let by_own_key = tokio::time::timeout_at(deadline, self.log_in(at, &mut handle))
            .await
            .map_err(|_| silent(at, "the login"))??;
        let seen = seen.ok_or_else(|| unreachable(at, "it showed no host key"))?;
        let pinned = self.room.pins.pin(&at.instance, &seen)?;
        if pinned.key_data() != seen.key_data() {
            return Err(self.changed(at, &pinned, &seen));
        }
        Ok(Link::new(handle, at.clone(), by_own_key, pulse, hop))
    }

    /// Returns whether it was the instance's own key that opened.
    async fn log_in(&self, at: &Target, handle: &mut Handle<Witness>) -> Result<bool, SshError> {
        for (key, is_own) in self.keys_for(&at.instance)? {
            let hash = match key.algorithm().is_rsa() {
                true => handle.best_supported_rsa_hash().await.map_err(|why| unreachable(at, why))?.flatten(),
                false => None,
            };
            let key = PrivateKeyWithHashAlg::new(key, hash);
            let answer = handle.authenticate_publickey(&at.user, key).await.map_err(|why| unreachable(at, why))?;
            if answer.success() {
                return Ok(is_own);
            }
            // A connection that breaks here is told as a failed login, and is none.
            if handle.is_closed() {
                return Err(unreachable(at, "the connection broke during the login"));
            }
        }
        Err(SshError::Denied { address: at.address(), key: self.room.key.fingerprint() })
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

async fn direct(at: &Target) -> Result<Road, SshError> {
    let dialling = tokio::net::TcpStream::connect((at.host.as_str(), at.port));
    let stream = match timeout(Duration::from_secs(DIAL_SECS), dialling).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(why)) => return Err(unreachable(at, why)),
        Err(_) => return Err(silent(at, "the connection")),
    };
    stream.set_nodelay(true).map_err(|why| unreachable(at, why))?;
    let pulse = Pulse::of(&stream).map_err(|why| unreachable(at, why))?;
    let window = window_for(first_word(&stream).await);
    Ok(Road { stream: Box::new(stream), pulse, window, hop: None })
}

/// Returns how long the server's first word was on its way: once there and back, and a moment of its own.
async fn first_word(stream: &tokio::net::TcpStream) -> Duration {
    let asked = tokio::time::Instant::now();
    // Whether it comes at all is for the handshake to find out.
    let _ = timeout(Duration::from_secs(2), stream.readable()).await;
    asked.elapsed()
}

/// What a machine may send before we say that more may come: over a long way this is what bounds the speed.
fn window_for(way: Duration) -> u32 {
    let bytes = way.as_micros().saturating_mul(512);
    u32::try_from(bytes).unwrap_or(u32::MAX).clamp(WINDOW_MIN, WINDOW_MAX)
}

async fn behind(at: &Target, hop: Link) -> Result<Road, SshError> {
    let opening = hop.handle().channel_open_direct_tcpip(at.host.clone(), at.port.into(), "127.0.0.1", 0);
    let refused = |why: String| unreachable(at, format!("its jump host {} opened no way to it: {why}", hop.address()));
    let channel = match timeout(Duration::from_secs(DIAL_SECS), opening).await {
        Ok(Ok(channel)) => channel,
        Ok(Err(why)) => return Err(refused(why.to_string())),
        Err(_) => return Err(refused(format!("no answer within {DIAL_SECS} s"))),
    };
    let pulse = hop.pulse().another();
    Ok(Road { stream: Box::new(channel.into_stream()), pulse, window: WINDOW_MAX, hop: Some(Box::new(hop)) })
}

/// A machine whose jump host does not answer does not answer either; what is wrong with a key or a host key stays as it is.
fn through(at: &Target, error: SshError) -> SshError {
    match error {
        SshError::Unreachable { address, why } => unreachable(at, format!("its jump host {address}: {why}")),
        other => other,
    }
}

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
pub(crate) struct Witness {
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
