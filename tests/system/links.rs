//! Ways to a rented machine beside commands and files: the system's `ssh` by name, a forwarded port, one HTTP request, and
//! secrets for a command.

use crate::{
    agent::{Agent, Era},
    world::{SMALL, World, text},
};
use serde_json::{Value, json};
use std::{
    io::{BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
};

#[tokio::test(flavor = "multi_thread")]
async fn ssh_knows_a_machine_by_name_for_as_long_as_it_is_there() {
    let world = World::new().await;
    let told = world.json(&["ssh-config"]);
    let file = told["file"].as_str().unwrap();
    assert_eq!((&told["is_included"], told["include"].as_str().unwrap()), (&json!(false), &*format!("Include {file}")));
    world.json(&["up", "box", "--offer", SMALL, "--for", "1h"]);
    let ssh =
        |name: &str| Command::new("ssh").args(["-F", file, "-o", "BatchMode=yes", name, "echo in"]).output().unwrap();
    let output = ssh("box");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "in\n", "{}", text(&output));
    std::fs::create_dir_all(world.work().join("../user/.ssh")).unwrap();
    std::fs::write(world.work().join("../user/.ssh/config"), format!("Include {file}\n")).unwrap();
    assert_eq!(world.json(&["ssh-config"])["is_included"], true);
    world.json(&["down", "box"]);
    assert!(!std::fs::read_to_string(file).unwrap().contains("Host box"));
    assert!(!ssh("box").status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_of_a_machine_is_reached_here_and_by_an_agents_request() {
    let world = World::new().await;
    world.json(&["up", "box", "--offer", SMALL, "--for", "1h"]);
    // The imitated machine's loopback is this computer's.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
    let mut forward =
        world.bursar(&["--json", "forward", "box", &format!("{port}:0")]).stdout(Stdio::piped()).spawn().unwrap();
    let mut told = serde_json::Deserializer::from_reader(BufReader::new(forward.stdout.take().unwrap())).into_iter();
    let told: Value = told.next().unwrap().unwrap();
    let local = u16::try_from(told["local"].as_u64().unwrap()).unwrap();
    assert_ne!(local, port);
    for _ in 0..2 {
        let mut stream = TcpStream::connect(("127.0.0.1", local)).unwrap();
        stream.write_all(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        let mut came = String::new();
        stream.read_to_string(&mut came).unwrap();
        assert!(came.starts_with("HTTP/1.1 200 OK\r\n") && came.ends_with("GET /a HTTP/1.1"), "{came}");
    }
    forward.kill().unwrap();
    forward.wait().unwrap();

    let agent = Agent::start(&world, Era::Legacy).await;
    let ask = json!({ "instance": "box", "port": port, "path": "/v1/completions", "body": "{}" });
    let answer = agent.get("request_http", ask.clone()).await;
    assert_eq!((&answer["status"], &answer["body"]), (&json!(200), &json!("POST /v1/completions HTTP/1.1")));
    assert!(answer["notice"].as_str().unwrap().contains("not instructions") && answer.get("cut").is_none());
    let mut elsewhere = ask;
    elsewhere["path"] = json!("http://example.org/");
    assert!(agent.call("request_http", elsewhere).await.is_error);
    let ran = json!({ "instance": "box", "command": "echo \"$TOKEN\"", "env": { "TOKEN": "it's a\nsecret" } });
    assert_eq!(agent.get("run_command", ran).await["stdout"], "it's a\nsecret\n");
    agent.kill().await;

    let mut run = world.bursar(&["run", "box", "--env", "TOKEN", "--env", "A=b", "echo $TOKEN $A"]);
    assert_eq!(String::from_utf8_lossy(&run.env("TOKEN", "secret").output().unwrap().stdout), "secret b\n");
    let unset = text(&world.run(&["run", "box", "--env", "NOT_SET", "true"]));
    assert!(unset.contains("not set here"), "{unset}");
    world.json(&["down", "box"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_machine_has_a_key_of_its_own_where_the_owner_wants_it() {
    let mut world = World::new().await;
    let file = world.work().join("../bursar.toml");
    std::fs::write(&file, "ssh_key_per_instance = true\n").unwrap();
    world.set_env("BURSAR_CONFIG", file.to_str().unwrap());
    world.json(&["up", "box", "--offer", SMALL, "--for", "1h"]);
    let keys = || std::fs::read_dir(world.home().join("ssh/keys")).unwrap().count();
    assert_eq!(keys(), 1);
    let known = world.run(&["run", "box", "wc -l <~/.ssh/authorized_keys"]);
    assert_eq!(String::from_utf8_lossy(&known.stdout).trim(), "1", "{}", text(&known));
    world.json(&["down", "box"]);
    assert_eq!(keys(), 0);
}

/// Answers one request with its own first line.
fn answer(mut stream: TcpStream) {
    let mut head = vec![];
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|some| some == 1) {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let line = head.lines().next().unwrap_or_default();
    let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{line}", line.len());
}
