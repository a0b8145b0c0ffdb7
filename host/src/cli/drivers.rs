//! `bursar driver`: the sandboxed components that know the providers, where they stand and the worst that they may do.

use super::{
    Done,
    exit::Code,
    inspection,
    open::open,
    out::{Out, table},
};
use crate::flow::{DoorCounts, DriverStatus, ListedDriver};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path};

pub(super) async fn list(out: &Out) -> Done {
    let rooms = open(out).await?;
    let all = rooms.list_drivers().await?;
    let plugins = rooms.settings.plugins.display();
    let counts = rooms.door_counts().await?;
    let one = |driver| document(driver, &counts);
    let json = || json!({ "drivers": all.iter().map(one).collect::<Vec<_>>(), "plugins": plugins.to_string() });
    out.answer(json, || in_words(&all, &counts, &plugins.to_string()));
    let waits = all.iter().any(|driver| driver.status != DriverStatus::Serving);
    Ok(if waits { Code::NeedsYou } else { Code::Done })
}

pub(super) async fn inspect(out: &Out, file: &Path) -> Done {
    let rooms = open(out).await?;
    let seen = rooms.inspect_driver(file).await?;
    out.answer(|| inspection::document(&seen), || inspection::in_words(&seen));
    Ok(Code::Done)
}

pub(super) async fn allow(out: &Out, name: &str) -> Done {
    let rooms = open(out).await?;
    rooms.allow_driver(name).await?;
    out.answer(
        || json!({ "allowed": name }),
        || format!("`{name}` is let in as it lies there now; a changed file will ask again"),
    );
    Ok(Code::Done)
}

/// Returns where a driver stands, in a word, and what it waits for.
fn status(status: &DriverStatus) -> (&'static str, String) {
    match status {
        DriverStatus::Serving => ("serving", String::new()),
        DriverStatus::Pending { wider, command, serving } => {
            let word = if *serving { "serving, newer waits" } else { "waits for you" };
            (word, format!("{}; to let it in: {command}", wider.join("; ")))
        }
        DriverStatus::EndsOnly(why) => ("ends only", why.clone()),
        DriverStatus::Refused(why) => ("refused", why.clone()),
    }
}

type Counts = BTreeMap<String, DoorCounts>;

fn document(driver: &ListedDriver, counts: &Counts) -> Value {
    let (word, what) = status(&driver.status);
    let counts = counts.get(&driver.name).cloned().unwrap_or_default();
    json!({
        "name": driver.name, "version": driver.version, "sha256": driver.sha256, "bundled": driver.bundled,
        "status": word, "why": what,
        "door": { "process": counts.process, "trail": counts.trail, "refused": counts.refused },
    })
}

fn in_words(all: &[ListedDriver], counts: &Counts, plugins: &str) -> String {
    let trail = |driver: &ListedDriver, what: &str| {
        counts.get(&driver.name).and_then(|counts| counts.trail.get(what)).copied().unwrap_or(0)
    };
    let row = |driver: &ListedDriver| {
        let (word, _) = status(&driver.status);
        let from = if driver.bundled { "this binary" } else { "a file" };
        let sha256 = driver.sha256.as_deref().unwrap_or("-");
        vec![
            driver.name.clone(),
            driver.version.clone().unwrap_or_else(|| "-".to_owned()),
            word.to_owned(),
            from.to_owned(),
            sha256.chars().take(16).collect(),
            trail(driver, "left").to_string(),
            trail(driver, "refused").to_string(),
        ]
    };
    let head = ["DRIVER", "VERSION", "STATUS", "FROM", "SHA-256", "ORDERS", "STOPPED"];
    let mut lines = vec![table(&head, &[5, 6], all.iter().map(row).collect())];
    for driver in all {
        let (word, what) = status(&driver.status);
        if !what.is_empty() {
            lines.push(format!("! {}: {word}: {what}", driver.name));
        }
    }
    lines.push(format!("\nfurther drivers are looked for in {plugins}; see one: bursar driver inspect NAME"));
    lines.join("\n")
}
