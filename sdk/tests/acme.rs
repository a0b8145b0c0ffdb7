//! The driver of the README, whole and running: what stands there stands here.

use bursar_driver::prelude::*;
use bursar_driver::testing::{Recorded, Reply};

struct Acme;
driver!(Acme, "acme.toml", restart);

#[derive(Deserialize)]
struct Size {
    id: String,
    gpu: String,
    vram_gib: u64,
    usd_per_hour: Usd,
}

#[derive(Deserialize)]
struct Machines {
    #[serde(default, deserialize_with = "some")]
    machines: Vec<Machine>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Machine {
    id: String,
    name: String,
    state: String,
    address: Option<String>,
    usd_per_hour: Usd,
}

impl Driver for Acme {
    fn account(_: &Call) -> Result<AccountInfo> {
        let me: Row = route("me").read()?; // send, 2xx or an error, parse
        let balance = me.get::<Usd>("balance")?.balance();
        Ok(AccountInfo { id: Some(me.get("id")?), balance: Some(balance), ..Default::default() })
    }

    fn offers(_: &Call, wish: &Wish, _: Option<String>) -> Result<OffersPage> {
        let sizes: Vec<Size> = route("sizes").maybe("gpu", wish.gpu.as_ref()).read()?; // `{gpu?}` is ours to give
        Ok(OffersPage::all(wish.pick(sizes.into_iter().map(Offer::from))))
    }

    fn quote(_: &Call, _: &Order) -> Result<Terms> {
        let size: Size = route("size").read()?; // `{offer.size}` is the host's
        Ok(Terms::of(size.price()))
    }

    fn create(_: &Call, _: &Order, _: &Key) -> Result<Outcome> {
        Ok(Outcome::accepted(route("create").ok()?.read::<Machine>()))
    }

    fn get(_: &Call, _: &Handle) -> Result<Instance> {
        Ok(route("machine").read::<Machine>()?.into())
    }

    fn list(_: &Call, next: Option<String>) -> Result<InstancesPage> {
        let page: Machines = route("machines").maybe("after", next).read()?;
        Ok(InstancesPage::new(page.machines, page.next))
    }
}

impl Restart for Acme {
    fn restart(_: &Call, _: &Handle) -> Result<()> {
        route("reboot").ok().map(drop)
    }
}

impl Size {
    fn price(&self) -> Price {
        Price::hourly(self.usd_per_hour.cost(), Billing::SECONDS)
    }
}

impl From<Size> for Offer {
    fn from(size: Size) -> Offer {
        let gpu = Some(Gpu::cards(&size.gpu, 1, Some(size.vram_gib * 1024)));
        let hardware = Hardware { gpu, ..Hardware::default() };
        let image = Some("ubuntu-24.04".into());
        Offer { price: size.price(), title: size.gpu, id: size.id, hardware, image, ..Offer::default() }
    }
}

impl From<Machine> for Instance {
    fn from(machine: Machine) -> Instance {
        let ssh = machine.address.map(|address| Ssh::direct(&address, 22, "root"));
        let state = match machine.state.as_str() {
            "up" => State::Running,
            "booting" => State::Starting,
            other => State::Other(other.into()),
        };
        Instance::one(machine.id, machine.name, state, ssh).per_hour(machine.usd_per_hour.cost())
    }
}

const UP: &str = r#"{"id":"m-1","name":"b7f3a0001","state":"up","address":"203.0.113.7","usd_per_hour":"0.79"}"#;

#[test]
fn a_machine_that_is_up_answers_ssh() {
    let mut acme = Recorded::<Acme>::new().reply("machine", UP);
    let instance = acme.get(&Handle::new("m-1")).unwrap();
    assert_eq!(instance.nodes[0].ssh, Some(Ssh::direct("203.0.113.7", 22, "root")));
    assert_eq!(acme.sent(), ["GET /machines/m-1"]);
    assert_eq!(acme.shown()[0].rate, Some(790_000)); // what the host reads by itself
}

#[test]
fn a_lost_answer_is_found_by_its_tag_on_whichever_page() {
    let first = r#"{"machines":null,"next":"p2"}"#;
    let mut acme = Recorded::<Acme>::new()
        .reply("create", Reply::lost())
        .reply("machines", Reply::new(200, format!(r#"{{"machines":[{UP}]}}"#)).when("after", "p2"))
        .reply("machines", first);
    let order = Order { offer: "gpu-1".into(), image: Some("ubuntu-24.04".into()), ..Order::default() };
    let lost = acme.create(&order, &Key { line: "ssh-ed25519 AAAA".into(), id: None });
    assert_eq!(lost, Err(Error::MaybeSent("the connection was cut".into())));
    let Ok(Outcome::Made(found)) = acme.advance(&order, "", None) else { panic!("not found") };
    assert_eq!(found.handle.id, "m-1");
    assert_eq!(acme.sent(), ["GET /machines", "GET /machines?after=p2"]);
}

#[test]
fn offers_quote_account_restart_and_end_walk_through() {
    let size = r#"{"id":"gpu-1","gpu":"RTX 4090","vram_gib":24,"usd_per_hour":0.79}"#;
    let mut acme = Recorded::<Acme>::new()
        .reply("me", r#"{"id":"a-1","balance":"12.5"}"#)
        .reply("sizes", format!("[{size}]"))
        .reply("size", size)
        .reply("reboot", "{}")
        .reply("destroy", (404, ""))
        .reply("create", UP);
    assert_eq!(acme.account().unwrap().balance, Some(12_500_000));
    let offers = acme.offers(&Wish { gpu: Some("rtx4090".into()), gpus_min: 1, ..Wish::default() }).unwrap();
    assert_eq!((offers.len(), acme.sent()), (1, &["GET /sizes?gpu=rtx4090".to_owned()][..]));
    let order = Order { offer: offers[0].id.clone(), image: offers[0].image.clone(), ..Order::default() };
    assert_eq!(acme.quote(&order).unwrap().price.per_hour, 790_000);
    let Ok(Outcome::Made(made)) = acme.create(&order, &Key::default()) else { panic!("not made") };
    assert_eq!((made.state, acme.made()), (State::Running, Some("m-1")));
    assert_eq!(acme.restart(&made.handle), Ok(()));
    assert_eq!(acme.destroy(&made.handle), Ok(Ending::Gone));
}

#[test]
#[should_panic(expected = "the SSH address `203.0.113.9` stood in no answer of this call")]
fn an_address_out_of_nowhere_ends_the_test() {
    struct Liar;
    driver!(Liar, "acme.toml");
    impl Driver for Liar {
        fn account(call: &Call) -> Result<AccountInfo> {
            Acme::account(call)
        }
        fn offers(call: &Call, wish: &Wish, next: Option<String>) -> Result<OffersPage> {
            Acme::offers(call, wish, next)
        }
        fn quote(call: &Call, order: &Order) -> Result<Terms> {
            Acme::quote(call, order)
        }
        fn create(call: &Call, order: &Order, key: &Key) -> Result<Outcome> {
            Acme::create(call, order, key)
        }
        fn get(call: &Call, handle: &Handle) -> Result<Instance> {
            let mut instance = Acme::get(call, handle)?;
            instance.nodes[0].ssh = Some(Ssh::direct("203.0.113.9", 22, "root"));
            Ok(instance)
        }
        fn list(call: &Call, next: Option<String>) -> Result<InstancesPage> {
            Acme::list(call, next)
        }
        fn destroy(call: &Call, handle: &Handle) -> Result<Ending> {
            Acme::destroy(call, handle)
        }
    }
    let _ = Recorded::<Liar>::new().reply("machine", UP).get(&Handle::new("m-1"));
}

#[test]
#[should_panic(expected = "no reply is recorded for route `me`: GET /me")]
fn a_request_nobody_recorded_ends_the_test() {
    let _ = Recorded::<Acme>::new().account();
}

#[test]
fn the_readme_is_true() {
    let readme = include_str!("../README.md");
    let code = include_str!("acme.rs").replace("\"acme.toml\"", "\"../driver.toml\"");
    let manifest = include_str!("acme.toml");
    let blocks = |kind: &str| {
        readme
            .split(kind)
            .skip(1)
            .filter_map(|rest| rest.split_once("\n```"))
            .map(|(text, _)| text.trim().to_owned())
            .collect::<Vec<_>>()
    };
    let (rust, toml) = (blocks("```rust"), blocks("```toml"));
    assert!(rust.len() >= 2 && toml.len() == 2, "the README shows a driver, its test, its crate and its manifest");
    for block in rust {
        for part in block.split("\n\n") {
            assert!(code.contains(part), "not in the driver: {part}");
        }
    }
    assert!(toml[0].starts_with("[package]"), "not the crate");
    assert!(manifest.contains(&toml[1]), "not the manifest");
}
