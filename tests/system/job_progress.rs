//! An agent's program that asked for progress hears what a job writes while it waits for its end.

use crate::world::{SMALL, World};
use rmcp::{
    ClientHandler, RoleClient, ServiceExt,
    model::{CallToolRequestParams, ProgressNotificationParam},
    service::NotificationContext,
};
use serde_json::json;
use std::{
    process::Stdio,
    sync::{Arc, Mutex},
};

#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<(f64, String)>>>);

impl ClientHandler for Listener {
    async fn on_progress(&self, told: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        self.0.lock().unwrap().push((told.progress, told.message.unwrap_or_default()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_followed_live() {
    let world = World::new().await;
    world.json(&["up", "box", "--offer", SMALL, "--for", "1h"]);
    let mut command = tokio::process::Command::from(world.bursar(&["mcp"]));
    let mut server = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let heard = Listener::default();
    let client = heard.clone().serve((server.stdout.take().unwrap(), server.stdin.take().unwrap())).await.unwrap();
    let call = |tool: &'static str, args: serde_json::Value| {
        client.call_tool(CallToolRequestParams::new(tool).with_arguments(args.as_object().unwrap().clone()))
    };
    let loops = "for n in 1 2 3 4; do printf '\\033[31mepoch %d\\033[0m\\n' $n; sleep 2; done";
    call("start_job", json!({ "instance": "box", "job": "train", "command": loops })).await.unwrap();
    let wait = json!({ "instance": "box", "job": "train", "wait_secs": 30 });
    let ended = call("get_job", wait).await.unwrap().structured_content.unwrap();
    assert_eq!((&ended["state"], &ended["exit_code"]), (&json!("exited"), &json!(0)), "{ended:#}");
    let heard = heard.0.lock().unwrap().clone();
    assert!(heard.len() >= 2 && heard.windows(2).all(|two| two[0].0 < two[1].0), "{heard:?}");
    assert!(heard.iter().any(|(_, words)| words.contains("epoch 2")), "{heard:?}");
    assert!(heard.iter().all(|(_, words)| words.starts_with("train: running, log of ") && !words.contains('\u{1b}')));
}
