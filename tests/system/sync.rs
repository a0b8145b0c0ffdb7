//! Law 1, seen by the kernel: the hold is synced to the disk before the order leaves.

use crate::world::{SMALL, World, text};
use std::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn the_hold_is_synced_before_the_order_is_connected() {
    let world = World::new().await;
    // The key is registered and the drivers compiled; what is traced below is one create.
    world.json(&["offers"]);
    // A keeper that lives already: one that began below would be traced, too, and it outlives the command.
    world.json(&["up", "first", "--offer", SMALL, "--no-wait"]);
    let trace = world.home().join("trace");
    let up = world.bursar(&["up", "box", "--offer", SMALL, "--no-wait"]);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-s", "300", "-e", "trace=connect,fsync,fdatasync,write,sendto,writev,sendmsg", "-o"]);
    strace.arg(&trace).arg(up.get_program()).args(up.get_args()).env_clear().current_dir(world.work());
    strace.envs(up.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = strace.output().unwrap_or_else(|error| panic!("strace is needed: {error}"));
    assert!(output.status.success(), "{}", text(&output));
    let trace = std::fs::read_to_string(trace).unwrap();
    let lines: Vec<&str> = trace.lines().collect();
    let order = lines.iter().position(|line| line.contains("POST /bitlaunch/api/servers")).expect("the order leaves");
    let connect = lines[..order].iter().rposition(|line| line.contains("connect(")).expect("on a connection");
    let is_sync = |line: &&str| line.contains("sync(") && line.contains("-wal");
    let sync = lines[..connect].iter().rposition(is_sync).expect("after a sync of the ledger");
    // Nothing else was asked between the hold and the order, so the sync is the reservation's own.
    let asked_between = lines[sync..connect].iter().filter(|line| line.contains("HTTP/1.1")).count();
    assert_eq!(asked_between, 0, "{}", lines[sync..=order].join("\n"));
}
