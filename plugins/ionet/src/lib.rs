//! io.net: virtual machines as prepaid blocks of hours. A block is paid at once and ends by itself; there is no start, stop
//! or reboot, and no balance that a key can read.

#[cfg(test)]
mod tests;

use bursar_driver::prelude::*;

/// The driver; public for whoever runs it natively.
pub struct IoNet;
driver!(IoNet, "../driver.toml", extend, sites);

/// Who logs in.
const USER: &str = "ubuntu";
/// What is paid on top of a price: 2 % for the currency and 0.25 % for the reservation, in ten-thousandths.
const WITH_FEES: u64 = 10_225;

impl Driver for IoNet {
    /// Nothing tells a balance; that the list is answered shows that the key is good.
    fn account(_: &Call) -> Result<AccountInfo> {
        route("deployments").with("page", 0).ok()?;
        Ok(AccountInfo::default())
    }

    fn offers(_: &Call, wish: &Wish, _: Option<String>) -> Result<OffersPage> {
        Ok(OffersPage::all(wish.pick(sold()?)))
    }

    fn quote(_: &Call, order: &Order) -> Result<Terms> {
        order.single()?;
        let [hardware, gpus, location] = order.parts()?;
        let told: Row = route("price").ok()?.inside("data")?;
        if told.maybe::<Vec<u32>>("available_replica_count")?.is_some_and(|counts| counts.is_empty()) {
            return Err(Error::OutOfStock(format!("{gpus} of {hardware} are sold out in {location}")));
        }
        let hours = order.length_secs.div_ceil(3600).max(1);
        let total: Usd = told.get("total_cost_usdc")?;
        let price = Price::hourly(total.per(hours).cost(), BLOCK);
        Ok(Terms::of(price).note(format!("{hours} h are paid at once; the first hour never comes back")))
    }

    /// The answer is empty: the id is found by the name.
    fn create(_: &Call, _: &Order, _: &Key) -> Result<Outcome> {
        route("create").ok()?;
        Ok(Outcome::Pending(String::new()))
    }

    fn get(call: &Call, _: &Handle) -> Result<Instance> {
        let row: Row = route("deployment").ok()?.inside("data")?;
        let mut shown = instance(&row, call.now)?;
        if shown.state != State::Running {
            return Ok(shown);
        }
        let machines: Row = route("vms").ok()?.inside("data")?;
        let mut nodes = Vec::new();
        for machine in machines.list::<Row>("workers")? {
            let text = machine.text("ssh_access");
            let ssh = Ssh::told(&text, USER);
            if ssh.is_none() && !text.is_empty() {
                shown.note = Some("its SSH address is written in a form that is not understood".into());
            }
            let id: String = machine.get("vm_id")?;
            nodes.push(Node { name: id.clone(), id, state: State::Running, ssh });
        }
        if nodes.iter().all(|node| node.ssh.is_none()) {
            shown.state = State::Starting;
        }
        Ok(Instance { nodes, ..shown })
    }

    /// Pages begin at 0. The cursor is the page, and how many rows were on those before it.
    fn list(call: &Call, next: Option<String>) -> Result<InstancesPage> {
        let text = next.unwrap_or("0/0".into());
        let bad = || Error::Failed(format!("not a cursor of this driver: {text}"));
        let (page, seen) = text.split_once('/').ok_or_else(bad)?;
        let (page, seen): (u32, usize) = (page.parse().map_err(|_| bad())?, seen.parse().map_err(|_| bad())?);
        let data: Row = route("deployments").with("page", page).ok()?.inside("data")?;
        let rows: Vec<Row> = data.list("deployments")?;
        let (seen, total) = (seen + rows.len(), data.get::<usize>("total")?);
        let more = !rows.is_empty() && seen < total;
        let rows = rows.iter().map(|row| instance(row, call.now)).collect::<Result<Vec<_>>>()?;
        Ok(InstancesPage::new(rows, more.then(|| format!("{}/{seen}", page + 1))))
    }
}

/// Only the id and the name are sure to be there: a list tells less than a look at one.
fn instance(row: &Row, now: u64) -> Result<Instance> {
    let status = row.text("status").to_lowercase();
    let state = match status.as_str() {
        "deployment requested" | "deploying" => State::Starting,
        "running" | "active" => State::Running,
        "termination requested" => State::Stopping,
        "completed" | "destroyed" | "terminated" => State::Gone,
        "failed" => State::Failed("io.net says that the deployment failed, and gives no reason".into()),
        _ => State::Other(status.clone()),
    };
    let note = (status == "unpaid").then(|| "io.net waits for credits: it does not start before they are there".into());
    let name = row.filled("name").unwrap_or_else(|| row.text("resource_private_name"));
    let ends = |minutes: u64| now.saturating_add(minutes.saturating_mul(60));
    Ok(Instance {
        spent: row.lenient("amount_paid").map(Usd::cost),
        made_at: row.lenient("created_at").map(|Moment(secs)| secs),
        paid_until: row.lenient("compute_minutes_remaining").map(ends),
        note,
        ..Instance::one(row.get::<String>("id")?, name, state, None)
    })
}

/// Whole hours at once; of those not begun the credits come back.
const BLOCK: Billing = Billing::PREPAID_HOURS.refunding();

fn sold() -> Result<Vec<Offer>> {
    let data: Row = route("hardware").ok()?.inside("data")?;
    data.readable("hardware", offer)
}

/// The price of a row is that of all its cards, without the fees.
fn offer(row: Row) -> Result<Offer> {
    let number = |row: &Row| row.lenient::<u64>("deploy_id").map(|id| id.to_string());
    let id = row.filled("deploy_id").or_else(|| number(&row)).ok_or(Error::Failed("no `deploy_id`".into()))?;
    let (gpus, location): (u32, String) = (row.get("num_cards")?, row.get("location")?);
    let told: String = row.get("name")?;
    let model = told.trim_start_matches("NVIDIA ").trim_start_matches("GeForce ");
    let vram_mib = row.lenient::<u64>("vram_per_card").map(|gib| gib.saturating_mul(1024));
    let mut gpu = Gpu::cards(model, gpus, vram_mib);
    gpu.link = row.filled("interconnect").or((row.lenient("nvlink") == Some(true)).then(|| "nvlink".into()));
    let per_hour = row.get::<Usd>("price")?.times(WITH_FEES).per(10_000).cost();
    let supplier = row.filled("supplier").map(|from| format!(" · {from} supply")).unwrap_or_default();
    Ok(Offer {
        id: format!("{id}/{gpus}/{location}"),
        title: format!("{gpus}x {model} · {location}{supplier}"),
        hardware: Hardware {
            gpu: Some(gpu),
            vcpus: row.lenient("vcpu").unwrap_or_default(),
            memory_mib: row.lenient::<u64>("memory").unwrap_or_default().saturating_mul(1024),
            disk_gib: row.lenient("storage").unwrap_or_default(),
        },
        price: Price::hourly(per_hour, BLOCK),
        site: Some(Site { name: location.clone(), country: Some(location.clone()), id: location }),
        in_stock: row.lenient("sold_out").map(|sold_out: bool| !sold_out),
        image: Some("general".into()),
        ..Offer::default()
    })
}

impl Extend for IoNet {
    /// What it is then stands in its own row: the answer to the extension is not counted on.
    fn extend(call: &Call, handle: &Handle, _: u64) -> Result<Instance> {
        route("extend").ok()?;
        IoNet::get(call, handle)
    }
}

impl Sites for IoNet {
    fn sites(_: &Call) -> Result<Vec<Site>> {
        Ok(sold()?.into_iter().filter_map(|offer| offer.site).collect())
    }
}
