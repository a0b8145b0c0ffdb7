//! What the account says of itself: balance, usage of a month, history of events.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::billing::{bills, hour_start, month_of};
use super::world::World;
use super::{Server, page_of};
use crate::clock::rfc3339;
use crate::reply::Reply;

pub(super) fn user(world: &World, now: Timestamp) -> Reply {
    Reply::json(json!({
        "id": world.account.id,
        "email": "practice@example.org",
        "emailConfirmed": world.account.email_confirmed,
        "created": rfc3339(world.account.created),
        "used": world.alive().count(),
        "limit": world.account.server_limit,
        "twofa": false,
        "balance": world.balance_musd(now),
        "costPerHr": world.musd_per_hour(),
        "billingAlert": 5,
        "negativeAllowance": 0,
        "language": "en",
    }))
}

/// Returns what one month cost, in mUSD, whatever the names say.
pub(super) fn usage(world: &World, period: Option<&str>, now: Timestamp) -> Reply {
    let month = match period {
        None | Some("latest") => month_of(now),
        Some(text) if is_month(text) => text.to_owned(),
        Some(_) => return Reply::message(400, "Invalid period"),
    };
    let items: Vec<Value> = world.servers.iter().filter_map(|server| item(world, server, &month, now)).collect();
    let total: i64 = items.iter().filter_map(|item| item["cost"].as_i64()).sum();
    Reply::json(json!({
        "serverUsage": items,
        "backupUsage": null,
        "bandwidthUsage": [],
        "protectionUsage": [],
        "totalUsd": total,
        "prevMonth": moved(&month, -1),
        "thisMonth": month,
        "nextMonth": moved(&month, 1),
    }))
}

/// Returns a server's line of one month. It carries no id, as the real one does not.
fn item(world: &World, server: &Server, month: &str, now: Timestamp) -> Option<Value> {
    let until = server.destroyed_at.unwrap_or(now);
    let bill = bills(server.created, until, &server.spans).into_iter().find(|bill| bill.month == month)?;
    let word = world.catalogue.host(server.host)?.word;
    let image = server.image_description.split_whitespace().next().unwrap_or("image").to_lowercase();
    Some(json!({
        "description": format!("{word}-{image}-{}-{}", server.region, server.size),
        "start": hour_start(bill.first_hour).to_string(),
        "end": hour_start(bill.first_hour + bill.hours).to_string(),
        "cost": bill.musd,
        "hours": bill.hours,
        "amount": 0,
        "type": "server",
    }))
}

pub(super) fn history(world: &World, query: &str) -> Reply {
    let rows = world.history.iter().enumerate().rev();
    let rows: Vec<Value> = rows
        .map(|(id, (at, text))| json!({ "id": id.to_string(), "time": rfc3339(*at), "description": text }))
        .collect();
    Reply::json(json!({ "history": page_of(&rows, query), "total": rows.len() }))
}

fn is_month(text: &str) -> bool {
    moved(text, 0) == text
}

/// Returns the month some months away, or nothing readable where the text is no month.
fn moved(month: &str, by: i32) -> String {
    let parts = month.split_once('-').and_then(|(year, month)| Some((year.parse().ok()?, month.parse().ok()?)));
    let Some((year, month)) = parts.filter(|(_, month): &(i32, i32)| (1..=12).contains(month)) else {
        return String::new();
    };
    let months = year * 12 + month - 1 + by;
    format!("{:04}-{:02}", months.div_euclid(12), months.rem_euclid(12) + 1)
}
