//! Long streams through a channel: pieces for a command to read, and a wait that tells how far it is and ends when nothing
//! moves any more. This module does not know what the bytes are.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::error::SshError;
use crate::exec::{Input, Running, Until};
use crate::gather::Gather;
use crate::{Ssh, Target};

/// Progress of a copy: bytes done, bytes in all.
pub(crate) type Progress<'a> = &'a mut (dyn FnMut(u64, u64) + Send);

/// No byte for this long means that the copy stands still.
pub(crate) const STALL_SECS: u64 = 45;
/// A checksum of a large file on a slow disk takes its time.
pub(crate) const CHECK_SECS: u64 = 1_800;
/// How often progress is told.
const TELL: Duration = Duration::from_millis(200);
/// Large enough for few wake-ups, small enough that little waits in memory.
const PIECE: usize = 256 * 1024;
const PIECES_WAITING: usize = 8;

/// How far a copy is, counted where the bytes are.
#[derive(Clone, Default)]
pub(crate) struct Done {
    bytes: Arc<AtomicU64>,
    total: Arc<AtomicU64>,
}

impl Done {
    pub(crate) fn of(total: u64) -> Done {
        let done = Done::default();
        done.set_total(total);
        done
    }

    pub(crate) fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// For who learns only on the way how much there is.
    pub(crate) fn set_total(&self, total: u64) {
        self.total.store(total, Ordering::Relaxed);
    }

    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    fn get(&self) -> (u64, u64) {
        let total = self.total();
        (self.bytes.load(Ordering::Relaxed).min(total), total)
    }
}

/// The writing end of a command's input, for a thread of its own. Dropped, the input ends.
pub(crate) struct Pieces {
    sender: mpsc::Sender<Vec<u8>>,
    piece: Vec<u8>,
}

impl Pieces {
    pub(crate) fn new() -> (Pieces, Input) {
        let (sender, receiver) = mpsc::channel(PIECES_WAITING);
        (Pieces { sender, piece: Vec::with_capacity(PIECE) }, Input::Pieces(receiver))
    }

    fn send(&mut self) -> std::io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.sender.blocking_send(piece).map_err(|_| std::io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let taken = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        if self.piece.len() == PIECE {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.send()
    }
}

impl Ssh {
    /// Runs a script of ours whose answer may be long, to its end.
    pub(crate) async fn ask_long(
        &self,
        at: &Target,
        doing: &'static str,
        script: &str,
        input: Vec<u8>,
        answer_max: usize,
    ) -> Result<Vec<u8>, SshError> {
        let stdout = Gather::exact(answer_max);
        let mut running = self.begin(at, script, Input::Whole(input), stdout, Gather::folding(8 * 1024)).await?;
        follow(&mut running, at, doing, &Done::default(), &mut |_, _| {}).await?;
        running.answer(doing)?.succeeded(doing).map(|answer| answer.stdout)
    }
}

/// Waits for the end of a command that moves bytes, and tells how far it is.
pub(crate) async fn follow(
    running: &mut Running,
    at: &Target,
    doing: &'static str,
    done: &Done,
    progress: Progress<'_>,
) -> Result<(), SshError> {
    running.to_the_last_byte = true;
    let mut moved = (u64::MAX, Instant::now());
    loop {
        let until = running.until(Instant::now() + TELL).await;
        let (now, total) = done.get();
        if now != moved.0 {
            moved = (now, Instant::now());
            if total > 0 {
                progress(now, total);
            }
        }
        match until {
            Until::Ended => return Ok(()),
            Until::Broken | Until::Unwanted => return Err(SshError::Lost { address: at.address(), doing }),
            Until::TimeUp => {}
        }
        // When all has moved the machine checks, and that moves nothing.
        let secs = if now < total { STALL_SECS } else { CHECK_SECS };
        if moved.1.elapsed() >= Duration::from_secs(secs) {
            return Err(SshError::TooSlow { address: at.address(), doing, secs });
        }
    }
}
