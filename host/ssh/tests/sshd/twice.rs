//! Two copies to one place at once, what a broken one leaves beside it, and files that are sent into folders.

use std::fs::{self, File};
use std::path::Path;

use bursar_ssh::{Content, Upload};

use crate::cuts::Cutter;
use crate::machine::{Machine, quiet};
use crate::run::until;
use crate::trees::{ask, opened, picture, write};

const LONG: usize = 6_000_000;

fn file(path: &Path, to: &str) -> Upload {
    let name = Some(path.file_name().unwrap().to_str().unwrap().to_owned());
    Upload { content: Content::File(File::open(path).unwrap()), remote_path: to.into(), name, mode: None }
}

fn bytes(seed: u32) -> Vec<u8> {
    (0..LONG as u32).map(|n| ((n + seed).wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Of the very same file and of two files, large and small: each ends well, and one of them is there whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_copies_to_one_place_both_end_with_a_whole_file() {
    let machine = Machine::start();
    let here = tempfile::tempdir().unwrap();
    for (name, data) in [("a", bytes(1)), ("b", bytes(2)), ("small", b"small".to_vec())] {
        write(here.path().join(name), data);
    }
    for (round, (one, other)) in [("a", "a"), ("a", "b"), ("a", "small")].into_iter().enumerate() {
        let to = format!("d{round}/target");
        let send = async |name: &str| {
            machine.ssh.upload(&machine.at(), file(&here.path().join(name), &to), &mut quiet()).await.unwrap()
        };
        let (first, second) = tokio::join!(send(one), send(other));
        assert!(first.checked && second.checked);
        let there = fs::read(machine.home().join(&to)).unwrap();
        let whole = [one, other].iter().any(|name| fs::read(here.path().join(name)).unwrap() == there);
        assert!(whole, "{one} and {other}: {} bytes", there.len());
        assert_eq!(names(&machine.home().join(format!("d{round}"))), ["target"], "{one} and {other}");
    }
}

/// The second one finds all as the first one left it, also where a large file of it was under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_copies_of_a_folder_both_end_with_all_of_it() {
    let machine = Machine::start();
    let here = tempfile::tempdir().unwrap();
    for n in 0..40 {
        write(here.path().join(format!("d{}/f{n}", n % 4)), format!("file {n}"));
    }
    write(here.path().join("large"), bytes(3));
    for to in ["p", "p", "q"] {
        let send = async || {
            machine.ssh.upload_tree(&machine.at(), &opened(here.path()), &ask(to), &mut quiet()).await.unwrap()
        };
        let (one, other) = tokio::join!(send(), send());
        assert!(one.checked && other.checked);
        assert_eq!(picture(&machine.home().join(to)), picture(here.path()));
        assert_eq!(names(&machine.home()).iter().filter(|name| name.contains(".part")).count(), 0);
        write(here.path().join("large"), bytes(4));
        write(here.path().join("new/folder"), "new");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_broken_copy_left_goes_with_the_next_one_of_another_content() {
    let machine = Machine::start();
    let cutter = Cutter::before(&machine.at());
    let here = tempfile::tempdir().unwrap();
    let path = here.path().join("data");
    for (n, next) in [bytes(2), b"small".to_vec()].into_iter().enumerate() {
        write(&path, bytes(1));
        let to = format!("d{n}/data");
        cutter.allow(Some(LONG as u64 / 2));
        machine.ssh.upload(&cutter.at(&machine), file(&path, &to), &mut quiet()).await.unwrap_err();
        cutter.allow(None);
        let left = || names(&machine.home().join(format!("d{n}")));
        until(|| left().iter().any(|name| name.ends_with(".part") && !machine.lives(&format!("k={}", &name[12..28]))))
            .await;
        write(&path, &next);
        machine.ssh.upload(&machine.at(), file(&path, &to), &mut quiet()).await.unwrap();
        assert_eq!(names(&machine.home().join(format!("d{n}"))), ["data"]);
        assert!(fs::read(machine.home().join(&to)).unwrap() == next);
    }
}

#[tokio::test]
async fn a_file_sent_to_a_folder_gets_its_own_name_there() {
    let machine = Machine::start();
    let here = tempfile::tempdir().unwrap();
    let (small, large) = (here.path().join("one.txt"), here.path().join("-large"));
    write(&small, "one");
    write(&large, bytes(1));
    fs::create_dir(machine.home().join("there")).unwrap();
    let home = machine.home().display().to_string();
    for (to, full) in
        [("~", ""), ("~/", ""), ("there", "/there"), ("new/", "/new"), ("~/new/deep/", "/new/deep"), (&*home, "")]
    {
        for path in [&small, &large] {
            let copied = machine.ssh.upload(&machine.at(), file(path, to), &mut quiet()).await.unwrap();
            let name = path.file_name().unwrap().to_str().unwrap();
            assert_eq!(copied.remote_path, format!("{home}{full}/{name}"), "{to}");
            assert!(fs::read(&copied.remote_path).unwrap() == fs::read(path).unwrap(), "{to}");
        }
    }
    let renamed = machine.ssh.upload(&machine.at(), file(&small, "there/other"), &mut quiet()).await.unwrap();
    assert_eq!(renamed.remote_path, format!("{home}/there/other"));
}
