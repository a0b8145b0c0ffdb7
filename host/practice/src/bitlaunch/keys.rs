//! SSH keys of the account. A key is compared by its algorithm and body, never by its comment.

use jiff::Timestamp;
use russh::keys::PublicKey;
use serde_json::{Value, json};

use super::member;
use super::world::{Key, World};
use crate::clock::rfc3339;
use crate::ids;
use crate::reply::Reply;

pub(super) fn list(world: &World) -> Reply {
    if world.keys.is_empty() {
        return Reply::json(json!({ "keys": null }));
    }
    Reply::json(json!({ "keys": world.keys.iter().map(Key::json).collect::<Vec<_>>() }))
}

pub(super) fn add(world: &mut World, body: &Value, now: Timestamp) -> Reply {
    let content = member(body, "content").as_str().unwrap_or_default().trim();
    let Ok(key) = PublicKey::from_openssh(content) else {
        return Reply::message(400, "Invalid SSH key");
    };
    let Some(name) = member(body, "name").as_str().filter(|name| !name.is_empty()) else {
        return Reply::message(400, "Name is required");
    };
    if world.keys.iter().any(|known| body_of(&known.content) == body_of(content)) {
        return Reply::message(400, "SSH key already exists");
    }
    let added = Key {
        id: ids::object_id(),
        name: name.to_owned(),
        content: content.to_owned(),
        fingerprint: fingerprint(&key),
        created: now,
    };
    let shown = added.json();
    world.keys.push(added);
    Reply::json(shown)
}

pub(super) fn remove(world: &mut World, id: &str) -> Reply {
    let before = world.keys.len();
    world.keys.retain(|key| key.id != id);
    if world.keys.len() == before {
        return Reply::message(404, "SSH key not found");
    }
    Reply::json(Value::Null)
}

impl Key {
    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "fingerprint": self.fingerprint,
            "content": self.content,
            "created": rfc3339(self.created),
            "default": false,
        })
    }
}

/// Returns the key's base64 body.
fn body_of(line: &str) -> Option<&str> {
    line.split_whitespace().nth(1)
}

/// Returns the fingerprint in the old style: MD5 in pairs of digits.
fn fingerprint(key: &PublicKey) -> String {
    let digest = md5::compute(key.to_bytes().unwrap_or_default());
    digest.0.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}
