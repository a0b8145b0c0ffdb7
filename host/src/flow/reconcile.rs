//! What accounts really took: asked about once an hour while something of ours costs there, and before more is made; held
//! against the ledger, corrected and told. What the difference means is core's to say.

use super::{FlowError, Rooms, price_order::Priced};
use bursar_core::{
    instance::{Instance, InstanceId},
    ledger::Totals,
    money::Usd,
    reconcile::{Compared, Difference, Mark, Weight, compare, costs, is_quiet, parts, span_secs},
    time::Moment,
};
use bursar_drivers::Driver;
use bursar_store::{Complaint, Look};

/// So often an account that does not answer, or changes just now, is tried again.
const TRIES_EVERY_SECS: u64 = 60;
/// Money may be dated long before it is there: so much of the past is summed.
const SINCE_SECS: u64 = 30 * 86_400;

type Rows = Vec<(Instance, Totals)>;

impl Rooms {
    /// Looks at every account where that is due. One that cannot be looked at is tried again later.
    pub(super) async fn look_at_accounts(self) {
        let looked = async {
            for (provider, account, mark) in self.store.marks().await? {
                self.look_if_due(&provider, &account, &mark).await?;
            }
            // What was open before marks were kept, or was entered by `recover`.
            for open in self.store.open_accounts().await? {
                if self.store.mark(&open.provider, &open.account).await?.is_none() {
                    let (provider, account) = (&open.provider, &open.account);
                    let (mark, _) = self.ask_account(provider, account, None).await?;
                    self.store.set_mark(provider, account, None, &mark).await?;
                }
            }
            Ok::<(), FlowError>(())
        };
        if let Err(error) = looked.await {
            tracing::debug!(%error, "an account could not be held against the ledger now");
        }
    }

    async fn look_if_due(&self, provider: &str, account: &str, mark: &Mark) -> Result<(), FlowError> {
        let now = self.clock.now();
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
            since: since(before.as_ref(), asked),
            alone: priced.account.foreign == 0,
            corrected: before.as_ref().map_or(Usd::ZERO, |before| before.corrected),
        };
        self.store.set_mark(provider, account, before.as_ref(), &mark).await?;
        Ok(())
    }

    async fn look_at_account(&self, provider: &str, account: &str, before: &Mark) -> Result<(), FlowError> {
        let (mut mark, paid_since) = self.ask_account(provider, account, Some(before)).await?;
        let (rows, _) = self.store.rows_since(provider, account, before.position).await?;
        let costs = costs(&rows, before.at, mark.at);
        let (from, to) = (before.at, mark.at);
        let paid_in = mark.paid_in.zip(before.paid_in).map(|(now, then)| now.minus(then)).or(paid_since);
        let mut look = Look { mark: mark.clone(), corrections: vec![], why: String::new(), complaint: None };
        let mut told = None;
        if let Compared::Differs(difference) = compare(before, &mark, paid_in, &costs) {
            let corrected = |id: &InstanceId| corrected(&rows, id);
            look.corrections = parts(difference.by, &costs, corrected);
            look.why = difference.in_words(provider, account, from, to);
            look.complaint = complaint(&difference, provider, account, &look.why, to);
            mark.corrected = mark.corrected.plus(look.corrections.iter().map(|(_, by)| *by).sum());
            look.mark = mark;
            told = Some(difference);
        }
        let written = self.store.write_look(provider, account, before, &look, self.clock.now()).await?;
        match told.filter(|_| written) {
            Some(difference) => self.tell_difference(provider, &difference, &look),
            None => {
                tracing::debug!(provider, account, written, "its account took what ours cost, or nothing can be said")
            }
        }
        Ok(())
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

    /// Asks what an account shows now, and what its charges say was paid in since the last time.
    async fn ask_account(
        &self,
        provider: &str,
        account: &str,
        before: Option<&Mark>,
    ) -> Result<(Mark, Option<Usd>), FlowError> {
        let driver = self.driver(provider).await?;
        let (at, position) = (self.clock.now(), self.store.position().await?);
        let shown = driver.account(&self.at()).await?;
        let observed = self.observe(provider).await?;
        if shown.identity != account || observed.listing.identity != account {
            let what = format!("the key of {provider} is of account {} by now, not of {account}", shown.identity);
            return Err(FlowError::refused(what, "set the key of that account: bursar doctor"));
        }
        let since = since(before, at);
        let sums = self.sums(&driver, since, before.map_or(at, |before| before.at)).await;
        let mark = Mark {
            at,
            position,
            balance: shown.balance,
            taken: sums.map(|sums| sums.taken),
            paid_in: sums.map(|sums| sums.paid_in),
            since,
            alone: observed.foreign == 0 && observed.listing.complete.is_ok(),
            corrected: before.map_or(Usd::ZERO, |before| before.corrected),
        };
        Ok((mark, sums.map(|sums| sums.paid_lately)))
    }

    /// Sums an account's charges; nothing where it tells none.
    async fn sums(&self, driver: &Driver, since: Moment, lately: Moment) -> Option<Sums> {
        if !driver.capabilities().charges {
            return None;
        }
        let charges = driver.charges(&self.at(), since).await;
        let charges = charges.inspect_err(|error| tracing::debug!(%error, "its charges could not be read")).ok()?;
        let mut sums = Sums { taken: Usd::ZERO, paid_in: Usd::ZERO, paid_lately: Usd::ZERO };
        for charge in charges.iter().filter(|charge| charge.ends >= since) {
            if charge.amount >= Usd::ZERO {
                sums.taken = sums.taken.plus(charge.amount);
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

/// What an account's charges come to.
#[derive(Clone, Copy)]
struct Sums {
    taken: Usd,
    paid_in: Usd,
    paid_lately: Usd,
}

fn since(before: Option<&Mark>, at: Moment) -> Moment {
    before.map_or(Moment(at.0.saturating_sub(SINCE_SECS)), |before| before.since)
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
                "{why}; money was paid in meanwhile, so this may be nothing: look at its page, then `bursar settle --account {provider}`"
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
