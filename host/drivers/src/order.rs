//! Calls that order: our key, the one request that costs, and what takes it further. What they return about money is
//! what the door saw; what the driver says about it is only its outcome.

use crate::{
    bindings::{provider, types},
    call::{At, Call, ask},
    convert::{self, MEMO_MAX},
    driver::Driver,
    error::{CallError, CallErrorKind},
    market::ordered,
    record::{Left, Record, tag_of},
    template::CallKind,
};
use bursar_core::{
    instance::{Handle, View},
    money::Usd,
    offer::Order,
};

/// The id under which a provider keeps our key.
pub type KeyId = String;

/// What buying a further block came to.
#[derive(Debug, Clone)]
pub struct Extended {
    pub left: Left,
    /// The instance as its driver shows it after.
    pub outcome: Result<View, CallError>,
}

impl Extended {
    /// Returns whether the provider took the request at the door.
    pub fn is_bought(&self) -> bool {
        matches!(self.left, Left::Answered { status: 200..=299 })
    }

    /// Returns whether the host knows that nothing was bought.
    pub fn nothing_was_bought(&self) -> bool {
        matches!(self.left, Left::Nothing | Left::Refused { .. })
    }
}

/// What a create or an advance came to.
#[derive(Debug, Clone)]
pub struct Created {
    pub left: Left,
    /// The ids that the host itself read. More than one is doubt: all are kept.
    pub made: Vec<String>,
    pub outcome: Result<Outcome, CallError>,
    /// The rate the host read for what was made.
    pub rate: Option<Usd>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Made(View),
    /// Accepted and not finished; the text is for `advance`.
    Pending(String),
}

impl Created {
    /// Returns whether the host knows that nothing was made: no request that costs left, or its answer means no.
    pub fn nothing_was_made(&self) -> bool {
        self.made.is_empty() && matches!(self.left, Left::Nothing | Left::Refused { .. })
    }

    fn never(error: CallError) -> Created {
        Created { left: Left::Nothing, made: Vec::new(), outcome: Err(error), rate: None }
    }
}

impl Driver {
    /// Makes sure that the provider has our key, and returns the id of a row in which the host saw it. `None`: this
    /// driver wants no key before the order.
    pub async fn ensure_key(&self, at: &At, line: &str) -> Result<Option<KeyId>, CallError> {
        if self.needs(CallKind::Keys, self.capabilities().keys).is_err() {
            return Ok(None);
        }
        let key_name = self.ground.config.key_name.as_str();
        let call = self.begin(CallKind::Keys, at, |words| words.key(line, key_name)).await?;
        let told: String = ask!(call, keys.call_ensure(line)).await?;
        let seen = call.record().ids_of_key(line);
        let id = seen.iter().find(|id| **id == told).or(seen.first()).cloned();
        id.map(Some).ok_or_else(|| call.failed("no answer showed our key, so nothing is ordered with it; ask again"))
    }

    /// Sends at most one request that costs, for whoever's key there is. The hold must be on disk.
    pub async fn create(&self, at: &At, order: &Order, key_line: &str, key_id: Option<&str>) -> Created {
        self.create_on(at, order, key_line, key_id, None).await
    }

    /// The same on the account that it was decided for, and on no other: a key may be replaced in between.
    pub async fn create_on(
        &self,
        at: &At,
        order: &Order,
        key_line: &str,
        key_id: Option<&str>,
        account: Option<&str>,
    ) -> Created {
        let Some(tag) = &at.tag else {
            return Created::never(
                self.error(CallKind::Create, CallErrorKind::NotSent("an order without a tag".into())),
            );
        };
        let key_name = self.ground.config.key_name.as_str();
        let begun = match self.cut(CallKind::Create, order) {
            Ok(cut) => {
                let words = |words| {
                    let words = ordered(words, order, cut).key(key_line, key_name);
                    if let Some(id) = key_id { words.key_id(id) } else { words }
                };
                self.begin(CallKind::Create, at, words).await
            }
            Err(error) => Err(error),
        };
        let call = match begun {
            Ok(call) => call,
            Err(error) => return Created::never(error),
        };
        if let Some(account) = account.filter(|account| !self.is_of(&call, account)) {
            let why = format!("the key is not known to be of account {account}, for which it was decided; ask again");
            return Created::never(call.fail(CallErrorKind::NotSent(why)));
        }
        let wanted = convert::to_order(order);
        let key = types::Key { line: key_line.to_owned(), id: key_id.map(str::to_owned) };
        let told = ask!(call, provider.call_create(&wanted, &key)).await;
        let left = call.record().left();
        self.created(&call, &tag.0, left, told)
    }

    /// Buys a further block for a prepaid instance: at most one request that costs. The hold must be on disk.
    pub async fn extend(&self, at: &At, handle: &Handle, length_secs: u64) -> Extended {
        let never = |error| Extended { left: Left::Nothing, outcome: Err(error) };
        if let Err(error) = self.needs(CallKind::Extend, self.capabilities().extend) {
            return never(error);
        }
        let words = |words: crate::template::Words| words.instance(handle.id.as_str()).length_secs(length_secs);
        let call = match self.begin(CallKind::Extend, at, words).await {
            Ok(call) => call,
            Err(error) => return never(error),
        };
        let named = convert::to_handle(handle);
        let told = ask!(call, extend.call_extend(&named, length_secs)).await;
        let left = call.record().left();
        Extended { left, outcome: told.and_then(|told| self.view(&call, told)) }
    }

    /// Takes a create further, or finds one whose answer was lost. It never spends, and never proves that nothing was
    /// made.
    pub async fn advance(&self, at: &At, order: &Order, pending: &str) -> Created {
        self.advance_known(at, order, pending, None).await
    }

    /// The same for an order whose id the host knows already, from signing it: changes about it are open.
    pub async fn advance_made(&self, at: &At, order: &Order, pending: &str, id: &str) -> Created {
        self.advance_known(at, order, pending, Some(id)).await
    }

    async fn advance_known(&self, at: &At, order: &Order, pending: &str, id: Option<&str>) -> Created {
        let left = Left::Maybe("it was ordered in an earlier call".into());
        let never = |outcome| Created { left: left.clone(), made: Vec::new(), outcome: Err(outcome), rate: None };
        let Some(tag) = &at.tag else {
            return never(self.error(CallKind::Advance, CallErrorKind::NotSent("an order without a tag".into())));
        };
        let cut = match self.cut(CallKind::Advance, order) {
            Ok(cut) => cut,
            Err(error) => return never(error),
        };
        let words = |words| match id {
            Some(id) => ordered(words, order, cut).instance(id),
            None => ordered(words, order, cut),
        };
        let call = match self.begin(CallKind::Advance, at, words).await {
            Ok(call) => call,
            Err(error) => return never(error),
        };
        call.record().made.extend(id.map(str::to_owned));
        let wanted = convert::to_order(order);
        let told = ask!(call, provider.call_advance(&wanted, pending)).await;
        self.created(&call, &tag.0, left.clone(), told)
    }

    fn created(&self, call: &Call<'_>, tag: &str, left: Left, told: Result<provider::Outcome, CallError>) -> Created {
        let (made, rate) = {
            let mut record = call.record();
            record.find_tagged(tag);
            (record.made.clone(), record.rate_of_made())
        };
        let outcome = told.and_then(|told| self.outcome(call, &left, &made, told));
        Created { left, made, outcome, rate }
    }

    /// Holds what the driver says against what the door saw.
    fn outcome(
        &self,
        call: &Call<'_>,
        left: &Left,
        made: &[String],
        told: provider::Outcome,
    ) -> Result<Outcome, CallError> {
        match left {
            Left::Nothing => return Err(call.failed("its driver speaks of an order, but no order left the host")),
            Left::Refused { status, text } => {
                return Err(call.fail(CallErrorKind::Refused(format!("it answered {status}: {text}"))));
            }
            Left::Answered { .. } | Left::Maybe(_) => {}
        }
        match told {
            provider::Outcome::Pending(text) if text.len() > MEMO_MAX => {
                Err(call.failed(format!("its driver's note for later has {} bytes; {MEMO_MAX} are kept", text.len())))
            }
            provider::Outcome::Pending(text) => Ok(Outcome::Pending(text)),
            provider::Outcome::Made(instance) => {
                let view = self.view(call, instance)?;
                match made.contains(&view.handle.id) {
                    true => Ok(Outcome::Made(view)),
                    false => Err(call.failed(format!(
                        "its driver names an instance {}, which no answer showed as ours",
                        view.handle.id
                    ))),
                }
            }
        }
    }

    /// Takes a view, and puts what the host read in the place of what it was told.
    pub(crate) fn view(&self, call: &Call<'_>, instance: types::Instance) -> Result<View, CallError> {
        let view = convert::view(instance, |at| self.trusts(call, at)).map_err(|why| call.failed(why))?;
        Ok(seen_in(&call.record(), view))
    }
}

fn seen_in(record: &Record, mut view: View) -> View {
    view.tag = None;
    if let Some(row) = record.row(&view.handle.id) {
        view.tag = tag_of(row).map(str::to_owned);
        view.per_hour = row.rate.or(view.per_hour);
        view.spent = row.paid.or(view.spent);
    }
    view
}
