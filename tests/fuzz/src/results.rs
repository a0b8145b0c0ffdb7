//! Target 2: a component that asks for anything and returns anything, in a real sandbox, behind the real door.

use crate::{
    INSTANCES, KEY, NOW, TAG,
    bytes::Bytes,
    checks,
    oracle::Known,
    provider::{Provider, Sent},
    secret, tested,
};
use bursar_core::{
    instance::{Handle, Tag},
    offer::{Order, Priced, Wish},
    quote::Quote,
    time::Moment,
};
use bursar_drivers::{At, CallError, Created, Driver, Drivers, Left, Outcome};
use bursar_http::{Http, Outbound};
use std::{
    cell::LazyCell,
    collections::{HashSet, VecDeque},
    sync::Arc,
};

const GUEST: &[(&str, &[u8])] = &[("free.wasm", include_bytes!(concat!(env!("OUT_DIR"), "/free.wasm")))];
const CALLS: [&str; 13] = [
    "offers", "create", "destroy", "list", "get", "quote", "advance", "account", "keys", "images", "charges", "sites",
    "restart",
];

struct World {
    provider: Provider,
    driver: Arc<Driver>,
    runtime: tokio::runtime::Runtime,
    _home: tempfile::TempDir,
}

thread_local! {
    static WORLD: LazyCell<World> = LazyCell::new(|| {
        let (provider, home) = (Provider::default(), tempfile::tempdir().expect("a folder can be made"));
        let http = Http::answering(Outbound::default(), provider.answering());
        let config = tested::config(home.path().join("state"), GUEST);
        let drivers = Drivers::open_with(config, http).expect("the home can be made");
        let runtime = tested::runtime();
        let driver = runtime.block_on(drivers.driver("free")).expect("the guest is a driver");
        World { provider, driver, runtime, _home: home }
    });
}

/// Reads a call, the provider's answers and the driver's scripts from the bytes, and makes the call.
pub fn results(bytes: &[u8]) {
    let mut b = Bytes::new(bytes);
    let (call, instance) = (b.pick(&CALLS), b.pick(&INSTANCES).to_owned());
    let (image, key_id) = (b.maybe(|_| "plain".to_owned()), b.maybe(|_| "key-1".to_owned()));
    let answers = [b.chunk(), b.chunk(), b.chunk()].concat();
    let mut scripts = VecDeque::new();
    while b.left() > 0 && scripts.len() < 8 {
        scripts.push_back([b.chunk(), b.chunk()].concat());
    }
    let pages = if ["offers", "list", "charges"].contains(&call) { 200 } else { 1 };
    let known = Known { call, pages, instance, image, key_id, nodes: 1, secs: 7_200, asked: None };
    WORLD.with(|world| world.runtime.block_on(world.call(known, &answers, scripts)));
}

impl World {
    async fn call(&self, known: Known, answers: &[u8], scripts: VecDeque<Vec<u8>>) {
        let at = At { now: Moment(NOW), tag: Some(Tag(TAG.to_owned())) };
        let handle = Handle { id: known.instance.clone(), memo: String::new() };
        let (image, key_id) = (known.image.clone(), known.key_id.clone());
        let order = Order { provider: "free".into(), offer: "small/eu".into(), image, nodes: 1, length_secs: 7_200 };
        let (call, driver) = (known.call, &self.driver);
        self.provider.begin(known, answers, scripts);
        match call {
            "offers" => self.offers(driver.offers(&at, &Wish::default()).await),
            "quote" => self.quoted(&order, driver.quote(&at, &order).await),
            "create" => self.created(&driver.create(&at, &order, KEY, key_id.as_deref()).await, true),
            "advance" => self.created(&driver.advance(&at, &order, "").await, false),
            "get" => self.got(&handle, driver.get(&at, &handle).await),
            "list" => self.listed(driver.list(&at).await),
            "destroy" => self.destroyed(&handle, &driver.destroy(&at, &handle).await),
            "account" => each(driver.account(&at).await, |account| {
                checks::id_as_seen(&account.identity);
                account.balance.into_iter().for_each(checks::sum);
                account.blocked.iter().for_each(|why| checks::text(why, 500));
            }),
            "keys" => each(driver.ensure_key(&at, KEY).await, |id| id.iter().for_each(|id| checks::id_as_seen(id))),
            "images" => each(driver.images(&at, "small/eu").await, |images| {
                images.iter().for_each(|image| {
                    checks::id(&image.id);
                    checks::text(&image.name, 160);
                    checks::rate(image.per_hour);
                })
            }),
            "charges" => each(driver.charges(&at, Moment(0)).await, |all| all.iter().for_each(checks::charge)),
            "sites" => each(driver.sites(&at).await, |all| all.iter().for_each(checks::site)),
            "restart" => each(driver.restart(&at, &handle).await, |_| {}),
            other => panic!("no call {other}"),
        }
    }

    fn offers(&self, told: Result<Vec<bursar_core::offer::Offer>, CallError>) {
        each(told, |offers| {
            let ids: HashSet<&str> = offers.iter().map(|offer| offer.id.as_str()).collect();
            assert_eq!(ids.len(), offers.len(), "an offer stands twice");
            offers.iter().for_each(checks::offer);
            let provider = self.provider.now();
            for image in offers.iter().filter_map(|offer| offer.image.as_ref()) {
                assert!(image == "plain" || provider.said(image), "nobody named the image {image}");
            }
        });
    }

    fn quoted(&self, order: &Order, told: Result<bursar_core::offer::Terms, CallError>) {
        each(told, |terms| {
            checks::price(&terms.price, true);
            checks::moment(terms.good_until);
            terms.note.iter().for_each(|note| checks::text(note, 300));
            let seen = |sent: &Sent| ["plan", "total"].contains(&sent.route.as_str());
            assert!(terms.priced == Priced::Told || self.provider.now().sent.iter().any(seen), "nobody saw this price");
            if let Ok(quote) = Quote::new(order, terms, 60, Moment(NOW)) {
                assert!(quote.cost > bursar_core::money::Usd::ZERO && quote.hold >= quote.cost, "{quote:?}");
            }
        });
    }

    fn created(&self, created: &Created, may_spend: bool) {
        secret::must_not_stand_in(&format!("{created:?}"), "what was made");
        let provider = self.provider.now();
        let spent = provider.sent.iter().rfind(|sent| sent.effect == "spend" && sent.left);
        assert!(may_spend || spent.is_none(), "an advance spends");
        if may_spend {
            assert_eq!(created.left == Left::Nothing, spent.is_none(), "{:?}", created.left);
        }
        if let Left::Refused { status, text } = &created.left {
            checks::told(text);
            assert_eq!(spent.and_then(|sent| sent.status), Some(*status));
        }
        for id in &created.made {
            checks::id_as_seen(id);
        }
        match &created.outcome {
            Ok(Outcome::Made(view)) => {
                assert!(created.made.contains(&view.handle.id), "the door did not see {}", view.handle.id);
                checks::view(view, |text| provider.said(text));
            }
            Ok(Outcome::Pending(text)) => assert!(text.len() <= 1_024),
            Err(error) => checks::error(error),
        }
    }

    fn got(&self, handle: &Handle, told: Result<bursar_core::instance::View, CallError>) {
        each(told, |view| {
            assert_eq!(view.handle.id, handle.id, "another was asked for");
            checks::view(view, |text| self.provider.now().said(text));
        });
    }

    fn listed(&self, told: Result<bursar_drivers::Listing, CallError>) {
        each(told, |listing| {
            checks::id_as_seen(&listing.identity);
            let provider = self.provider.now();
            let lists = |sent: &&Sent| sent.route == "servers" && sent.status.is_some_and(|s| (200..300).contains(&s));
            let asked = provider.sent.iter().filter(lists).count();
            assert!(listing.complete.is_err() || asked > 0, "complete, and no list was asked for");
            listing.complete.as_ref().err().into_iter().for_each(|why| checks::told(why));
            let mut ids = HashSet::new();
            for row in &listing.rows {
                checks::id_as_seen(&row.id);
                assert!(ids.insert(&row.id), "the row {} stands twice", row.id);
                row.tag.iter().for_each(|tag| checks::tag_as_seen(tag));
                row.rate.into_iter().for_each(|rate| assert!(rate.0 >= 0));
            }
            for view in &listing.views {
                assert!(ids.contains(&view.handle.id), "no answer showed {}", view.handle.id);
                checks::view(view, |text| provider.said(text));
            }
        });
    }

    fn destroyed(&self, handle: &Handle, ended: &bursar_drivers::Ended) {
        secret::must_not_stand_in(&format!("{ended:?}"), "an end");
        let provider = self.provider.now();
        let ends: Vec<&Sent> = provider.sent.iter().filter(|sent| sent.effect == "release").collect();
        let can_stand = ["id-1", "id-2", "1e3"].contains(&handle.id.as_str());
        assert!(!can_stand || !ends.is_empty(), "no end left, by the driver or the host");
        let accepting = |sent: &&Sent| {
            let yes = |part: &[u8]| sent.body.windows(part.len()).any(|w| w == part);
            let status = sent.status.unwrap_or_default();
            status == 404
                || status == 204
                || yes(b"no_such")
                || yes(b"NO_SUCH")
                || ((200..300).contains(&status) && yes(b"true"))
        };
        assert!(!ended.accepted || ends.iter().any(accepting), "nobody accepted this end");
        if let Err(error) = &ended.result {
            checks::error(error);
        }
    }
}

fn each<T: std::fmt::Debug>(told: Result<T, CallError>, check: impl FnOnce(&T)) {
    secret::must_not_stand_in(&format!("{told:?}"), "a result");
    match &told {
        Ok(value) => check(value),
        Err(error) => checks::error(error),
    }
}
