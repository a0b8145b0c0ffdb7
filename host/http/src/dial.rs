//! From a judged base to a connection: look up once, judge every address, connect to a judged one, TLS with the granted
//! name. Up to here nothing of a request has left, so every failure is *denied* or *not sent*.

use crate::{Base, Outbound, Resolver, SendError, connection::Connection, judge::judge_address};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, OnceLock},
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};

/// No more addresses of one name are tried.
const TRIES_MAX: usize = 4;

pub(crate) struct Dialler {
    rules: Outbound,
    resolver: Resolver,
    /// Made at the first request: start-up is fast, and a session that only reads its ledger never needs it.
    tls: OnceLock<Result<Arc<ClientConfig>, String>>,
    pub(crate) wire: Wire,
}

/// Where a connection to a judged address really leads.
#[derive(Default)]
pub(crate) enum Wire {
    #[default]
    Direct,
    /// A server of the test on loopback, with the root that its certificate hangs on.
    #[cfg(test)]
    To { at: SocketAddr, dialled: std::sync::Mutex<Vec<SocketAddr>>, roots: RootCertStore },
}

impl Dialler {
    pub(crate) fn new(rules: Outbound, resolver: Resolver) -> Dialler {
        Dialler { rules, resolver, tls: OnceLock::new(), wire: Wire::Direct }
    }

    pub(crate) async fn dial(&self, base: &Base, deadline: Instant) -> Result<Connection, SendError> {
        let deadline = deadline.min(Instant::now() + self.rules.connect_timeout);
        let addresses = self.addresses(base, deadline).await?;
        let stream = self.connect(&addresses, base, deadline).await?;
        let late = |_| SendError::NotSent(format!("no connection to {} in time", base.host()));
        if !base.is_secure() {
            return timeout_at(deadline, Connection::over(stream)).await.map_err(late)?;
        }
        let name = ServerName::try_from(base.host().to_owned())
            .map_err(|_| SendError::Denied(format!("`{}` is no name for a certificate", base.host())))?;
        let connector = TlsConnector::from(self.tls()?);
        let stream = timeout_at(deadline, connector.connect(name, stream)).await.map_err(late)?;
        let stream = stream.map_err(|error| SendError::NotSent(format!("no TLS with {}: {error}", base.host())))?;
        timeout_at(deadline, Connection::over(stream)).await.map_err(late)?
    }

    /// Looks up once and judges every answer: one that is not public denies all, for the name cannot be trusted.
    async fn addresses(&self, base: &Base, deadline: Instant) -> Result<Vec<SocketAddr>, SendError> {
        if base.is_loopback() {
            return self.loopback(base);
        }
        let looked_up = timeout_at(deadline, self.resolver.look_up(base.host(), base.port())).await;
        let found = looked_up
            .map_err(|_| SendError::NotSent(format!("no address for {} in time", base.host())))?
            .map_err(|error| SendError::NotSent(format!("no address for {}: {error}", base.host())))?;
        for address in &found {
            judge_address(*address).map_err(|what| {
                SendError::Denied(format!(
                    "{} is at {address}, which is {what}; only public addresses are dialled",
                    base.host()
                ))
            })?;
        }
        if found.is_empty() {
            return Err(SendError::NotSent(format!("{} has no address", base.host())));
        }
        Ok(found.into_iter().map(|address| SocketAddr::new(address, base.port())).collect())
    }

    fn loopback(&self, base: &Base) -> Result<Vec<SocketAddr>, SendError> {
        if !self.rules.loopback {
            return Err(SendError::Denied(format!(
                "{base} is loopback, which the owner's configuration does not allow"
            )));
        }
        let (v4, v6) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST));
        let addresses = match base.host() {
            "[::1]" => vec![v6],
            "localhost" => vec![v4, v6],
            _ => vec![v4],
        };
        Ok(addresses.into_iter().map(|address| SocketAddr::new(address, base.port())).collect())
    }

    /// Tries the addresses in turn, each for its share of the time.
    async fn connect(&self, addresses: &[SocketAddr], base: &Base, deadline: Instant) -> Result<TcpStream, SendError> {
        let mut last = format!("no connection to {} in time", base.host());
        let tries = addresses.len().min(TRIES_MAX);
        for (n, address) in addresses.iter().take(tries).enumerate() {
            let left = deadline.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(tries - n).unwrap_or(1);
            match timeout_at(Instant::now() + share, TcpStream::connect(self.wire.lead(*address))).await {
                Ok(Ok(stream)) => {
                    // Requests are written whole; waiting to fill a packet only costs time.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => last = format!("no connection to {} at {address}: {error}", base.host()),
                Err(_) => last = format!("no connection to {} at {address} in time", base.host()),
            }
        }
        Err(SendError::NotSent(last))
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, SendError> {
        let made = self.tls.get_or_init(|| {
            let roots = self.wire.roots().unwrap_or_else(|| webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect());
            let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|error| error.to_string())?
                .with_root_certificates(roots)
                .with_no_client_auth();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Ok(Arc::new(config))
        });
        made.clone().map_err(|error| SendError::NotSent(format!("no TLS can be set up: {error}")))
    }
}

impl Wire {
    fn lead(&self, address: SocketAddr) -> SocketAddr {
        match self {
            Wire::Direct => address,
            #[cfg(test)]
            Wire::To { at, dialled, .. } => {
                dialled.lock().unwrap().push(address);
                *at
            }
        }
    }

    fn roots(&self) -> Option<RootCertStore> {
        match self {
            Wire::Direct => None,
            #[cfg(test)]
            Wire::To { roots, .. } => Some(roots.clone()),
        }
    }
}
