//! What people try in their first hour, with the habits of `scp`, `ssh` and `timeout`.

use crate::{
    agent::{Agent, Era},
    world::{SMALL, World, text, wait_for},
};
use serde_json::{Value, json};
use std::{fs, os::unix::ffi::OsStrExt, process::Stdio, time::Duration};

async fn rented() -> World {
    let world = World::new().await;
    world.json(&["up", "box", "--offer", SMALL, "--for", "1h"]);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn run_ends_with_a_code_for_every_end_and_prints_one_document() {
    let world = rented().await;
    let document = |args: &[&str], code: i32| -> Value {
        let output = world.run(&[&["--json"], args].concat());
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", text(&output));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {}", text(&output)))
    };
    let late = document(&["run", "box", "--timeout", "1s", "echo so far; sleep 60"], 124);
    assert_eq!((&late["timed_out"], &late["stdout"]), (&json!(true), &json!("so far\n")), "{late:#}");
    document(&["run", "box", "kill -9 $$"], 137);
    document(&["run", "box", "exit 7"], 7);
    assert_eq!(document(&["run", "nobody", "true"], 125)["error"]["kind"], "refused");
    for bad in ["NOT_SET_HERE", "A B=c"] {
        assert_eq!(document(&["run", "box", "--env", bad, "true"], 2)["error"]["kind"], "usage");
    }
    assert_eq!(world.run(&["run", "box", "--timeout", "1s", "sleep 60"]).status.code(), Some(124));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_where_scp_would_put_them() {
    let world = rented().await;
    let work = world.work();
    fs::write(work.join("one.txt"), "one").unwrap();
    fs::create_dir_all(work.join("src")).unwrap();
    fs::write(work.join("src/a.py"), "a").unwrap();
    for (to, there) in [("box:", "one.txt"), ("box:new/", "new/one.txt"), ("box:new", "new/one.txt"), ("box:b", "b")] {
        world.json(&["cp", "one.txt", to]);
        assert_eq!(world.json(&["run", "box", &format!("cat {there} && rm {there}")])["stdout"], "one", "{to}");
    }
    world.json(&["cp", "src", "box:"]);
    world.json(&["cp", "./src", "box:other"]);
    assert_eq!(world.json(&["run", "box", "cat src/a.py other/a.py"])["stdout"], "aa");
    for home in ["box:~", "box:."] {
        let emptied = text(&world.run(&["cp", "--delete", "src", home]));
        assert!(emptied.contains("would empty"), "{emptied}");
    }
    // A name that is no text is one, too.
    let odd = work.join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    fs::write(&odd, "odd").unwrap();
    for (from, to) in [(odd.as_os_str(), "box:odd".as_ref()), ("box:odd".as_ref(), odd.as_os_str())] {
        let copied = world.bursar(&["cp"]).args([from, to]).output().unwrap();
        assert!(copied.status.success(), "{}", text(&copied));
        assert_eq!(fs::read_to_string(&odd).unwrap(), "odd");
        fs::remove_file(&odd).unwrap();
    }
    world.json(&["run", "box", "echo two >two.txt"]);
    for (to, here) in
        [(".", "two.txt"), ("src", "src/two.txt"), ("fresh/", "fresh/two.txt"), ("three.txt", "three.txt")]
    {
        world.json(&["cp", "box:two.txt", to]);
        assert_eq!(fs::read_to_string(work.join(here)).unwrap(), "two\n", "{to}");
    }
    let agent = Agent::start(&world, Era::Modern).await;
    agent.get("download_file", json!({ "instance": "box", "remote_path": "~/two.txt", "local_path": "new/" })).await;
    agent.get("upload_file", json!({ "instance": "box", "local_path": "three.txt", "remote_path": "src" })).await;
    assert_eq!(fs::read_to_string(work.join("new/two.txt")).unwrap(), "two\n");
    assert_eq!(world.json(&["run", "box", "cat src/three.txt"])["stdout"], "two\n");
}

/// Both processes end well, and what is there is whole.
#[tokio::test(flavor = "multi_thread")]
async fn two_copies_at_once_are_two_copies() {
    let world = rented().await;
    let data: Vec<u8> = (0..8_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    fs::write(world.work().join("big"), &data).unwrap();
    let both = |args: [&str; 3]| {
        let begin = || world.bursar(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        for child in [begin(), begin()] {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{args:?}: {}", text(&output));
        }
    };
    both(["cp", "big", "box:big"]);
    both(["cp", "box:big", "back"]);
    assert!(fs::read(world.work().join("back")).unwrap() == data);
    let left = fs::read_dir(world.work()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.filter(|name| name.to_string_lossy().contains(".part")).count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_has_variables_a_name_of_its_own_and_times_that_are_read() {
    let mut world = rented().await;
    world.set_env("HF_TOKEN", "it's secret");
    let job = |command: &str| world.run(&["run", "box", "--job", "train", "--env", "HF_TOKEN", "--", command]);
    let began = job("printf '%s' \"$HF_TOKEN\"");
    assert!(began.status.success(), "{}", text(&began));
    let mut seen = Value::Null;
    wait_for("its end", Duration::from_secs(30), || {
        seen = world.json(&["logs", "box", "train"]);
        seen["state"]["state"] == "exited"
    });
    assert_eq!(seen["log"], "it's secret");
    for moment in ["started_at", "ended_at"] {
        assert!(seen[moment].as_str().unwrap().ends_with('Z'), "{seen:#}");
    }
    let told = world.run(&["logs", "box", "train"]);
    assert!(!text(&told).contains("saving"), "nothing is to be saved: {}", text(&told));
    let again = text(&job("echo again"));
    assert!(again.contains("has ended: exited 0") && again.contains("`train-2`"), "{again}");
    assert!(again.contains("bursar logs") && !again.contains("get_job"), "{again}");
    assert_eq!(world.json(&["logs", "box", "train"])["log"], "it's secret");
    let behind = world.run(&["logs", "box", "train", "--from", "999"]);
    assert_eq!(String::from_utf8_lossy(&behind.stdout), "");
    assert!(text(&behind).contains("behind the end of the log, which has 11 bytes"), "{}", text(&behind));

    let agent = Agent::start(&world, Era::Modern).await;
    let job = json!({ "instance": "box", "job": "agents", "command": "echo $A", "env": { "A": "b c" } });
    agent.get("start_job", job).await;
    let seen = agent.get("get_job", json!({ "instance": "box", "job": "agents", "wait_secs": 20 })).await;
    assert_eq!(seen["log"], "b c\n");
    let behind = agent.call("get_job", json!({ "instance": "box", "job": "agents", "from_offset": 99 })).await;
    assert!(behind.text.contains("behind the end") && behind.content["next_offset"] == 4, "{}", behind.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_tells_the_owner_from_his_agent() {
    let world = rented().await;
    let agent = Agent::start(&world, Era::Modern).await;
    agent.get("create_instance", json!({ "name": "two", "offer": SMALL })).await;
    let ready = |answer: &Value| answer["ready"] == true;
    let seen =
        agent.until("get_instance", json!({ "instance": "two", "wait": true }), Duration::from_secs(60), ready).await;
    assert!(!seen["ssh"].as_str().unwrap().ends_with(":22"), "nothing answers there in practice: {seen:#}");
    agent.get("destroy_instance", json!({ "instance": "two" })).await;
    world.json(&["down", "box"]);
    let shown = world.json(&["audit", "show", "--last", "500"]);
    let said: Vec<(&str, &str)> = shown["lines"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|line| Some((line["who"].as_str()?, line["call"].as_str()?)))
        .filter(|(_, call)| call.ends_with("_instance"))
        .collect();
    let expected = [
        ("owner", "create_instance"),
        ("agent", "create_instance"),
        ("agent", "stop_instance"),
        ("owner", "stop_instance"),
    ];
    assert_eq!(said, expected, "oldest first: {shown:#}");
    assert_eq!(world.json(&["audit", "verify"])["whole"], true);
}
