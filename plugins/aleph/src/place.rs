//! What has become of an order, and where its machine is now: it may have moved, so nothing is remembered.

use bursar_driver::prelude::*;

/// A message as the network knows it.
pub(crate) struct Message {
    /// pending, processed, rejected, forgotten, removing, removed
    pub(crate) status: String,
    pub(crate) name: String,
    /// The node that was ordered, if one was.
    pinned: Option<String>,
    why: String,
}

impl Message {
    pub(crate) fn read() -> Result<Message> {
        let told: Row = route("message").read()?;
        let status: String = told.get("status")?;
        let content: Option<Row> = told.lenient::<Row>("message").and_then(|message| message.lenient("content"));
        let node = content.as_ref().and_then(|content| content.lenient::<Row>("requirements"));
        let pinned = node.and_then(|all| all.lenient::<Row>("node")).and_then(|node| node.filled("node_hash"));
        let why = match told.lenient::<i64>("error_code") {
            Some(6) => "the payer's credits do not cover 24 h of everything that it pays for".to_owned(),
            Some(2) => "the payer does not let this signer create instances".to_owned(),
            Some(code) => format!("rejected with code {code}"),
            None => told.filled("reason").unwrap_or_else(|| status.clone()),
        };
        Ok(Message { name: name(content), status, pinned, why })
    }

    /// Returns why it will never run, if that is so.
    pub(crate) fn failed(&self) -> Option<String> {
        matches!(self.status.as_str(), "rejected" | "removed").then(|| self.why.clone())
    }
}

/// Returns the name that a content carries: our tag, where it is ours.
pub(crate) fn name(content: Option<Row>) -> String {
    content.and_then(|content| content.lenient::<Row>("metadata")).map(|data| data.text("name")).unwrap_or_default()
}

/// The node that has a machine, or is to have it.
pub(crate) struct Place {
    pub(crate) host: String,
    /// It was ordered there, so that node may be told.
    pub(crate) is_pinned: bool,
}

impl Place {
    /// Asks the scheduler, and where that knows nothing, takes the node that was ordered.
    pub(crate) fn of(message: &Message) -> Result<Option<Place>> {
        let vm = route("vm").send()?;
        let allocated = match vm.status {
            404 => None,
            _ => vm.ok()?.read::<Row>()?.filled("allocated_node"),
        };
        let Some(node) = allocated.as_ref().or(message.pinned.as_ref()) else { return Ok(None) };
        let known = route("node").with("node", node).send()?;
        let address = match known.status {
            404 => market_address(node)?,
            _ => known.ok()?.read::<Row>()?.filled("address"),
        };
        let is_pinned = message.pinned.as_ref() == Some(node);
        Ok(address.as_deref().and_then(host_of).map(|host| Place { host, is_pinned }))
    }

    /// Returns where the machine answers, once its node has a port for it.
    pub(crate) fn ssh(&self, hash: &str) -> Result<Option<Ssh>> {
        let answer = route("executions").at(&self.host).send()?;
        if answer.status == 404 {
            return Ok(None);
        }
        let all: Row = answer.ok()?.read()?;
        let network = all.lenient::<Row>(hash).and_then(|vm| vm.lenient::<Row>("networking"));
        let found = network.and_then(|network| {
            let ports: Row = network.lenient("mapped_ports")?;
            let port = ports.lenient::<Row>("22")?.lenient::<u16>("host")?;
            Some(Ssh::direct(&network.filled("host_ipv4")?, port, "root"))
        });
        Ok(found)
    }
}

/// A node that the scheduler does not know may stand in the list of all.
fn market_address(node: &str) -> Result<Option<String>> {
    let nodes = route("nodes").read::<Row>()?.readable("crns", Ok)?;
    Ok(nodes.into_iter().find(|row| row.text("hash") == node).and_then(|row| row.filled("address")))
}

/// An address is a URL; what is dialled is its name.
fn host_of(url: &str) -> Option<String> {
    let name = url.strip_prefix("https://").unwrap_or(url).trim_end_matches('/');
    (!name.is_empty()).then(|| name.to_owned())
}
