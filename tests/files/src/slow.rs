//! A long way: a proxy on loopback that holds every byte back for a while, in both directions, and bounds nothing else. It
//! stands in for netem, which many kernels lack, and is the same for all that is measured.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Result;

/// Returns the port that leads to `port`, so much later.
pub fn before(port: u16, delay: Duration) -> Result<u16> {
    if delay.is_zero() {
        return Ok(port);
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let own = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let pair = TcpStream::connect(("127.0.0.1", port)).and_then(|server| {
                client.set_nodelay(true)?;
                server.set_nodelay(true)?;
                Ok([(client.try_clone()?, server.try_clone()?), (server, client)])
            });
            for (from, to) in pair.into_iter().flatten() {
                pass(from, to, delay);
            }
        }
    });
    Ok(own)
}

fn pass(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let (sender, receiver) = mpsc::channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 256 * 1024];
        while let Ok(got) = from.read(&mut buffer) {
            if got == 0 || sender.send((Instant::now() + delay, buffer[..got].to_vec())).is_err() {
                break;
            }
        }
    });
    std::thread::spawn(move || {
        for (due, bytes) in receiver {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}
