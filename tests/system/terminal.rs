//! What a person meets in a terminal who has read nothing: bytes, exit codes, and messages that name the next step.

use crate::world::{SMALL, World, text};
use serde_json::{Value, json};
use std::{io::Write, process::Stdio};

/// A machine that is rented and left before it is ready becomes so when it is used; every byte passes both ways.
#[tokio::test(flavor = "multi_thread")]
async fn run_makes_a_machine_ready_and_passes_every_byte() {
    let world = World::new().await;
    world.json(&["up", "box", "--offer", SMALL, "--for", "1h", "--no-wait"]);
    let sent: Vec<u8> = (0..300_000_u32).map(|n| (n % 256) as u8).collect();
    let mut command = world.bursar(&["run", "box", "cat"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feeding = std::thread::spawn({
        let sent = sent.clone();
        move || stdin.write_all(&sent).unwrap()
    });
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout == sent, "{} bytes of {}", output.stdout.len(), sent.len());
    assert_eq!(world.ls()["instances"][0]["stage"], "ready");

    world.json(&["run", "box", "--job", "long", "sleep 600"]);
    assert_eq!(world.json(&["run", "box", "--job", "long", "sleep 600"])["state"]["state"], "running");
    let again = text(&world.run(&["run", "box", "--job", "long", "sleep 601"]));
    assert!(again.contains("UTC") && again.contains("bursar stop"), "{again}");
    assert_eq!(world.json(&["stop", "box", "long"])["was_running"], true);
    world.json(&["down", "box"]);
    assert!(world.alive().is_empty());
}

/// Whoever asks for JSON reads JSON on stdout, whatever went wrong, and nothing beside it.
#[tokio::test(flavor = "multi_thread")]
async fn errors_are_documents_where_documents_were_asked_for() {
    let world = World::new().await;
    for (args, code, kind) in [
        (&["--json", "run"][..], 2, "usage"),
        (&["--json", "offers", "--limit", "0"], 2, "usage"),
        (&["--json", "down", "nobody"], 3, "refused"),
        (&["--json", "up", "bad name!", "--offer", SMALL, "--dry-run"], 3, "refused"),
    ] {
        let output = world.run(args);
        let told: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{args:?}: {}", text(&output)));
        assert_eq!((output.status.code(), &told["error"]["kind"]), (Some(code), &json!(kind)), "{args:?}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("hint:"), "{args:?}: {}", text(&output));
    }
    assert!(world.requests().is_empty(), "a name is judged before anybody is asked: {:?}", world.requests());
}

/// A word that no offer has is told apart from an order that is too much.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_gpu_or_site_is_told_with_what_there_is() {
    let world = World::new().await;
    for (args, said) in [
        (["offers", "--gpu", "h999"], "no GPU is called `h999`; there are: "),
        (["offers", "--site", "atlantis"], "no site is called `atlantis`; there are: "),
        (["offers", "--max-price", "0.000001"], "nothing fits; ask for less"),
    ] {
        let told = text(&world.run(&args));
        assert!(told.contains(said), "{told}");
    }
}

/// What narrows a limit here is named, and so is the place to change it.
#[tokio::test(flavor = "multi_thread")]
async fn a_narrowed_limit_names_its_variable() {
    let mut world = World::new().await;
    world.json(&["limits", "show"]);
    world.set_env("BURSAR_MAX_PRICE_PER_HOUR", "0.001");
    let refused = text(&world.run(&["up", "box", "--offer", SMALL, "--dry-run"]));
    assert!(refused.contains("in BURSAR_MAX_PRICE_PER_HOUR"), "{refused}");
    assert!(!refused.contains("limits set"), "{refused}");
    let shown = &world.json(&["limits", "show"])["limits"][0];
    assert_eq!((&shown["set_by"], &shown["ledger"]), (&json!("BURSAR_MAX_PRICE_PER_HOUR"), &json!("1.00 USD/h")));
}
