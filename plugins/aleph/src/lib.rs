//! Aleph Cloud: virtual machines of many nodes, ordered by signed messages and paid in credits by the second.
//!
//! What is sold stands in `market.rs`, where a machine is in `place.rs`. Nothing here signs: the host does, as it sends.

mod market;
mod place;
#[cfg(test)]
mod tests;

use bursar_driver::prelude::*;
use market::{Device, Market};
use place::{Message, Place};

/// The driver; public for whoever runs it natively.
pub struct Aleph;
driver!(Aleph, "../driver.toml", restart);

/// Messages of a page, as `driver.toml` asks for them.
const PAGE: u64 = 200;

impl Driver for Aleph {
    fn account(call: &Call) -> Result<AccountInfo> {
        let held: Row = route("balance").read()?;
        // Credits are millionths of a dollar; burn is told by the second.
        let balance = held.get::<MicroUsd>("credit_balance")?.balance();
        let costs: Row = route("costs").read::<Row>()?.get("summary")?;
        let burn = costs.get::<MicroUsd>("total_cost_credit")?.times(3_600).cost();
        let id = call.setting("payer").map(str::to_owned);
        Ok(AccountInfo { id, balance: Some(balance), burn_per_hour: Some(burn), ..AccountInfo::default() })
    }

    fn offers(_: &Call, wish: &Wish, _: Option<String>) -> Result<OffersPage> {
        Ok(OffersPage::all(wish.pick(Market::read()?.offers()?)))
    }

    fn quote(_: &Call, order: &Order) -> Result<Terms> {
        order.single()?;
        let device = Device::of(order)?;
        let told: Row = Device::named(device.as_ref(), route("estimate")).read()?;
        let per_hour = market::per_hour(&told.get::<String>("cost")?)?;
        let note = "24 h of the account's whole burn must stay on its balance, or the network ends what runs";
        Ok(Terms::of(Price::hourly(per_hour, market::BILLING)).note(note))
    }

    /// Nothing that is answered here says whether it was made: its hash is known, and its message tells.
    fn create(_: &Call, order: &Order, _: &Key) -> Result<Outcome> {
        let device = Device::of(order)?;
        let sent = Device::named(device.as_ref(), route("create")).send()?;
        match sent.made {
            Some(hash) => Ok(Outcome::Pending(hash)),
            None => Err(sent.error()),
        }
    }

    /// Waits for the message, then for a node; where a node was ordered, it is told, which costs nothing and may be repeated.
    fn advance(call: &Call, _: &Order, pending: &str) -> Result<Outcome> {
        if pending.is_empty() {
            return find_by_tag(call);
        }
        let message = Message::read()?;
        if message.status == "pending" {
            return Ok(Outcome::Pending(pending.to_owned()));
        }
        if let Some(why) = message.failed() {
            let tag = call.tag.clone().unwrap_or_default();
            return Ok(Outcome::Made(Instance::one(pending, tag, State::Failed(why), None)));
        }
        let place = Place::of(&message)?;
        if let Some(ssh) = place.as_ref().map(|place| place.ssh(pending)).transpose()?.flatten() {
            return Ok(Outcome::Made(shown(&message, pending, Some(ssh))?));
        }
        if let Some(place) = place.filter(|place| place.is_pinned) {
            // "Refused" and "unknown" mean that the scheduler has it.
            let told = route("notify").at(&place.host).send();
            log::debug(&format!("notify: {:?}", told.map(|answer| answer.status)));
        }
        Ok(Outcome::Pending(pending.to_owned()))
    }

    fn get(_: &Call, handle: &Handle) -> Result<Instance> {
        let message = Message::read()?;
        let ssh = match message.failed() {
            None => Place::of(&message)?.map(|place| place.ssh(&handle.id)).transpose()?.flatten(),
            Some(_) => None,
        };
        shown(&message, &handle.id, ssh)
    }

    fn list(_: &Call, next: Option<String>) -> Result<InstancesPage> {
        let page: u64 = cursor(next.as_deref(), 1)?;
        let found: Row = route("messages").with("page", page).read()?;
        let more = page.saturating_mul(PAGE) < found.get("pagination_total")?;
        let rows = found.list::<Row>("messages")?.into_iter().map(|row| {
            let name = place::name(row.maybe("content")?);
            Ok(Instance::one(row.get::<String>("item_hash")?, name, State::Other("ordered".into()), None))
        });
        Ok(InstancesPage::new(rows.collect::<Result<Vec<_>>>()?, more.then_some(page + 1)))
    }

    /// Wiped on its node first, where one answers, then forgotten: only that ends what it costs.
    fn destroy(_: &Call, handle: &Handle) -> Result<Ending> {
        let signer = signer("agent")?;
        if !handle.memo.is_empty() && handle.memo != signer {
            let why = format!("it was ordered by {}, and the key is that of {signer}", handle.memo);
            return Err(Error::Unauthorized(why));
        }
        let place = Message::read().and_then(|message| Place::of(&message));
        if let Ok(Some(place)) = place {
            let wiped = route("erase").at(&place.host).send();
            log::debug(&format!("erase: {:?}", wiped.map(|answer| answer.status)));
        }
        route("destroy").ok()?;
        Ok(handle.going())
    }
}

/// An order whose answer was lost, and whose hash nobody has any more.
fn find_by_tag(call: &Call) -> Result<Outcome> {
    for instance in pages(|next| Aleph::list(call, next)) {
        let instance = instance?;
        if instance.tag.is_some() && instance.tag == call.tag {
            return Ok(Outcome::Made(instance));
        }
    }
    Err(Error::Gone)
}

fn shown(message: &Message, hash: &str, ssh: Option<Ssh>) -> Result<Instance> {
    if message.status == "forgotten" {
        return Err(Error::Gone);
    }
    let state = match (message.failed(), &ssh) {
        (Some(why), _) => State::Failed(why),
        (None, Some(_)) => State::Running,
        (None, None) if message.status == "pending" => State::Requested,
        (None, None) => State::Starting,
    };
    let leaving = message.status == "removing";
    let note = leaving.then(|| "the network removes it soon: its payer has less than a day of credits".to_owned());
    Ok(Instance { note, ..Instance::one(hash, message.name.as_str(), state, ssh).memo(signer("agent")?) })
}

impl Restart for Aleph {
    fn restart(_: &Call, _: &Handle) -> Result<()> {
        let place = Place::of(&Message::read()?)?;
        let place = place.ok_or_else(|| Error::Failed("no node has it now; ask again".into()))?;
        route("reboot").at(&place.host).ok().map(drop)
    }
}
