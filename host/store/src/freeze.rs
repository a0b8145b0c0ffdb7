//! The owner's freeze: while it is in force, nothing that costs leaves. Its history stays.

use crate::{Store, error::StoreError, lane, row};
use bursar_core::time::Moment;

impl Store {
    /// Returns why and since when the ledger is frozen, if it is.
    pub async fn frozen(&self) -> Result<Option<(Moment, String)>, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        let last: Option<(i64, bool, String)> =
            sqlx::query_as("SELECT at, frozen, why FROM freezes ORDER BY seq DESC LIMIT 1")
                .fetch_optional(&mut *reader)
                .await?;
        Ok(last.filter(|(_, frozen, _)| *frozen).map(|(at, _, why)| (row::moment(at), why)))
    }

    /// Freezes the ledger, or thaws it.
    pub async fn set_frozen(&self, frozen: bool, why: &str, now: Moment) -> Result<(), StoreError> {
        let mut writer = self.inner.writer.lock().await?;
        let mut tx = lane::begin_write(&mut writer).await?;
        let noted = sqlx::query("INSERT INTO freezes (at, frozen, why) VALUES (?, ?, ?)");
        noted.bind(row::seconds(now)).bind(frozen).bind(why).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }
}
