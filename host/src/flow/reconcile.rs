//! What accounts really took: asked about once an hour while something of ours costs there, and before more is made; held
//! against the ledger, corrected and told. What the difference means is core's to say.

use super::{FlowError, Rooms, price_order::Priced};
use bursar_core::{
    instance::{Instance, InstanceId},
    ledger::Totals,
    money::Usd,
    reconcile::{
        Compared, Difference, Mark, SPAN_SECS, Weight, by_machine, compare, costs, is_quiet, parts, span_secs,
    },
    time::Moment,
};
use bursar_drivers::Driver;
use bursar_store::{Complaint, Look};
use std::collections::BTreeMap;

/// So often an account that does not answer, or changes just now, is tried again.
const TRIES_EVERY_SECS: u64 = 60;

type Rows = Vec<(Instance, Totals)>;

impl Rooms {
    /// Looks at every account where that is due. One that cannot be looked at is tried again later.
    pub(super) async fn look_at_accounts(self) {
        let marks = async {
            // What was open before marks were kept, was entered by `recover`, or was just looked at by its owner.
            for open in self.store.open_accounts().await? {
                if self.store.mark(&open.provider, &open.account).await?.is_some() {
                    continue;
                }
                let (position, nothing) = (self.store.position().await?, Mark::nothing(self.clock.now()));
                self.store.set_mark(&open.provider, &open.account, None, &Mark { position, ..nothing }).await?;
            }
            Ok::<_, FlowError>(self.store.marks().await?)
        };
        let marks = marks.await.inspect_err(|error| tracing::debug!(%error, "no account can be looked at now"));
        for (provider, account, mark) in marks.unwrap_or_default() {
            if let Err(error) = self.look_if_due(&provider, &account, &mark).await {
                tracing::debug!(provider, %error, "its account could not be held against the ledger now");
            }
        }
    }

    async fn look_if_due(&self, provider: &str, account: &str, mark: &Mark) -> Result<(), FlowError> {
        let now = self.clock.now();
        if now.since(mark.at) < SPAN_SECS {
            return Ok(());
        }
        let (rows, ran) = self.store.rows_since(provider, account, mark.position).await?;
        if !ran || now.since(mark.at) < span_secs(&rows) || !is_quiet(&rows, now) {
            return Ok(());
        }
        if !self.store.may_look(provider, account, now, TRIES_EVERY_SECS).await? {
            return Ok(());
        }
        self.look_at_account(provider, account, mark).await
    }

    /// Notes what the account showed before something is made on it; what ran there since the last time is looked at first.
    pub(super) async fn look_before_create(&self, priced: &Priced, asked: Moment) -> Result<(), FlowError> {
        let (provider, account) = (&*priced.account.provider, &*priced.account.identity);
        let before = self.store.mark(provider, account).await?;
        if let Some(before) = &before {
            let (rows, ran) = self.store.rows_since(provider, account, before.position).await?;
            if ran {
                let due = asked.since(before.at) >= span_secs(&rows) && is_quiet(&rows, asked);
                return if due { self.look_at_account(provider, account, before).await } else { Ok(()) };
            }
        }
        let mark = Mark {
            at: asked,
            position: priced.account.position,
            balance: priced.account.balance,
            taken: None,
            paid_in: None,
            alone: priced.account.foreign == 0,
            ..before.clone().unwrap_or_else(|| Mark::nothing(asked))
        };
        self.store.set_mark(provider, account, before.as_ref(), &mark).await?;
        Ok(())
    }

    async fn look_at_account(&self, provider: &str, account: &str, before: &Mark) -> Result<(), FlowError> {
        let shown = self.ask_account(provider, account, before).await?;
        let (rows, _) = self.store.rows_since(provider, account, before.position).await?;
        let (from, to) = (before.at, shown.mark.at);
        let span = Span { provider, account, from, to };
        let sure = before.alone && shown.mark.alone;
        let mut known = before.clone();
        for mut difference in by_machine(&rows, &shown.by_machine, to) {
            if difference.weight == Weight::Stops && !sure {
                difference.weight = Weight::Warns;
            }
            let corrections = difference.instance.iter().map(|id| (id.clone(), difference.by)).collect();
            let mark = Mark { corrected: known.corrected.plus(difference.by), ..known.clone() };
            if !self.write_difference(&span, &known, mark.clone(), corrections, &difference).await? {
                return Ok(());
            }
            known = mark;
        }
        // What was told of single machines is known by now.
        let more = known.corrected.minus(before.corrected);
        let mut costs = costs(&rows, from, to);
        if let Some(first) = costs.first_mut() {
            (first.least, first.most) = (first.least.plus(more), first.most.plus(more));
        }
        let paid_in = shown.mark.paid_in.zip(known.paid_in).map(|(now, then)| now.minus(then)).or(shown.paid_lately);
        let mark = Mark { corrected: known.corrected, ..shown.mark };
        match compare(&known, &mark, paid_in, &costs) {
            Compared::Differs(difference) => {
                let corrections = parts(difference.by, &costs, |id| corrected(&rows, id));
                let by = corrections.iter().map(|(_, by)| *by).sum();
                let mark = Mark { corrected: mark.corrected.plus(by), ..mark };
                self.write_difference(&span, &known, mark, corrections, &difference).await?;
            }
            Compared::Fits | Compared::Unclear => {
                self.store.set_mark(provider, account, Some(&known), &mark).await?;
            }
        }
        Ok(())
    }

    /// Writes what came of a look, and tells it; returns whether nobody else looked meanwhile.
    async fn write_difference(
        &self,
        span: &Span<'_>,
        before: &Mark,
        mark: Mark,
        corrections: Vec<(InstanceId, Usd)>,
        difference: &Difference,
    ) -> Result<bool, FlowError> {
        let Span { provider, account, from, to } = *span;
        let why = difference.in_words(provider, account, from, to);
        let complaint = complaint(difference, provider, account, &why, to);
        let look = Look { mark, corrections, why, complaint };
        let written = self.store.write_look(provider, account, before, &look, self.clock.now()).await?;
        if written {
            self.tell_difference(provider, difference, &look);
        }
        Ok(written)
    }

    fn tell_difference(&self, provider: &str, difference: &Difference, look: &Look) {
        let text = look.complaint.as_ref().map_or(&look.why, |complaint| &complaint.text);
        match difference.weight {
            Weight::Light => tracing::info!(provider, "{text}"),
            Weight::Warns => {
                tracing::warn!(provider, "{text}");
                self.notify_about("charged_more", provider, text);
            }
            Weight::Stops => {
                tracing::error!(provider, "{text}");
                self.notify_about("overcharged", provider, text);
            }
        }
    }

    /// Asks what an account shows now, and what its charges say.
    async fn ask_account(&self, provider: &str, account: &str, before: &Mark) -> Result<Shown, FlowError> {
        let driver = self.driver(provider).await?;
        let (at, position) = (self.clock.now(), self.store.position().await?);
        let shown = driver.account(&self.at()).await?;
        let observed = self.observe(provider).await?;
        if shown.identity != account || observed.listing.identity != account {
            let what = format!("the key of {provider} is of account {} by now, not of {account}", shown.identity);
            return Err(FlowError::refused(what, "set the key of that account: bursar doctor"));
        }
        let sums = self.sums(&driver, before.since, before.at).await;
        let mark = Mark {
            at,
            position,
            balance: shown.balance,
            taken: sums.as_ref().map(|sums| sums.taken),
            paid_in: sums.as_ref().map(|sums| sums.paid_in),
            since: before.since,
            alone: observed.foreign == 0 && observed.listing.complete.is_ok(),
            corrected: before.corrected,
        };
        let paid_lately = sums.as_ref().map(|sums| sums.paid_lately);
        Ok(Shown { mark, paid_lately, by_machine: sums.map(|sums| sums.by_machine).unwrap_or_default() })
    }

    /// Sums an account's charges; nothing where it tells none.
    async fn sums(&self, driver: &Driver, since: Moment, lately: Moment) -> Option<Sums> {
        if !driver.capabilities().charges {
            return None;
        }
        let charges = driver.charges(&self.at(), since).await;
        let charges = charges.inspect_err(|error| tracing::debug!(%error, "its charges could not be read")).ok()?;
        let mut sums = Sums::default();
        for charge in charges.iter().filter(|charge| charge.ends >= since) {
            if charge.amount >= Usd::ZERO {
                sums.taken = sums.taken.plus(charge.amount);
                if let Some(machine) = &charge.instance {
                    let sum = sums.by_machine.entry(machine.clone()).or_default();
                    *sum = sum.plus(charge.amount);
                }
                continue;
            }
            sums.paid_in = sums.paid_in.minus(charge.amount);
            if charge.begins >= lately {
                sums.paid_lately = sums.paid_lately.minus(charge.amount);
            }
        }
        Some(sums)
    }

    /// Refuses to rent on an account that took much more than it quoted, until the owner has looked.
    pub(super) async fn refuse_while_it_overcharges(&self, provider: &str, account: &str) -> Result<(), FlowError> {
        let complaints = self.store.complaints().await?;
        let stops = |c: &&Complaint| c.stops && c.provider == provider && c.account == account;
        match complaints.iter().find(stops) {
            None => Ok(()),
            Some(complaint) => Err(FlowError::refused(complaint.text.clone(), "nothing was reserved")),
        }
    }

    /// Returns what the owner was told of accounts and has not looked at; whether it stops them.
    pub async fn complaints(&self) -> Result<Vec<(String, bool)>, FlowError> {
        Ok(self.store.complaints().await?.into_iter().map(|one| (one.text, one.stops)).collect())
    }

    /// Takes the owner's word that he looked at a provider's account: things may be made there again.
    pub async fn owner_looked(&self, provider: &str) -> Result<Vec<String>, FlowError> {
        let complaints = self.store.complaints().await?;
        let mut accounts: Vec<String> =
            complaints.into_iter().filter(|one| one.provider == provider).map(|one| one.account).collect();
        accounts.sort();
        accounts.dedup();
        if accounts.is_empty() {
            let what = format!("nothing was said of an account at {provider} that you have not looked at");
            return Err(FlowError::refused(what, "nothing was changed; see bursar doctor"));
        }
        self.say_owner("settle", format!("looked at the account of {provider}")).await;
        for account in &accounts {
            self.store.owner_looked(provider, account, "the owner looked", self.clock.now()).await?;
        }
        Ok(accounts)
    }
}

/// Which account, between which moments.
struct Span<'a> {
    provider: &'a str,
    account: &'a str,
    from: Moment,
    to: Moment,
}

/// What an account shows now.
struct Shown {
    mark: Mark,
    /// Paid in since the last time, by its dates.
    paid_lately: Option<Usd>,
    /// Taken for single machines, by the provider's ids; nothing where it does not say for which.
    by_machine: BTreeMap<String, Usd>,
}

/// What an account's charges come to.
#[derive(Default)]
struct Sums {
    taken: Usd,
    paid_in: Usd,
    paid_lately: Usd,
    by_machine: BTreeMap<String, Usd>,
}

fn corrected(rows: &Rows, id: &InstanceId) -> Usd {
    let found = rows.iter().find(|(instance, _)| instance.id == *id);
    found.map_or(Usd::ZERO, |(instance, _)| instance.sightings.corrected)
}

fn complaint(difference: &Difference, provider: &str, account: &str, why: &str, at: Moment) -> Option<Complaint> {
    let (stops, text) = match difference.weight {
        Weight::Light => return None,
        Weight::Warns => (
            false,
            format!(
                "{why}; money was paid in meanwhile, traffic is metered, or others are on the account, so this may be nothing: look at its page, then `bursar settle --account {provider}`"
            ),
        ),
        Weight::Stops => (
            true,
            format!(
                "{why}; nothing more is made on it until its owner has looked at its page and said so in a terminal: `bursar settle \
                 --account {provider}`"
            ),
        ),
    };
    Some(Complaint { at, provider: provider.to_owned(), account: account.to_owned(), stops, text })
}
