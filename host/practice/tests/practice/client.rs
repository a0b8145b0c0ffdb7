//! Built-in machines through a client in Rust, for what `ssh` does not show: environment, signals, SFTP packets.

use std::sync::Arc;

use russh::client::{self, Handle, Handler};
use russh::keys::{PrivateKeyWithHashAlg, PublicKeyOrCertificate, load_secret_key};
use russh::{ChannelMsg, Sig};
use russh_sftp::client::SftpSession;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::support::{Place, place};

struct Trusting;

impl Handler for Trusting {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

async fn connect(place: &Place, address: &str) -> Handle<Trusting> {
    let config = Arc::new(client::Config::default());
    let mut handle = client::connect(config, (address, place.practice.ssh_port()), Trusting).await.unwrap();
    let key = Arc::new(load_secret_key(place.key_path(), None).unwrap());
    let entered = handle.authenticate_publickey("root", PrivateKeyWithHashAlg::new(key, None)).await.unwrap();
    assert!(entered.success());
    handle
}

/// Runs a command and returns what the channel said of its end, and its output.
async fn end_of(handle: &Handle<Trusting>, command: &str, mut signal: Option<Sig>) -> (String, String) {
    let mut channel = handle.channel_open_session().await.unwrap();
    channel.set_env(true, "GREETING", "hello").await.unwrap();
    channel.set_env(true, "BURSAR_PRACTICE_MACHINE", "other").await.unwrap();
    channel.exec(true, command).await.unwrap();
    let (mut end, mut output) = (String::new(), Vec::new());
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Data { data } => {
                output.extend_from_slice(&data);
                if let Some(signal) = signal.take() {
                    channel.signal(signal).await.unwrap();
                }
            }
            ChannelMsg::ExitStatus { exit_status } => end = format!("status {exit_status}"),
            ChannelMsg::ExitSignal { signal_name, .. } => end = format!("signal {signal_name:?}"),
            _ => {}
        }
    }
    (end, String::from_utf8(output).unwrap())
}

#[tokio::test]
async fn environment_exit_and_signals_are_told() {
    let place = place().await;
    let (id, address) = place.machine("a").await;
    let handle = connect(&place, &address).await;
    let table = [
        ("exit 3", None, "status 3", ""),
        ("echo $GREETING $BURSAR_PRACTICE_MACHINE", None, "status 0", "hello ID\n"),
        ("kill -9 $$", None, "signal KILL", ""),
        ("kill -TERM $$", None, "signal TERM", ""),
        ("echo up; exec sleep 60", Some(Sig::INT), "signal INT", "up\n"),
        ("trap 'echo caught; exit 9' TERM; echo up; sleep 60 & wait", Some(Sig::TERM), "status 9", "up\ncaught\n"),
    ];
    for (command, signal, end, output) in table {
        let expected = (end.to_owned(), output.replace("ID", &id));
        assert_eq!(end_of(&handle, command, signal).await, expected, "{command}");
    }
}

#[tokio::test]
async fn many_channels_share_one_connection() {
    let place = place().await;
    let (_, address) = place.machine("a").await;
    let handle = Arc::new(connect(&place, &address).await);
    let mut ends = JoinSet::new();
    for n in 0..20 {
        let handle = Arc::clone(&handle);
        ends.spawn(async move {
            end_of(&handle, &format!("head -c 200000 /dev/zero | tr '\\0' x; echo {n:02}"), None).await
        });
    }
    for (end, output) in ends.join_all().await {
        assert_eq!((end.as_str(), output.len()), ("status 0", 200_003));
    }
}

#[tokio::test]
async fn sftp_reads_and_writes_what_commands_see() {
    let place = place().await;
    let (_, address) = place.machine("a").await;
    let handle = connect(&place, &address).await;
    let channel = handle.channel_open_session().await.unwrap();
    channel.request_subsystem(true, "sftp").await.unwrap();
    let sftp = SftpSession::new(channel.into_stream()).await.unwrap();
    assert_eq!(sftp.canonicalize(".").await.unwrap(), "/root");
    sftp.create_dir("data").await.unwrap();
    let mut file = sftp.create("/root/data/x").await.unwrap();
    file.write_all(&vec![7; 1_000_000]).await.unwrap();
    file.shutdown().await.unwrap();
    assert_eq!(place.run(&address, "stat -c %s ~/data/x").await, "1000000\n");
    place.run(&address, "printf hi > data/y").await;
    let mut text = String::new();
    sftp.open("data/y").await.unwrap().read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "hi");
    let mut names: Vec<String> = sftp.read_dir("data").await.unwrap().map(|entry| entry.file_name()).collect();
    names.sort();
    assert_eq!(names, ["x", "y"]);
    assert!(sftp.metadata("/etc/passwd").await.is_err());
    assert!(sftp.open("missing").await.is_err());
}
