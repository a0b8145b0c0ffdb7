//! Folders to and from a machine, by an agent and by a person: the workspace is a wall, and only what changed moves.

use crate::{
    agent::{Agent, Era},
    world::{SMALL, World, text},
};
use serde_json::json;
use std::{fs, time::Duration};

const SOON: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn folders_go_there_and_back_and_stay_inside_the_workspace() {
    let world = World::new().await;
    let work = world.work();
    fs::create_dir_all(work.join("src/deep")).unwrap();
    for (name, content) in
        [("src/train.py", "train"), ("src/deep/x", "x"), ("src/m.pt", "large"), ("src/.gitignore", "*.pt\n")]
    {
        fs::write(work.join(name), content).unwrap();
    }
    std::os::unix::fs::symlink(world.home(), work.join("state")).unwrap();
    let agent = Agent::start(&world, Era::Modern).await;
    agent.get("create_instance", json!({ "name": "box", "offer": SMALL })).await;
    agent.until("get_instance", json!({ "instance": "box", "wait": true }), SOON, |i| i["ready"] == true).await;

    let up = json!({ "instance": "box", "local_path": "src", "remote_path": "work" });
    let sent = agent.get("upload_file", up.clone()).await;
    assert_eq!((&sent["folder"]["moved"], &sent["checked"]), (&json!(3), &json!(true)), "{sent:#}");
    let again = agent.get("upload_file", up).await;
    assert_eq!((&again["folder"]["moved"], &again["folder"]["same"]), (&json!(0), &json!(3)), "{again:#}");
    agent.get("run_command", json!({ "instance": "box", "command": "cd work && mkdir out && echo w >out/model && ln -s /etc/passwd out/p" })).await;
    let got = agent
        .get(
            "download_file",
            json!({ "instance": "box", "remote_path": "work/out", "local_path": "results", "delete": true }),
        )
        .await;
    assert_eq!(got["folder"]["moved"], 1, "{got:#}");
    assert!(got["folder"]["left_out"][0].as_str().unwrap().contains("leads out of the folder"), "{got:#}");
    assert_eq!(fs::read_to_string(work.join("results/model")).unwrap(), "w\n");
    for whole in [".", work.to_str().unwrap()] {
        let emptied = json!({ "instance": "box", "remote_path": "work/out", "local_path": whole, "delete": true });
        let emptied = agent.call("download_file", emptied).await;
        assert!(emptied.is_error && emptied.text.contains("would empty"), "{}", emptied.text);
    }
    assert!(work.join("src/train.py").exists());
    for outside in ["state", "..", "/etc", "results/../../x"] {
        let up =
            agent.call("upload_file", json!({ "instance": "box", "local_path": outside, "remote_path": "o" })).await;
        let down = agent
            .call("download_file", json!({ "instance": "box", "remote_path": "work", "local_path": outside }))
            .await;
        assert!(up.is_error && down.is_error, "{outside}: {} {}", up.text, down.text);
    }
    agent.kill().await;

    let own = world.work().parent().unwrap().join("own");
    let (from, to) = ("box:work", own.to_str().unwrap());
    let told = world.json(&["cp", from, to, "--ignore", "out"]);
    assert_eq!((&told["moved"], &told["checked"]), (&json!(3), &json!(true)), "{told:#}");
    fs::write(own.join("new"), "n").unwrap();
    assert_eq!(world.json(&["cp", to, from])["moved"], 1);
    assert_eq!(world.json(&["cp", own.join("new").to_str().unwrap(), "box:one/file"])["bytes"], 1);
    assert_eq!(world.json(&["cp", "box:one/file", own.join("back").to_str().unwrap()])["bytes"], 1);
    assert_eq!(fs::read_to_string(own.join("back")).unwrap(), "n");
    let output = world.run(&["cp", "a", "b"]);
    assert!(text(&output).contains("NAME:PATH"), "{}", text(&output));
    world.json(&["down", "box"]);
}
