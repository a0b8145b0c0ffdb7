//! Several processes on one ledger, some of them killed. Each test starts its own program again, with a directory in
//! the environment, and then plays the part of one of those processes.

use crate::help::*;
use bursar_core::{
    instance::{Instance, Stage},
    ledger::Kind,
};
use bursar_store::{ReserveError, Store, Worker};
use std::{
    env,
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio, id as process_id},
    time::{Duration, Instant},
};

const PART: &str = "BURSAR_STORE_TEST_HOME";

/// Returns the directory to work in, if this process was started to play a part.
fn part() -> Option<PathBuf> {
    env::var_os(PART).map(PathBuf::from)
}

/// Another process. It does not outlive the test, however that ends.
struct Child(std::process::Child);

impl Child {
    fn kill_9(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(test: &str, dir: &Path) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([&format!("processes::{test}"), "--exact", "--nocapture", "--test-threads=1"]);
    Child(command.env(PART, dir).stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
}

/// Appends one line, in the file of this process.
fn tell(dir: &Path, line: &str) {
    let path = dir.join(format!("told-{}", process_id()));
    writeln!(OpenOptions::new().append(true).create(true).open(path).unwrap(), "{line}").unwrap();
}

/// Returns all whole lines that all processes have told.
fn told(dir: &Path) -> Vec<String> {
    let files = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    let told = files.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("told-"));
    let whole = |text: String| text.rsplit_once('\n').map_or_else(String::new, |(whole, _)| whole.to_owned());
    let lines = |path| whole(fs::read_to_string(path).unwrap()).lines().map(str::to_owned).collect::<Vec<_>>();
    told.flat_map(lines).collect()
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what} never happened");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_at_once_in_four_processes_make_exactly_two() {
    if let Some(dir) = part() {
        return sixteen_at_once(&dir).await;
    }
    let dir = tempfile::tempdir().unwrap();
    // No ledger yet: the four also race to make it.
    let mut children: Vec<Child> =
        (0..4).map(|_| start("sixty_four_at_once_in_four_processes_make_exactly_two", dir.path())).collect();
    until("four begin", || told(dir.path()).len() == 4).await;
    fs::write(dir.path().join("go"), "").unwrap();
    for child in &mut children {
        assert!(child.0.wait().unwrap().success());
    }
    let lines = told(dir.path());
    let count = |word: &str| lines.iter().filter(|line| *line == word).count();
    assert_eq!((count("made"), count("refused: 2 are open")), (2, 62), "{lines:#?}");

    let store = open(&dir.path().join("home")).await;
    assert_eq!(store.standing().await.unwrap().open.len(), 2);
    assert_whole(&store).await;
}

async fn sixteen_at_once(dir: &Path) {
    tell(dir, "begun");
    until("the start", || dir.join("go").exists()).await;
    let store = open(&dir.join("home")).await;
    let tasks: Vec<_> = (0..16)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let id = format!("p{:07}{n:02}", process_id());
                match store.reserve(&instance(&id, &id, 5), NOW, &me(), at_most(2)).await {
                    Ok(_) => "made".to_owned(),
                    Err(ReserveError::Refused(refusal)) => format!("refused: {}", refusal.over[0].would_be),
                    Err(error) => format!("error: {error:?}"),
                }
            })
        })
        .collect();
    for task in tasks {
        tell(dir, &task.await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_promised_survives_kill_9() {
    if let Some(dir) = part() {
        return busy_for_ever(&dir).await;
    }
    let dir = tempfile::tempdir().unwrap();
    for round in 0_u64..8 {
        let mut children: Vec<Child> = (0..2).map(|_| start("what_was_promised_survives_kill_9", dir.path())).collect();
        let before = told(dir.path()).len();
        until("work", || told(dir.path()).len() > before + 5).await;
        tokio::time::sleep(Duration::from_millis(7 * round)).await;
        for child in &mut children {
            child.kill_9();
        }
        let store = open(&dir.path().join("home")).await;
        assert_whole(&store).await;
        for line in told(dir.path()) {
            let (id, promised) = line.split_once(' ').unwrap();
            let found = store.instance(&crate::help::id(id)).await.unwrap().expect(id);
            assert!(promised == "reserved" || found.stage == Stage::Gone, "{line}: {}", found.stage);
        }
    }
}

async fn busy_for_ever(dir: &Path) {
    let store = open(&dir.join("home")).await;
    let task = |task: u32| {
        let (store, dir) = (store.clone(), dir.to_owned());
        async move {
            for n in 0..u32::MAX {
                rent_and_end(&store, &dir, &format!("p{}t{task}n{n}", process_id())).await;
            }
        }
    };
    tokio::join!(tokio::spawn(task(1)), tokio::spawn(task(2))).0.unwrap();
}

async fn rent_and_end(store: &Store, dir: &Path, id: &str) {
    let new = instance(id, id, 5);
    store.reserve(&new, NOW, &me(), allow).await.unwrap();
    tell(dir, &format!("{id} reserved"));
    let end = |i: &mut Instance| {
        i.stage = Stage::Gone;
        (vec![movement(Kind::Charge, 2), movement(Kind::Release, 3)], ())
    };
    store.change(&new.id, NOW, end).await.unwrap();
    tell(dir, &format!("{id} gone"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_while_it_decides_leaves_nothing_and_blocks_nobody() {
    if let Some(dir) = part() {
        return decide_for_ever(&dir).await;
    }
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("home")).await;
    let mut child = start("a_process_killed_while_it_decides_leaves_nothing_and_blocks_nobody", dir.path());
    until("deciding", || !told(dir.path()).is_empty()).await;

    let waits = store.clone();
    let waiting = tokio::spawn(async move {
        waits.reserve(&instance("bbbbbbbbbb", "two", 7), NOW, &Worker("other".to_owned()), at_most(1)).await
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!waiting.is_finished(), "one decides at a time");
    assert_eq!(store.open_instances().await.unwrap(), [], "reading does not wait, and sees no half");
    child.kill_9();
    waiting.await.unwrap().unwrap();
    assert_eq!(store.standing().await.unwrap().open.len(), 1);
    assert_whole(&store).await;
}

async fn decide_for_ever(dir: &Path) {
    let store = open(&dir.join("home")).await;
    let decide = |_: &_| {
        tell(dir, "deciding");
        std::thread::sleep(Duration::from_secs(600));
        Ok(())
    };
    store.reserve(&instance("aaaaaaaaaa", "one", 5), NOW, &me(), decide).await.unwrap();
}
