//! The line to the machine: loopback itself, or a relay that holds back every byte for the delay, each way, without a limit
//! of speed. It stands in for netem, which many kernels lack; all who are measured go through the same one.

use anyhow::{Context, Result};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::{Semaphore, mpsc},
    time::{Instant, sleep_until},
};

/// On the way at once, each way: more than any window that ssh opens.
const ON_THE_WAY_MAX: usize = 256 << 20;
const PIECE: usize = 64 << 10;

pub struct Line {
    port: u16,
    delay: Duration,
    /// Ends the relay with the line.
    _relay: Option<tokio::runtime::Runtime>,
}

impl Line {
    /// Opens a way to `to` on loopback that takes `delay` in each direction.
    pub fn open(to: u16, delay: Duration) -> Result<Line> {
        if delay.is_zero() {
            return Ok(Line { port: to, delay, _relay: None });
        }
        let relay = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let listener = relay.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let port = listener.local_addr()?.port();
        relay.spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, to, delay));
            }
        });
        Ok(Line { port, delay, _relay: Some(relay) })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn in_words(&self) -> &'static str {
        match self.delay.is_zero() {
            true => "loopback",
            false => "a relay on loopback that holds every byte back",
        }
    }
}

async fn carry(near: TcpStream, to: u16, delay: Duration) -> Result<()> {
    near.set_nodelay(true)?;
    // The far side is dialled with a delay too, as the first packet would have.
    tokio::time::sleep(delay * 2).await;
    let far = TcpStream::connect(("127.0.0.1", to)).await.context("the machine does not answer")?;
    far.set_nodelay(true)?;
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    tokio::spawn(one_way(near_in, far_out, delay));
    tokio::spawn(one_way(far_in, near_out, delay));
    Ok(())
}

async fn one_way(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) {
    let room = Arc::new(Semaphore::new(ON_THE_WAY_MAX));
    let (put, mut take) = mpsc::unbounded_channel();
    tokio::spawn({
        let room = room.clone();
        async move {
            while let Some((due, bytes)) = take.recv().await {
                let bytes: Vec<u8> = bytes;
                sleep_until(due).await;
                if to.write_all(&bytes).await.is_err() {
                    return;
                }
                room.add_permits(bytes.len());
            }
        }
    });
    let mut piece = vec![0; PIECE];
    while let Ok(some @ 1..) = from.read(&mut piece).await {
        let Ok(permit) = room.acquire_many(some as u32).await else { return };
        permit.forget();
        if put.send((Instant::now() + delay, piece[..some].to_vec())).is_err() {
            return;
        }
    }
}
