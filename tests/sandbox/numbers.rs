//! The numbered cases of the sandbox (1 to 43) and of the boundary (44 to 60): each must be claimed by a test. A comment
//! `Case 41.`, `case 30`, `Cases 23 to 27` or `cases 31 and 32` claims them, above a test or inside it; here the sources are
//! read for such comments. What a test does under its number is for people to judge.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Where tests of the cases stand.
const ROOMS: [&str; 5] =
    ["host/http/src", "host/drivers/src", "host/drivers/tests", "host/store/tests", "tests/sandbox"];

#[test]
fn every_numbered_case_is_claimed_by_a_test() {
    let mut claims: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for file in ROOMS.iter().flat_map(|room| sources(&root().join(room))) {
        let text = fs::read_to_string(&file).unwrap();
        for (number, test) in claimed(&text) {
            claims.entry(number).or_default().push(format!("{}: {test}", file.display()));
        }
    }
    let missing: Vec<u32> = (1..=60).filter(|number| !claims.contains_key(number)).collect();
    assert!(missing.is_empty(), "no test claims the cases {missing:?}");
    assert!(claims.keys().all(|number| (1..=60).contains(number)), "{:?}", claims.keys());
}

/// Returns the numbers in comments, with the test that they stand above or in. `fn case(` holds the table of a family.
fn claimed(text: &str) -> Vec<(u32, String)> {
    let (mut claims, mut waiting, mut test, mut is_test) = (Vec::new(), Vec::new(), None::<String>, false);
    for line in text.lines() {
        let line = line.trim();
        is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        if let Some(name) = function(line) {
            test = (is_test || name == "case").then(|| name.to_owned());
            let above = std::mem::take(&mut waiting);
            claims.extend(test.iter().flat_map(|test| above.iter().map(|number| (*number, test.clone()))));
            is_test = false;
        }
        let Some((_, comment)) = line.split_once("//") else { continue };
        let numbers = numbers(comment);
        match (&test, comment.starts_with('/')) {
            (Some(test), false) => claims.extend(numbers.into_iter().map(|number| (number, test.clone()))),
            _ => waiting.extend(numbers),
        }
    }
    claims
}

fn function(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub ").unwrap_or(line);
    let rest = rest.strip_prefix("async ").unwrap_or(rest).strip_prefix("fn ")?;
    rest.split(['(', '<']).next()
}

/// Reads `case 3`, `Cases 4, 5 and 6`, `cases 7 to 9`.
fn numbers(comment: &str) -> Vec<u32> {
    let lower = comment.to_lowercase();
    let Some((_, rest)) = lower.split_once("cases ").or_else(|| lower.split_once("case ")) else { return Vec::new() };
    let (mut found, mut range) = (Vec::new(), false);
    for word in rest.split_whitespace() {
        match (word.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u32>(), word) {
            (Ok(number), _) if range => found.extend(found.last().map_or(0, |last| last + 1)..=number),
            (Ok(number), _) => found.push(number),
            (Err(_), "to" | "and") => {}
            (Err(_), _) => break,
        }
        range = word == "to";
    }
    found
}

#[test]
fn numbers_are_read_as_people_write_them() {
    for (comment, expected) in [
        ("/ Case 41.", vec![41]),
        (" cases 1 to 4, and what else is no address", vec![1, 2, 3, 4]),
        (" Cases 23 to 25 and 45, in a driver's own values.", vec![23, 24, 25, 45]),
        (" case 30", vec![30]),
        (" in this case nothing", vec![]),
        (" Cases 40 and 60: every version", vec![40, 60]),
    ] {
        assert_eq!(numbers(comment), expected, "{comment}");
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let inside = |path: PathBuf| match path.is_dir() {
        true if path.ends_with("guests") => Vec::new(),
        true => sources(&path),
        false => vec![path],
    };
    entries.flat_map(inside).filter(|path| path.extension().is_some_and(|ext| ext == "rs")).collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
