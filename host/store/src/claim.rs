//! Who acts on an instance: one worker at a time, for a while, renewed. This module does not know which processes live.

use crate::{Store, Worker, error::StoreError, lane, row};
use bursar_core::{instance::InstanceId, time::Moment};

impl Store {
    /// Makes `worker` the one that acts on the instance for so many seconds, and returns whether it is.
    ///
    /// It is not while somebody else's claim lasts, unless `dead` knows that his process is gone.
    pub async fn claim(
        &self,
        id: &InstanceId,
        worker: &Worker,
        now: Moment,
        for_secs: u64,
        dead: impl Fn(&Worker) -> bool + Send,
    ) -> Result<bool, StoreError> {
        let mut writer = self.inner.writer.lock().await?;
        let mut tx = lane::begin_write(&mut writer).await?;
        let found: Option<(Option<String>, Option<i64>)> =
            sqlx::query_as("SELECT worker, worker_until FROM instances WHERE id = ?")
                .bind(&id.0)
                .fetch_optional(&mut *tx)
                .await?;
        let (holder, until) = found.ok_or_else(|| StoreError::NoSuchInstance(id.clone()))?;
        // One that lasts longer than any was made before the time of day was set back: it says nothing.
        let longest = now.after(for_secs.max(row::FIRST_CLAIM_SECS));
        let lasts = until.map(row::moment).is_some_and(|until| now < until && until <= longest);
        let others = holder.map(Worker).filter(|holder| holder != worker);
        if lasts && others.is_some_and(|holder| !dead(&holder)) {
            return Ok(false);
        }
        sqlx::query("UPDATE instances SET worker = ?, worker_until = ? WHERE id = ?")
            .bind(&worker.0)
            .bind(row::seconds(now.after(for_secs)))
            .bind(&id.0)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Gives a claim back. Somebody else's is left alone.
    pub async fn unclaim(&self, id: &InstanceId, worker: &Worker) -> Result<(), StoreError> {
        let mut writer = self.inner.writer.lock().await?;
        let mut tx = lane::begin_write(&mut writer).await?;
        sqlx::query("UPDATE instances SET worker = NULL, worker_until = NULL WHERE id = ? AND worker = ?")
            .bind(&id.0)
            .bind(&worker.0)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }
}
