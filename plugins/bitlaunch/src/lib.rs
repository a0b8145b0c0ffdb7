//! BitLaunch: virtual machines of four hosts behind one API, billed by the clock hour from a prepaid balance.
//!
//! What is sold stands in `catalogue.rs`. Nothing here tops up an account.

mod catalogue;
#[cfg(test)]
mod tests;

use bursar_driver::prelude::*;
use catalogue::Catalogue;

/// The driver; public for whoever runs it natively.
pub struct BitLaunch;
driver!(BitLaunch, "../driver.toml", keys, images, restart, charges, sites);

impl Driver for BitLaunch {
    fn account(_: &Call) -> Result<AccountInfo> {
        let user: Row = route("user").read()?;
        let limit = user.maybe::<u32>("limit")?;
        let blocked = match (user.maybe("emailConfirmed")?, user.maybe::<u32>("used")?, limit) {
            (Some(false), ..) => Some("the account's e-mail address is not confirmed".to_owned()),
            (_, Some(used), Some(limit)) if used >= limit => Some(format!("{used} of {limit} servers are in use")),
            _ => None,
        };
        Ok(AccountInfo {
            blocked,
            id: Some(user.get("id")?),
            balance: Some(user.get::<MilliUsd>("balance")?.balance()),
            burn_per_hour: Some(user.get::<MilliUsd>("costPerHr")?.cost()),
            instances_max: limit,
        })
    }

    /// One page a host.
    fn offers(call: &Call, wish: &Wish, next: Option<String>) -> Result<OffersPage> {
        let sold = |host| Ok(wish.pick(Catalogue::read(route("options").with("host", host))?.offers));
        OffersPage::in_turn(hosts(call)?, next, sold)
    }

    fn quote(_: &Call, order: &Order) -> Result<Terms> {
        Catalogue::read(route("plan"))?.terms(order)
    }

    fn create(_: &Call, _: &Order, _: &Key) -> Result<Outcome> {
        Ok(Outcome::accepted(route("create").ok()?.inside("server").and_then(instance)))
    }

    fn get(_: &Call, _: &Handle) -> Result<Instance> {
        instance(route("server").ok()?.inside("server")?)
    }

    fn list(_: &Call, _: Option<String>) -> Result<InstancesPage> {
        let servers: Option<Vec<Row>> = route("servers").read()?;
        Ok(InstancesPage::all(servers.into_iter().flatten().map(instance).collect::<Result<Vec<_>>>()?))
    }
}

/// Only the id is sure to be there: a create may answer with nothing else.
fn instance(server: Row) -> Result<Instance> {
    let ssh = server.filled("ipv4").map(|address| Ssh::direct(&address, 22, "root"));
    let reason = server.filled("errorText").unwrap_or("BitLaunch gives no reason".into());
    let (state, note) = match server.filled("status").as_deref() {
        Some("ok") if ssh.is_some() => (State::Running, None),
        Some("ok" | "launching" | "restarting" | "rebuilding") => (State::Starting, None),
        Some("stopped") => (State::Paused, Some("by hand, unpaid, or after an abuse report; it still costs".into())),
        Some("error") => (State::Failed(reason), None),
        Some(other) => (State::Other(other.into()), None),
        None => (State::Requested, None),
    };
    let per_hour = server.lenient("rate").map(MilliUsd::cost);
    let made_at = server.lenient("created").map(|Moment(secs)| secs);
    let id: String = server.get("id")?;
    Ok(Instance { per_hour, made_at, note, ..Instance::one(id, server.text("name"), state, ssh) })
}

impl Restart for BitLaunch {}

impl Keys for BitLaunch {
    fn ensure(_: &Call, line: &str) -> Result<String> {
        let kept = || {
            let keys: Vec<Row> = route("keys").read::<Row>()?.list("keys")?;
            keys.iter().map(|key| Ok((key.get("id")?, key.text("content")))).collect()
        };
        ensure_key(line, kept, || route("add_key").ok())
    }
}

impl Images for BitLaunch {
    fn images(_: &Call, offer: &str) -> Result<Vec<Image>> {
        Catalogue::read(route("plan"))?.images_of(offer)
    }
}

impl Sites for BitLaunch {
    fn sites(call: &Call) -> Result<Vec<Site>> {
        let mut sites = Vec::new();
        for host in hosts(call)? {
            let catalogue = Catalogue::read(route("options").with("host", host))?;
            sites.extend(catalogue.offers.into_iter().filter_map(|offer| offer.site));
        }
        Ok(sites)
    }
}

/// The hosts to search, by number.
fn hosts(call: &Call) -> Result<Vec<u32>> {
    call.setting_list("hosts", "1,4")
}

/// BitLaunch had no customers before 2016: no month before it is asked for.
const OPENED: u64 = 1_451_606_400;
/// The size of a page of transactions, as `driver.toml` asks for it.
const PAGE: u32 = 25;

impl Charges for BitLaunch {
    /// Months of usage, then pages of transactions; a cursor that is a number is one of these.
    fn charges(call: &Call, since: u64, next: Option<String>) -> Result<ChargesPage> {
        match next.as_deref().map(str::parse) {
            Some(Ok(number)) => top_ups(number),
            _ => usage(call, cursor(next.as_deref(), Month::of(since.max(OPENED)))?),
        }
    }
}

fn usage(call: &Call, month: Month) -> Result<ChargesPage> {
    let usage: Row = route("usage").with("period", month).read()?;
    let mut charges = Vec::new();
    for list in ["serverUsage", "backupUsage", "bandwidthUsage", "protectionUsage"] {
        for item in usage.list::<Row>(list)? {
            let (Moment(begins), Moment(ends)) = (item.get("start")?, item.get("end")?);
            let amount = item.get::<MilliUsd>("cost")?.charge();
            let what = format!("{} {}", item.text("type"), item.text("description"));
            charges.push(Charge { begins, ends, amount, what, ..Charge::default() });
        }
    }
    let next = if month < Month::of(call.now) { month.next().to_string() } else { "1".into() };
    Ok(ChargesPage::new(charges, Some(next)).numbered(month))
}

/// Money paid in, once it is complete. It reads transactions; it cannot make one.
fn top_ups(number: u32) -> Result<ChargesPage> {
    let page: Row = route("transactions").with("page", number).read()?;
    let history: Vec<Row> = page.list("history")?;
    let more = !history.is_empty() && number.saturating_mul(PAGE) < page.get("total")?;
    let mut charges = Vec::new();
    for paid in history.iter().filter(|paid| paid.text("status").eq_ignore_ascii_case("complete")) {
        let Moment(date) = paid.get("date")?;
        let amount = (-paid.get::<Usd>("amountUsd")?).charge();
        let id = format!("transaction/{}", paid.get::<String>("id")?);
        let what = format!("top-up {}", paid.text("cryptoSymbol"));
        charges.push(Charge { id, begins: date, ends: date, amount, what, instance: None });
    }
    Ok(ChargesPage::new(charges, more.then_some(number + 1)))
}
