//! State that was lost: what our tag shows on the accounts and the ledger does not know is entered again, with a hold and an
//! end. Nothing is decided here: these machines cost already, whatever the limits say.

use super::{FlowError, Rooms, keeper};
use bursar_core::{
    instance::{Handle, INSTANCE_ID_LEN, Instance, InstanceId, LEDGER_ID_LEN, Sightings, Stage, Tag},
    lease::Lease,
    offer::{Billing, Order, Price, Priced},
    quote,
    time::Moment,
};
use bursar_drivers::{At, Driver, Row};
use bursar_store::{ReserveError, Store};
use std::collections::BTreeMap;

/// Held where an end is not known, or is over.
const HOUR_SECS: u64 = 3_600;

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Recovered {
    /// Entered again; whether its end could be told from when it was made.
    pub found: Vec<(Instance, bool)>,
    /// Accounts that could not be looked at, or not wholly.
    pub unclear: BTreeMap<String, String>,
    /// What may be tags of other ledgers, by their id, and how many.
    pub other_ledgers: BTreeMap<String, u64>,
}

impl Rooms {
    /// Makes a new ledger under the id of one that was lost, so that its tags are ours again.
    pub async fn found_again(settings: &super::Settings, id: &str) -> Result<(), FlowError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if id.len() != LEDGER_ID_LEN || !id.chars().all(plain) || !id.starts_with(|c: char| c.is_ascii_lowercase()) {
            let what = format!("`{id}` is no id of a ledger: it has {LEDGER_ID_LEN} of a-z and 0-9");
            return Err(FlowError::refused(what, "it is how the names of its machines begin at the provider"));
        }
        let file = settings.home.join("ledger.db");
        if file.exists() {
            let what = format!("there is a ledger in {} already", settings.home.display());
            return Err(FlowError::refused(
                what,
                "nothing was done; move that folder away first, or set BURSAR_HOME to another",
            ));
        }
        let clock = Rooms::clock_of(settings);
        Store::found(&settings.home, settings.practice.is_some(), clock.now(), id).await?;
        Ok(())
    }

    /// Looks at every account and enters what is ours and unknown.
    pub async fn recover(&self) -> Result<Recovered, FlowError> {
        self.say_owner("recover", "enter what carries our tag and is unknown").await;
        let mut recovered = Recovered::default();
        for provider in self.accounts_to_clear(&[]).await {
            if let Err(error) = self.recover_at(&provider, &mut recovered).await {
                recovered.unclear.insert(provider, error.to_string());
            }
        }
        if !recovered.found.is_empty() {
            self.lend_for_open().await?;
            self.ensure_keeper().await?;
        }
        Ok(recovered)
    }

    async fn recover_at(&self, provider: &str, recovered: &mut Recovered) -> Result<(), FlowError> {
        let driver = self.driver(provider).await?;
        let listing = driver.list(&self.at()).await?;
        if let Err(why) = &listing.complete {
            recovered.unclear.insert(provider.to_owned(), format!("its list is not complete: {why}"));
        }
        for row in &listing.rows {
            let tag = row.tag.clone().unwrap_or_default();
            match Tag::instance_of(&tag, self.store.ledger_id()) {
                Some(id) if self.store.instance(&id).await?.is_none() => {
                    recovered.found.push(self.enter(&driver, &listing.identity, id, row).await?);
                }
                Some(_) => {}
                None if looks_like_a_tag(&tag) => {
                    let ledger = tag.chars().take(LEDGER_ID_LEN).collect();
                    *recovered.other_ledgers.entry(ledger).or_default() += 1;
                }
                None => {}
            }
        }
        Ok(())
    }

    async fn enter(
        &self,
        driver: &Driver,
        account: &str,
        id: InstanceId,
        row: &Row,
    ) -> Result<(Instance, bool), FlowError> {
        let (limits, now) = (self.limits().await?, self.clock.now());
        let tag = Tag::new(self.store.ledger_id(), &id);
        let handle = Handle { id: row.id.clone(), memo: String::new() };
        let at = At { now, tag: Some(tag.clone()) };
        let made_at =
            driver.get_seen(&at, &handle).await.ok().and_then(|(view, _)| view.made_at).filter(|at| *at <= now);
        let (begins, ends, known) = span(made_at, limits.max_lease_secs, now);
        let price = worst(row.rate.unwrap_or(limits.max_price_per_hour));
        let stop_secs = driver.manifest().stop_secs;
        let hold = quote::cost(&price, begins, ends.after(stop_secs));
        let order = Order {
            provider: driver.name().to_owned(),
            offer: "recovered".to_owned(),
            image: None,
            nodes: 1,
            length_secs: ends.since(begins),
        };
        let note = match known {
            true => "found again by its tag".to_owned(),
            false => {
                "found again by its tag; when it was to end is not known, so an hour is held: `bursar down` it, or \
                      `bursar extend` it"
                    .to_owned()
            }
        };
        let per_hour = price.per_hour;
        let new = Instance {
            name: format!("recovered-{id}"),
            tag,
            principal: super::LOCAL_PRINCIPAL.to_owned(),
            provider: driver.name().to_owned(),
            account: account.to_owned(),
            order,
            price,
            priced: Priced::Seen,
            asked: "recovered".to_owned(),
            asked_image: None,
            title: "recovered".to_owned(),
            gpu: false,
            stage: Stage::Made,
            lease: Lease { begins, ends, hold, per_hour, extending: None },
            handle: Some(handle),
            pending: None,
            ssh: None,
            ssh_keys: vec![],
            lands_until: now,
            stop_secs,
            sightings: Sightings { seen_at: Some(now), ..Sightings::default() },
            note: Some(note),
            id,
        };
        match self.store.reserve(&new, now, &self.worker.row(), |_| Ok(())).await {
            Ok(_) => {}
            Err(ReserveError::Store(error)) => return Err(error.into()),
            Err(error) => return Err(FlowError::failed(error.to_string(), "run it again")),
        }
        self.store.unclaim(&new.id, &self.worker.row()).await?;
        let (boot, boot_ends) = keeper::boot_end(new.lease.ends.since(now));
        self.store.set_boot_end(&new.id, &boot, boot_ends).await?;
        tracing::warn!(instance = %new.id, provider = new.provider, held = %hold, "found again by its tag");
        Ok((new, known))
    }
}

/// When it began and when it must end: from when it was made, with the longest lease, or in an hour where that is unknown or
/// over. The last says which.
fn span(made_at: Option<Moment>, longest_secs: u64, now: Moment) -> (Moment, Moment, bool) {
    let begins = made_at.unwrap_or(now);
    let ends = begins.after(longest_secs);
    match made_at.is_some() && ends > now {
        true => (begins, ends, true),
        false => (begins, now.after(HOUR_SECS), false),
    }
}

/// Billed by begun hours of the clock: nobody bills more.
fn worst(per_hour: bursar_core::money::Usd) -> Price {
    let zero = bursar_core::money::Usd::ZERO;
    let billing = Billing {
        step_secs: HOUR_SECS,
        on_the_clock: true,
        minimum_secs: HOUR_SECS,
        prepaid: false,
        refunds: false,
        month_cap: None,
        balance_secs: 0,
    };
    Price { per_hour, per_hour_paused: zero, once: zero, per_gb_in: zero, per_gb_out: zero, gb_free: 0, billing }
}

fn looks_like_a_tag(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() == LEDGER_ID_LEN + INSTANCE_ID_LEN
        && name.chars().all(plain)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_follows_from_when_it_was_made_or_comes_in_an_hour() {
        let at = |secs: u64| Moment(1_000_000 + secs);
        for (name, made, span_is) in [
            ("made an hour ago", Some(at(0)), (at(0), at(86_400), true)),
            ("made before the longest lease", Some(Moment(900_000)), (Moment(900_000), at(3_600 + 3_600), false)),
            ("nobody says", None, (at(3_600), at(3_600 + 3_600), false)),
        ] {
            assert_eq!(span(made, 86_400, at(3_600)), span_is, "{name}");
        }
    }
}
