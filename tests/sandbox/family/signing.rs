//! Signing. A driver names a route; the host signs what it wrote as it sends it. Without a key nothing is signed and nothing
//! leaves; with one, the signature goes to the provider and nowhere else.

use crate::{
    common::provider::Provider,
    ideas::{Idea, Signing},
    world::{Call, Case, guest},
};
use bursar_drivers::Drivers;
use std::{fs, sync::Arc};
use tempfile::TempDir;

pub fn case(idea: Signing) -> Option<Case> {
    match idea {
        Signing::AsksForAnAddress => {
            Some(Case::of(&[(Call::Account, &["not-told not-told not-told not-told not-told"])]).never(&["\\u{"]))
        }
        // Below: their manifests are changed first.
        Signing::ASignedRoute | Signing::ASignerAsAWord => None,
    }
}

/// A route that is signed. Nothing of it is the driver's.
const SIGNED: (&str, &str) = (
    r#"call = "GET /agent", headers = { x-agent = "{agent}" } }"#,
    r#"call = "GET /agent", sign = { scheme = "aleph-operation", signer = "agent" } }"#,
);

/// Case 57: what cannot be signed does not leave.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_nothing_is_signed_and_nothing_leaves() {
    for key in ["", "/no/such/file", "11"] {
        let (provider, drivers, _home) = with_signer(SIGNED, Signing::ASignedRoute, key).await;
        let error = drivers.driver("hostile").await.unwrap().account(&crate::common::at()).await.unwrap_err();
        assert!(provider.lines("GET").iter().all(|line| !line.contains("/agent")), "{error}");
    }
}

/// Case 57: the signature is in the request, and the driver meets none of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_signature_goes_to_the_provider_and_nowhere_else() {
    let key = "1111111111111111111111111111111111111111111111111111111111111111";
    let (provider, drivers, _home) = with_signer(SIGNED, Signing::ASignedRoute, key).await;
    let told = drivers.driver("hostile").await.unwrap().account(&crate::common::at()).await;
    let asked = provider.now().asked.iter().find(|asked| asked.line.ends_with("/agent")).cloned().unwrap();
    let (grant, signed) = (&asked.headers["x-signedpubkey"], &asked.headers["x-signedoperation"]);
    assert!(grant.contains("0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A") && signed.contains("signature"), "{asked:?}");
    let told = format!("{told:?}");
    assert!(!told.contains("signature") && !told.contains("x-signed") && !told.contains(key), "{told}");
}

/// Case 57: the address of a signer that the owner has not stored has no value.
#[tokio::test(flavor = "multi_thread")]
async fn a_word_for_a_signer_has_no_value() {
    let (provider, drivers, _home) = with_signer(("{agent}", "{signer.agent}"), Signing::ASignerAsAWord, "").await;
    let error = drivers.driver("hostile").await.unwrap().account(&crate::common::at()).await.unwrap_err();
    assert!(error.to_string().contains("failed (account): denied"), "{error}");
    assert!(provider.lines("GET").iter().all(|line| line.ends_with("/user")), "{:?}", provider.lines("GET"));
}

/// Lets the hostile driver in with a signer in its manifest, and one change more.
async fn with_signer(change: (&str, &str), idea: Signing, key: &'static str) -> (Provider, Drivers, TempDir) {
    let (provider, home) = (Provider::start().await, TempDir::new().unwrap());
    let plugins = home.path().join("plugins");
    fs::create_dir(&plugins).unwrap();
    let signer = r#"signers.agent = { about = "a", env = ["AGENT_KEY"], scheme = "aleph" }"#;
    let changes = [change, ("endpoints.api", &format!("{signer}\nendpoints.api"))];
    fs::write(plugins.join("hostile.wasm"), with_manifest(guest("hostile"), &changes)).unwrap();
    let mut config = crate::common::config(&provider, &home);
    config.plugins = Some(plugins);
    config.credentials = Arc::new(move |_, name, _| {
        let value = if name == "agent" { key } else { crate::common::TOKEN };
        Some(value.to_owned())
    });
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
