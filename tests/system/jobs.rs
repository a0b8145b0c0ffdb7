//! Jobs lose nothing: what they wrote and what they were to save is here when their machine is gone, and no machine lives
//! longer for that than it may.

use crate::{
    agent::{Agent, Era},
    world::{SMALL, World, text, wait_for},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn rent(world: &World, length: &str) {
    world.json(&["up", "box", "--offer", SMALL, "--for", length]);
}

fn start(world: &World, job: &str, save: &[&str], command: &str) {
    let mut args = vec!["run", "box", "--job", job];
    for path in save {
        args.extend(["--save", path]);
    }
    args.extend(["--", command]);
    world.json(&args);
}

fn ended(world: &World, job: &str) -> Value {
    let mut seen = Value::Null;
    wait_for("the end of a job", Duration::from_secs(30), || {
        seen = world.json(&["logs", "box", job]);
        seen["state"]["state"] != "running"
    });
    seen
}

fn saved(world: &World, path: &str) -> Option<String> {
    std::fs::read_to_string(world.work().join("saved/box").join(path)).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_and_states_answer_when_the_machine_is_gone() {
    let world = World::new().await;
    rent(&world, "1h");
    // 20 MiB: more than is kept, so that its middle is left out.
    start(&world, "long", &[], "yes 0123456789abcde | head -c 20971520; echo last; exit 3");
    start(&world, "short", &[], "printf 'a\\377b\\nno line end'");
    start(&world, "runs", &[], "echo so far; sleep 1000");
    // Nobody reads `long` before its machine ends.
    assert_eq!(ended(&world, "short")["state"], json!({ "state": "exited", "code": 0 }));
    let done = || world.json(&["logs", "box"])["jobs"][0]["state"]["state"] == "exited";
    wait_for("the long one", Duration::from_secs(30), done);
    world.json(&["down", "box"]);
    assert!(world.alive().is_empty());

    let jobs = world.json(&["logs", "box"]);
    let states: Vec<_> = jobs["jobs"].as_array().unwrap().iter().map(|job| (&job["job"], &job["state"])).collect();
    let lost = json!({ "state": "lost", "why": "its machine ended while it ran" });
    let [long, runs, short] = &states[..] else { panic!("{states:?}") };
    assert_eq!(*long, (&json!("long"), &json!({ "state": "exited", "code": 3 })));
    assert_eq!(*runs, (&json!("runs"), &lost));
    assert_eq!(*short, (&json!("short"), &json!({ "state": "exited", "code": 0 })));

    let whole = world.run(&["logs", "box", "short", "--from", "0"]);
    assert_eq!(whole.stdout, b"a\xffb\nno line end", "{}", text(&whole));
    assert!(text(&world.run(&["logs", "box", "runs", "-f"])).contains("so far"));
    let told = world.run(&["logs", "box", "long", "-n", "1"]);
    assert!(text(&told).contains("last\n") && text(&told).contains("gone"), "{}", text(&told));
    let cut = world.run(&["logs", "box", "long", "--from", "0"]);
    let (head, tail) = (4 << 20, 12 << 20);
    assert_eq!(cut.stdout.len(), head + tail, "{}", String::from_utf8_lossy(&cut.stderr));
    assert!(cut.stdout.starts_with(b"0123456789abcde\n") && cut.stdout.ends_with(b"abcde\nlast\n"));
    assert!(String::from_utf8_lossy(&cut.stderr).contains("bytes before offset"), "{}", text(&told));

    let agent = Agent::start(&world, Era::Modern).await;
    let seen = agent.get("get_job", json!({ "instance": "box", "job": "long", "tail_lines": 1 })).await;
    assert_eq!((&seen["state"], &seen["exit_code"], &seen["log"]), (&json!("exited"), &json!(3), &json!("last\n")));
    assert!(seen["note"].as_str().unwrap().contains("gone"), "{seen:#}");
    let listed = agent.get("list_jobs", json!({ "instance": "box" })).await;
    assert_eq!(listed["jobs"].as_array().unwrap().len(), 3);
    let unknown = agent.call("get_job", json!({ "instance": "box", "job": "nothing" })).await;
    assert!(unknown.is_error && unknown.text.contains("long, runs, short"), "{}", unknown.text);
    let refused = agent.call("start_job", json!({ "instance": "box", "job": "x", "command": "true" })).await;
    assert!(refused.is_error);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_to_save_come_when_the_job_ends_and_when_the_machine_does() {
    let world = World::new().await;
    rent(&world, "1h");
    world.json(&["run", "box", "mkdir -p w/out/deep"]);
    let train =
        "mkdir -p out/deep; echo model >out/model.bin; echo log >'out/deep/it s.txt'; ln -s /etc/passwd out/link";
    let mut args = vec!["run", "box", "--job", "train", "--workdir", "w"];
    args.extend(["--save", "out", "--save", "none.txt", "--", train]);
    world.json(&args);
    start(
        &world,
        "runs",
        &["~/state.txt"],
        "echo first >state.txt; while [ ! -e go ]; do sleep 0.1; done; echo second >state.txt; sleep 1000",
    );
    let seen = ended(&world, "train");
    assert_eq!(saved(&world, "train/w/out/model.bin").unwrap(), "model\n", "{seen:#}");
    assert_eq!(saved(&world, "train/w/out/deep/it s.txt").unwrap(), "log\n");
    assert!(saved(&world, "train/w/out/link").is_none(), "a link leads out of what was asked");
    let told = seen["saved"].as_array().unwrap();
    assert_eq!((told.len(), &told[0]["bytes"]), (2, &json!(10)), "{seen:#}");
    assert!(told[1]["why"].as_str().unwrap().contains("none.txt"), "{seen:#}");
    assert!(saved(&world, "runs/state.txt").is_none());

    world.json(&["run", "box", "touch go; sleep 1"]);
    world.json(&["down", "box"]);
    assert_eq!(saved(&world, "runs/state.txt").unwrap(), "second\n");
    let seen = world.json(&["logs", "box", "runs"]);
    assert_eq!(seen["state"]["state"], "lost");
    let told = text(&world.run(&["logs", "box", "runs"]));
    assert!(told.contains("as it was while the job ran"), "{told}");
    let bad = world.run(&["run", "box", "--job", "x", "--save", "../up", "--", "true"]);
    assert_eq!(bad.status.code(), Some(3), "{}", text(&bad));
}

/// The lease ends while a bursar lives: files are fetched in its last two minutes, and it ends in time.
#[tokio::test(flavor = "multi_thread")]
async fn a_due_end_comes_in_time_with_all_fetched_before() {
    let world = World::new().await;
    let agent = Agent::start(&world, Era::Legacy).await;
    let offer = json!({ "name": "box", "offer": SMALL, "length": "1h" });
    agent.get("create_instance", offer).await;
    let ready = |answer: &Value| answer["stage"] == "ready";
    agent.until("get_instance", json!({ "instance": "box" }), Duration::from_secs(60), ready).await;
    let job = json!({ "instance": "box", "job": "train", "command": "echo epoch 1; echo part >state.txt; sleep 1000", "save": ["state.txt"] });
    agent.get("start_job", job).await;
    let quick = json!({ "instance": "box", "job": "quick", "command": "echo done >q.txt", "save": ["q.txt"] });
    agent.get("start_job", quick).await;
    // Nobody asks for it.
    wait_for("the file of an ended job", Duration::from_secs(40), || saved(&world, "quick/q.txt").is_some());
    assert!(saved(&world, "train/state.txt").is_none());
    world.pass(3_600 - 115);
    wait_for("what runs is fetched early", Duration::from_secs(30), || saved(&world, "train/state.txt").is_some());
    assert_eq!(world.alive().len(), 1, "it has its time");
    let later = json!({ "instance": "box", "command": "echo later >>state.txt" });
    agent.get("run_command", later).await;
    world.pass(115);
    wait_for("its end", Duration::from_secs(30), || world.alive().is_empty());
    let seen = agent.get("get_job", json!({ "instance": "box", "job": "train" })).await;
    assert_eq!((&seen["state"], &seen["log"]), (&json!("lost"), &json!("epoch 1\n")));
    assert!(seen["saved"][0].as_str().unwrap().starts_with("saved state.txt: 11 bytes"), "{seen:#}");
    assert_eq!(saved(&world, "train/state.txt").unwrap(), "part\nlater\n");
}

/// A machine that takes connections and never answers ends all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_hangs_does_not_hold_up_its_end() {
    let world = World::new().await;
    rent(&world, "1h");
    start(&world, "runs", &[], "echo seen; sleep 1000");
    wait_for("its word", Duration::from_secs(10), || world.json(&["logs", "box", "runs"])["log"] == "seen\n");
    // From now on it stands still whenever it is asked for its jobs.
    let hang = "bin=${PATH%%:*}; printf '#!/bin/sh\\nsleep 1000\\n' >$bin/wc; chmod +x $bin/wc";
    world.json(&["run", "box", hang]);
    let began = Instant::now();
    world.json(&["down", "box"]);
    assert!(world.alive().is_empty() && began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    assert_eq!(world.json(&["logs", "box", "runs"])["log"], "seen\n");
}

/// A reader that is killed again and again reads on at the byte where it was, and an end that is killed is ended by the next.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_killed_goes_on_where_it_was() {
    let world = World::new().await;
    rent(&world, "1h");
    let count = "for part in 1 2 3 4 5 6; do seq -w ${part}00000 ${part}99999; sleep 0.4; done; exit 6";
    start(&world, "count", &["state.txt"], count);
    let expected: String =
        (1..7).flat_map(|part| part * 100_000..(part + 1) * 100_000).map(|n| format!("{n}\n")).collect();
    let into = world.work().join("count.log");
    let (mut kills, mut told) = (0, String::new());
    while told.is_empty() {
        let so_far = std::fs::metadata(&into).map_or(0, |meta| meta.len()).to_string();
        let file = std::fs::File::options().create(true).append(true).open(&into).unwrap();
        let mut reader = world.bursar(&["logs", "box", "count", "-f", "--from", &so_far]);
        let mut reader = reader.stdout(file).stderr(std::process::Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(600 + 37 * kills));
        if kills < 4 {
            reader.kill().unwrap();
            reader.wait().unwrap();
            kills += 1;
        } else {
            told = text(&reader.wait_with_output().unwrap());
        }
    }
    assert!(told.contains("exited 6"), "{told}");
    assert!(std::fs::read_to_string(&into).unwrap() == expected, "{} bytes", into.metadata().unwrap().len());

    world.json(&["run", "box", "echo late >state.txt; yes 0123456789abcde | head -c 3000000 >>.bursar/jobs/count/log"]);
    let mut down = world.bursar(&["down", "box"]).stderr(std::process::Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(250));
    down.kill().unwrap();
    down.wait().unwrap();
    if world.ls()["instances"][0]["stage"] == "ready" {
        // It was killed before it wrote down that the end is wanted.
        world.json(&["down", "box"]);
    }
    wait_for("its end", Duration::from_secs(30), || {
        world.settle();
        world.alive().is_empty()
    });
    let log = world.run(&["logs", "box", "count", "--from", "0"]).stdout;
    assert!(log.len() == expected.len() + 3_000_000 && log.starts_with(expected.as_bytes()), "{} bytes", log.len());
}

/// The same name again: what the one before saved stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_job_of_a_name_leaves_what_the_first_saved() {
    let world = World::new().await;
    rent(&world, "1h");
    for word in ["one", "two"] {
        start(&world, "train", &["out.txt"], &format!("echo {word} >out.txt"));
        ended(&world, "train");
        // Its name is free only where somebody takes the job's own folder away.
        world.json(&["run", "box", "rm -r ~/.bursar/jobs/train"]);
    }
    assert_eq!(saved(&world, "train/out.txt").unwrap(), "two\n");
    assert_eq!(saved(&world, "train.1/out.txt").unwrap(), "one\n");
    world.json(&["down", "box"]);
}

/// Somebody else, or the provider, takes the machine away: what was seen of it is still told, and told as that.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_machine_still_shows_what_was_seen() {
    let world = World::new().await;
    rent(&world, "1h");
    start(&world, "runs", &[], "echo seen; sleep 1000");
    wait_for("its word", Duration::from_secs(10), || world.json(&["logs", "box", "runs"])["log"] == "seen\n");
    let id = world.alive()[0]["id"].as_str().unwrap().to_owned();
    world.delete(&format!("servers/{id}"));
    let seen = world.json(&["logs", "box", "runs"]);
    assert_eq!((&seen["log"], &seen["state"]["state"]), (&json!("seen\n"), &json!("running")), "{seen:#}");
    assert!(seen["note"].as_str().unwrap().contains("does not answer now"), "{seen:#}");
    // No list ever showed it, so that it counts as gone only when it can no longer appear.
    world.pass(1_800);
    world.json(&["down", "box"]);
    assert_eq!(world.json(&["logs", "box", "runs"])["state"]["state"], "lost");
}
