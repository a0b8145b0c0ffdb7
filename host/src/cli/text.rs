//! How amounts, sizes and moments read, and how values are quoted for a shell. Pure.

use crate::flow::clean_line;
use bursar_core::{
    offer::{Gpu, Hardware, Offer},
    time::{self, Moment},
};

/// Of one cell or value, in bytes.
const LINE_MAX: usize = 2_000;

/// Returns a text, which may be a stranger's, as one line that steers no terminal: a table's cell, a value in a sentence.
pub(super) fn one_line(text: &str) -> String {
    clean_line(text.as_bytes(), LINE_MAX)
}

/// What the rooms below call by the names of the agent's tools, and how a person in a terminal does it.
const IN_A_TERMINAL: [(&str, &str); 26] = [
    ("list_instances (`bursar ls`)", "`bursar ls`"),
    ("get_instance (`bursar ls`)", "`bursar ls`"),
    ("find_offers (`bursar offers`)", "`bursar offers`"),
    ("list_providers, or `bursar driver list`", "`bursar driver list`"),
    ("call get_instance until it is ready", "`bursar ls --refresh` tells how far it is"),
    ("call list_jobs for the names", "`bursar logs MACHINE` lists the jobs"),
    ("by get_job and list_jobs", "by `bursar logs`"),
    ("read it with get_job, end it with stop_job", "read it with `bursar logs`, end it with `bursar stop`"),
    ("use it, destroy it first", "use it, end it first with `bursar down`"),
    ("destroy one first", "end one first with `bursar down`"),
    ("destroy something first", "end something first with `bursar down`"),
    ("destroy that one first", "end that one first with `bursar down`"),
    ("ask find_offers again", "look at `bursar offers` again"),
    ("find_offers", "`bursar offers`"),
    ("list_instances", "`bursar ls`"),
    ("get_instance", "`bursar ls`"),
    ("list_providers", "`bursar driver list`"),
    ("list_jobs", "`bursar logs MACHINE`"),
    ("get_job", "`bursar logs`"),
    ("stop_job", "`bursar stop`"),
    ("start_job", "`bursar run --job`"),
    ("run_command", "`bursar run`"),
    ("upload_file", "`bursar cp`"),
    ("download_file", "`bursar cp`"),
    ("destroy_instance", "`bursar down`"),
    ("extend_instance", "`bursar extend`"),
];

/// Returns a text with the commands of the terminal in the place of the agent's tools.
pub(super) fn for_terminal(text: &str) -> String {
    IN_A_TERMINAL.iter().fold(text.to_owned(), |text, (tool, command)| text.replace(tool, command))
}

/// Returns how an offer bills, and whether it may be taken away.
pub(super) fn billed(offer: &Offer) -> String {
    let may_go = if offer.interruptible { ", interruptible" } else { "" };
    format!("{}{may_go}", offer.price.billing)
}

/// Returns a moment in UTC, to the minute.
pub(super) fn moment(at: Moment) -> String {
    stamp(at).map_or_else(|| at.0.to_string(), |stamp| stamp.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

/// Returns a moment for programs: RFC 3339 in UTC.
pub(super) fn rfc3339(at: Moment) -> String {
    stamp(at).map_or_else(|| at.0.to_string(), |stamp| stamp.to_string())
}

fn stamp(at: Moment) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_second(i64::try_from(at.0).ok()?).ok()
}

/// Returns how far a moment lies ahead, or behind.
pub(super) fn from_now(at: Moment, now: Moment) -> String {
    match (at.since(now), now.since(at)) {
        (0, 0) => "now".to_owned(),
        (0, past) => format!("{} ago", time::human(past)),
        (ahead, _) => format!("in {}", time::human(to_minutes(ahead))),
    }
}

/// Nobody plans by the second once it is more than an hour.
fn to_minutes(secs: u64) -> u64 {
    if secs >= 600 { secs / 60 * 60 } else { secs }
}

pub(super) fn gpu(gpu: Option<&Gpu>) -> String {
    let Some(gpu) = gpu else { return "-".to_owned() };
    let slice = gpu.slice.map_or(String::new(), |(part, of)| format!(" {part}/{of}"));
    match gpu.count {
        0 | 1 => format!("{}{slice}", gpu.model),
        n => format!("{n}x {}{slice}", gpu.model),
    }
}

pub(super) fn vram(hardware: &Hardware) -> String {
    hardware.gpu.as_ref().and_then(|gpu| gpu.vram_mib).map_or("-".to_owned(), gib)
}

/// Returns MiB in GiB, with one decimal where they are not whole.
pub(super) fn gib(mib: u64) -> String {
    match mib % 1024 {
        0 => format!("{}", mib / 1024),
        _ => format!("{}.{}", mib / 1024, mib % 1024 * 10 / 1024),
    }
}

pub(super) fn site(offer: &Offer) -> String {
    offer.site.as_ref().map_or("-".to_owned(), |site| match &site.country {
        Some(country) => format!("{}, {country}", site.name),
        None => site.name.clone(),
    })
}

pub(super) fn stock(in_stock: Option<bool>) -> &'static str {
    match in_stock {
        Some(true) => "yes",
        Some(false) => "sold out",
        None => "not told",
    }
}

/// Returns `s` where there is not exactly one.
pub(super) fn s(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// Returns `KEY=VALUE` as a shell reads it, quoted where it must be.
pub(super) fn env_line(key: &str, value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+,-".contains(c);
    match !value.is_empty() && value.chars().all(plain) {
        true => format!("{key}={value}"),
        false => format!("{key}='{}'", value.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_name_commands_in_a_terminal() {
        for (_, command) in IN_A_TERMINAL {
            assert!(command.contains("bursar "), "{command}");
        }
        for (tool, said) in [
            ("see list_instances (`bursar ls`)", "see `bursar ls`"),
            (
                "read it with get_job, end it with stop_job, or x",
                "read it with `bursar logs`, end it with `bursar stop`, or x",
            ),
            ("see find_offers, and ask for less", "see `bursar offers`, and ask for less"),
        ] {
            assert_eq!(for_terminal(tool), said);
        }
    }

    #[test]
    fn values_survive_a_shell() {
        for (value, line) in [
            ("http://127.0.0.1:8400", "K=http://127.0.0.1:8400"),
            ("/tmp/a-b_c", "K=/tmp/a-b_c"),
            ("", "K=''"),
            ("a b", "K='a b'"),
            ("it's", r"K='it'\''s'"),
            ("$(rm -rf ~)", "K='$(rm -rf ~)'"),
            ("~/x", "K='~/x'"),
        ] {
            assert_eq!(env_line("K", value), line);
            let script = format!("{line}; printf %s \"$K\"");
            let said = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(said.stdout).unwrap(), value);
        }
    }

    #[test]
    fn moments_read_in_utc_and_from_now() {
        let now = Moment(1_795_161_600);
        assert_eq!(moment(now), "2026-11-20 08:00 UTC");
        assert_eq!(rfc3339(now), "2026-11-20T08:00:00Z");
        for (at, text) in [
            (now, "now"),
            (now.after(90), "in 90 s"),
            (now.after(14_399), "in 3 h 59 min"),
            (Moment(now.0 - 60), "1 min ago"),
        ] {
            assert_eq!(from_now(at, now), text);
        }
    }

    #[test]
    fn sizes_are_read_in_gib() {
        for (mib, text) in [(2_048, "2"), (24_576, "24"), (1_536, "1.5"), (0, "0")] {
            assert_eq!(gib(mib), text);
        }
    }
}
