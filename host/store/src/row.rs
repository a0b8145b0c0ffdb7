//! One instance as a row: the whole of it as a document, and beside it the columns that queries need.
//!
//! Members of a document that this program does not know are kept: a newer one wrote them.

use crate::{
    Worker,
    error::{Broken, StoreError},
};
use bursar_core::{
    instance::{Instance, InstanceId},
    ledger::Totals,
    money::Usd,
    time::Moment,
};
use serde_json::Value;
use sqlx::SqliteConnection;

/// How long whoever reserved an instance is its worker before he must renew.
const FIRST_CLAIM_SECS: u64 = 30;

/// An instance and its own money.
pub(crate) struct Row {
    pub(crate) instance: Instance,
    pub(crate) totals: Totals,
    /// As it was read.
    doc: String,
}

/// Returns a moment as the database keeps it.
pub(crate) fn seconds(moment: Moment) -> i64 {
    i64::try_from(moment.0).unwrap_or(i64::MAX)
}

/// Returns a moment from the database.
pub(crate) fn moment(seconds: i64) -> Moment {
    Moment(seconds.try_into().unwrap_or(0))
}

/// Reads an instance's document.
pub(crate) fn parse(doc: &str) -> Result<Instance, StoreError> {
    serde_json::from_str(doc).map_err(|error| StoreError::damaged(format!("an instance cannot be read ({error})")))
}

/// Reads one row. It is the caller's to say what a missing one means.
pub(crate) async fn fetch(connection: &mut SqliteConnection, id: &InstanceId) -> Result<Option<Row>, StoreError> {
    let found: Option<(String, i64, i64)> = sqlx::query_as("SELECT doc, held, charged FROM instances WHERE id = ?")
        .bind(&id.0)
        .fetch_optional(connection)
        .await?;
    let Some((doc, held, charged)) = found else { return Ok(None) };
    let totals = Totals { held: Usd(held), charged: Usd(charged) };
    Ok(Some(Row { instance: parse(&doc)?, totals, doc }))
}

/// Writes a new row, with its worker, whose session it counts for.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    new: &Instance,
    held: Usd,
    worker: &Worker,
    now: Moment,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO instances
         (id, tag, principal, provider, account, name, is_open, per_hour, held, charged, worker, session, worker_until, doc)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8, 0, ?9, ?9, ?10, ?11)",
    )
    .bind(&new.id.0)
    .bind(&new.tag.0)
    .bind(&new.principal)
    .bind(&new.provider)
    .bind(&new.account)
    .bind(&new.name)
    .bind(new.lease.per_hour.0)
    .bind(held.0)
    .bind(&worker.0)
    .bind(seconds(now.after(FIRST_CLAIM_SECS)))
    .bind(document(new, None)?)
    .execute(&mut *connection)
    .await?;
    keep_handle(connection, new).await
}

/// Returns who reserved an instance.
pub(crate) async fn session_of(
    connection: &mut SqliteConnection,
    id: &InstanceId,
) -> Result<Option<String>, StoreError> {
    let found = sqlx::query_scalar("SELECT session FROM instances WHERE id = ?").bind(&id.0);
    Ok(found.fetch_one(connection).await?)
}

/// Writes a changed row.
pub(crate) async fn update(connection: &mut SqliteConnection, row: &Row) -> Result<(), StoreError> {
    let Row { instance, totals, doc } = row;
    sqlx::query(
        "UPDATE instances SET name = ?, is_open = ?, per_hour = ?, held = ?, charged = ?, doc = ? WHERE id = ?",
    )
    .bind(&instance.name)
    .bind(instance.stage.is_open())
    .bind(instance.lease.per_hour.0)
    .bind(totals.held.0)
    .bind(totals.charged.0)
    .bind(document(instance, Some(doc))?)
    .bind(&instance.id.0)
    .execute(&mut *connection)
    .await?;
    keep_handle(connection, instance).await
}

/// Writes down that the provider's id is this instance's, for ever.
async fn keep_handle(connection: &mut SqliteConnection, instance: &Instance) -> Result<(), StoreError> {
    let Some(handle) = &instance.handle else { return Ok(()) };
    match owner_of(connection, &instance.provider, &instance.account, &handle.id).await? {
        Some(by) if by == instance.id => Ok(()),
        Some(by) => Err(StoreError::IdTaken { provider_id: handle.id.clone(), by }),
        None => {
            let kept =
                sqlx::query("INSERT INTO handles (provider, account, provider_id, instance) VALUES (?, ?, ?, ?)");
            let kept = kept.bind(&instance.provider).bind(&instance.account).bind(&handle.id).bind(&instance.id.0);
            kept.execute(connection).await?;
            Ok(())
        }
    }
}

/// Returns whose a provider's id is.
pub(crate) async fn owner_of(
    connection: &mut SqliteConnection,
    provider: &str,
    account: &str,
    provider_id: &str,
) -> Result<Option<InstanceId>, StoreError> {
    let found =
        sqlx::query_scalar("SELECT instance FROM handles WHERE provider = ? AND account = ? AND provider_id = ?");
    let found = found.bind(provider).bind(account).bind(provider_id);
    Ok(found.fetch_optional(connection).await?.map(InstanceId))
}

/// Returns the open instance that has this name.
pub(crate) async fn open_by_name(
    connection: &mut SqliteConnection,
    principal: &str,
    name: &str,
) -> Result<Option<Instance>, StoreError> {
    let found = sqlx::query_scalar("SELECT doc FROM instances WHERE principal = ? AND name = ? AND is_open = 1");
    let found: Option<String> = found.bind(principal).bind(name).fetch_optional(connection).await?;
    found.as_deref().map(parse).transpose()
}

/// Returns the open instance that has a new one's name, and whether its id or tag was ever used.
pub(crate) async fn known_before(
    connection: &mut SqliteConnection,
    new: &Instance,
) -> Result<(Option<Instance>, bool), StoreError> {
    let (open, used): (Option<String>, bool) = sqlx::query_as(
        "SELECT (SELECT doc FROM instances WHERE principal = ? AND name = ? AND is_open = 1),
             EXISTS (SELECT 1 FROM instances WHERE id = ? OR tag = ?)",
    )
    .bind(&new.principal)
    .bind(&new.name)
    .bind(&new.id.0)
    .bind(&new.tag.0)
    .fetch_one(connection)
    .await?;
    Ok((open.as_deref().map(parse).transpose()?, used))
}

/// Refuses a change of what an instance is found by, for ever.
pub(crate) fn keep_identity(before: &Instance, after: &Instance) -> Result<(), Broken> {
    for (what, same) in [
        ("id", before.id == after.id),
        ("tag", before.tag == after.tag),
        ("principal", before.principal == after.principal),
        ("provider", before.provider == after.provider),
        ("account", before.account == after.account),
    ] {
        if !same {
            return Err(Broken::Identity(what));
        }
    }
    Ok(())
}

/// Returns the document to write: what this program knows, and what else stood in the old one.
fn document(instance: &Instance, old: Option<&str>) -> Result<String, StoreError> {
    let broken = |error| StoreError::damaged(format!("an instance cannot be written ({error})"));
    let mut document = serde_json::to_value(instance).map_err(broken)?;
    let old = old.map(serde_json::from_str::<Value>).transpose().map_err(broken)?;
    if let (Value::Object(new), Some(Value::Object(old))) = (&mut document, old) {
        for (member, value) in old {
            new.entry(member).or_insert(value);
        }
    }
    Ok(document.to_string())
}
