//! Top-ups. They are invoices for crypto money; in practice nobody ever pays one, so they stay pending.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::world::{Transaction, World};
use super::{member, page_of};
use crate::clock::rfc3339;
use crate::ids;
use crate::reply::Reply;

const SYMBOLS: [&str; 3] = ["BTC", "LTC", "ETH"];
const LEAST_USD: i64 = 20;

pub(super) fn list(world: &World, query: &str) -> Reply {
    let newest_first: Vec<Value> = world.transactions.iter().rev().map(|row| row.body.clone()).collect();
    let rows = page_of(&newest_first, query);
    let history = if rows.is_empty() { Value::Null } else { Value::Array(rows) };
    Reply::json(json!({ "history": history, "total": newest_first.len() }))
}

pub(super) fn show(world: &World, id: &str) -> Reply {
    let found = world.transactions.iter().find(|row| row.id == id);
    found.map_or_else(|| Reply::message(404, "Transaction not found"), |row| Reply::json(row.body.clone()))
}

pub(super) fn add(world: &mut World, body: &Value, now: Timestamp) -> Reply {
    let usd = member(body, "amountUsd").as_i64().unwrap_or(0);
    let symbol = member(body, "cryptoSymbol").as_str().unwrap_or_default();
    let lightning = member(body, "lightningNetwork").as_bool().unwrap_or(false);
    if usd < LEAST_USD {
        return Reply::message(400, format!("Minimum amount is ${LEAST_USD}"));
    }
    if !SYMBOLS.contains(&symbol) {
        return Reply::message(400, "Unsupported cryptocurrency");
    }
    let made = transaction(now, usd, symbol, "Pending", lightning);
    let shown = made.body.clone();
    world.history.push((now, format!("Transaction {} created", made.id)));
    world.transactions.push(made);
    Reply::json(shown)
}

/// Returns the payment that the account's first money came from.
pub(super) fn complete(at: Timestamp, usd: i64) -> Transaction {
    transaction(at, usd, "BTC", "Complete", false)
}

fn transaction(at: Timestamp, usd: i64, symbol: &str, status: &str, lightning: bool) -> Transaction {
    let id = ids::object_id();
    let tail = ids::hex(&ids::random::<20>());
    let address = match (symbol, lightning) {
        ("BTC", true) => format!("lnbc{tail}"),
        ("BTC", false) => format!("bc1q{tail}"),
        ("LTC", _) => format!("ltc1q{tail}"),
        // Ethereum addresses come without the usual 0x.
        _ => tail,
    };
    let body = json!({
        "id": id,
        "transactionId": id,
        "date": rfc3339(at),
        "address": address,
        "cryptoSymbol": symbol,
        "amountUsd": usd,
        "amountCrypto": "0.00042000",
        "status": status,
        "statusUrl": format!("https://pay.example.org/{id}"),
        "qrCodeUrl": format!("https://pay.example.org/{id}/qr"),
    });
    Transaction { id, body }
}
