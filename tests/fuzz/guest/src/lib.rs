//! A driver without a will of its own: each call fetches a script, does at the door what it says, and returns what it
//! says, as wild as the interface allows.

#[path = "../../src/bytes.rs"]
#[allow(dead_code, reason = "the host uses the rest")]
mod bytes;
mod results;

use bursar_driver::{
    bindings::driver::bursar::driver::{http, log, signer},
    prelude::*,
};
use bytes::Bytes;

struct Free;
driver!(Free, "../driver.toml", keys, images, restart, pause, extend, charges, sites);

const ROUTES: [&str; 22] = [
    "user", "echo", "item", "search", "find", "secret", "plan", "total", "keys", "add_key", "servers", "server",
    "restart", "pause", "resume", "extend", "destroy", "nodes", "status", "create", "script", "nothing",
];
const NAMES: [&str; 14] =
    ["text", "n", "more", "item", "version", "note", "id", "q", "a", "b", "y", "after", "tag", "offer.size"];

/// Fetches the script, obeys it, and lets the rest of it say what comes back.
fn scripted<T>(result: impl FnOnce(&mut Bytes<'_>) -> T) -> Result<T> {
    let script = route("script").send()?.body;
    let mut script = Bytes::new(&script);
    for _ in 0..script.below(25) {
        act(&mut script);
    }
    match script.byte() {
        0..=199 => Ok(result(&mut script)),
        200..=250 => Err(results::error(&mut script)),
        251 => panic!("as told"),
        _ => Err(Error::Gone),
    }
}

fn act(script: &mut Bytes<'_>) {
    match script.byte() {
        0..=239 => drop(http::send(&request(script))),
        240..=247 => log::write(log::Level::Info, &script.text()),
        _ => drop(signer::address(&script.text())),
    }
}

fn request(script: &mut Bytes<'_>) -> http::Request {
    let route = script.maybe(Bytes::text).filter(|_| script.byte() > 250);
    http::Request {
        route: route.unwrap_or_else(|| script.pick(&ROUTES).to_owned()),
        values: script.some(5, |s| (s.pick(&NAMES).to_owned(), s.text())),
        address: script.maybe(Bytes::text).filter(|_| script.flag()),
        body: script.maybe(Bytes::text).filter(|_| script.flag()),
    }
}

impl Driver for Free {
    fn account(_: &Call) -> Result<AccountInfo> {
        scripted(results::account)
    }

    fn offers(_: &Call, _: &Wish, _: Option<String>) -> Result<OffersPage> {
        scripted(|s| OffersPage { items: s.some(9, results::offer), next: s.maybe(Bytes::text) })
    }

    fn quote(_: &Call, _: &Order) -> Result<Terms> {
        scripted(results::terms)
    }

    fn create(_: &Call, _: &Order, _: &Key) -> Result<Outcome> {
        scripted(results::outcome)
    }

    fn advance(_: &Call, _: &Order, _: &str) -> Result<Outcome> {
        scripted(results::outcome)
    }

    fn get(_: &Call, _: &Handle) -> Result<Instance> {
        scripted(results::instance)
    }

    fn list(_: &Call, _: Option<String>) -> Result<InstancesPage> {
        scripted(|s| InstancesPage { items: s.some(9, results::instance), next: s.maybe(Bytes::text) })
    }

    fn destroy(_: &Call, _: &Handle) -> Result<Ending> {
        scripted(|s| if s.flag() { Ending::Going(s.text()) } else { Ending::Gone })
    }
}

impl Keys for Free {
    fn ensure(_: &Call, _: &str) -> Result<String> {
        scripted(|s| s.text())
    }
}

impl Images for Free {
    fn images(_: &Call, _: &str) -> Result<Vec<Image>> {
        scripted(|s| s.some(9, |s| Image { id: s.text(), name: s.text(), per_hour: s.number() }))
    }
}

impl Restart for Free {
    fn restart(_: &Call, _: &Handle) -> Result<()> {
        scripted(|_| ())
    }
}

impl Pause for Free {
    fn pause(_: &Call, _: &Handle) -> Result<()> {
        scripted(|_| ())
    }

    fn resume(_: &Call, _: &Handle) -> Result<()> {
        scripted(|_| ())
    }
}

impl Extend for Free {
    fn extend(_: &Call, _: &Handle, _: u64) -> Result<Instance> {
        scripted(results::instance)
    }
}

impl Charges for Free {
    fn charges(_: &Call, _: u64, _: Option<String>) -> Result<ChargesPage> {
        scripted(|s| ChargesPage { items: s.some(9, results::charge), next: s.maybe(Bytes::text) })
    }
}

impl Sites for Free {
    fn sites(_: &Call) -> Result<Vec<Site>> {
        scripted(|s| s.some(9, results::site))
    }
}
