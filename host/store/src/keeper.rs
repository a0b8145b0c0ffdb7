//! Who keeps: one process at a time, by compare-and-set on one row, with a beat. This module knows no clock and no
//! process: both are the caller's to read.

use crate::{Store, Worker, error::StoreError, lane};
use bursar_core::instance::InstanceId;
use sqlx::SqliteConnection;
use std::collections::HashMap;

/// The keeper as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeper {
    pub worker: Worker,
    /// Its last beat, in seconds of this boot's monotonic clock.
    pub beat: u64,
    pub version: String,
    /// The version of a newer program that asks it to hand over.
    pub wanted: Option<String>,
}

impl Store {
    /// Returns who keeps, whether it still lives or not.
    pub async fn keeper(&self) -> Result<Option<Keeper>, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        fetch(&mut reader).await
    }

    /// Makes `me` the keeper where nobody is, or where `passed_over` says so of whoever is. Returns whether it is.
    pub async fn become_keeper(
        &self,
        me: &Worker,
        beat: u64,
        version: &str,
        passed_over: impl Fn(&Keeper) -> bool + Send,
    ) -> Result<bool, StoreError> {
        let mut writer = self.inner.writer.lock().await?;
        let mut tx = lane::begin_write(&mut writer).await?;
        let found = fetch(&mut tx).await?;
        if found.is_some_and(|keeper| keeper.worker != *me && !passed_over(&keeper)) {
            return Ok(false);
        }
        let taken = "INSERT INTO keeper (one, worker, beat, version, wanted) VALUES (1, ?1, ?2, ?3, NULL)
                     ON CONFLICT (one) DO UPDATE SET worker = ?1, beat = ?2, version = ?3, wanted = NULL";
        sqlx::query(taken).bind(&me.0).bind(seconds(beat)).bind(version).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Beats, and returns the row as it is then; nothing where somebody else keeps by now.
    pub async fn keeper_beats(&self, me: &Worker, beat: u64) -> Result<Option<Keeper>, StoreError> {
        let mut writer = self.inner.writer.lock().await?;
        let mut tx = lane::begin_write(&mut writer).await?;
        self.inner.file.is_still_there()?;
        let beaten = sqlx::query("UPDATE keeper SET beat = ? WHERE worker = ?").bind(seconds(beat)).bind(&me.0);
        if beaten.execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(None);
        }
        let keeper = fetch(&mut tx).await?;
        tx.commit().await?;
        Ok(keeper)
    }

    /// Takes the keeper's name out where nothing is open any more, or whatever is open with `hand_over`. Returns whether
    /// it may go: no create can come in between.
    pub async fn keeper_leaves(&self, me: &Worker, hand_over: bool) -> Result<bool, StoreError> {
        let mut writer = self.inner.writer.lock().await?;
        let mut tx = lane::begin_write(&mut writer).await?;
        let open: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM instances WHERE is_open = 1)").fetch_one(&mut *tx).await?;
        if open && !hand_over {
            return Ok(false);
        }
        sqlx::query("DELETE FROM keeper WHERE worker = ?").bind(&me.0).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Asks whoever keeps to hand over to a program of this version.
    pub async fn ask_keeper_to_go(&self, version: &str) -> Result<(), StoreError> {
        let mut writer = self.inner.writer.lock().await?;
        let mut tx = lane::begin_write(&mut writer).await?;
        sqlx::query("UPDATE keeper SET wanted = ?").bind(version).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    /// Notes when a lease ends by the clock of this boot, in the place of what was noted before.
    pub async fn set_boot_end(&self, id: &InstanceId, boot: &str, ends: u64) -> Result<(), StoreError> {
        let mut writer = self.inner.writer.lock().await?;
        let mut tx = lane::begin_write(&mut writer).await?;
        let noted = "INSERT INTO boot_ends (instance, boot, ends) VALUES (?1, ?2, ?3)
                     ON CONFLICT (instance) DO UPDATE SET boot = ?2, ends = ?3";
        sqlx::query(noted).bind(&id.0).bind(boot).bind(seconds(ends)).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    /// Returns when each open lease ends by the clock of this boot; what was reserved before it is not in it.
    pub async fn boot_ends(&self, boot: &str) -> Result<HashMap<InstanceId, u64>, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT instance, ends FROM boot_ends JOIN instances ON instances.id = boot_ends.instance
             WHERE boot = ? AND is_open = 1",
        )
        .bind(boot)
        .fetch_all(&mut *reader)
        .await?;
        Ok(rows.into_iter().map(|(id, ends)| (InstanceId(id), u64::try_from(ends).unwrap_or(0))).collect())
    }
}

async fn fetch(connection: &mut SqliteConnection) -> Result<Option<Keeper>, StoreError> {
    let row: Option<(String, i64, String, Option<String>)> =
        sqlx::query_as("SELECT worker, beat, version, wanted FROM keeper").fetch_optional(connection).await?;
    Ok(row.map(|(worker, beat, version, wanted)| Keeper {
        worker: Worker(worker),
        beat: u64::try_from(beat).unwrap_or(0),
        version,
        wanted,
    }))
}

fn seconds(secs: u64) -> i64 {
    i64::try_from(secs).unwrap_or(i64::MAX)
}
