//! Names are bytes, and times are as fine as both sides keep them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use bursar_ssh::TreeCopy;

use crate::machine::{Machine, quiet};
use crate::trees::{ask, opened, write};

/// Returns the path of every file and link below a folder, and what it holds.
fn all(root: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec();
            match path.symlink_metadata().unwrap() {
                meta if meta.is_dir() => folders.push(path),
                meta if meta.is_symlink() => {
                    found.push((name, fs::read_link(path).unwrap().into_os_string().into_vec()))
                }
                _ => found.push((name, fs::read(path).unwrap())),
            }
        }
    }
    found.sort();
    found
}

/// A machine's login sets a locale in which such names are no text, and its tools behave accordingly.
#[tokio::test]
async fn names_that_are_no_text_move_like_all_others() {
    let mut machine = Machine::start();
    machine.set_env(&[("LC_ALL", "C.UTF-8")]);
    let (here, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let odd = |name: &[u8]| here.path().join(OsStr::from_bytes(name));
    for name in [&b"caf\xe9.txt"[..], b"\xff\xfe/\xc3/deep\xe9", b"'\xe9\n\\x", b"plain"] {
        write(odd(name), name);
    }
    std::os::unix::fs::symlink(OsStr::from_bytes(b"caf\xe9.txt"), odd(b"link\xe9")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(odd(b"pipe\xe9")).status().unwrap().success());
    let told = machine.ssh.upload_tree(&machine.at(), &opened(here.path()), &ask("p"), &mut quiet()).await.unwrap();
    assert_eq!((told.files, told.checked), (5, true), "{told:?}");
    assert_eq!(told.left_out, ["pipe\\xe9 is no file, folder or link"]);
    fs::remove_file(odd(b"pipe\xe9")).unwrap();
    assert_eq!(all(&machine.home().join("p")), all(here.path()));
    let dated = fs::symlink_metadata(machine.home().join("p").join(OsStr::from_bytes(b"link\xe9"))).unwrap();
    let newest = fs::metadata(odd(b"plain")).unwrap().modified().unwrap();
    assert!(dated.modified().unwrap() + Duration::from_secs(60) > newest, "a link is not of 1970");
    let again = machine.ssh.upload_tree(&machine.at(), &opened(here.path()), &ask("p"), &mut quiet()).await.unwrap();
    assert_eq!((again.files, again.same), (0, 5));
    for hash in [false, true] {
        let ask = TreeCopy { hash, ..ask("p") };
        let got = machine.ssh.download_tree(&machine.at(), &opened(back.path()), &ask, &mut quiet()).await.unwrap();
        assert_eq!((got.files, got.checked), (if hash { 0 } else { 5 }, true), "{got:?}");
    }
    assert_eq!(all(back.path()), all(here.path()));
}

fn date(path: &Path, nanos: u32) {
    let time = UNIX_EPOCH + Duration::new(1_700_000_000, nanos);
    fs::File::open(path).unwrap().set_modified(time).unwrap();
}

#[tokio::test]
async fn a_second_edit_within_the_second_of_the_first_is_seen() {
    let machine = Machine::start();
    let (here, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ours, theirs) = (here.path().join("a"), machine.home().join("p/a"));
    let up = async |now| {
        let ask = TreeCopy { now, ..ask("p") };
        machine.ssh.upload_tree(&machine.at(), &opened(here.path()), &ask, &mut quiet()).await.unwrap().files
    };
    let down = async || {
        machine.ssh.download_tree(&machine.at(), &opened(back.path()), &ask("p"), &mut quiet()).await.unwrap().files
    };
    write(&ours, "one");
    date(&ours, 100_000_000);
    let now = Some(1_700_000_001);
    assert_eq!((up(now).await, up(now).await), (1, 0));
    write(&ours, "two");
    date(&ours, 200_000_000);
    assert_eq!((up(now).await, up(now).await), (1, 0));
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "two");
    assert_eq!((down().await, down().await), (1, 0));
    write(&theirs, "six");
    date(&theirs, 300_000_000);
    assert_eq!((down().await, down().await), (1, 0));
    assert_eq!(fs::read_to_string(back.path().join("a")).unwrap(), "six");
    // What nobody edits any more in that second needs no more than whole ones.
    date(&ours, 400_000_000);
    let later = Some(1_700_000_100);
    assert_eq!((up(later).await, up(later).await), (1, 0));
    assert_eq!(fs::metadata(&theirs).unwrap().modified().unwrap(), UNIX_EPOCH + Duration::from_secs(1_700_000_000));
}
