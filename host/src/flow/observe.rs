//! Asks an account what lives on it, and notes what that proves about our instances. This module ends nothing.

use super::{FlowError, Rooms};
use bursar_core::{
    instance::{Handle, Instance, InstanceId, Stage, Tag},
    ledger::{Kind, Movement, Reason},
    money::Usd,
    settle::{Shown, billed, never_made},
    time::Moment,
};
use bursar_drivers::{Listing, Row};

/// What a list showed, after it was noted.
pub struct Observed {
    pub listing: Listing,
    /// Live rows that do not carry this ledger's tag.
    pub foreign: u64,
}

impl Observed {
    /// Returns whether the list has an instance, by its id or its tag.
    pub(super) fn shows(&self, instance: &Instance) -> bool {
        shows(&self.listing, instance)
    }
}

fn shows(listing: &Listing, instance: &Instance) -> bool {
    let known = instance.handle.as_ref().map(|handle| handle.id.as_str());
    listing.identity == instance.account
        && listing.rows.iter().any(|row| row.tag.as_deref() == Some(&instance.tag.0) || known == Some(&row.id))
}

impl Rooms {
    /// Lists one account and notes what it shows of every open instance of ours on it.
    pub(super) async fn observe(&self, provider: &str) -> Result<Observed, FlowError> {
        let driver = self.driver(provider).await?;
        let asked = self.clock.now();
        let listing = driver.list(&self.at()).await?;
        for instance in self.store.open_instances().await? {
            if instance.provider == provider && instance.account == listing.identity {
                self.note_shown(&instance, &listing, asked).await?;
                let ours = |row: &&Row| row.tag.as_deref() == Some(&instance.tag.0);
                if let Some(rate) = listing.rows.iter().filter(ours).filter_map(|row| row.rate).max() {
                    self.note_rate(&instance.id, rate).await?;
                }
            }
        }
        for row in &listing.rows {
            self.reopen_if_ours(provider, &listing.identity, row).await?;
        }
        let ours = |row: &&Row| self.instance_of(row).is_some();
        let foreign = (listing.rows.len() - listing.rows.iter().filter(ours).count()) as u64;
        if foreign > 0 {
            self.store.not_alone(provider, &listing.identity).await?;
        }
        Ok(Observed { listing, foreign })
    }

    async fn note_shown(&self, instance: &Instance, listing: &Listing, asked: Moment) -> Result<(), FlowError> {
        let with_tag: Vec<&Row> =
            listing.rows.iter().filter(|row| row.tag.as_deref() == Some(&instance.tag.0)).collect();
        let known = instance.handle.as_ref();
        let there = shows(listing, instance);
        if !there && let Err(why) = &listing.complete {
            tracing::warn!(instance = %instance.id, %why, "a list that is not complete proves nothing");
            return Ok(());
        }
        let elsewhere = listing.rows.iter().all(|row| known.is_none_or(|handle| handle.id != row.id));
        let found = match (known, &with_tag[..]) {
            // The answer to the order named another id than the one under which it lives: that one must be ended. One
            // that was ready once has shown its address under its own id.
            (Some(_), [row])
                if elsewhere && listing.complete.is_ok() && matches!(instance.stage, Stage::Made | Stage::Stopping) =>
            {
                tracing::warn!(instance = %instance.id, row = %row.id, "lives under another id than it was made with");
                return self.rename(&instance.id, &row.id, asked).await;
            }
            (None, [row]) => Some(Handle { id: row.id.clone(), memo: String::new() }),
            (None, [_, _, ..]) => {
                let ids: Vec<&str> = with_tag.iter().map(|row| row.id.as_str()).collect();
                return self
                    .note(
                        &instance.id,
                        format!(
                            "two rows carry its tag ({}): look at the provider's page, then `bursar settle`",
                            ids.join(", ")
                        ),
                    )
                    .await;
            }
            _ => None,
        };
        let shown = if there { Shown::There } else { Shown::Absent };
        let (boot, boot_secs) = super::keeper::boot_end(self.clock.practised_secs());
        let adopt = |instance: &mut Instance| {
            if there || !instance.sightings.may_still_land(&boot, boot_secs) {
                instance.sightings.note(shown, asked);
            }
            let Some(handle) = found.filter(|_| instance.handle.is_none()) else { return (vec![], false) };
            instance.handle = Some(handle);
            instance.pending = None;
            instance.stage = Stage::Made;
            instance.note = Some("found by its tag".to_owned());
            (vec![], true)
        };
        if self.store.change(&instance.id, self.clock.now(), adopt).await?.1 {
            tracing::info!(instance = %instance.id, "found by its tag and adopted");
        }
        Ok(())
    }

    /// Takes the id of the one row that carries the tag, and forgets what was proven about the other.
    async fn rename(&self, id: &InstanceId, row: &str, asked: Moment) -> Result<(), FlowError> {
        let rename = |instance: &mut Instance| {
            instance.handle = Some(Handle { id: row.to_owned(), memo: String::new() });
            instance.sightings.end_accepted_at = None;
            instance.sightings.note(Shown::There, asked);
            (vec![], ())
        };
        self.store.change(id, self.clock.now(), rename).await?;
        Ok(())
    }

    /// A row with our tag whose instance we believed to be gone lives: it is held again, and ended.
    async fn reopen_if_ours(&self, provider: &str, account: &str, row: &Row) -> Result<(), FlowError> {
        let Some(id) = self.instance_of(row) else { return Ok(()) };
        let Some(known) = self.store.instance(&id).await? else {
            tracing::warn!(row = %row.id, "carries this ledger's tag and is unknown to it: look at the provider's page");
            return Ok(());
        };
        if known.stage != Stage::Gone || known.provider != provider || known.account != account {
            return Ok(());
        }
        // A list may lag behind an end that happened; an hour's cost is held until that is known.
        tracing::warn!(instance = %id, row = %row.id, "is listed although its hold was released; held again, and ended");
        let handle = Handle { id: row.id.clone(), memo: String::new() };
        let now = self.clock.now();
        let reopen = |instance: &mut Instance| {
            if instance.stage != Stage::Gone {
                return (vec![], ());
            }
            instance.stage = Stage::Stopping;
            instance.handle.get_or_insert(handle);
            instance.sightings.seen_at = Some(now);
            instance.sightings.end_accepted_at = None;
            instance.sightings.absent_at.clear();
            instance.note = Some("listed although it was believed gone".to_owned());
            (vec![Movement { kind: Kind::Hold, amount: instance.lease.per_hour, reason: Reason::Overrun }], ())
        };
        self.store.change(&id, now, reopen).await?;
        Ok(())
    }

    fn instance_of(&self, row: &Row) -> Option<InstanceId> {
        Tag::instance_of(row.tag.as_deref()?, self.store.ledger_id())
    }

    /// Holds a rate that the host read in an answer against the quoted one. One above it is told, held and charged.
    pub(super) async fn note_rate(&self, id: &InstanceId, rate: Usd) -> Result<(), FlowError> {
        let instance = self.require(id).await?;
        let known = instance.sightings.rate.unwrap_or(Usd::ZERO).max(instance.price.per_hour);
        if rate <= known || !instance.stage.is_open() {
            return Ok(());
        }
        let totals = self.store.held(id).await?;
        let noted = |instance: &mut Instance| (billed(instance, totals, rate), ());
        let (instance, ()) = self.store.change(id, self.clock.now(), noted).await?;
        let quoted = instance.price.per_hour;
        tracing::warn!(instance = %id, billed = %rate, %quoted, "its provider bills more than it quoted");
        Ok(())
    }

    /// Writes down in words what people should know of an instance.
    pub(super) async fn note(&self, id: &InstanceId, text: impl Into<String> + Send) -> Result<(), FlowError> {
        let text = text.into();
        let noted = |instance: &mut Instance| {
            instance.note = Some(text);
            (vec![], ())
        };
        self.store.change(id, self.clock.now(), noted).await?;
        Ok(())
    }

    /// Closes an instance that was provably never made, and frees its hold.
    pub(super) async fn close_never_made(&self, id: &InstanceId, why: &str) -> Result<(), FlowError> {
        let held = self.store.held(id).await?.held;
        let close = |instance: &mut Instance| {
            instance.stage = Stage::Gone;
            instance.note = Some(format!("never made: {why}"));
            (never_made(held, why), ())
        };
        self.store.change(id, self.clock.now(), close).await?;
        tracing::info!(instance = %id, why, "never made; its hold is released");
        Ok(())
    }
}
