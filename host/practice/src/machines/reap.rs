//! Ends every process of one machine, however it was detached: they all carry the machine's id in their environment,
//! and their children are theirs. It never signals anything else.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// The variable that every process of a machine inherits.
pub(crate) const MARKER: &str = "BURSAR_PRACTICE_MACHINE";

/// Processes may start others while we look, so we look until nothing is left.
const ROUNDS: usize = 50;

/// One running process.
struct Process {
    parent: i32,
    environment: Vec<u8>,
    command: Vec<u8>,
}

/// Kills the processes of a machine and waits until they are gone. Blocking.
pub(crate) fn reap(id: &str, roots: &[i32]) {
    for _ in 0..ROUNDS {
        let victims = victims(&processes(), id, roots);
        if victims.is_empty() {
            return;
        }
        for pid in victims.into_iter().filter_map(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    tracing::warn!(machine = %id, "processes of this machine do not end");
}

/// Returns the daemons that were started with a configuration below a directory.
pub(crate) fn daemons_under(dir: &Path) -> Vec<i32> {
    let needle = dir.as_os_str().as_encoded_bytes();
    let daemon = |process: &Process| contains(&process.command, b"sshd") && contains(&process.command, needle);
    processes().iter().filter(|(_, process)| daemon(process)).map(|(pid, _)| *pid).collect()
}

/// Returns the marked processes and the roots with all their descendants, never ourselves.
fn victims(processes: &HashMap<i32, Process>, id: &str, roots: &[i32]) -> HashSet<i32> {
    let mark = format!("{MARKER}={id}");
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let is_ours = |process: &Process| process.environment.split(|&byte| byte == 0).any(|line| line == mark.as_bytes());
    let marked = processes.iter().filter(|(_, process)| is_ours(process)).map(|(pid, _)| *pid);
    let alive = |pid: &i32| processes.contains_key(pid);
    let mut found: HashSet<i32> = marked.chain(roots.iter().copied().filter(alive)).collect();
    loop {
        let children: Vec<i32> = processes
            .iter()
            .filter(|(pid, process)| found.contains(&process.parent) && !found.contains(pid))
            .map(|(pid, _)| *pid)
            .collect();
        if children.is_empty() {
            found.remove(&own);
            return found;
        }
        found.extend(children);
    }
}

/// Returns what runs now. Dead processes that nobody has waited for do not count.
#[cfg(target_os = "linux")]
fn processes() -> HashMap<i32, Process> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Some((pid, process(pid)?))).collect()
}

#[cfg(target_os = "linux")]
fn process(pid: i32) -> Option<Process> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in brackets and may hold anything; state and parent follow the last one.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let read = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
    (state != "Z" && state != "X").then(|| Process { parent, environment: read("environ"), command: read("cmdline") })
}

/// Elsewhere `ps` shows the environment of one's own processes behind the command.
#[cfg(not(target_os = "linux"))]
fn processes() -> HashMap<i32, Process> {
    let output = std::process::Command::new("ps").args(["-axEww", "-o", "pid=,ppid=,command="]).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().filter_map(line).collect()
}

#[cfg(not(target_os = "linux"))]
fn line(line: &str) -> Option<(i32, Process)> {
    let (pid, rest) = line.trim_start().split_once(' ')?;
    let (parent, command) = rest.trim_start().split_once(' ')?;
    let environment = command.replace(' ', "\0").into_bytes();
    Some((pid.parse().ok()?, Process { parent: parent.parse().ok()?, environment, command: command.into() }))
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && haystack.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_detached_process_is_found_by_its_mark_and_its_unmarked_child_by_its_parent() {
        let id = crate::ids::object_id();
        let script = "setsid sleep 61 & env -i sleep 62 & wait";
        let mut shell = Command::new("bash")
            .args(["-c", script])
            .env(MARKER, &id)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(150));
        assert_eq!(victims(&processes(), &id, &[]).len(), 3);
        reap(&id, &[]);
        assert!(victims(&processes(), &id, &[]).is_empty());
        assert!(!shell.wait().unwrap().success());
    }

    #[test]
    fn nothing_of_another_machine_is_touched() {
        let id = crate::ids::object_id();
        let mut other = Command::new("sleep").arg("61").env(MARKER, format!("{id}0")).spawn().unwrap();
        reap(&id, &[]);
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
