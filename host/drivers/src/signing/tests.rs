//! The vectors of Aleph's own clients, reproduced byte for byte. `BURSAR_ALEPH_VECTORS` names another file of that form.

use super::{
    Key, Session, key,
    message::{buffer, message},
    operation::{grant, granted, payload, signed},
};
use jiff::Timestamp;
use serde_json::Value;
use sha2::Digest;

fn vectors() -> Value {
    let bundled = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/aleph/fixtures/vectors.json");
    let path = std::env::var("BURSAR_ALEPH_VECTORS").unwrap_or_else(|_| bundled.to_owned());
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer}"))
}

fn agent(vectors: &Value) -> Key {
    Key::read(text(vectors, "/accounts/agent/private_key_hex")).unwrap()
}

#[test]
fn addresses_are_those_of_their_keys() {
    let vectors = vectors();
    for who in ["agent", "human"] {
        let account = &vectors["accounts"][who];
        let key = Key::read(text(account, "/private_key_hex")).unwrap();
        assert_eq!(key.address(), text(account, "/address"), "{who}");
    }
    let exported = Key::read(text(&vectors, "/accounts/export_private_key")).unwrap();
    assert_eq!(exported.address(), agent(&vectors).address(), "with 0x before it");
}

#[test]
fn a_key_is_32_bytes_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let read = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        Key::read(path.to_str().unwrap()).map(|key| key.address().to_owned())
    };
    assert_eq!(read(&[0x11; 32]).as_deref(), Ok("0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A"));
    for (bytes, why) in [
        (&b"1111111111111111111111111111111111111111111111111111111111111111"[..], "64"),
        (&[0x11; 33], "33"),
        (&[], "0"),
        (&[0; 32], "no key"),
        (&[0xff; 32], "no key"),
    ] {
        assert!(read(bytes).is_err_and(|error| error.contains(why)), "{bytes:?}");
    }
    let missing = Key::read(folder.path().join("none").to_str().unwrap());
    assert!(missing.is_err_and(|error| error.contains("cannot be read")), "a missing key is never made up");
}

#[test]
fn a_personal_message_is_signed_as_wallets_do() {
    let vectors = vectors();
    let (example, first) = (&vectors["eip191_example"], &vectors["messages"][0]);
    let buffer = text(first, "/verification_buffer");
    assert_eq!(Value::from(buffer.len()), example["buffer_len"]);
    assert_eq!(key::hex(&key::preimage(buffer.as_bytes())), text(example, "/preimage_hex"));
    assert_eq!(key::hex(&key::digest(buffer.as_bytes())), text(example, "/digest_keccak256"));
    assert_eq!(agent(&vectors).sign(buffer.as_bytes()), text(example, "/signature"));
}

#[test]
fn every_message_has_the_bytes_of_the_reference_client() {
    let vectors = vectors();
    let (key, messages) = (agent(&vectors), vectors["messages"].as_array().unwrap());
    assert!(messages.len() >= 8);
    for one in messages {
        let (name, kind, content) = (text(one, "/name"), text(one, "/type"), text(one, "/item_content"));
        let signed = message(&key, kind, content, &one["envelope_time"].to_string());
        assert_eq!(Value::from(content.len()), one["item_content_len"], "{name}");
        assert_eq!(signed.item_hash, text(one, "/item_hash"), "{name}");
        assert_eq!(buffer(key.address(), kind, &signed.item_hash), text(one, "/verification_buffer"), "{name}");
        assert_eq!(
            key::hex(text(one, "/verification_buffer").as_bytes()),
            text(one, "/verification_buffer_hex"),
            "{name}"
        );
        let theirs: Value = serde_json::from_str(text(one, "/request/body")).unwrap();
        let body = signed.body(theirs["sync"] == true);
        assert!(body.contains(text(one, "/signature")), "{name}: {body}");
        assert_eq!(body, text(one, "/request/body"), "{name}");
    }
}

#[test]
fn a_hash_covers_the_bytes_as_they_are_sent() {
    let vectors = vectors();
    let key = agent(&vectors);
    for one in vectors["serialization_variants"].as_array().unwrap() {
        let (name, content) = (text(one, "/name"), text(one, "/item_content"));
        let signed = message(&key, "INSTANCE", content, &one["envelope"]["time"].to_string());
        assert_eq!(
            (signed.item_hash.as_str(), content.len() as u64),
            (text(one, "/item_hash"), one["item_content_len"].as_u64().unwrap())
        );
        assert_eq!(buffer(key.address(), "INSTANCE", &signed.item_hash), text(one, "/verification_buffer"), "{name}");
        let sent: Value = serde_json::from_str(&signed.body(true)).unwrap();
        assert_eq!(sent["message"], one["envelope"], "{name}");
    }
}

#[test]
fn a_node_is_operated_by_a_granted_key() {
    let vectors = vectors();
    let (key, auth) = (agent(&vectors), &vectors["crn_auth"]);
    let secret: Vec<u8> =
        (0..32).map(|n| u8::from_str_radix(&text(auth, "/ephemeral/d_hex")[n * 2..n * 2 + 2], 16).unwrap()).collect();
    let session = Session::from_bytes(&secret).unwrap();
    let (x, y) = session.point();
    let jwk = format!("{{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"{x}\",\"y\":\"{y}\"}}");
    assert_eq!(jwk, text(auth, "/ephemeral/jwk_public_export"));

    let granting: Value = serde_json::from_str(text(auth, "/pubkey_payload_json")).unwrap();
    let (domain, expires) = (text(&granting, "/domain"), text(&granting, "/expires").parse().unwrap());
    let grant = grant(&key, &session, domain, expires);
    assert_eq!(grant, text(auth, "/pubkey_payload_json"));
    assert_eq!(Value::from(grant.len()), auth["eip191"]["buffer_len"]);
    assert_eq!(key::hex(&key::digest(grant.as_bytes())), text(auth, "/eip191/digest_keccak256"));
    assert_eq!(key.sign(grant.as_bytes()), text(auth, "/eip191/signature"));
    assert_eq!(granted(&key, &grant, domain), text(auth, "/X_SignedPubKey"));

    let now: Timestamp = text(&vectors, "/clocks/crn_operation_time_utc").parse().unwrap();
    for one in auth["operations"].as_array().unwrap() {
        let (name, url) = (text(one, "/operation"), text(one, "/url"));
        let path = url.strip_prefix("https://crn.example.org").unwrap();
        let payload = payload([text(one, "/method"), path, domain], now);
        assert_eq!(payload, text(one, "/payload_json"), "{name}");
        let header: Value = serde_json::from_str(&signed(&session, &payload)).unwrap();
        let theirs: Value = serde_json::from_str(text(one, "/X_SignedOperation_sdk")).unwrap();
        // Their nonce is random; ours follows RFC 6979.
        assert_eq!(header["signature"], one["rfc6979_signature_hex"], "{name}");
        assert_eq!(header["payload"], theirs["payload"], "{name}");
    }
}

#[test]
fn what_is_not_signed_still_fits_the_form() {
    let vectors = vectors();
    let notify: Value = serde_json::from_str(text(&vectors, "/notify_request/body")).unwrap();
    assert_eq!(notify, vectors["notify_request"]["body_json"]);
    let estimate = &vectors["price_estimate_request"]["body_json"]["message"];
    let content = text(estimate, "/item_content");
    assert_eq!(key::hex(&sha2::Sha256::digest(content.as_bytes())), text(estimate, "/item_hash"));
}
