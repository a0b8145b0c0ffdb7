//! The direction of use (design §5): rooms that are crates are kept apart by Cargo; those that share one, here.

use std::{fs, path::Path};

/// Room, and the words that must not stand in its `use` lines or paths.
const NEVER: [(&str, &[&str]); 6] = [
    (
        "host/src/flow",
        &[
            "crate::mcp",
            "crate::cli",
            "serde_json",
            "wasmtime",
            "sqlx",
            "russh",
            "hyper",
            "std::net",
            "tokio::net",
            "bursar_practice",
        ],
    ),
    ("host/src/mcp", &["crate::cli", "bursar_store", "bursar_drivers", "bursar_ssh", "bursar_http", "bursar_practice"]),
    ("host/src/cli", &["bursar_store", "bursar_drivers", "bursar_ssh", "bursar_http"]),
    ("host/core/src", &["std::net", "std::fs", "tokio", "SystemTime", "Instant", "f64", "f32"]),
    ("host/store/src", &["SystemTime::now"]),
    ("host/src/settings.rs", &["crate::flow", "crate::mcp", "crate::cli"]),
];

/// Crate, and the crates of ours that it may name in its manifest.
const MAY_USE: [(&str, &[&str]); 7] = [
    ("host/core", &[]),
    ("host/http", &["bursar-core"]),
    ("host/drivers", &["bursar-core", "bursar-http"]),
    ("host/store", &["bursar-core"]),
    ("host/ssh", &["bursar-core"]),
    ("host/practice", &[]),
    ("sdk", &[]),
];

#[test]
fn no_room_uses_what_lies_above_or_beside_it() {
    let mut wrong = vec![];
    for (room, never) in NEVER {
        for (file, text) in sources(&root().join(room)) {
            let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
            for (n, line) in lines.enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
                wrong.extend(
                    never.iter().filter(|word| line.contains(**word)).map(|w| format!("{file}:{}: {w}", n + 1)),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "against the direction of use:\n{}", wrong.join("\n"));
}

#[test]
fn no_crate_depends_on_what_lies_above_or_beside_it() {
    for (room, may) in MAY_USE {
        let manifest = fs::read_to_string(root().join(room).join("Cargo.toml")).unwrap();
        let own = manifest.split("[dev-dependencies]").next().unwrap();
        for line in own.lines().filter(|line| line.starts_with("bursar-") && line.contains("workspace = true")) {
            let name = line.split(['.', ' ', '=']).next().unwrap();
            assert!(may.contains(&name), "{room} depends on {name}");
        }
    }
}

#[test]
fn only_the_clock_reads_the_time_of_day() {
    let readers: Vec<String> =
        ["host/src", "host/core", "host/store", "host/drivers/src", "host/ssh/src", "host/http/src"]
            .iter()
            .flat_map(|room| sources(&root().join(room)))
            .filter(|(_, text)| text.split("#[cfg(test)]").next().unwrap().contains("SystemTime::now"))
            .map(|(file, _)| file)
            .collect();
    assert_eq!(readers.len(), 1, "{readers:?}");
    assert!(readers[0].ends_with("clock.rs"), "{readers:?}");
}

#[test]
fn every_source_file_opens_with_what_it_is_for() {
    let rooms = ["host", "sdk/src", "plugins", "tests"];
    let silent: Vec<String> = rooms
        .iter()
        .flat_map(|room| sources(&root().join(room)))
        .filter(|(file, text)| !text.starts_with("//!") && !file.contains("/target/"))
        .map(|(file, _)| file)
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn every_path_that_the_pages_name_exists() {
    for page in ["README.md", "host/ARCHITECTURE.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let rooms = ["host/", "wit/", "sdk/", "plugins/", "tests/"];
        let quoted = text.split('`').skip(1).step_by(2).filter(|word| rooms.iter().any(|room| word.starts_with(room)));
        for path in quoted.filter(|path| !path.contains(['*', ' ', '<', '\n'])) {
            assert!(root().join(path).exists(), "{page} names {path}");
        }
    }
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn sources(path: &Path) -> Vec<(String, String)> {
    if path.is_file() {
        return vec![(path.display().to_string(), fs::read_to_string(path).unwrap())];
    }
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let inside = entries.flatten().map(|entry| entry.path()).filter(|path| !path.ends_with("target"));
    let (folders, files): (Vec<_>, Vec<_>) = inside.partition(|path| path.is_dir());
    let mut found: Vec<_> = folders.iter().flat_map(|folder| sources(folder)).collect();
    for file in files.iter().filter(|file| file.extension().is_some_and(|ext| ext == "rs")) {
        found.push((file.display().to_string(), fs::read_to_string(file).unwrap()));
    }
    found
}
