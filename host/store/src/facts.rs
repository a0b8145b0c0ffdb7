//! The limits in force, with how they came to be, and small notes. Whether limits make sense is core's to say.

use crate::{Store, error::StoreError, lane, row, schema};
use bursar_core::{limits::Limits, time::Moment};
use serde_json::Value;
use sqlx::SqliteConnection;

impl Store {
    /// Returns the limits in force, or `None` where none were set.
    pub async fn limits(&self) -> Result<Option<Limits>, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        in_force(&mut reader).await
    }

    /// Puts limits in force. The earlier ones stay in the ledger.
    pub async fn set_limits(&self, limits: &Limits, now: Moment) -> Result<(), StoreError> {
        let mut writer = self.inner.writer.lock().await?;
        let mut tx = lane::begin_write(&mut writer).await?;
        schema::refuse_newer(&mut tx).await?;
        if in_force(&mut tx).await?.as_ref() == Some(limits) {
            return Ok(());
        }
        let doc = serde_json::to_string(limits).map_err(unreadable)?;
        sqlx::query("INSERT INTO limits (at, doc) VALUES (?, ?)")
            .bind(row::seconds(now))
            .bind(doc)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        tracing::info!(?limits, "limits set");
        Ok(())
    }

    /// Returns what was noted under this key.
    pub async fn note(&self, key: &str) -> Result<Option<String>, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        let found = sqlx::query_scalar("SELECT value FROM notes WHERE key = ?").bind(key);
        Ok(found.fetch_optional(&mut *reader).await?)
    }

    /// Notes a value, in place of the one before.
    pub async fn set_note(&self, key: &str, value: &str) -> Result<(), StoreError> {
        let mut writer = self.inner.writer.lock().await?;
        let mut tx = lane::begin_write(&mut writer).await?;
        let noted =
            "INSERT INTO notes (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        sqlx::query(noted).bind(key).bind(value).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }
}

async fn in_force(connection: &mut SqliteConnection) -> Result<Option<Limits>, StoreError> {
    let last = sqlx::query_scalar("SELECT doc FROM limits ORDER BY seq DESC LIMIT 1");
    let last: Option<String> = last.fetch_optional(connection).await?;
    last.as_deref().map(read).transpose()
}

/// Reads stored limits. One that did not exist when they were stored has its default, which protects.
fn read(doc: &str) -> Result<Limits, StoreError> {
    let stored: Value = serde_json::from_str(doc).map_err(unreadable)?;
    let mut whole = serde_json::to_value(Limits::default()).map_err(unreadable)?;
    if let (Value::Object(whole), Value::Object(stored)) = (&mut whole, stored) {
        whole.extend(stored);
    }
    serde_json::from_value(whole).map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> StoreError {
    StoreError::damaged(format!("the limits in force cannot be read ({error})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_stored_before_a_limit_existed_get_its_default() {
        let stored = r#"{ "max_instances": 7, "a_limit_of_tomorrow": 3 }"#;
        assert_eq!(read(stored).unwrap(), Limits { max_instances: 7, ..Limits::default() });
    }
}
