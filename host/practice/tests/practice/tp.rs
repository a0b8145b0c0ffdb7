//! TensorPool's own client, `tp` 0.0.9 from the Python index, pointed at practice: what it does with the real engine it does
//! here. `cargo xtask test` makes its virtual environment.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use tokio::process::Command;

use super::support::{Place, place};

const TP: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/clients/tensorpool-0.0.9/bin/tp");

/// Runs the client in an empty home, with nothing of ours but the address and the key.
async fn tp_as(place: &Place, key: &str, args: &[&str]) -> Output {
    assert!(Path::new(TP).exists(), "{TP} is missing: `cargo xtask test` makes it");
    let engine = format!("http://{}/tensorpool", place.practice.http_addr());
    let mut command = Command::new(TP);
    command.args(args).env_clear().current_dir(place.dir.path()).kill_on_drop(true);
    command.env("TENSORPOOL_ENGINE", engine).env("TENSORPOOL_KEY", key).env("HOME", place.dir.path());
    command.stdin(std::process::Stdio::null()).output().await.unwrap()
}

/// Runs a command that must succeed and returns what it says.
async fn tp(place: &Place, args: &[&str]) -> String {
    let output = tp_as(place, "practice", args).await;
    let said = text(&output);
    assert!(output.status.success(), "tp {args:?}: {said}");
    said
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn clusters(place: &Place) -> Vec<Value> {
    let state = place.practice.state();
    let ours = |row: &&Value| row["provider"] == "tensorpool";
    state["servers"].as_array().unwrap().iter().filter(ours).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_own_commands_work() {
    let place = place().await;
    let public = place.key_path().with_extension("pub").display().to_string();
    let me = tp(&place, &["me"]).await;
    assert!(me.contains("practice@example.org") && me.contains("Balance"), "{me}");

    let added = tp(&place, &["me", "sshkey", "add", &public, "--name", "laptop"]).await;
    assert!(added.contains("added"), "{added}");
    let listed = tp(&place, &["me", "sshkey", "list"]).await;
    assert!(listed.contains("ssh-ed25519"), "{listed}");
    let key_id = listed.split_whitespace().find(|word| word.starts_with("k-")).unwrap().to_owned();

    // With a saved key and no waiting; with a key of its own and waiting.
    tp(&place, &["--no-input", "cluster", "create", "1xL40S", "--name", "one"]).await;
    let waited =
        tp(&place, &["--no-input", "cluster", "create", "1xH100", "-i", &public, "--name", "two", "--wait"]).await;
    assert!(waited.contains("running") || waited.contains("provisioned"), "{waited}");
    assert_eq!(clusters(&place).iter().filter(|row| row["alive"] == true).count(), 2);

    let listed = tp(&place, &["cluster", "list", "--org", "--instances"]).await;
    assert!(listed.contains("one") && listed.contains("two"), "{listed}");
    let id = clusters(&place)[1]["id"].as_str().unwrap().to_owned();
    for named in [id.as_str(), "two"] {
        let info = tp(&place, &["cluster", "info", named]).await;
        assert!(info.contains("1xH100") && info.contains("RUNNING"), "{info}");
    }

    tp(&place, &["cluster", "edit", &id, "--name", "three", "--deletion-protection", "true"]).await;
    let kept = tp_as(&place, "practice", &["cluster", "destroy", "--no-input", &id]).await;
    assert!(kept.status.code() == Some(1) && text(&kept).contains("protection"), "{}", text(&kept));
    assert_eq!(clusters(&place)[1]["name"], "three");
    tp(&place, &["cluster", "edit", &id, "--deletion-protection", "false"]).await;
    tp(&place, &["cluster", "destroy", "--no-input", "--wait", &id]).await;
    assert_eq!(clusters(&place)[1]["alive"], false, "waiting waits for the end");
    tp(&place, &["cluster", "destroy", "--no-input", "one"]).await;

    let jobs = tp(&place, &["job", "list"]).await;
    assert!(jobs.contains("j-32") && jobs.contains("running"), "{jobs}");
    tp(&place, &["job", "info", "j-31"]).await;
    tp(&place, &["job", "cancel", "--no-input", "--wait", "j-32"]).await;
    let cancelled = tp(&place, &["job", "info", "j-32"]).await;
    assert!(cancelled.contains("canceled"), "{cancelled}");

    tp(&place, &["me", "sshkey", "remove", &key_id]).await;
    assert!(!tp(&place, &["me", "sshkey", "list"]).await.contains(&key_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_fails_is_told_by_its_own_words() {
    let place = place().await;
    let public = place.key_path().with_extension("pub").display().to_string();
    let order = ["--no-input", "cluster", "create", "1xH100", "-i", &public, "--name", "odd", "--wait"];
    let rule = |fault: Value| {
        let mut rule = fault;
        (rule["match"], rule["provider"]) = (json!("POST /cluster/create"), json!("tensorpool"));
        rule
    };
    place.fault(rule(json!({ "fault": "error_status", "text": "the pool burned down" }))).await;
    let failed = tp_as(&place, "practice", &order).await;
    assert!(failed.status.code() == Some(1) && text(&failed).contains("the pool burned down"), "{}", text(&failed));
    place.fault(rule(json!({ "fault": "retrying", "secs": 1 }))).await;
    tp(&place, &order).await;
    let asked = place.practice.state()["log"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["path"].as_str().unwrap().starts_with("/request/info/"))
        .count();
    assert!(asked >= 3, "it polls until the request is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_says_what_went_wrong() {
    let place = place().await;
    let public = place.key_path().with_extension("pub").display().to_string();
    let commands: [(&str, &[&str]); 11] = [
        ("GET /user/info", &["me"]),
        ("POST /cluster/create", &["--no-input", "cluster", "create", "1xH100", "-i", &public]),
        ("GET /cluster/list", &["cluster", "list"]),
        ("GET /cluster/info/{id}", &["cluster", "info", "c-1"]),
        ("PATCH /cluster/edit/{id}", &["cluster", "edit", "c-1", "--name", "x"]),
        ("DELETE /cluster/{id}", &["cluster", "destroy", "--no-input", "c-1"]),
        ("POST /user/ssh-key/add", &["me", "sshkey", "add", &public]),
        ("GET /user/ssh-key/list", &["me", "sshkey", "list"]),
        ("DELETE /user/ssh-key/remove/{id}", &["me", "sshkey", "remove", "k-1"]),
        ("GET /job/info/{id}", &["job", "info", "j-31"]),
        ("POST /job/cancel/{id}", &["job", "cancel", "--no-input", "j-32"]),
    ];
    for (asked, args) in commands {
        let denied = tp_as(&place, "wrong", args).await;
        assert_eq!(denied.status.code(), Some(1), "401 for {args:?}: {}", text(&denied));
        for fault in [
            json!({ "fault": "refuse", "status": 404, "message": "nothing of this name" }),
            json!({ "fault": "status", "status": 429, "text": "slow down", "content_type": "text/plain" }),
            json!({ "fault": "html", "status": 502 }),
        ] {
            let mut rule = fault.clone();
            (rule["match"], rule["provider"]) = (json!(asked), json!("tensorpool"));
            place.fault(rule).await;
            let failed = tp_as(&place, "practice", args).await;
            let said = text(&failed);
            assert_eq!(failed.status.code(), Some(1), "{fault} for {args:?}: {said}");
            assert!(!said.contains("Traceback"), "{fault} for {args:?}: {said}");
        }
    }
    assert_eq!(clusters(&place).len(), 0, "no failure made anything");
    let listed = tp(&place, &["job", "list"]).await;
    assert!(listed.contains("running"), "no failure cancelled anything: {listed}");
}
