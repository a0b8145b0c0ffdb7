//! A server that says what it is told to say, byte for byte, and remembers what it was asked.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// What a server does with a request.
#[derive(Clone)]
pub(crate) enum Act {
    Say(Vec<u8>),
    /// One byte at a time, with this much time between.
    Drip(Vec<u8>, Duration),
    /// Answers as if it stayed, and hangs up.
    SayThenClose(Vec<u8>),
    /// Hangs up without a word.
    Close,
    Silence,
}

#[derive(Default)]
struct Log {
    requests: Vec<String>,
    connections: usize,
}

pub(crate) struct Server {
    address: SocketAddr,
    log: Arc<Mutex<Log>>,
}

impl Server {
    pub(crate) async fn answering(bytes: Vec<u8>) -> Server {
        Server::acting(vec![Act::Say(bytes)]).await
    }

    /// Acts in turn over all connections; the last act stays.
    pub(crate) async fn acting(acts: Vec<Act>) -> Server {
        Server::start(acts, None).await
    }

    /// Answers under a name, with a certificate made for it; returns the root to trust.
    pub(crate) async fn secure(name: &str, bytes: Vec<u8>) -> (Server, RootCertStore) {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        (Server::start(vec![Act::Say(bytes)], Some(TlsAcceptor::from(Arc::new(config)))).await, roots)
    }

    async fn start(acts: Vec<Act>, tls: Option<TlsAcceptor>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Mutex::new(Log::default()));
        let server = Server { address, log: log.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                log.lock().unwrap().connections += 1;
                let (log, acts, tls) = (log.clone(), acts.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, log, acts).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, log, acts).await;
                            }
                        }
                    }
                });
            }
        });
        server
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.log.lock().unwrap().requests.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.log.lock().unwrap().connections
    }
}

pub(crate) fn reply(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, log: Arc<Mutex<Log>>, acts: Vec<Act>) {
    while let Some(request) = read(&mut stream).await {
        let number = {
            let mut log = log.lock().unwrap();
            log.requests.push(request);
            log.requests.len() - 1
        };
        match acts[number.min(acts.len() - 1)].clone() {
            Act::Say(bytes) => stream.write_all(&bytes).await.unwrap_or_default(),
            Act::Drip(bytes, gap) => {
                for byte in bytes {
                    if stream.write_all(&[byte]).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(gap).await;
                }
            }
            Act::SayThenClose(bytes) => return stream.write_all(&bytes).await.unwrap_or_default(),
            Act::Close => return,
            Act::Silence => std::future::pending().await,
        }
    }
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some(head) = text.find("\r\n\r\n") {
            let length =
                text.to_ascii_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if bytes.len() >= head + 4 + length.unwrap_or(0) {
                return Some(text);
            }
        }
        let mut piece = [0; 4_096];
        match stream.read(&mut piece).await {
            Ok(n) if n > 0 => bytes.extend_from_slice(&piece[..n]),
            _ => return None,
        }
    }
}
