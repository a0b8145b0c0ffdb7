//! TensorPool: GPU clusters of one node or many, billed by the second. What is asked for is taken with a request to poll.
//!
//! Its jobs travel over a WebSocket that sends shell commands; they are not used. The text that says where a node answers
//! SSH is read by a strict grammar and never run.

#[cfg(test)]
mod tests;
mod types;

use bursar_driver::prelude::*;
use types::{TYPES, offer};

/// The driver; public for whoever runs it natively.
pub struct TensorPool;
driver!(TensorPool, "../driver.toml");

/// Who logs in, unless the address names somebody.
const USER: &str = "ubuntu";
/// A call sends 20 requests at most.
const PRICES_A_PAGE: usize = 20;

impl Driver for TensorPool {
    fn account(_: &Call) -> Result<AccountInfo> {
        let org: Row = route("org").read()?;
        let balance = org.get::<Usd>("balance")?.balance();
        Ok(AccountInfo { id: Some(org.get("org_name")?), balance: Some(balance), ..AccountInfo::default() })
    }

    /// One price is one request; those of a page are asked at once, and only for what fits the wish.
    fn offers(_: &Call, wish: &Wish, next: Option<String>) -> Result<OffersPage> {
        let from = cursor(next.as_deref(), 0_usize)?;
        let any_price = Wish { per_hour_max: None, ..wish.clone() };
        let fitting: Vec<&str> = TYPES.into_iter().filter(|kind| any_price.fits(&offer(kind, 0))).collect();
        let asked: Vec<&str> = fitting.iter().copied().skip(from).take(PRICES_A_PAGE).collect();
        let answers = together(asked.iter().map(|kind| route("rate").with("type", kind)).collect());
        let mut sold = Vec::new();
        for (kind, answer) in asked.into_iter().zip(answers) {
            match answer.and_then(Answer::ok).and_then(|answer| answer.read::<Row>()) {
                Ok(told) => sold.push(offer(kind, told.get::<Usd>("hourly_rate")?.cost())),
                // It is not sold any more, or not yet.
                Err(Error::Refused(_) | Error::Gone) => {}
                Err(error) => return Err(error),
            }
        }
        let to = from.saturating_add(PRICES_A_PAGE);
        Ok(OffersPage::new(wish.pick(sold), (to < fitting.len()).then_some(to)))
    }

    fn quote(_: &Call, _: &Order) -> Result<Terms> {
        let told: Row = route("quote").read()?;
        let price = Price::hourly(told.get::<Usd>("hourly_rate")?.cost(), Billing::SECONDS);
        Ok(Terms::of(price).note("if its pool is full, a dearer one may be taken; what that costs is compared"))
    }

    fn create(call: &Call, _: &Order, _: &Key) -> Result<Outcome> {
        let Ok(told) = route("create").ok()?.read::<Row>() else { return Ok(Outcome::Pending(String::new())) };
        let request = told.text("request_id");
        let Some(id) = told.filled("cluster_id") else { return Ok(Outcome::Pending(request)) };
        let text = told.text("message");
        let per_hour = per_hour_in(&text);
        let tag = call.tag.clone().unwrap_or_default();
        let made = Instance::many(id, tag, State::Requested, Vec::new()).memo(request);
        Ok(Outcome::Made(Instance { per_hour, note: per_hour.map(|_| text), ..made }))
    }

    fn get(_: &Call, handle: &Handle) -> Result<Instance> {
        let row: Row = route("cluster").ok()?.inside("cluster_info")?;
        let mut shown = instance(&row)?.memo(handle.memo.clone());
        match shown.state {
            State::Running => {
                for node in &mut shown.nodes {
                    node.ssh = address(&node.id)?;
                }
                let unread = shown.nodes.iter().any(|node| node.ssh.is_none());
                shown.note = unread.then(|| "a node tells no SSH address that is understood".into());
                shown.nodes = behind_their_jump_host(shown.nodes);
                if shown.nodes.iter().all(|node| node.ssh.is_none()) {
                    shown.state = State::Starting;
                }
            }
            State::Gone | State::Stopping => {}
            _ => follow(&mut shown)?,
        }
        Ok(shown)
    }

    /// Own clusters, and those of the organisation that are not among them.
    fn list(_: &Call, _: Option<String>) -> Result<InstancesPage> {
        let mut all: Vec<Instance> = Vec::new();
        for list in ["clusters", "of_org"] {
            for row in route(list).read::<Row>()?.list::<Row>("clusters")? {
                let shown = instance(&row)?;
                if all.iter().all(|known| known.handle.id != shown.handle.id) {
                    all.push(shown);
                }
            }
        }
        Ok(InstancesPage::all(all))
    }

    /// 202 is not the end: the lists tell. What is protected is set free first.
    fn destroy(_: &Call, handle: &Handle) -> Result<Ending> {
        let answer = route("destroy").send()?;
        if answer.status != 409 {
            return answer.ok().map(|_| handle.going()).or_gone();
        }
        route("unprotect").ok()?;
        route("destroy").ok().map(|_| handle.going()).or_gone()
    }
}

/// Only the id is sure to be there.
fn instance(row: &Row) -> Result<Instance> {
    let mut nodes = Vec::new();
    for node in row.list::<Row>("instances")? {
        let id: String = node.get("id")?;
        nodes.push(Node { name: id.clone(), id, state: state_of(&node.text("status")), ssh: None });
    }
    let is = |wanted: fn(&State) -> bool| nodes.iter().any(|node| wanted(&node.state));
    let all = |wanted: fn(&State) -> bool| !nodes.is_empty() && nodes.iter().all(|node| wanted(&node.state));
    let other = || nodes.iter().find(|node| matches!(node.state, State::Other(_))).map(|node| node.state.clone());
    let state = if is(|state| matches!(state, State::Failed(_))) {
        State::Failed("an instance of it failed".into())
    } else if all(|state| *state == State::Gone) {
        State::Gone
    } else if all(|state| *state == State::Running) {
        State::Running
    } else if is(|state| matches!(state, State::Stopping | State::Gone)) {
        State::Stopping
    } else {
        other().unwrap_or(State::Starting)
    };
    Ok(Instance::many(row.get::<String>("id")?, row.text("name"), state, nodes))
}

fn state_of(word: &str) -> State {
    match word.to_uppercase().as_str() {
        "PENDING" => State::Requested,
        "PROVISIONING" | "CONFIGURING" => State::Starting,
        "RUNNING" => State::Running,
        "DESTROYING" => State::Stopping,
        "DESTROYED" => State::Gone,
        "FAILED" => State::Failed(String::new()),
        _ => State::Other(word.to_owned()),
    }
}

/// Looks how far the request is that made it. One that is not known any more tells nothing.
fn follow(shown: &mut Instance) -> Result<()> {
    if shown.handle.memo.is_empty() {
        return Ok(());
    }
    let told: Row = match route("request").with("request", &shown.handle.memo).read() {
        Ok(told) => told,
        Err(Error::Gone | Error::Refused(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    let text = told.filled("external_message").or(told.filled("message"));
    match told.text("status").to_uppercase().as_str() {
        "FAILED" => shown.state = State::Failed(text.unwrap_or("TensorPool gives no reason".into())),
        "COMPLETED" => {}
        _ => shown.note = text,
    }
    Ok(())
}

/// A node that is not there yet, or whose text is no address, has none.
fn address(node: &str) -> Result<Option<Ssh>> {
    match route("ssh").with("node", node).read::<Row>() {
        Ok(told) => Ok(Ssh::told(&told.text("command"), USER)),
        Err(Error::Gone | Error::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Workers have private addresses only. Commands go to the first of them: the jump host has no GPU.
fn behind_their_jump_host(nodes: Vec<Node>) -> Vec<Node> {
    let is_private = |ssh: &Ssh| ssh.host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_private());
    let open = |ssh: &&Ssh| ssh.jump.is_none() && !is_private(ssh);
    let jump = nodes.iter().filter_map(|node| node.ssh.as_ref()).find(open).cloned();
    let mut nodes = nodes;
    for ssh in nodes.iter_mut().filter_map(|node| node.ssh.as_mut()).filter(|ssh| ssh.jump.is_none() && is_private(ssh))
    {
        ssh.jump = jump.as_ref().map(|jump| Hop { host: jump.host.clone(), port: jump.port, user: jump.user.clone() });
    }
    nodes.sort_by_key(|node| node.ssh.as_ref().is_none_or(|ssh| ssh.jump.is_none()));
    nodes
}

/// Returns the price that a text names, as in `from a fallback pool at $3.98/h`.
fn per_hour_in(text: &str) -> Option<u64> {
    let rest = text.split_once('$')?.1;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (amount, unit) = rest.split_at(end);
    let unit = unit.trim_start().to_lowercase();
    let hourly = ["/h", "/ h", "per hour", "an hour", "hourly"].iter().any(|word| unit.starts_with(word));
    Usd::parse(amount.trim_end_matches('.')).filter(|_| hourly).map(Usd::cost)
}
