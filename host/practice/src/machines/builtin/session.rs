//! One SSH connection: who may enter, and what each channel becomes. The work of a channel is done elsewhere.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use russh::keys::PublicKey;
use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelOpenFailure, Pty};
use tokio::net::TcpStream;

use super::exec::{self, Spec};
use super::files::{self, Files};
use super::terminal::Size;
use crate::machines::Home;

/// Variables a client cannot set, because the machine would no longer be found by them.
const FIXED: [&str; 5] = ["HOME", "PATH", "TMUX_TMPDIR", "TMPDIR", "BURSAR_PRACTICE_MACHINE"];

pub(super) struct Session {
    home: Home,
    waiting: HashMap<ChannelId, Waiting>,
}

/// A channel that has not been told yet what it is for.
struct Waiting {
    channel: Channel<Msg>,
    environment: Vec<(String, String)>,
    terminal: Option<Size>,
}

impl Session {
    pub(super) fn new(home: Home) -> Self {
        Self { home, waiting: HashMap::new() }
    }

    /// The machine's own file decides, so keys that were added later are good too.
    fn may_enter(&self, user: &str, key: &PublicKey) -> bool {
        let text = std::fs::read_to_string(self.home.root.join(".ssh/authorized_keys")).unwrap_or_default();
        let mut known = text.lines().filter_map(|line| PublicKey::from_openssh(line.trim()).ok());
        user == self.home.user && known.any(|known| known.key_data() == key.key_data())
    }

    /// Returns where a forwarded connection may go: to this computer, and from a jump host to its machines.
    fn forwarded(&self, host: &str) -> Option<Ipv4Addr> {
        if matches!(host, "localhost" | "::1") {
            return Some(Ipv4Addr::LOCALHOST);
        }
        let address: Ipv4Addr = host.parse().ok()?;
        (address == Ipv4Addr::LOCALHOST || self.home.leads_to.contains(&address)).then_some(address)
    }

    fn judge(&self, user: &str, key: &PublicKey) -> Auth {
        if self.may_enter(user, key) { Auth::Accept } else { Auth::reject() }
    }

    fn start(
        &mut self,
        id: ChannelId,
        command: Option<String>,
        session: &mut russh::server::Session,
    ) -> Result<(), russh::Error> {
        let Some(waiting) = self.waiting.remove(&id) else { return session.channel_failure(id) };
        session.channel_success(id)?;
        let spec = Spec { command, environment: waiting.environment, terminal: waiting.terminal };
        tokio::spawn(exec::run(waiting.channel, session.handle(), spec, self.home.clone()));
        Ok(())
    }
}

impl Handler for Session {
    type Error = russh::Error;

    async fn auth_publickey_offered(&mut self, user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Self::Error> {
        Ok(self.judge(user, offer.public_key))
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        Ok(self.judge(user, key.public_key))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut russh::server::Session,
    ) -> Result<(), Self::Error> {
        let waiting = Waiting { environment: Vec::new(), terminal: None, channel };
        self.waiting.insert(waiting.channel.id(), waiting);
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut russh::server::Session,
    ) -> Result<(), Self::Error> {
        let Some((host, port)) = self.forwarded(host).zip(u16::try_from(port).ok()) else {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
            return Ok(());
        };
        match TcpStream::connect((host, port)).await {
            Ok(mut stream) => {
                reply.accept().await;
                tokio::spawn(
                    async move { tokio::io::copy_bidirectional(&mut channel.into_stream(), &mut stream).await },
                );
            }
            Err(_) => reply.reject(ChannelOpenFailure::ConnectFailed).await,
        }
        Ok(())
    }

    async fn env_request(
        &mut self,
        id: ChannelId,
        name: &str,
        value: &str,
        session: &mut russh::server::Session,
    ) -> Result<(), Self::Error> {
        match self.waiting.get_mut(&id) {
            Some(waiting) if !FIXED.contains(&name) => {
                waiting.environment.push((name.to_owned(), value.to_owned()));
                session.channel_success(id)
            }
            _ => session.channel_failure(id),
        }
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        term: &str,
        columns: u32,
        rows: u32,
        _: u32,
        _: u32,
        _: &[(Pty, u32)],
        session: &mut russh::server::Session,
    ) -> Result<(), Self::Error> {
        let Some(waiting) = self.waiting.get_mut(&id) else { return session.channel_failure(id) };
        waiting.environment.push(("TERM".into(), term.to_owned()));
        waiting.terminal = Some(Size::new(columns, rows));
        session.channel_success(id)
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        command: &[u8],
        session: &mut russh::server::Session,
    ) -> Result<(), Self::Error> {
        let command = String::from_utf8_lossy(command).into_owned();
        self.start(id, Some(command), session)
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut russh::server::Session) -> Result<(), Self::Error> {
        self.start(id, None, session)
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        name: &str,
        session: &mut russh::server::Session,
    ) -> Result<(), Self::Error> {
        let Some(waiting) = self.waiting.remove(&id).filter(|_| name == "sftp") else {
            return session.channel_failure(id);
        };
        let Ok(files) = Files::open(&self.home) else { return session.channel_failure(id) };
        session.channel_success(id)?;
        files::serve(waiting.channel, session.handle(), files).await;
        Ok(())
    }
}
