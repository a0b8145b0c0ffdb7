//! Whole folders to and from a machine.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use bursar_ssh::{SshError, TreeCopied, TreeCopy};
use cap_std::{ambient_authority, fs::Dir};

use crate::machine::{Machine, quiet};

/// What these tests need of a machine without GNU's tools.
const SMALL: &[&str] = &["busybox"];

pub(crate) fn opened(path: &Path) -> Dir {
    Dir::open_ambient_dir(path, ambient_authority()).unwrap()
}

pub(crate) fn ask(remote_path: &str) -> TreeCopy {
    TreeCopy { remote_path: remote_path.into(), ..TreeCopy::default() }
}

async fn up(machine: &Machine, from: &Path, ask: &TreeCopy) -> Result<TreeCopied, SshError> {
    machine.ssh.upload_tree(&machine.at(), &opened(from), ask, &mut quiet()).await
}

async fn down(machine: &Machine, into: &Path, ask: &TreeCopy) -> Result<TreeCopied, SshError> {
    machine.ssh.download_tree(&machine.at(), &opened(into), ask, &mut quiet()).await
}

pub(crate) fn write(path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
    fs::create_dir_all(path.as_ref().parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Returns every entry below a folder as one line each: path, kind, permissions, time, content.
pub(crate) fn picture(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            let meta = path.symlink_metadata().unwrap();
            let mode = meta.mode() & 0o777;
            lines.push(if meta.is_symlink() {
                format!("{name} -> {}", fs::read_link(&path).unwrap().display())
            } else if meta.is_dir() {
                folders.push(path.clone());
                format!("{name}/ {mode:o}")
            } else {
                format!("{name} {mode:o} {} {:?}", meta.mtime(), fs::read(&path).unwrap())
            });
        }
    }
    lines.sort();
    lines
}

/// A folder with everything that is hard: odd names, links, permissions, empty files and folders, a deep path.
pub(crate) fn odd_folder(root: &Path) {
    for name in ["a", "it's \"odd\" $(x)", "-rf", "back\\slash", "two\nlines", "ü/ñ", "d/e/f/g", " lead", "*"] {
        write(root.join(name), format!("content of {name}"));
    }
    write(root.join("x".repeat(120)).join("y".repeat(120)), "long");
    write(root.join("empty"), "");
    write(root.join("run.sh"), "#!/bin/sh\n");
    fs::set_permissions(root.join("run.sh"), fs::Permissions::from_mode(0o750)).unwrap();
    fs::create_dir(root.join("nothing in it")).unwrap();
    fs::set_permissions(root.join("nothing in it"), fs::Permissions::from_mode(0o700)).unwrap();
    symlink("d/e/f/g", root.join("link")).unwrap();
    symlink("nowhere", root.join("d/dangling")).unwrap();
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_500_000_000);
    fs::File::open(root.join("a")).unwrap().set_modified(old).unwrap();
}

#[tokio::test]
async fn a_folder_goes_there_and_back_unchanged_and_then_nothing_moves() {
    let machine = Machine::start();
    there_and_back(&machine).await;
}

#[tokio::test]
async fn a_machine_with_busybox_alone_takes_and_gives_folders() {
    let mut machine = Machine::start();
    machine.only(SMALL);
    for applet in "sh cat chmod cp cut dd find head kill ls mkdir mktemp mv printf readlink rm rmdir sed sha256sum stat tail tar tee wc xargs".split(' ') {
        machine.shim(applet, &format!("exec busybox {applet} \"$@\""));
    }
    there_and_back(&machine).await;
}

async fn there_and_back(machine: &Machine) {
    let (here, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    odd_folder(here.path());
    let sent = up(machine, here.path(), &ask("work/data")).await.unwrap();
    assert_eq!((sent.files, sent.same, sent.checked), (14, 0, true), "{sent:?}");
    assert_eq!(picture(&machine.home().join("work/data")), picture(here.path()));
    let left: Vec<_> = fs::read_dir(machine.home().join("work")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["data"], "nothing is left beside it");
    let again = up(machine, here.path(), &ask("~/work/data/")).await.unwrap();
    assert_eq!((again.files, again.bytes, again.same), (0, 0, 14));
    let got = down(machine, back.path(), &ask("work/data")).await.unwrap();
    assert_eq!((got.files, got.checked), (14, true), "{got:?}");
    assert_eq!(picture(back.path()), picture(here.path()));
    let again = down(machine, back.path(), &ask("work/data")).await.unwrap();
    assert_eq!((again.files, again.bytes, again.same), (0, 0, 14));
}

#[tokio::test]
async fn only_what_changed_moves_and_what_is_ignored_stays() {
    let machine = Machine::start();
    let here = tempfile::tempdir().unwrap();
    let there = machine.home().join("p");
    for name in ["same", "changed", "d/new.pyc", "d/in", "kind", ".gitignore", "data/big", "gone/x"] {
        write(here.path().join(name), name);
    }
    write(here.path().join(".gitignore"), "*.pyc\n/data/\n");
    let sent = up(&machine, here.path(), &ask("p")).await.unwrap();
    assert_eq!(sent.files, 6);
    assert!(!there.join("d/new.pyc").exists() && !there.join("data").exists());
    write(here.path().join("changed"), "longer than it was");
    fs::remove_dir_all(here.path().join("gone")).unwrap();
    fs::remove_file(here.path().join("kind")).unwrap();
    write(here.path().join("kind/of/folder"), "k");
    for path in ["data/kept", "gone/y.pyc", "gone/z"] {
        write(there.join(path), "on the machine only");
    }
    let sent = up(&machine, here.path(), &ask("p")).await.unwrap();
    assert_eq!((sent.files, sent.deleted), (2, 1), "only the file in the way of a folder goes: {sent:?}");
    assert!(there.join("gone/z").exists() && there.join("kind/of/folder").exists());
    let sent = up(&machine, here.path(), &TreeCopy { delete: true, ..ask("p") }).await.unwrap();
    assert_eq!(sent.files, 0);
    assert!(!there.join("gone/x").exists() && !there.join("gone/z").exists());
    assert!(there.join("gone/y.pyc").exists() && there.join("data/kept").exists(), "what is ignored stays");
    let sent = up(&machine, here.path(), &TreeCopy { ignore: vec!["!d/*.pyc".into()], ..ask("p") }).await.unwrap();
    assert_eq!((sent.files, there.join("d/new.pyc").exists()), (1, true));
}

/// What was never sent because the owner ignores it cannot be missing there.
#[tokio::test]
async fn what_is_ignored_here_is_not_removed_by_fetching_back() {
    let machine = Machine::start();
    let here = tempfile::tempdir().unwrap();
    for (name, content) in
        [(".gitignore", "/data/\n*.key\n"), ("a", "a"), ("data/large", "l"), ("d/my.key", "k"), ("d/b", "b")]
    {
        write(here.path().join(name), content);
    }
    up(&machine, here.path(), &ask("p")).await.unwrap();
    write(here.path().join("d/only-here"), "x");
    let got = down(&machine, here.path(), &TreeCopy { delete: true, ..ask("p") }).await.unwrap();
    assert_eq!(got.deleted, 1, "{got:?}");
    assert!(!here.path().join("d/only-here").exists());
    assert!(here.path().join("data/large").exists() && here.path().join("d/my.key").exists());
}

#[tokio::test]
async fn a_checksum_finds_what_size_and_time_hide() {
    let machine = Machine::start();
    let here = tempfile::tempdir().unwrap();
    write(here.path().join("a"), "one");
    write(here.path().join("b"), "two");
    up(&machine, here.path(), &ask("p")).await.unwrap();
    let time = fs::metadata(here.path().join("a")).unwrap().modified().unwrap();
    write(here.path().join("a"), "ONE");
    fs::File::open(here.path().join("a")).unwrap().set_modified(time).unwrap();
    fs::File::open(here.path().join("b")).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    let hash = TreeCopy { hash: true, ..ask("p") };
    assert_eq!(up(&machine, here.path(), &ask("p")).await.unwrap().files, 1, "b, by its time");
    fs::File::open(here.path().join("b")).unwrap().set_modified(time).unwrap();
    assert_eq!(up(&machine, here.path(), &hash).await.unwrap().files, 1, "a, by its checksum");
    assert_eq!(fs::read_to_string(machine.home().join("p/a")).unwrap(), "ONE");
    write(machine.home().join("p/b"), "TWO");
    assert_eq!(down(&machine, here.path(), &hash).await.unwrap().files, 1);
    assert_eq!(fs::read_to_string(here.path().join("b")).unwrap(), "TWO");
}

#[tokio::test]
async fn a_folder_that_differs_or_cannot_be_written_takes_no_place() {
    let machine = Machine::start();
    let here = tempfile::tempdir().unwrap();
    write(here.path().join("d/a"), "new");
    write(machine.home().join("p/d/a"), "old!");
    machine.shim("openssl", "cat >/dev/null; echo 0000000000000000  -");
    let error = up(&machine, here.path(), &ask("p")).await.unwrap_err();
    assert!(matches!(error, SshError::Damaged { .. }), "{error}");
    assert_eq!(fs::read_to_string(machine.home().join("p/d/a")).unwrap(), "old!");
    assert_eq!(fs::read_dir(machine.home().join("p")).unwrap().count(), 1, "nothing is left beside it");
    machine.shim("openssl", "exec /usr/bin/openssl \"$@\"");
    write(here.path().join("into"), "a file");
    write(machine.home().join("p/into/it"), "a folder");
    let error = up(&machine, here.path(), &ask("p")).await.unwrap_err();
    assert!(error.to_string().contains("`into` is a folder in the target"), "{error}");
    assert_eq!(fs::read_to_string(machine.home().join("p/d/a")).unwrap(), "old!");
    let error = up(&machine, here.path(), &ask("p/d/a")).await.unwrap_err();
    assert!(error.to_string().contains("is no folder"), "{error}");
    let error = down(&machine, here.path(), &ask("missing")).await.unwrap_err();
    assert!(error.to_string().contains("no folder"), "{error}");
}

// A machine may be anybody's: whatever its names and links say, nothing outside of the folder is read or written.
#[tokio::test]
async fn a_lying_machine_writes_nothing_outside_the_folder() {
    let machine = Machine::start();
    let root = tempfile::tempdir().unwrap();
    let into = root.path().join("into");
    fs::create_dir(&into).unwrap();
    write(root.path().join("secret"), "s");
    write(machine.home().join("p/file"), "harmless");
    symlink("/etc/passwd", machine.home().join("p/absolute")).unwrap();
    symlink("../secret", machine.home().join("p/up")).unwrap();
    let got = down(&machine, &into, &ask("p")).await.unwrap();
    assert_eq!((got.files, got.left_out.len()), (1, 2), "{got:?}");
    assert_eq!(picture(&into).len(), 1);
    // Ours leads out: what comes for a folder of that name must not go through it.
    symlink(root.path(), into.join("d")).unwrap();
    write(machine.home().join("p/d/planted"), "x");
    down(&machine, &into, &ask("p")).await.unwrap();
    assert!(!root.path().join("planted").exists() && into.join("d/planted").exists());
    for lie in ["f 1 1 644 ../planted", "f 1 1 644 /tmp/planted", "f 1 1 644 l/planted", "f 1 1 644 d/../../planted"] {
        machine.shim("find", &format!("printf 'l 1 1 777 l\\0d\\0{lie}\\0\\0'"));
        let error = down(&machine, &into, &ask("p")).await.unwrap_err();
        assert!(error.to_string().contains("cannot be"), "{lie}: {error}");
    }
    assert!(!root.path().join("planted").exists());
    machine.shim("find", "[ $# -lt 8 ] || printf 'f 99 1 644 file\\0\\0'");
    let error = down(&machine, &into, &ask("p")).await.unwrap_err();
    assert!(error.to_string().contains("fewer bytes"), "{error}");
    machine.shim("find", "[ $# -lt 8 ] || printf 'f 2 1 644 file\\0\\0'");
    let error = down(&machine, &into, &ask("p")).await.unwrap_err();
    assert!(error.to_string().contains("more bytes"), "{error}");
    assert_eq!(fs::read_to_string(into.join("file")).unwrap(), "harmless");
    let error = down(&machine, &into, &TreeCopy { max_bytes: Some(1), ..ask("p") }).await.unwrap_err();
    assert!(matches!(error, SshError::TooLarge { .. }), "{error}");
}
