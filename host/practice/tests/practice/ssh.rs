//! Built-in machines through the `ssh`, `scp` and `sftp` of OpenSSH.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::support::{Place, options, place, place_with, processes_of};

#[tokio::test]
async fn a_command_runs_in_the_machines_own_home() {
    let place = place().await;
    let (id, address) = place.machine("a").await;
    let root = place.dir.path().canonicalize().unwrap().join("machines").join(&id).join("root");
    let text = place.run(&address, "pwd; echo $HOME; whoami >/dev/null; echo $USER; hostname").await;
    assert_eq!(text, format!("{0}\n{0}\nroot\na\n", root.display()));
    let environment = place.run(&address, "env").await;
    assert!(!environment.contains("CARGO"), "the environment is clean: {environment}");
}

#[tokio::test]
async fn output_input_and_exit_come_through() {
    let place = place().await;
    let (_, address) = place.machine("a").await;
    let output = place.on(&address, "echo out; echo err >&2; exit 7").await;
    assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
    assert_eq!(output.status.code(), Some(7));
    // The client reports death by a signal as 255.
    assert_eq!(place.on(&address, "kill -9 $$").await.status.code(), Some(255));

    let mut cat = place.ssh(&address).arg("cat; echo end").stdin(piped()).stdout(piped()).spawn().unwrap();
    let sent = vec![b'x'; 8 << 20];
    let mut stdin = cat.stdin.take().unwrap();
    let copy = sent.clone();
    let writer = tokio::spawn(async move { stdin.write_all(&copy).await.unwrap() });
    let got = cat.wait_with_output().await.unwrap().stdout;
    writer.await.unwrap();
    assert_eq!(got.len(), sent.len() + 4);
    assert!(got.ends_with(b"xend\n"));
}

#[tokio::test]
async fn only_the_keys_of_the_order_enter_and_only_as_root() {
    let place = place().await;
    let (_, address) = place.machine("a").await;
    let other = place.dir.path().join("other");
    Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&other).status().await.unwrap();
    let try_with = async |key: &std::path::Path, user: &str| {
        let mut command = Command::new("ssh");
        let mut options = place.ssh_options();
        options.pop();
        let login = format!("{user}@{address}");
        command.args(options).arg(key).args([&login, "true"]).output().await.unwrap().status.success()
    };
    assert!(try_with(&place.key_path(), "root").await);
    assert!(!try_with(&other, "root").await);
    assert!(!try_with(&place.key_path(), "ubuntu").await);
}

#[tokio::test]
async fn each_machine_has_its_own_address_host_key_and_files() {
    let place = place().await;
    let (_, one) = place.machine("one").await;
    let (_, two) = place.machine("two").await;
    assert_ne!(one, two);
    let scan = async |address: &str| {
        let port = place.practice.ssh_port().to_string();
        let output = Command::new("ssh-keyscan").args(["-T", "5", "-p", &port, address]).output().await.unwrap();
        String::from_utf8_lossy(&output.stdout).split_whitespace().last().unwrap().to_owned()
    };
    assert_ne!(scan(&one).await, scan(&two).await);
    place.run(&one, "echo 1 > mine").await;
    assert_eq!(place.run(&two, "ls").await, "");
    let (first, second) = tokio::join!(place.run(&one, "tmux new -d -s same 'sleep 50'; tmux ls -F '#S'"), async {
        place.run(&two, "tmux new -d -s same 'sleep 50'; tmux ls -F '#S'").await
    });
    assert_eq!((first.as_str(), second.as_str()), ("same\n", "same\n"));
}

#[tokio::test]
async fn a_closed_channel_ends_the_foreground_and_leaves_what_was_detached() {
    let place = place().await;
    let (id, address) = place.machine("a").await;
    place.run(&address, "tmux new -d -s job 'sleep 301'; setsid sleep 302 >/dev/null 2>&1 & sleep 0.2").await;
    let detached = processes_of(&id);
    assert!(detached >= 3, "tmux, its sleep, and a sleep: {detached}");
    let mut client = place.ssh(&address).arg("sleep 303; true").spawn().unwrap();
    until(|| processes_of(&id) > detached).await;
    client.kill().await.unwrap();
    until(|| processes_of(&id) == detached).await;
    assert_eq!(place.run(&address, "tmux has-session -t job && echo alive").await, "alive\n");
}

#[tokio::test]
async fn destroy_ends_every_process_and_removes_every_file() {
    let place = place().await;
    let (id, address) = place.machine("a").await;
    place.run(&address, "tmux new -d -s job 'sleep 301'; setsid sleep 302 >/dev/null 2>&1 & sleep 0.1").await;
    let mut client = place.ssh(&address).arg("sleep 303").spawn().unwrap();
    until(|| processes_of(&id) >= 4).await;
    place.delete(&format!("/servers/{id}")).await;
    until(|| processes_of(&id) == 0).await;
    assert!(!client.wait().await.unwrap().success());
    let dir = place.dir.path().join("machines").join(&id);
    until(|| !dir.exists()).await;
    assert!(!std::path::Path::new(&format!("/tmp/bursar-{}", &id[..16])).exists());
    assert!(tokio::net::TcpStream::connect((address.as_str(), place.practice.ssh_port())).await.is_err());
}

#[tokio::test]
async fn a_reboot_ends_processes_and_keeps_files_and_host_key() {
    let place = place().await;
    let (id, address) = place.machine("a").await;
    place.run(&address, "echo kept > file; tmux new -d -s job 'sleep 301'").await;
    assert_eq!(place.on(&address, "sudo -n reboot").await.stderr, b"");
    place.until("it has rebooted", |state| state["servers"][0]["boots"] == 1).await;
    until(|| processes_of(&id) == 0).await;
    place.until_up(&id).await;
    assert_eq!(place.run(&address, "cat file; tmux has-session -t job 2>/dev/null || echo gone").await, "kept\ngone\n");
    let shown = place.get(&format!("/servers/{id}")).await;
    assert_eq!(shown["server"]["status"], "ok", "a reboot from within is not seen by the provider");
}

#[tokio::test]
async fn nvidia_smi_is_on_gpu_machines_only() {
    let place = place().await;
    let (_, gpu) = place.machine("gpu").await;
    assert!(place.run(&gpu, "nvidia-smi").await.contains("NVIDIA A40-2Q"));
    let query = "nvidia-smi --query-gpu=name,memory.total,utilization.gpu,driver_version --format=csv,noheader,nounits";
    assert_eq!(place.run(&gpu, query).await, "NVIDIA A40-2Q, 2048, 0, 570.133.20\n");
    let with_head = place.run(&gpu, "nvidia-smi --query-gpu=index,memory.total --format=csv").await;
    assert_eq!(with_head, "index, memory.total [MiB]\n0, 2048 MiB\n");
    assert!(!place.on(&gpu, "nvidia-smi --query-gpu=nonsense --format=csv").await.status.success());

    let mut order = place.order("cpu");
    order["server"]["sizeID"] = json!("vc2-1c-1gb");
    let id = place.post("/servers", &order).await["id"].as_str().unwrap().to_owned();
    place.until_up(&id).await;
    let cpu = place.get(&format!("/servers/{id}")).await["server"]["ipv4"].as_str().unwrap().to_owned();
    assert_eq!(place.on(&cpu, "nvidia-smi").await.status.code(), Some(127));
}

#[tokio::test]
async fn a_missing_driver_comes_with_installation_and_reboot() {
    let place = place().await;
    place.fault(json!({ "match": "POST /servers", "fault": "no_driver" })).await;
    let (id, address) = place.machine("a").await;
    assert_eq!(place.on(&address, "nvidia-smi").await.status.code(), Some(127));
    assert!(place.run(&address, "ubuntu-drivers list").await.contains("nvidia-driver-570-server"));
    place.run(&address, "DEBIAN_FRONTEND=noninteractive sudo apt-get -y -qq install nvidia-driver-570-server").await;
    assert_eq!(place.on(&address, "nvidia-smi").await.status.code(), Some(127));
    place.run(&address, "reboot").await;
    place.until("it has rebooted", |state| state["servers"][0]["boots"] == 1).await;
    place.until("it is away", |state| state["servers"][0]["ssh"]["up"] == false).await;
    place.until_up(&id).await;
    place.run(&address, "nvidia-smi -L").await;
}

#[tokio::test]
async fn files_go_through_sftp_and_stay_inside() {
    let place = place().await;
    let (id, address) = place.machine("a").await;
    files_round_trip(&place, &id, &address).await;
    let listed = sftp(&place, &address, "ls -1 /root\npwd\n").await;
    assert!(listed.contains("/root/up.bin") && listed.contains("Remote working directory: /root"), "{listed}");
    place.run(&address, "ln -s /etc out; ln -s /etc/passwd secret").await;
    for escape in ["get /etc/passwd", "get ../../../../../../../../etc/passwd", "get out/passwd", "get secret"] {
        let target = place.dir.path().join("escaped");
        sftp(&place, &address, &format!("{escape} {}\n", target.display())).await;
        assert!(!target.exists(), "{escape}");
    }
}

#[tokio::test]
async fn sftp_makes_moves_and_removes() {
    let place = place().await;
    let (_, address) = place.machine("a").await;
    place.run(&address, "echo one > a; echo two > b").await;
    let orders = "mkdir d\nrename a d/a\nrename b d/a\nchmod 600 d/a\nln -s a d/link\nmkdir e\nrmdir e\n";
    sftp(&place, &address, orders).await;
    let text = place.run(&address, "cat d/a d/link; stat -c %a d/a; ls").await;
    assert_eq!(text, "two\ntwo\n600\nd\n");
    sftp(&place, &address, "rm d/link\nrm d/a\nrmdir d\n").await;
    assert_eq!(place.run(&address, "ls").await, "");
}

#[tokio::test]
async fn ports_of_the_computer_can_be_forwarded() {
    let place = place().await;
    let (_, address) = place.machine("a").await;
    let service = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = service.local_addr().unwrap().port();
    tokio::spawn(async move { service.accept().await.unwrap().0.write_all(b"hello").await });
    let mut client = place.ssh(&address);
    client.args(["-W", &format!("127.0.0.1:{port}")]);
    let output = client.stdin(piped()).output().await.unwrap();
    assert_eq!(output.stdout, b"hello", "{output:?}");
    let elsewhere = place.ssh(&address).args(["-W", "192.0.2.1:80"]).output().await.unwrap();
    assert!(!elsewhere.status.success());
}

#[tokio::test]
async fn the_start_script_of_the_order_runs_once() {
    let place = place().await;
    let mut order = place.order("a");
    order["server"]["initscript"] = json!("#!/bin/sh\necho boot >> ~/boots\n");
    let id = place.post("/servers", &order).await["id"].as_str().unwrap().to_owned();
    place.until_up(&id).await;
    let address = place.get(&format!("/servers/{id}")).await["server"]["ipv4"].as_str().unwrap().to_owned();
    let file = place.dir.path().join("machines").join(&id).join("root/boots");
    until(|| file.exists()).await;
    place.run(&address, "reboot").await;
    place.until("it has rebooted", |state| state["servers"][0]["boots"] == 1).await;
    place.until_up(&id).await;
    assert_eq!(place.run(&address, "cat boots").await, "boot\n");
}

#[tokio::test]
async fn stopping_or_dropping_a_practice_leaves_nothing() {
    for is_dropped in [false, true] {
        let place = place().await;
        let (id, address) = place.machine("a").await;
        place.run(&address, "tmux new -d -s job 'sleep 301'").await;
        assert!(processes_of(&id) > 0);
        let Place { practice, dir, .. } = place;
        if is_dropped {
            drop(practice)
        } else {
            practice.stop().await
        }
        assert_eq!(processes_of(&id), 0);
        assert_eq!(std::fs::read_dir(dir.path().join("machines")).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn a_directory_serves_one_practice_and_is_cleaned_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let left = dir.path().join("machines/0123456789abcdef01234567/root");
    std::fs::create_dir_all(&left).unwrap();
    let first = bursar_practice::start(options(&dir)).await.unwrap();
    assert!(!left.exists());
    let second = bursar_practice::start(options(&dir)).await;
    assert!(second.is_err_and(|error| error.to_string().contains("another practice")));
    first.stop().await;
    bursar_practice::start(options(&dir)).await.unwrap().stop().await;
}

#[tokio::test]
async fn what_a_killed_practice_left_running_ends_with_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let id = "0123456789abcdef89abcdef";
    std::fs::create_dir_all(dir.path().join("machines").join(id)).unwrap();
    let mut left = Command::new("sleep");
    let mut left = left.arg("301").env("BURSAR_PRACTICE_MACHINE", id).kill_on_drop(true).spawn().unwrap();
    // On a busy machine its variables stand a moment later where they are looked for.
    for _ in 0..500 {
        if processes_of(id) == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(processes_of(id), 1);
    bursar_practice::start(options(&dir)).await.unwrap().stop().await;
    assert!(!left.wait().await.unwrap().success());
}

#[tokio::test]
async fn with_one_address_there_is_one_machine_at_a_time() {
    let place = place_with(|options| options.single_address = true).await;
    assert!(place.practice.notice().is_some());
    let (id, address) = place.machine("a").await;
    assert_eq!(address, "127.0.0.1");
    assert_eq!(place.run(&address, "echo hi").await, "hi\n");
    assert_eq!(place.ask("POST", "/servers", Some(&place.order("b"))).await.unwrap().status, 400);
    place.delete(&format!("/servers/{id}")).await;
    let (_, address) = place.machine("b").await;
    assert_eq!(place.run(&address, "ls").await, "");
}

/// Sends and fetches a file with `scp`, byte for byte. Shared with the machines that run OpenSSH.
pub(crate) async fn files_round_trip(place: &Place, id: &str, address: &str) {
    let sent: Vec<u8> = (0..3_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    let (up, down) = (place.dir.path().join("up.bin"), place.dir.path().join("down.bin"));
    std::fs::write(&up, &sent).unwrap();
    let scp = async |from: String, to: String| {
        let output = Command::new("scp").args(place.ssh_options()).args([from, to]).output().await.unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    let remote = format!("root@{address}:up.bin");
    scp(up.display().to_string(), remote.clone()).await;
    assert_eq!(std::fs::read(place.dir.path().join("machines").join(id).join("root/up.bin")).unwrap(), sent);
    scp(remote, down.display().to_string()).await;
    assert_eq!(std::fs::read(&down).unwrap(), sent);
}

async fn sftp(place: &Place, address: &str, orders: &str) -> String {
    let mut command = Command::new("sftp");
    let mut client = command
        .args(place.ssh_options())
        .args(["-b", "-"])
        .arg(format!("root@{address}"))
        .stdin(piped())
        .stdout(piped())
        .stderr(piped())
        .spawn()
        .unwrap();
    client.stdin.take().unwrap().write_all(orders.as_bytes()).await.unwrap();
    let mut text = String::new();
    client.stdout.take().unwrap().read_to_string(&mut text).await.unwrap();
    client.wait().await.unwrap();
    text
}

fn piped() -> std::process::Stdio {
    std::process::Stdio::piped()
}

pub(crate) async fn until(is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(10), "not within 10 s");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
