//! Processes that die at any moment: servers and keepers killed or stopped while they rent, extend and end, against a
//! provider with faults. What counts at the end is the provider's own truth.
//!
//! `BURSAR_KILLS` says how many are killed (24 where nobody says); `BURSAR_KILLS_SEED` repeats a walk's choices.

use crate::{
    keeper::{keepers, signal},
    laws,
    world::{SMALL, World, wait_for},
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// So long a due end may take to be asked while any bursar runs, in the real seconds of this test.
const ASKED_WITHIN: Duration = Duration::from_secs(15);
/// A busy computer is given this on top: what is measured is the promise, not the machine.
const SLACK: Duration = Duration::from_secs(15);

struct Dice(u64);

impl Dice {
    /// xorshift: the same seed throws the same.
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_killed_whenever_nothing_leaks() {
    let (kills, seed) = (number("BURSAR_KILLS", 24), number("BURSAR_KILLS_SEED", 88_172_645_463_325_252));
    println!("{kills} kills, BURSAR_KILLS_SEED={seed}");
    let world = World::new().await;
    world.run(&["limits", "set", "max_total_spending", "100000"]);
    let mut walk =
        Walk { world: &world, dice: Dice(seed.max(1)), commands: vec![], named: 0, killed: 0, since: HashMap::new() };
    while walk.killed < kills {
        walk.step();
        if walk.named.is_multiple_of(25) {
            println!("{} killed so far", walk.killed);
        }
    }
    walk.end();
}

struct Walk<'a> {
    world: &'a World,
    dice: Dice,
    commands: Vec<Child>,
    named: u64,
    killed: u64,
    /// Since when a due machine lives although something of ours runs, by its id.
    since: HashMap<String, Instant>,
}

impl Walk<'_> {
    fn step(&mut self) {
        self.misbehave();
        match self.dice.below(4) {
            0 | 1 => {
                self.named += 1;
                let name = format!("box{}", self.named);
                self.start(&["up", &name, "--offer", SMALL, "--for", "1h", "--no-wait"]);
            }
            2 => {
                let name = format!("box{}", self.named);
                self.start(&["extend", &name, "--for", "2h"]);
            }
            _ => {
                let name = format!("box{}", self.named);
                self.start(&["down", &name, "--wait", "3"]);
            }
        }
        std::thread::sleep(Duration::from_millis(self.dice.below(900)));
        self.kill_something();
        if self.dice.below(3) == 0 {
            self.world.pass(60 * (10 + self.dice.below(80)));
        }
        self.watch_due_ends();
        // Somebody always comes back, as an owner does.
        drop(self.world.run(&["ls"]));
    }

    fn start(&mut self, args: &[&str]) {
        let mut command: Command = self.world.bursar(args);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.commands.push(child);
    }

    fn kill_something(&mut self) {
        match self.dice.below(5) {
            0 | 1 => {
                if let Some(mut command) = self.commands.pop() {
                    drop(command.kill());
                    command.wait().unwrap();
                    self.killed += 1;
                }
            }
            2 | 3 => {
                for pid in keepers(self.world) {
                    drop(Command::new("kill").args(["-KILL", &pid.to_string()]).output());
                    self.killed += 1;
                }
            }
            _ => {
                // Stopped past a lease, and let go again.
                let stopped = keepers(self.world);
                for pid in &stopped {
                    drop(Command::new("kill").args(["-STOP", &pid.to_string()]).output());
                }
                self.world.pass(3_700);
                for pid in &stopped {
                    drop(Command::new("kill").args(["-CONT", &pid.to_string()]).output());
                }
                self.since.clear();
            }
        }
    }

    fn misbehave(&mut self) {
        self.world.behave();
        let fault = match self.dice.below(12) {
            0 => json!([{ "match": "POST /servers", "fault": "lost_after" }]),
            1 => json!([{ "match": "POST /servers", "fault": "500_after" }]),
            2 => json!([{ "match": "POST /servers", "fault": { "lands_late": { "secs": 30 } } }]),
            3 => json!([{ "match": "POST /servers", "fault": { "list_lags": { "lists": 3 } } }]),
            4 => json!([{ "match": "DELETE /servers/{id}", "fault": "destroy_404_alive" }]),
            5 => json!([{ "match": "DELETE /servers/{id}", "fault": "destroy_ignored" }]),
            6 => json!([{ "match": "DELETE /servers/{id}", "fault": "lost_before" }]),
            7 => json!([{ "match": "GET /servers", "fault": { "list_cut": { "how": "id" } } }]),
            8 => json!([{ "match": "POST /servers", "fault": { "slow": { "secs": 2 } } }]),
            _ => return,
        };
        self.world.misbehave(fault);
    }

    /// Each machine that is due must be asked to end soon, as long as anything of ours runs.
    fn watch_due_ends(&mut self) {
        let listed = self.world.ls();
        let due: Vec<(String, String)> = listed["instances"].as_array().unwrap().iter().filter_map(due).collect();
        self.since.retain(|id, _| due.iter().any(|(known, _)| known == id));
        for (id, provider_id) in due {
            if asked(self.world, &provider_id) {
                self.since.remove(&id);
                continue;
            }
            let since = self.since.entry(id).or_insert_with(Instant::now);
            let late = since.elapsed();
            assert!(
                late < ASKED_WITHIN + SLACK,
                "{provider_id} is due and was not asked to end for {late:?}\n{listed:#}"
            );
        }
    }

    /// No more faults: everything ends, and the provider's truth is held against the book.
    fn end(mut self) {
        self.world.behave();
        for command in &mut self.commands {
            drop(command.kill());
            command.wait().unwrap();
        }
        laws::hold(self.world, "after the last kill");
        self.world.pass(3 * 3_600);
        drop(self.world.run(&["ls"]));
        wait_for("all that is due is gone", Duration::from_secs(90), || self.world.alive().is_empty());
        laws::all_ended(self.world, "after all leases");
        let truth = self.world.truth();
        let servers = truth["servers"].as_array().unwrap();
        let mut names: Vec<&str> = servers.iter().map(|server| server["name"].as_str().unwrap()).collect();
        let made = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), made, "no machine was made twice: {names:?}");
        let ledger = self.world.json(&["spending", "--entries", "100000"]);
        for name in names {
            let holds = |entry: &Value| entry["kind"] == "hold" && name.ends_with(entry["instance"].as_str().unwrap());
            assert!(ledger["entries"].as_array().unwrap().iter().any(holds), "{name} was made without a hold");
        }
        println!("{} killed, {made} machines made", self.killed);
        for pid in keepers(self.world) {
            signal(pid, "TERM");
        }
    }
}

fn due(instance: &Value) -> Option<(String, String)> {
    let is_open = instance["stage"] != "gone";
    let (ends, as_of) = (instance["ends"].as_str()?, instance["as_of"].as_str()?);
    let id = instance["provider_id"].as_str()?;
    // Both are RFC 3339 in UTC with whole seconds: text compares as time.
    (is_open && ends <= as_of).then(|| (instance["id"].as_str().unwrap_or_default().to_owned(), id.to_owned()))
}

/// Whether the provider was ever asked to end it.
fn asked(world: &World, provider_id: &str) -> bool {
    world.requests().iter().any(|line| line.starts_with("DELETE") && line.contains(provider_id))
}
