//! vast.ai: containers with GPUs of many hosts, billed by the second; disk costs as long as it is there, traffic by the GB.
//!
//! What is sold stands in `market.rs`. Its answers are read with care: a wrong key answers 404, a failure 200.

mod market;
#[cfg(test)]
mod tests;

use bursar_driver::prelude::*;

/// The driver; public for whoever runs it natively.
pub struct Vast;
driver!(Vast, "../driver.toml", keys, lookup, restart, pause, charges);

impl Driver for Vast {
    fn account(_: &Call) -> Result<AccountInfo> {
        let user: Row = ask(route("user"))?.read()?;
        let id: u64 = user.get("id")?;
        // What can be spent is the credit; older answers know a balance alone.
        let credit = user.maybe::<Usd>("credit")?.or(user.maybe("balance")?);
        Ok(AccountInfo { id: Some(id.to_string()), balance: credit.map(Usd::balance), ..AccountInfo::default() })
    }

    /// One page: the cheapest that fit the wish and the owner's filters.
    fn offers(call: &Call, wish: &Wish, _: Option<String>) -> Result<OffersPage> {
        let Some(query) = market::query(call, wish)? else { return Ok(OffersPage::all(Vec::new())) };
        let disk = market::disk_gb(call, wish)?;
        let found: Row = ask(route("search").json(&query))?.read()?;
        let offers = found.readable("offers", |row| market::offer(call, &row, disk))?;
        Ok(OffersPage::all(wish.pick(offers)))
    }

    fn quote(call: &Call, order: &Order) -> Result<Terms> {
        order.single()?;
        let offer = Vast::find(call, &order.offer)?;
        if let Some(ends) = offer.ends.filter(|ends| *ends < call.now.saturating_add(order.length_secs)) {
            let hours = ends.saturating_sub(call.now) / 3_600;
            return Err(Error::Refused(format!(
                "its host offers it for {hours} h more; ask for less, or take another"
            )));
        }
        let note = "the disk costs while it is paused, too; only its end ends all costs";
        Ok(Terms::of(offer.price).note(note))
    }

    fn create(_: &Call, _: &Order, _: &Key) -> Result<Outcome> {
        let made = ask(route("create"))?.read::<Row>().and_then(|made| made.get::<u64>("new_contract"));
        Ok(Outcome::accepted(made.map(|id| Instance::one(id.to_string(), "", State::Requested, None))))
    }

    fn get(_: &Call, _: &Handle) -> Result<Instance> {
        // The name is plural, the value is one, and null is none.
        let shown: Option<Row> = ask(route("instance"))?.read::<Row>()?.maybe("instances")?;
        instance(shown.ok_or(Error::Gone)?)
    }

    fn list(_: &Call, next: Option<String>) -> Result<InstancesPage> {
        let page: Row = ask(route("instances").maybe("after", next))?.read()?;
        let rows = page.list::<Row>("instances")?.into_iter().map(instance).collect::<Result<Vec<_>>>()?;
        Ok(InstancesPage::new(rows, page.maybe::<String>("next_token")?))
    }

    fn destroy(_: &Call, handle: &Handle) -> Result<Ending> {
        ask(route("destroy")).map(|_| handle.going()).or_gone()
    }
}

/// Sends, and takes an answer for what it means here.
fn ask(route: Route) -> Result<Answer> {
    let answer = route.send()?;
    let said: Row = answer.read().unwrap_or_default();
    let failed = said.lenient("success") == Some(false);
    if (200..300).contains(&answer.status) && !failed {
        return Ok(answer);
    }
    let (code, told) = (said.text("error"), answer.told());
    let text = told.to_lowercase();
    let no_key = code == "auth_error" || text.contains("user key") || text.contains("log in");
    Err(match (answer.status, code.as_str()) {
        (401 | 403, _) => Error::Unauthorized(told),
        (_, _) if no_key => Error::Unauthorized(told),
        (429, _) => answer.error(),
        (_, "not_found" | "no_such_instance") => Error::Gone,
        (410, _) | (_, "no_such_ask") => Error::OutOfStock(told),
        (_, _) if text.contains("no_such_ask") => Error::OutOfStock(told),
        (402, _) => Error::InsufficientFunds(told),
        (400..=499, _) if text.contains("credit") => Error::InsufficientFunds(told),
        // Never taken for gone: a wrong key and a wrong path answer the same.
        (404, _) => Error::Failed(told),
        (200..=299, _) => Error::Refused(told),
        _ => answer.error(),
    })
}

fn instance(row: Row) -> Result<Instance> {
    let id: u64 = row.get("id")?;
    let (ssh, told) = (endpoint(&row), row.filled("status_msg"));
    let stopping = row.text("intended_status") == "stopped";
    let bad_image = told.as_ref().filter(|told| told.to_lowercase().starts_with("error"));
    let state = match row.filled("actual_status").as_deref() {
        Some("running") if stopping => State::Pausing,
        Some("running") if ssh.is_some() => State::Running,
        Some("created" | "loading") if bad_image.is_some() => State::Failed(told.clone().unwrap_or_default()),
        Some("created" | "loading" | "running" | "rebooting" | "recycling" | "scheduling") => State::Starting,
        Some("stopped" | "exited" | "frozen") => State::Paused,
        Some(other) => State::Other(other.into()),
        None => State::Requested,
    };
    let note = match state {
        State::Paused => Some("its disk still costs, and its GPU may be taken by somebody else".to_owned()),
        State::Running => None,
        _ => told,
    };
    let ssh = ssh.filter(|_| state == State::Running);
    let (per_hour, made_at) = (row.lenient("dph_total").map(Usd::cost), row.lenient("start_date").map(|Moment(at)| at));
    Ok(Instance { per_hour, made_at, note, ..Instance::one(id.to_string(), row.text("label"), state, ssh) })
}

/// Directly where port 22 is open, else through the provider's proxy, whose port is one higher behind a notebook.
fn endpoint(row: &Row) -> Option<Ssh> {
    let open: Option<Vec<Row>> = row.lenient::<Row>("ports").and_then(|ports| ports.lenient("22/tcp"));
    let port = open.and_then(|open| open.first()?.text("HostPort").parse::<u16>().ok());
    if let (Some(host), Some(port)) = (row.filled("public_ipaddr"), port) {
        return Some(Ssh::direct(&host, port, "root"));
    }
    let behind = u16::from(row.text("image_runtype").contains("jupyter"));
    let port = row.lenient::<u16>("ssh_port")?.checked_add(behind)?;
    Some(Ssh::direct(&row.filled("ssh_host")?, port, "root"))
}

impl Lookup for Vast {
    fn find(call: &Call, offer: &str) -> Result<Offer> {
        let [id, disk] = offer_parts(offer)?;
        let disk = disk.parse().map_err(|_| Error::Refused(format!("`{offer}` names no disk in GB")))?;
        let found: Row = ask(route("ask"))?.read()?;
        let offers = found.readable("offers", |row| market::offer(call, &row, disk))?;
        let ours = offers.into_iter().find(|found| found.id == offer && found.in_stock != Some(false));
        ours.ok_or_else(|| Error::OutOfStock(format!("offer {id} is not to be had any more")))
    }
}

impl Restart for Vast {
    fn restart(_: &Call, _: &Handle) -> Result<()> {
        ask(route("restart")).map(drop)
    }
}

impl Pause for Vast {
    fn pause(_: &Call, _: &Handle) -> Result<()> {
        ask(route("pause")).map(drop)
    }

    fn resume(_: &Call, _: &Handle) -> Result<()> {
        ask(route("resume")).map(drop)
    }
}

impl Keys for Vast {
    fn ensure(_: &Call, line: &str) -> Result<String> {
        let kept = || {
            let keys: Vec<Row> = ask(route("keys"))?.read()?;
            keys.iter().map(|key| Ok((key.get::<u64>("id")?.to_string(), key.text("public_key")))).collect()
        };
        ensure_key(line, kept, || ask(route("add_key")))
    }
}

impl Charges for Vast {
    /// Whole days, a row for each instance.
    fn charges(call: &Call, since: u64, next: Option<String>) -> Result<ChargesPage> {
        let days = format!(r#"{{"day":{{"gte":{since},"lte":{}}}}}"#, call.now);
        let page: Row = ask(route("charges").with("filters", days).maybe("after", next))?.read()?;
        let mut charges = Vec::new();
        for row in page.list::<Row>("results")? {
            let (Moment(begins), Moment(ends)) = (row.get("start")?, row.get("end")?);
            let source = row.text("source");
            charges.push(Charge {
                id: format!("{source}/{begins}"),
                begins,
                ends,
                amount: row.get::<Usd>("amount")?.charge(),
                instance: source.strip_prefix("instance-").map(str::to_owned),
                what: row.text("description"),
            });
        }
        Ok(ChargesPage::new(charges, page.maybe::<String>("next_token")?))
    }
}
