//! Signed messages: what a node checks before it takes one, in its order, and what it tells of those it has.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::vm::{Message, Status};
use super::world::{STOPS_AFTER_MS, World};
use super::{parameter, price, sign};
use crate::bitlaunch::Shadow;
use crate::reply::{Content, Reply};

/// Credits for a day of everything must be there.
const DAY_MS: u128 = 86_400_000;
const IMAGES: [&str; 3] = [
    "4a0f62da42f4478544616519e6f5d58adb1096e069b392b151d47c3609492d0c",
    "5330dcefe1857bcd97b7b7f24d1420a7d46232d53f27be280c8a7071d88bd84e",
    "b6ff5c3a8205d1ca4c7c3369300eeafff498b558f71b851aa2114afd0a532717",
];

pub(super) fn post(world: &mut World, body: &Value, now: Timestamp) -> Reply {
    let envelope = body["message"].clone();
    if body.is_null() {
        return Reply::text(422, "text/plain", "422: Unprocessable Entity");
    }
    if !envelope.is_object() {
        return Reply::text(422, "text/plain", r#"[{"loc":["message"],"msg":"field required"}]"#);
    }
    let text = |name: &str| envelope[name].as_str().unwrap_or_default().to_owned();
    let (kind, hash, content) = (text("type"), text("item_hash"), text("item_content"));
    let known_kind = ["INSTANCE", "FORGET", "AGGREGATE", "POST", "STORE", "PROGRAM"].contains(&kind.as_str());
    if !known_kind || sign::sha256(&content) != hash {
        return Reply::text(422, "text/plain", "InvalidMessageFormat");
    }
    if !envelope["time"].is_number() {
        return Reply::text(500, "text/plain", "500 Internal Server Error");
    }
    if let Some(known) = world.find(&hash).map(Message::word) {
        // Taken once; asked again it waits and says no more.
        return said(if known == "processed" { "pending" } else { known });
    }
    let content: Value = serde_json::from_str(&content).unwrap_or(Value::Null);
    let sender = text("sender");
    let status = judge(world, &envelope, &content, now);
    let vm = match (&status, kind.as_str()) {
        (Status::Processed, "INSTANCE") => {
            let per_second = price::per_second(&content).unwrap_or_default();
            Some(world.machine(&content, per_second, now))
        }
        _ => None,
    };
    if status == Status::Processed && kind == "FORGET" {
        forget(world, &content, now);
    }
    let hidden = Shadow::default();
    let message = Message { hash, sender, kind, envelope, content, received: now, status, vm, hidden };
    let word = message.word();
    world.messages.push(message);
    said(word)
}

fn said(word: &str) -> Reply {
    let status = match word {
        "processed" => 200,
        "rejected" => 422,
        _ => 202,
    };
    let publication = json!({ "status": "success", "failed": [] });
    Reply::new(status, Content::Json(json!({ "publication_status": publication, "message_status": word })))
}

/// Signature, content, permission, image, balance: in the network's order, with its codes.
fn judge(world: &World, envelope: &Value, content: &Value, now: Timestamp) -> Status {
    let text = |name: &str| envelope[name].as_str().unwrap_or_default();
    let (sender, kind) = (text("sender"), text("type"));
    let buffer = format!("{}\n{sender}\n{kind}\n{}", text("chain"), text("item_hash"));
    let signer = sign::signed_by(buffer.as_bytes(), text("signature"));
    if !signer.is_some_and(|signer| signer.eq_ignore_ascii_case(sender)) {
        return Status::Rejected(1);
    }
    match kind {
        "INSTANCE" => instance(world, sender, content, now),
        "FORGET" => forgettable(world, sender, content),
        _ => Status::Processed,
    }
}

fn instance(world: &World, sender: &str, content: &Value, now: Timestamp) -> Status {
    let payer = content["address"].as_str().unwrap_or_default();
    let complete =
        content["time"].is_number() && content["allow_amend"].is_boolean() && content["environment"].is_object();
    let Some(per_second) = price::per_second(content).ok().filter(|_| complete) else { return Status::Rejected(0) };
    if !may_create(world, payer, sender) {
        return Status::Rejected(2);
    }
    if content["payment"]["type"] != "credit" {
        return Status::Rejected(202);
    }
    let image = content.pointer("/rootfs/parent/ref").and_then(Value::as_str).unwrap_or_default();
    if !IMAGES.contains(&image) {
        return Status::Rejected(301);
    }
    let single = world.single_address.is_some() && world.vms().any(|(_, vm)| vm.is_alive() && !vm.foreign);
    let needed = price::credits(world.burn(payer) + per_second, DAY_MS);
    if single || world.credits(payer, now) < needed {
        return Status::Rejected(6);
    }
    Status::Processed
}

fn may_create(world: &World, payer: &str, sender: &str) -> bool {
    let granted = |(from, to): &(String, String)| from.eq_ignore_ascii_case(payer) && to.eq_ignore_ascii_case(sender);
    payer.eq_ignore_ascii_case(sender) || world.grants.iter().any(granted)
}

fn targets(content: &Value) -> impl Iterator<Item = &str> {
    content["hashes"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// What nobody has seen yet is waited for; what is not one's own is not forgotten.
fn forgettable(world: &World, sender: &str, content: &Value) -> Status {
    for hash in targets(content) {
        match world.find(hash) {
            None => return Status::Pending,
            Some(target) if target.kind == "FORGET" => return Status::Rejected(502),
            Some(target) if !may_create(world, target.payer(), sender) => return Status::Rejected(2),
            Some(_) => {}
        }
    }
    Status::Processed
}

fn forget(world: &mut World, content: &Value, now: Timestamp) {
    for hash in targets(content) {
        let Some(target) = world.find_mut(hash) else { continue };
        target.status = Status::Forgotten;
        if let Some(vm) = target.vm.as_mut().filter(|vm| vm.is_alive()) {
            vm.ended = Some(now);
            vm.down_at.get_or_insert(now + SignedDuration::from_millis(STOPS_AFTER_MS));
        }
    }
}

pub(super) fn one(world: &World, hash: &str) -> Reply {
    world.find(hash).map_or_else(|| Reply::text(404, "text/plain", "404: Not Found"), |found| Reply::json(found.told()))
}

pub(super) fn consumed(world: &World, hash: &str, now: Timestamp) -> Reply {
    let spent = world.find(hash).and_then(|message| message.vm.as_ref()).map_or(0, |vm| vm.charged(now));
    Reply::json(json!({ "item_hash": hash, "consumed_credits": spent }))
}

/// `addresses` are senders, to the letter; rejected and forgotten ones are shown to who asks for them.
pub(super) fn list(world: &mut World, query: &str, now: Timestamp) -> Reply {
    let among = |name: &str, otherwise: &str| {
        let wanted = parameter(query, name).unwrap_or_else(|| otherwise.to_owned());
        move |is: &str| wanted.is_empty() || wanted.split(',').any(|one| one == is)
    };
    let (sender, kind, status) =
        (among("addresses", ""), among("msgTypes", ""), among("msgStatuses", "processed,removing"));
    let mut rows = Vec::new();
    for message in &mut world.messages {
        let fits = sender(&message.sender) && kind(&message.kind) && status(message.word());
        if fits && !message.hidden.falls(now) {
            rows.push(message.row());
        }
    }
    let number = |name: &str, otherwise| parameter(query, name).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (per_page, page): (usize, usize) = (number("pagination", 20), number("page", 1).max(1));
    let total = rows.len();
    let per_page = if per_page == 0 { total.max(1) } else { per_page };
    let page_rows: Vec<Value> = rows.into_iter().skip((page - 1) * per_page).take(per_page).collect();
    Reply::json(json!({
        "messages": page_rows, "pagination_per_page": per_page, "pagination_page": page, "pagination_total": total,
        "pagination_item": "messages",
    }))
}
