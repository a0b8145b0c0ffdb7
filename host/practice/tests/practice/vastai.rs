//! The real `vastai` of the Python index walks its main commands against the imitation, also where things go wrong.
//! `cargo xtask test` installs it; without it these tests fail and say so.

use std::path::PathBuf;
use std::process::Output;

use bursar_practice::{Options, Practice};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::support::options;

const VERSION: &str = "vastai-1.9.1";
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUm walker";

/// A practice and the client, with nothing of this computer's own settings.
struct Walk {
    practice: Practice,
    dir: TempDir,
}

impl Walk {
    async fn new() -> Walk {
        let dir = tempfile::tempdir().unwrap();
        let practice = bursar_practice::start(Options { ..options(&dir) }).await.unwrap();
        Walk { practice, dir }
    }

    fn command(&self, key: &str, args: &[&str]) -> Command {
        let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("clients").join(VERSION);
        let program = target.join("bin/vastai");
        assert!(program.exists(), "{} is not there: `cargo xtask test` installs it", program.display());
        let (home, url) = (self.dir.path().join("home"), format!("http://{}/vast", self.practice.http_addr()));
        let mut command = Command::new(program);
        command.args(args).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", &home).env("COLUMNS", "200");
        for (name, folder) in [("XDG_CONFIG_HOME", "c"), ("XDG_CACHE_HOME", "k"), ("XDG_STATE_HOME", "s")] {
            let folder = home.join(folder);
            std::fs::create_dir_all(&folder).unwrap();
            command.env(name, folder);
        }
        command.env("VAST_URL", url).env("VAST_API_KEY", key).env("VASTAI_NO_UPDATE_CHECK", "1").kill_on_drop(true);
        command
    }

    async fn run(&self, args: &[&str]) -> Output {
        self.command("practice", args).output().await.unwrap()
    }

    /// Runs a command that must end well, and returns what it printed.
    async fn say(&self, args: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.run(args).await;
        let (out, err) = (String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&stderr).into_owned());
        assert!(status.success() && !err.contains("rror"), "{args:?}: {status}\n{out}\n{err}");
        out
    }

    async fn raw(&self, args: &[&str]) -> Value {
        let text = self.say(&[args, &["--raw"]].concat()).await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: {error}\n{text}"))
    }

    async fn until_status(&self, id: &str, wanted: &str) -> Value {
        for _ in 0..20 {
            let shown = self.raw(&["show", "instance", id]).await;
            if shown["actual_status"] == wanted {
                return shown;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{id} did not become {wanted}: {}", self.practice.state()["vast"]);
    }

    async fn fault(&self, status: u16, answer: (&str, &str)) {
        let (text, kind) = answer;
        let fault = json!({ "status": { "status": status, "text": text, "content_type": kind } });
        let rule = json!({ "match": "* **", "provider": "vast", "times": 0, "fault": fault });
        let url = format!("http://{}/_practice/faults", self.practice.http_addr());
        let sent = Command::new("curl").args(["-sS", "--fail", "-d", &rule.to_string(), &url]).output().await.unwrap();
        assert!(sent.status.success(), "{sent:?}");
    }
}

fn ids(rows: &Value) -> Vec<u64> {
    rows.as_array().unwrap().iter().filter_map(|row| row["id"].as_u64()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_client_searches_in_both_forms() {
    let walk = Walk::new().await;
    let query = "gpu_name=RTX_4090 num_gpus=1 dph<0.5";
    for form in [&["search", "offers", query][..], &["search", "offers", query, "--new"]] {
        let found = walk.raw(form).await;
        assert_eq!(ids(&found), [1003], "{form:?}");
        assert_eq!(found[0]["dph_total"], json!(0.401_042), "the 5 GB that it asks for are in the price");
        assert!(walk.say(form).await.contains("RTX_4090"), "{form:?}");
    }
    let anything = walk.raw(&["search", "offers", "gpu_ram>=80", "-n", "-o", "dph-", "--limit", "2"]).await;
    assert_eq!(ids(&anything), [1009, 1007]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_client_rents_uses_and_ends_an_instance() {
    let walk = Walk::new().await;
    let order = ["create", "instance", "1003", "--image", "nvidia/cuda:12", "--disk", "20", "--ssh", "--direct"];
    let more = ["--label", "walked", "--env", "-p 8000:8000 -e A=b", "--onstart-cmd", "echo hi"];
    let made = walk.raw(&[&order[..], &more].concat()).await;
    assert_eq!(made["success"], true);
    let id = made["new_contract"].to_string();
    let shown = walk.until_status(&id, "running").await;
    assert_eq!((&shown["label"], &shown["extra_env"]["A"]), (&json!("walked"), &json!("b")));
    assert_eq!(ids(&walk.raw(&["show", "instances"]).await), [id.parse::<u64>().unwrap()]);
    assert!(walk.say(&["show", "instances"]).await.contains("walked"));
    assert!(walk.say(&["show", "instance", &id]).await.contains("running"));

    let url = walk.say(&["ssh-url", &id]).await;
    let host = shown["public_ipaddr"].as_str().unwrap();
    assert_eq!(url.trim(), format!("ssh://root@{host}:{}", walk.practice.ssh_port()));

    walk.say(&["label", "instance", &id, "renamed"]).await;
    walk.say(&["stop", "instance", &id]).await;
    let stopped = walk.until_status(&id, "exited").await;
    assert_eq!((&stopped["label"], &stopped["intended_status"]), (&json!("renamed"), &json!("stopped")));
    walk.say(&["start", "instance", &id]).await;
    walk.until_status(&id, "running").await;
    assert!(walk.say(&["reboot", "instance", &id]).await.contains("Rebooting"));
    walk.until_status(&id, "running").await;

    assert!(walk.say(&["logs", &id]).await.contains("Container"));
    walk.say(&["attach", "ssh", &id, KEY]).await;
    assert_eq!(walk.practice.state()["vast"]["instances"][0]["keys"], json!([KEY]));

    assert_eq!(walk.raw(&["show", "user"]).await["id"], walk.practice.state()["vast"]["account"]["id"]);
    assert!(walk.say(&["show", "user"]).await.contains("practice@example.org"));
    let invoices = walk.raw(&["show", "invoices"]).await;
    let kinds: Vec<&str> = invoices.as_array().unwrap().iter().filter_map(|row| row["type"].as_str()).collect();
    assert_eq!(kinds, ["payment", "charge"]);
    assert!(walk.say(&["show", "invoices"]).await.contains("Total"));
    assert!(walk.raw(&["show", "invoices-v1", "--charges"]).await.to_string().contains(&format!("instance-{id}")));

    assert!(walk.say(&["destroy", "instance", &id, "-y"]).await.contains(&id));
    assert!(ids(&walk.raw(&["show", "instances"]).await).is_empty());
    let gone = walk.run(&["show", "instance", &id]).await;
    assert_eq!(gone.status.code(), Some(1));
}

/// Every main command, on an id that is there.
const COMMANDS: [&[&str]; 15] = [
    &["search", "offers", "num_gpus=1"],
    &["search", "offers", "num_gpus=1", "--new"],
    &["create", "instance", "1004", "--image", "nvidia/cuda:12", "--disk", "20", "--ssh"],
    &["show", "instances"],
    &["show", "instance", "5556"],
    &["ssh-url", "5556"],
    &["stop", "instance", "5556"],
    &["start", "instance", "5556"],
    &["reboot", "instance", "5556"],
    &["label", "instance", "5556", "other"],
    &["logs", "5556"],
    &["attach", "ssh", "5556", KEY],
    &["show", "user"],
    &["show", "invoices"],
    &["destroy", "instance", "5556", "-y"],
];

async fn every_command_says(status: u16, answer: (&str, &str), expected: &str) {
    let walk = Walk::new().await;
    let made = walk.raw(&["create", "instance", "1003", "--image", "nvidia/cuda:12", "--disk", "20", "--ssh"]).await;
    assert_eq!(made["new_contract"], 5556);
    walk.fault(status, answer).await;
    let mut runs = JoinSet::new();
    for args in COMMANDS {
        let run = walk.command("practice", &[args, &["--raw"]].concat()).output();
        runs.spawn(async move { (args, run.await.unwrap()) });
    }
    while let Some(Ok((args, Output { stdout, stderr, .. }))) = runs.join_next().await {
        let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        let error = err.lines().find_map(|line| serde_json::from_str::<Value>(line).ok());
        let error = error.unwrap_or_else(|| panic!("{args:?}: no error was told\n{out}\n{err}"));
        assert_eq!(error["status_code"], status, "{args:?}: {error}");
        assert_eq!(error["msg"].as_str(), Some(expected), "{args:?}: {error}");
    }
    let lives = walk.practice.state()["vast"]["instances"].clone();
    assert_eq!((lives.as_array().map(Vec::len), &lives[0]["alive"]), (Some(1), &json!(true)), "nothing was done");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_says_what_an_unauthorized_answer_says() {
    every_command_says(401, (r#"{"success":false,"error":"auth_error","msg":"no"}"#, "application/json"), "no").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_says_what_a_wrong_address_says() {
    let answer = (r#"{"success":false,"error":"not_found","msg":"gone"}"#, "application/json");
    every_command_says(404, answer, "gone").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_survives_plain_text_after_too_many_requests() {
    let text = ("API requests too frequent: endpoint threshold=4.5", "text/plain");
    every_command_says(429, text, "(no detail message supplied)").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_survives_a_gateway_that_is_broken() {
    every_command_says(502, ("<html>Bad Gateway</html>", "text/html"), "(no detail message supplied)").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_not_found_as_it_is_there() {
    let walk = Walk::new().await;
    let told = walk.command("another-key", &["show", "user", "--raw"]).output().await.unwrap();
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.contains("404") && told.contains("Invalid user key"), "{told}");
}
