//! A road to a machine that breaks after so many bytes, again and again. What it cuts is drawn from a seed.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst};
use std::thread;

pub(crate) struct Proxy {
    pub(crate) port: u16,
    cuts: Arc<AtomicUsize>,
}

impl Proxy {
    /// `budget` says for each connection after how many bytes, of both directions together, it is cut.
    pub(crate) fn start(to: u16, mut budget: impl FnMut() -> u64 + Send + 'static) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let cuts = Arc::new(AtomicUsize::new(0));
        let counted = cuts.clone();
        // It ends with the test's process.
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(("127.0.0.1", to)) else { continue };
                carry(near, far, i64::try_from(budget()).unwrap(), counted.clone());
            }
        });
        Proxy { port, cuts }
    }

    pub(crate) fn cuts(&self) -> usize {
        self.cuts.load(SeqCst)
    }
}

fn carry(near: TcpStream, far: TcpStream, budget: i64, cuts: Arc<AtomicUsize>) {
    let left = Arc::new(AtomicI64::new(budget));
    for (mut from, mut to) in
        [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far.try_clone().unwrap(), near.try_clone().unwrap())]
    {
        let (left, cuts) = (left.clone(), cuts.clone());
        thread::spawn(move || {
            let mut buffer = [0; 16 * 1024];
            while let Ok(got @ 1..) = from.read(&mut buffer) {
                let before = left.fetch_sub(i64::try_from(got).unwrap(), SeqCst);
                // The last bytes before the cut arrive, so that it may fall anywhere.
                let carried = got.min(usize::try_from(before.max(0)).unwrap());
                if to.write_all(&buffer[..carried]).is_err() {
                    break;
                }
                if carried < got {
                    if before > 0 {
                        cuts.fetch_add(1, SeqCst);
                    }
                    break;
                }
            }
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
}

/// Numbers that look drawn, the same for the same seed.
pub(crate) struct Drawn(pub(crate) u64);

impl Drawn {
    pub(crate) fn next(&mut self, from: u64, to: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        from + self.0 % (to - from)
    }
}
