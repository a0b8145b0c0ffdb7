//! Connections that are cut at any byte during a copy: what it makes is complete or clearly not there, and the next attempt
//! succeeds. Two hundred cuts at seeded places, and some where it is known what must not be sent again.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bursar_ssh::{Content, SshError, Target, Upload};

use crate::machine::{Machine, quiet};
use crate::trees::{ask, opened, picture, write};

/// Of each kind of copy, each cut twice: two hundred cuts.
const ROUNDS: u64 = 25;
const FILE: usize = 3_000_000;
/// What a server has taken and not passed on when its connection breaks is lost: up to a window of 2 MB.
const LOST: u64 = 2_400_000;

/// Stands before a machine, counts what passes, and cuts every connection once so many bytes have passed.
pub(crate) struct Cutter {
    port: u16,
    passed: Arc<AtomicU64>,
    cut_at: Arc<AtomicU64>,
}

impl Cutter {
    pub(crate) fn before(at: &Target) -> Cutter {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (passed, cut_at) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(u64::MAX)));
        let (to, counted, limit) = (at.port, passed.clone(), cut_at.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else { return };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let (counted, limit) = (counted.clone(), limit.clone());
                    std::thread::spawn(move || pass(from, to, &counted, &limit));
                }
            }
        });
        Cutter { port, passed, cut_at }
    }

    /// From now on so many bytes pass; without a number, all.
    pub(crate) fn allow(&self, bytes: Option<u64>) {
        self.passed.store(0, Ordering::SeqCst);
        self.cut_at.store(bytes.unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    fn passed(&self) -> u64 {
        self.passed.load(Ordering::SeqCst)
    }

    pub(crate) fn at(&self, machine: &Machine) -> Target {
        Target { port: self.port, ..machine.at() }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, counted: &AtomicU64, limit: &AtomicU64) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(got) = from.read(&mut buffer) {
        let before = counted.fetch_add(got as u64, Ordering::SeqCst);
        let left = limit.load(Ordering::SeqCst).saturating_sub(before);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(got);
        if to.write_all(&buffer[..most]).is_err() || most < got || got == 0 {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// The same places in every run.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

fn bytes(count: usize, seed: u64) -> Vec<u8> {
    let mut seeded = Seeded(seed + 0x9e37_79b9);
    (0..count).map(|_| u8::try_from(seeded.below(256)).unwrap()).collect()
}

fn folder(root: &Path, seed: u64) -> u64 {
    let sizes = [0, 1, 4096, 100_000, 700_000];
    for n in 0..40_u64 {
        let size = sizes[usize::try_from(n).unwrap() % sizes.len()];
        write(root.join(format!("d{}/f{n}", n % 7)), bytes(size, seed + n));
    }
    40 / 5 * 804_097
}

/// A break is told as one, or as a machine that does not answer.
fn is_break(error: &SshError) -> bool {
    error.may_pass()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_sent_over_a_cut_connection_is_complete_or_not_there() {
    let machine = Machine::start();
    let cutter = Cutter::before(&machine.at());
    let at = cutter.at(&machine);
    let here = tempfile::tempdir().unwrap();
    let mut seeded = Seeded(1);
    let upload = |n| Upload {
        content: Content::File(fs::File::open(here.path().join("f")).unwrap()),
        remote_path: format!("f{n}"),
        name: None,
        mode: None,
    };
    for n in 0..ROUNDS {
        let data = bytes(FILE, n);
        write(here.path().join("f"), &data);
        let there = machine.home().join(format!("f{n}"));
        for _ in 0..2 {
            cutter.allow(Some(seeded.below(FILE as u64 + 30_000)));
            if let Err(error) = machine.ssh.upload(&at, upload(n), &mut quiet()).await {
                assert!(is_break(&error), "{n}: {error}");
            }
            assert!(!there.exists() || fs::read(&there).unwrap() == data, "{n}: half a file");
        }
        cutter.allow(None);
        machine.ssh.upload(&at, upload(n), &mut quiet()).await.unwrap();
        assert!(fs::read(&there).unwrap() == data, "{n}");
    }
    let names = fs::read_dir(machine.home()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().ends_with(".part")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_fetched_over_a_cut_connection_goes_on_where_it_was() {
    let machine = Machine::start();
    let cutter = Cutter::before(&machine.at());
    let at = cutter.at(&machine);
    let data = bytes(FILE, 7);
    write(machine.home().join("f"), &data);
    let mut seeded = Seeded(2);
    for n in 0..ROUNDS {
        let mut into = tempfile::tempfile().unwrap();
        for _ in 0..2 {
            cutter.allow(Some(seeded.below(FILE as u64 + 30_000)));
            if let Err(error) = machine.ssh.download(&at, "f", &mut into, None, &mut quiet()).await {
                assert!(is_break(&error), "{n}: {error}");
            }
        }
        let begun = into.metadata().unwrap().len();
        cutter.allow(None);
        let copied = machine.ssh.download(&at, "f", &mut into, None, &mut quiet()).await.unwrap();
        assert_eq!((copied.bytes, copied.checked, into.metadata().unwrap().len()), (FILE as u64, true, FILE as u64));
        assert!(cutter.passed() < FILE as u64 - begun + 100_000, "{n}: {begun} bytes were there already");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_sent_over_a_cut_connection_is_complete_or_not_there() {
    let machine = Machine::start();
    let cutter = Cutter::before(&machine.at());
    let at = cutter.at(&machine);
    let mut seeded = Seeded(3);
    for n in 0..ROUNDS {
        let here = tempfile::tempdir().unwrap();
        let size = folder(here.path(), n * 100);
        let (name, wanted) = (format!("p{n}"), picture(here.path()));
        let there = machine.home().join(&name);
        for _ in 0..2 {
            cutter.allow(Some(seeded.below(size + 60_000)));
            let sent = machine.ssh.upload_tree(&at, &opened(here.path()), &ask(&name), &mut quiet()).await;
            if let Err(error) = sent {
                assert!(is_break(&error), "{n}: {error}");
            }
            assert!(!there.exists() || picture(&there) == wanted, "{n}: half a folder");
        }
        cutter.allow(None);
        machine.ssh.upload_tree(&at, &opened(here.path()), &ask(&name), &mut quiet()).await.unwrap();
        assert!(picture(&there) == wanted, "{n}");
        fs::remove_dir_all(there).unwrap();
    }
    let left: Vec<_> = fs::read_dir(machine.home()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".part")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_fetched_over_a_cut_connection_has_old_or_new_files_and_no_halves() {
    let machine = Machine::start();
    let cutter = Cutter::before(&machine.at());
    let at = cutter.at(&machine);
    let mut seeded = Seeded(4);
    let size = folder(&machine.home().join("p"), 5_000);
    let wanted = picture(&machine.home().join("p"));
    for n in 0..ROUNDS {
        let here = tempfile::tempdir().unwrap();
        write(here.path().join("d1/f1"), "old");
        let old = picture(here.path());
        for _ in 0..2 {
            cutter.allow(Some(seeded.below(size + 60_000)));
            let got = machine.ssh.download_tree(&at, &opened(here.path()), &ask("p"), &mut quiet()).await;
            if let Err(error) = got {
                assert!(is_break(&error), "{n}: {error}");
                let mut now = picture(here.path());
                now.retain(|line| !line.starts_with(".bursar-"));
                assert!(now == old, "{n}: {error}: {now:?}");
            }
        }
        cutter.allow(None);
        machine.ssh.download_tree(&at, &opened(here.path()), &ask("p"), &mut quiet()).await.unwrap();
        assert!(picture(here.path()) == wanted, "{n}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_before_a_break_is_not_sent_again() {
    let machine = Machine::start();
    let cutter = Cutter::before(&machine.at());
    let at = cutter.at(&machine);
    let here = tempfile::tempdir().unwrap();
    let long = 12_000_000;
    write(here.path().join("f"), bytes(long, 1));
    for n in 0..24 {
        write(here.path().join(format!("p/d{}/f{n}", n % 3)), bytes(long / 24, n));
    }
    let long = long as u64;
    let most = LOST + long / 5;
    let upload = || Upload {
        content: Content::File(fs::File::open(here.path().join("f")).unwrap()),
        remote_path: "f".into(),
        name: None,
        mode: None,
    };
    cutter.allow(Some(long * 9 / 10));
    machine.ssh.upload(&at, upload(), &mut quiet()).await.unwrap_err();
    cutter.allow(None);
    machine.ssh.upload(&at, upload(), &mut quiet()).await.unwrap();
    assert!(cutter.passed() < most, "{} bytes passed", cutter.passed());
    let (up, p) = (ask("p"), here.path().join("p"));
    cutter.allow(Some(long * 9 / 10));
    machine.ssh.upload_tree(&at, &opened(&p), &up, &mut quiet()).await.unwrap_err();
    cutter.allow(None);
    machine.ssh.upload_tree(&at, &opened(&p), &up, &mut quiet()).await.unwrap();
    assert!(cutter.passed() < most, "{} bytes passed", cutter.passed());
    // One large file in a folder, too, whatever its name is.
    let (odd, large) = (std::ffi::OsStr::from_bytes(b"caf\xe9 'n'"), here.path().join("large"));
    write(large.join("d").join(odd), bytes(long as usize, 2));
    let back = tempfile::tempdir().unwrap();
    let (up_large, into) = (ask("large"), back.path().join("large"));
    fs::create_dir(&into).unwrap();
    for _ in 0..2 {
        cutter.allow(Some(long * 45 / 100));
        machine.ssh.upload_tree(&at, &opened(&large), &up_large, &mut quiet()).await.unwrap_err();
    }
    cutter.allow(None);
    machine.ssh.upload_tree(&at, &opened(&large), &up_large, &mut quiet()).await.unwrap();
    assert!(cutter.passed() < most + LOST, "{} bytes passed", cutter.passed());
    assert_eq!(picture(&machine.home().join("large")), picture(&large));
    for _ in 0..2 {
        cutter.allow(Some(long * 45 / 100));
        machine.ssh.download_tree(&at, &opened(&into), &up_large, &mut quiet()).await.unwrap_err();
    }
    cutter.allow(None);
    machine.ssh.download_tree(&at, &opened(&into), &up_large, &mut quiet()).await.unwrap();
    assert!(cutter.passed() < most + LOST, "{} bytes passed", cutter.passed());
    assert_eq!(picture(&into), picture(&large));
    fs::remove_dir_all(into).unwrap();
    cutter.allow(Some(long * 9 / 10));
    machine.ssh.download_tree(&at, &opened(back.path()), &up, &mut quiet()).await.unwrap_err();
    cutter.allow(None);
    machine.ssh.download_tree(&at, &opened(back.path()), &up, &mut quiet()).await.unwrap();
    assert!(cutter.passed() < most, "{} bytes passed", cutter.passed());
    assert_eq!(picture(back.path()), picture(&p));
}
