//! Signing. No scheme is built, so the cases of it (another type, another payer, a signature kept for later) cannot be acted
//! out: what is tested is that no manifest that asks for one is served, and that the import says no.

use crate::{
    common::provider::Provider,
    ideas::{Idea, Signing},
    world::{Call, Case, guest},
};
use bursar_drivers::{DriverError, Drivers};
use std::fs;
use tempfile::TempDir;

pub fn case(idea: Signing) -> Option<Case> {
    match idea {
        Signing::AsksForAnAddress => {
            Some(Case::of(&[(Call::Account, &["not-told not-told not-told not-told not-told"])]).never(&["\\u{"]))
        }
        // Below: these are refused before they run.
        Signing::ASignedRoute | Signing::ASignerAsAWord => None,
    }
}

/// Case 57: a request to sign is never made, because a manifest that signs is shown and not served; nothing is signed.
#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_signs_is_read_and_not_served() {
    let signed = r#"call = "GET /agent", sign = { scheme = "aleph-operation", signer = "agent" },"#;
    let (provider, drivers, _home) = with_signer((r#"call = "GET /agent","#, signed), Signing::ASignedRoute).await;
    match drivers.driver("hostile").await.err() {
        Some(DriverError::Refused { why, .. }) => {
            assert!(why.contains("needs what this version does not have"), "{why}")
        }
        other => panic!("{other:?}"),
    }
    assert!(provider.now().asked.is_empty());
}

/// Case 57: the address of a signer that the owner has not stored has no value.
#[tokio::test(flavor = "multi_thread")]
async fn a_word_for_a_signer_has_no_value() {
    let (provider, drivers, _home) = with_signer(("{agent}", "{signer.agent}"), Signing::ASignerAsAWord).await;
    let error = drivers.driver("hostile").await.unwrap().account(&crate::common::at()).await.unwrap_err();
    assert!(error.to_string().contains("failed (account): denied"), "{error}");
    assert!(provider.lines("GET").iter().all(|line| line.ends_with("/user")), "{:?}", provider.lines("GET"));
}

/// Lets the hostile driver in with a signer in its manifest, and one change more.
async fn with_signer(change: (&str, &str), idea: Signing) -> (Provider, Drivers, TempDir) {
    let (provider, home) = (Provider::start().await, TempDir::new().unwrap());
    let plugins = home.path().join("plugins");
    fs::create_dir(&plugins).unwrap();
    let signer = r#"signers.agent = { about = "a", env = ["AGENT_KEY"], scheme = "aleph" }"#;
    let changes = [change, ("endpoints.api", &format!("{signer}\nendpoints.api"))];
    fs::write(plugins.join("hostile.wasm"), with_manifest(guest("hostile"), &changes)).unwrap();
    let mut config = crate::common::config(&provider, &home);
    config.plugins = Some(plugins);
    config.settings.insert("hostile".into(), [("idea".to_owned(), Idea::Signing(idea).name())].into());
    let drivers = Drivers::open(config).unwrap();
    drivers.allow("hostile").unwrap();
    (provider, drivers, home)
}

/// Writes into the manifest that a component carries. What is added is taken from its first line, a comment.
fn with_manifest(wasm: &[u8], changes: &[(&str, &str)]) -> Vec<u8> {
    let text = include_str!("../guests/hostile/driver.toml");
    let mut changed = text.to_owned();
    for (from, to) in changes {
        assert!(changed.contains(from), "{from}");
        changed = changed.replacen(from, to, 1);
    }
    let (comment, rest) = changed.split_once('\n').unwrap();
    let room = text.len() - rest.len() - 1;
    assert!(comment.len() >= room, "the comment on top of the manifest is too short for this change");
    let changed = format!("{}\n{rest}", &comment[..room]);
    let at = wasm.windows(text.len()).position(|part| part == text.as_bytes()).expect("the manifest lies in one piece");
    [&wasm[..at], changed.as_bytes(), &wasm[at + text.len()..]].concat()
}
