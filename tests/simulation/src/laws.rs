//! The laws of the design, held against the provider's own truth by a model that is as plain as can be: it folds the
//! ledger's entries one by one and never asks the code that wrote them.

use crate::{
    book::{Book, Entry, Row},
    provider::Machine,
    world::{LEDGER, World},
};
use bursar::simulation::Surroundings;
use std::{collections::BTreeMap, path::Path};

/// What the owner allows in a walk, in millionths of a dollar.
pub const TOTAL_MAX: i64 = 900_000;
pub const INSTANCES_MAX: usize = 3;
/// A due end is first asked so soon while a process runs, in milliseconds.
const ASKED_BY_MS: u64 = 15_000;
/// What a process may need on top: to read the ledger, and to be heard.
const SLACK_MS: u64 = 5_000;
/// How long an accepted end may take, as the manifest says.
const STOP_MS: u64 = 120_000;

/// How long a lost order may land, with the grace, by the manifest and the flow.
const LANDS_MS: u64 = 815_000;

pub struct Laws {
    book: Book,
    seq: i64,
    held: i64,
    charged: i64,
    /// Each instance by its id, as its entries make it.
    folded: BTreeMap<String, Folded>,
    /// Tag → when its lease is over by the clock that counts from the start of the computer, in milliseconds.
    due: BTreeMap<String, u64>,
    began: BTreeMap<String, u64>,
    last_ms: u64,
}

#[derive(Debug, Default, Clone)]
struct Folded {
    held: i64,
    charged: i64,
    /// In the order in which they were entered.
    reasons: Vec<String>,
}

/// Called as an order leaves, before it arrives anywhere.
pub fn order_leaves(world: &World, tag: &str) {
    let times = {
        let mut state = world.state();
        let times = state.provider.orders.entry(tag.to_owned()).or_default();
        *times += 1;
        *times
    };
    if times > 1 {
        world.broke(format!("none bought twice: order {times} with the tag {tag} left"));
    }
    let (rows, frozen) = {
        let mut laws = world.laws();
        (laws.book.rows(), laws.book.is_frozen())
    };
    match rows {
        Err(error) => world.broke(format!("the book cannot be read: {error}")),
        Ok(rows) if !rows.iter().any(|row| row.tag == tag && row.is_open && row.held > 0) => {
            world.broke(format!("reserve first: the order {tag} left and nothing is held for it"));
        }
        Ok(_) => {}
    }
    if frozen.unwrap_or(true) {
        world.broke(format!("the order {tag} left although all spending is frozen"));
    }
}

/// Called as a machine is made.
pub fn machine_made(world: &World, made: &Machine) {
    let twice = world.state().provider.machines.iter().filter(|machine| machine.tag == made.tag).count();
    if twice > 1 {
        world.broke(format!("none bought twice: {twice} machines were made under {}", made.tag));
    }
}

impl Laws {
    pub fn new(home: &Path) -> anyhow::Result<Laws> {
        Ok(Laws {
            book: Book::open(home)?,
            seq: 0,
            held: 0,
            charged: 0,
            folded: BTreeMap::new(),
            due: BTreeMap::new(),
            began: BTreeMap::new(),
            last_ms: 0,
        })
    }
}

/// Checks every law now.
pub fn check(world: &World) {
    let mut laws = world.laws();
    let broken = match read(&mut laws) {
        Err(error) => vec![format!("the book cannot be read: {error}")],
        Ok((entries, rows)) => laws.judge(world, &entries, &rows),
    };
    drop(laws);
    broken.into_iter().for_each(|law| world.broke(law));
}

fn read(laws: &mut Laws) -> anyhow::Result<(Vec<Entry>, Vec<Row>)> {
    let rows = laws.book.rows()?;
    // Every entry moves the sums of a row.
    let folded = |row: &Row| laws.folded.get(&row.id).is_some_and(|f| (f.held, f.charged) == (row.held, row.charged));
    let entries = if rows.iter().all(folded) { vec![] } else { laws.book.entries(laws.seq)? };
    Ok((entries, rows))
}

impl Laws {
    fn judge(&mut self, world: &World, entries: &[Entry], rows: &[Row]) -> Vec<String> {
        let mut broken = vec![];
        let now = world.true_ms();
        self.due_moves(world, rows);
        for entry in entries {
            let row = rows.iter().find(|row| row.id == entry.instance);
            match row {
                None => broken.push(format!("entry {} is of an instance that is not there", entry.seq)),
                Some(row) => self.enter(world, now, entry, row, &mut broken),
            }
        }
        self.rows_are_folded(rows, &mut broken);
        self.no_orphans(world, now, rows, &mut broken);
        self.ends_are_asked(world, now, rows, &mut broken);
        self.last_ms = now;
        broken
    }

    /// Folds one entry, and holds it against the limits and the truth.
    fn enter(&mut self, world: &World, now: u64, entry: &Entry, row: &Row, broken: &mut Vec<String>) {
        let folded = self.folded.entry(entry.instance.clone()).or_default();
        let amount = entry.amount;
        let (held, charged) = match &*entry.kind {
            "hold" => (amount, 0),
            "charge" => (-amount, amount),
            _ => (-amount, 0),
        };
        (self.held, self.charged) = (self.held + held, self.charged + charged);
        (folded.held, folded.charged) = (folded.held + held, folded.charged + charged);
        folded.reasons.push(format!("{}:{}", entry.kind, entry.reason));
        self.seq = entry.seq;
        let text = format!("{} {} of {} ({})", entry.kind, amount, row.name, entry.reason);
        world.tell(|| format!("entry {}: {text}", entry.seq));
        if (entry.held, entry.charged) != (self.held, self.charged) || folded.held < 0 {
            broken.push(format!(
                "entries fold to {} held, {} charged; it says otherwise: {entry:?}",
                self.held, self.charged
            ));
        }
        let reason = entry.reason.as_str();
        let decided = reason.contains("\"reserved\"") || reason.contains("\"extended\"");
        if decided && self.held + self.charged > TOTAL_MAX {
            broken.push(format!("within limits: {} are held and charged after {text}", self.held + self.charged));
        }
        let open = self.folded.values().filter(|folded| folded.held > 0).count();
        if reason.contains("\"reserved\"") && open > INSTANCES_MAX {
            broken.push(format!("within limits: {open} are open after {text}"));
        }
        broken.extend(self.is_unfounded(world, now, entry, row));
    }

    /// A lease ends so long after it began, whatever the time of day is set to; at its longest where it was made longer.
    fn due_moves(&mut self, world: &World, rows: &[Row]) {
        let (boot, wall) = (world.boot_ms(), world.wall_secs());
        for row in rows {
            let ago_ms = wall.saturating_sub(row.begins) * 1_000;
            let began = *self.began.entry(row.tag.clone()).or_insert(boot.saturating_sub(ago_ms));
            let due = self.due.entry(row.tag.clone()).or_default();
            *due = (began + row.ends.saturating_sub(row.begins) * 1_000).max(*due);
        }
    }

    /// Says what an entry claims against the truth.
    fn is_unfounded(&self, world: &World, now: u64, entry: &Entry, row: &Row) -> Option<String> {
        let state = world.state();
        let machine = state.provider.machines.iter().find(|machine| machine.tag == row.tag);
        let reason = entry.reason.as_str();
        if reason.contains("\"extended\"")
            && machine.is_some_and(|m| m.end_asked_ms.is_some_and(|at| at < self.last_ms))
        {
            return Some(format!("an extension overtakes a stop: `{}` was extended after its end was asked", row.name));
        }
        if entry.kind == "hold" && reason.contains("\"overrun\"") {
            let due = self.due.get(&row.tag).copied().unwrap_or(0);
            let asked = machine
                .and_then(|machine| machine.end_asked_ms)
                .is_some_and(|asked| now + ASKED_BY_MS > asked + STOP_MS);
            let late = asked || world_boot(world, &state) > due + STOP_MS;
            let excused = machine.is_none_or(|m| m.is_dearer(row.per_hour) || m.lies.len() > 1)
                || state.off_secs != 0
                || row_was_gone(self, row);
            return (!late && !excused).then(|| {
                format!("a hold covers the end too: `{}` needed {} more before it was late", row.name, entry.amount)
            });
        }
        if entry.kind == "hold" || row.is_open || self.folded.get(&row.id).is_some_and(|folded| folded.held > 0) {
            return None;
        }
        if state.provider.landing.iter().any(|landing| landing.tag == row.tag) {
            return Some(format!(
                "knowledge frees money: `{}` may still appear, and its hold was freed ({reason})",
                row.name
            ));
        }
        let living = machine.filter(|machine| machine.lives(now) && machine.lies.len() < 2)?;
        Some(format!("knowledge frees money: `{}` lives as {}, and its hold was freed ({reason})", row.name, living.id))
    }

    fn rows_are_folded(&self, rows: &[Row], broken: &mut Vec<String>) {
        for row in rows {
            let folded = self.folded.get(&row.id).cloned().unwrap_or_default();
            if (folded.held, folded.charged) != (row.held, row.charged) {
                broken.push(format!(
                    "`{}` says {} held and {} charged; its entries say {folded:?}",
                    row.name, row.held, row.charged
                ));
            }
            if (row.stage == "gone") == row.is_open || (!row.is_open && row.held != 0) {
                broken.push(format!("`{}` is {} and holds {}", row.name, row.stage, row.held));
            }
        }
    }

    /// Whatever lives with our tag has an open hold, but for what two lists in a row left out after its end was accepted.
    fn no_orphans(&self, world: &World, now: u64, rows: &[Row], broken: &mut Vec<String>) {
        let state = world.state();
        let ours = |machine: &&Machine| machine.tag.starts_with(LEDGER) && machine.lives(now);
        for machine in state.provider.machines.iter().filter(ours).filter(|machine| machine.lies.len() < 2) {
            let held = rows.iter().any(|row| row.tag == machine.tag && row.is_open && row.held > 0);
            if !held {
                broken.push(format!("no orphans: machine {} of {} lives without a hold", machine.id, machine.tag));
            }
        }
    }

    /// Every due end is first asked soon, while any process runs.
    fn ends_are_asked(&self, world: &World, now: u64, rows: &[Row], broken: &mut Vec<String>) {
        let (boot, awake) = (world.boot_ms(), world.awake_ms());
        let state = world.state();
        let Some(ran_ms) =
            state.crew.iter().filter(|m| m.is_running()).map(|m| awake.saturating_sub(m.runs_since)).max()
        else {
            return;
        };
        for row in rows.iter().filter(|row| row.is_open) {
            let Some(handle) = &row.handle else { continue };
            let Some(due) = self.due.get(&row.tag) else { continue };
            let late = boot.saturating_sub(*due).min(ran_ms);
            let lives = state.provider.machines.iter().any(|machine| machine.tag == row.tag && machine.lives(now));
            if lives && late > ASKED_BY_MS + SLACK_MS && !state.provider.ends.contains_key(handle) {
                broken.push(format!(
                    "every instance ends: the end of `{}` is due for {} s, and nobody asked it",
                    row.name,
                    late / 1_000
                ));
            }
        }
    }
}

fn world_boot(world: &World, state: &crate::world::State) -> u64 {
    crate::world::BOOTED_MS + state.slept_ms + world.awake_ms()
}

/// One that was believed gone and is held again.
fn row_was_gone(laws: &Laws, row: &Row) -> bool {
    let reasons = laws.folded.get(&row.id).map(|folded| folded.reasons.as_slice()).unwrap_or_default();
    reasons.iter().any(|reason| reason.starts_with("release") || reason.starts_with("charge"))
}

/// Tells how the book and the provider stand.
pub fn tell_all(world: &World) {
    let documents = world.laws().book.documents().unwrap_or_default();
    let machines: Vec<String> = world.state().provider.machines.iter().map(|machine| format!("{machine:?}")).collect();
    for line in documents.into_iter().chain(machines) {
        world.tell(|| line);
    }
}

/// Returns whether every instance is closed by the book.
pub fn nothing_is_open(world: &World) -> bool {
    world.laws().book.rows().is_ok_and(|rows| rows.iter().all(|row| !row.is_open))
}

/// Returns for how many seconds nothing is to be done by the model: until the first lease is over, or the first order can no
/// longer land.
pub fn rests_for(world: &World) -> Option<u64> {
    let boot = world.boot_ms();
    let mut laws = world.laws();
    let rows = laws.book.rows().unwrap_or_default();
    let until = |row: &Row| {
        let landed = laws.began.get(&row.tag).copied().unwrap_or(0) + LANDS_MS;
        match (&row.handle, row.stage.as_str()) {
            (None, _) => landed,
            (Some(_), "stopping") => 0,
            (Some(_), _) => laws.due.get(&row.tag).copied().unwrap_or(0),
        }
    };
    let next = rows.iter().filter(|row| row.is_open).map(until).min()?;
    next.checked_sub(boot).map(|left| left / 1_000 + 1)
}

/// Returns whose accounts something is open on, by the book.
pub fn open_accounts(world: &World) -> Vec<String> {
    let rows = world.laws().book.rows().unwrap_or_default();
    rows.into_iter().filter(|row| row.is_open).map(|row| row.account).collect()
}

/// At the end of a peace: nothing lives, nothing is held, and what was charged covers what the provider took.
pub fn all_is_settled(world: &World) {
    let now = world.true_ms();
    let rows = world.laws().book.rows().unwrap_or_default();
    let mut broken = vec![];
    {
        let state = world.state();
        for machine in state.provider.machines.iter().filter(|machine| machine.tag.starts_with(LEDGER)) {
            if machine.lives(now) {
                broken.push(format!("every instance ends: {} of {} lives on", machine.id, machine.tag));
            }
            let Some(row) = rows.iter().find(|row| row.tag == machine.tag) else { continue };
            let charged = row.charged;
            let bill = i64::try_from(machine.bill_musd(now)).unwrap_or(i64::MAX).saturating_mul(1_000);
            if charged < bill && !machine.is_dearer(row.per_hour) && !state.was_off && machine.lies.is_empty() {
                broken.push(format!("{} of {} cost {bill}, and {charged} were charged", machine.id, machine.tag));
            }
        }
    }
    for row in rows.iter().filter(|row| row.is_open) {
        broken
            .push(format!("no hold without a reason: `{}` is {} and holds {} for ever", row.name, row.stage, row.held));
    }
    broken.into_iter().for_each(|law| world.broke(law));
}
