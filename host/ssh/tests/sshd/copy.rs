//! Files to and from a machine. Local files come opened, so there is no local path to get wrong (peer weakness 13).

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::os::unix::fs::PermissionsExt;

use bursar_ssh::{Content, SshError, Upload};

use crate::machine::{Machine, quiet};

fn bytes(text: &str, to: &str) -> Upload {
    Upload { content: Content::Bytes(text.into()), remote_path: to.into(), name: None, mode: None }
}

// Peer weakness 32: parent folders, checksums, and no half file.
#[tokio::test]
async fn a_file_arrives_whole_checked_and_with_its_folders() {
    let machine = Machine::start();
    let upload = Upload { mode: Some(0o750), ..bytes("echo hi\n", "~/a b/it's/run.sh") };
    let copied = machine.ssh.upload(&machine.at(), upload, &mut quiet()).await.unwrap();
    let path = machine.home().join("a b/it's/run.sh");
    assert_eq!(fs::read_to_string(&path).unwrap(), "echo hi\n");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o750);
    assert_eq!((copied.bytes, copied.checked, copied.remote_path.as_str()), (8, true, path.to_str().unwrap()));
    machine.ssh.upload(&machine.at(), bytes("new\n", "a b/it's/run.sh"), &mut quiet()).await.unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "new\n");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o750, "an existing file keeps its mode");
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
}

#[tokio::test]
async fn megabytes_go_there_and_back_unchanged() {
    let machine = Machine::start();
    let data: Vec<u8> = (0..9_000_001_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("data"), &data).unwrap();
    let content = Content::File(File::open(here.path().join("data")).unwrap());
    let mut seen = Vec::new();
    let upload = Upload { content, remote_path: "data.bin".into(), name: None, mode: None };
    let up = machine.ssh.upload(&machine.at(), upload, &mut |done, total| seen.push((done, total))).await.unwrap();
    assert_eq!(seen.last(), Some(&(9_000_001, 9_000_001)));
    assert!(seen.is_sorted());
    let mut back = tempfile::tempfile().unwrap();
    let down = machine.ssh.download(&machine.at(), "~/data.bin", &mut back, None, &mut quiet()).await.unwrap();
    assert_eq!((up.sha256, up.bytes), (down.sha256, down.bytes));
    assert!(up.checked && down.checked);
    back.rewind().unwrap();
    let mut got = Vec::new();
    back.read_to_end(&mut got).unwrap();
    assert!(got == data);
}

#[tokio::test]
async fn what_cannot_be_copied_is_said_and_leaves_nothing() {
    let machine = Machine::start();
    let at = machine.at();
    fs::create_dir(machine.home().join("folder")).unwrap();
    fs::write(machine.home().join("file"), "1234567890").unwrap();
    for (to, why) in
        [("folder", "is a folder"), ("file/below", "ot a directory"), ("folder/", "name a file"), ("", "empty")]
    {
        let error = machine.ssh.upload(&at, bytes("x", to), &mut quiet()).await.unwrap_err();
        assert!(error.to_string().contains(why) || error.to_string().contains("File exists"), "{to}: {error}");
    }
    let mut into = tempfile::tempfile().unwrap();
    for (from, why) in [("missing", "no file"), ("folder", "is a folder"), ("/dev/zero", "no file")] {
        let error = machine.ssh.download(&at, from, &mut into, None, &mut quiet()).await.unwrap_err();
        assert!(error.to_string().contains(why), "{from}: {error}");
    }
    let error = machine.ssh.download(&at, "file", &mut into, Some(9), &mut quiet()).await.unwrap_err();
    assert!(matches!(error, SshError::TooLarge { bytes: 10, max: 9 }), "{error}");
    assert_eq!(into.metadata().unwrap().len(), 0);
}

#[tokio::test]
async fn a_copy_that_differs_takes_no_place() {
    let machine = Machine::start();
    fs::write(machine.home().join("kept"), "old").unwrap();
    machine.shim("openssl", "cat >/dev/null; echo 0000000000000000  -");
    let error = machine.ssh.upload(&machine.at(), bytes("new", "kept"), &mut quiet()).await.unwrap_err();
    assert!(matches!(error, SshError::Damaged { .. }), "{error}");
    assert_eq!(fs::read_to_string(machine.home().join("kept")).unwrap(), "old");
    let left: Vec<_> = fs::read_dir(machine.home())
        .unwrap()
        .filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|e| e == "part"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_link_stays_a_link_and_an_empty_file_is_a_file() {
    let machine = Machine::start();
    fs::write(machine.home().join("real"), "old").unwrap();
    std::os::unix::fs::symlink("real", machine.home().join("link")).unwrap();
    machine.ssh.upload(&machine.at(), bytes("new", "link"), &mut quiet()).await.unwrap();
    assert!(machine.home().join("link").is_symlink());
    assert_eq!(fs::read_to_string(machine.home().join("real")).unwrap(), "new");
    machine.ssh.upload(&machine.at(), bytes("", "nothing"), &mut quiet()).await.unwrap();
    let mut into = tempfile::tempfile().unwrap();
    let copied = machine.ssh.download(&machine.at(), "nothing", &mut into, None, &mut quiet()).await.unwrap();
    assert_eq!((copied.bytes, copied.checked), (0, true));
}
