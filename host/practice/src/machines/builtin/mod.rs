//! The SSH server inside this process: one listener for each machine. It opens and closes; what a connection may
//! do is in `session`. Closing it ends connections at once, as a machine without power does.

mod ending;
mod exec;
mod files;
mod paths;
mod session;
mod terminal;

use std::collections::HashMap;
use std::net::{Shutdown, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use russh::keys::load_secret_key;
use russh::server::{Config, run_stream};
use russh::{MethodKind, MethodSet};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::Home;
use session::Session;

/// An open listener and its connections.
pub(crate) struct Door {
    accept: JoinHandle<()>,
    connections: Connections,
}

/// Second handles to the sockets in use, kept to cut them.
#[derive(Clone, Default)]
struct Connections {
    sockets: Arc<Mutex<(u64, HashMap<u64, std::net::TcpStream>)>>,
}

pub(crate) async fn open(home: &Home, at: SocketAddr) -> std::io::Result<Door> {
    let config = Arc::new(config(home)?);
    let listener = TcpListener::bind(at).await?;
    let connections = Connections::default();
    let accept = tokio::spawn(accept(listener, config, home.clone(), connections.clone()));
    Ok(Door { accept, connections })
}

impl Door {
    /// Closes the listener and cuts every connection.
    pub(crate) async fn close(self) {
        self.accept.abort();
        // Only when the task is over the port is free again.
        let _ = self.accept.await;
        for (_, socket) in self.connections.lock().1.drain() {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

async fn accept(listener: TcpListener, config: Arc<Config>, home: Home, connections: Connections) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let Ok((stream, number)) = connections.keep(stream) else { continue };
        let (config, home, connections) = (Arc::clone(&config), home.clone(), connections.clone());
        tokio::spawn(async move {
            match run_stream(config, stream, Session::new(home)).await {
                Ok(session) => drop(session.await),
                Err(error) => tracing::debug!(%error, "no SSH session came about"),
            }
            connections.lock().1.remove(&number);
        });
    }
}

impl Connections {
    fn keep(&self, stream: TcpStream) -> std::io::Result<(TcpStream, u64)> {
        stream.set_nodelay(true)?;
        let socket = stream.into_std()?;
        let mut kept = self.lock();
        kept.0 += 1;
        let number = kept.0;
        kept.1.insert(number, socket.try_clone()?);
        Ok((TcpStream::from_std(socket)?, number))
    }

    fn lock(&self) -> MutexGuard<'_, (u64, HashMap<u64, std::net::TcpStream>)> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn config(home: &Home) -> std::io::Result<Config> {
    let key = load_secret_key(home.host_key_path(), None).map_err(std::io::Error::other)?;
    Ok(Config {
        keys: vec![key],
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        auth_rejection_time: Duration::from_millis(10),
        auth_rejection_time_initial: Some(Duration::ZERO),
        inactivity_timeout: None,
        // Long queues: a channel that nobody reads must not hold up the others.
        channel_buffer_size: 4096,
        event_buffer_size: 4096,
        nodelay: true,
        ..Config::default()
    })
}
