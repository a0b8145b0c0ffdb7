//! The real BitLaunch driver, built from source, in the real sandbox, over real HTTP, against its imitation.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;
use bursar_core::{
    instance::{InstanceId, Tag},
    offer::{Order, Wish},
    time::Moment,
};
use bursar_drivers::{At, Config, Driver, Drivers, Left, Outcome};
use bursar_practice::{Options, Practice};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, sync::OnceLock};
use tempfile::TempDir;

const LEDGER: &str = "ledger0001";

struct World {
    practice: Practice,
    driver: Arc<Driver>,
    _drivers: Drivers,
    _home: TempDir,
}

impl World {
    async fn new() -> World {
        World::with_token("practice").await
    }

    async fn with_token(token: &'static str) -> World {
        let home = TempDir::new().unwrap();
        let practice = bursar_practice::start(Options::new(home.path().join("practice"))).await.unwrap();
        let config = Config {
            home: home.path().join("state"),
            plugins: None,
            bundled: bundled(),
            practice: Some(format!("http://{}", practice.http_addr())),
            settings: BTreeMap::new(),
            credentials: Arc::new(move |_, _, _| Some(token.to_owned())),
            audit: Arc::new(()),
            key_name: format!("bursar-{LEDGER}"),
        };
        let drivers = Drivers::open(config).unwrap();
        let driver = drivers.driver("bitlaunch").await.unwrap();
        World { practice, driver, _drivers: drivers, _home: home }
    }

    fn at(&self) -> At {
        At { now: Moment(1_795_000_000), tag: Some(Tag::new(LEDGER, &InstanceId("inst000001".into()))) }
    }

    async fn order(&self) -> Order {
        let offers = self.driver.offers(&self.at(), &Wish::default()).await.unwrap();
        let cheapest = offers.into_iter().find(|offer| offer.in_stock != Some(false)).unwrap();
        let image = match cheapest.image {
            Some(image) => image,
            None => self.driver.images(&self.at(), &cheapest.id).await.unwrap()[0].id.clone(),
        };
        Order { provider: "bitlaunch".into(), offer: cheapest.id, image: Some(image), nodes: 1, length_secs: 3_600 }
    }
}

fn bundled() -> &'static [(&'static str, &'static [u8])] {
    static ALL: OnceLock<Vec<(&'static str, &'static [u8])>> = OnceLock::new();
    ALL.get_or_init(|| {
        let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("plugins");
        common::guests::build(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/Cargo.toml"), &target);
        let wasm = std::fs::read(target.join("wasm32-wasip2/release/bitlaunch.wasm")).unwrap();
        vec![("bitlaunch.wasm", wasm.leak())]
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_what_it_is_and_can() {
    let world = World::new().await;
    assert_eq!(world.driver.name(), "bitlaunch");
    assert_eq!(world.driver.capabilities().names(), ["keys", "images", "restart", "charges", "sites"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_loop_goes_through_the_door() {
    let world = World::new().await;
    let (driver, at) = (&world.driver, world.at());
    let account = driver.account(&at).await.unwrap();
    assert!(!account.identity.is_empty() && account.balance.is_some(), "{account:?}");

    let order = world.order().await;
    let terms = driver.quote(&at, &order).await.unwrap();
    assert_eq!(terms.priced, bursar_core::offer::Priced::Seen);

    let key_id = driver.ensure_key(&at, common::KEY).await.unwrap();
    assert!(key_id.is_some());
    assert_eq!(driver.ensure_key(&at, common::KEY).await.unwrap(), key_id);

    let created = driver.create(&at, &order, common::KEY, key_id.as_deref()).await;
    assert_eq!(created.left, Left::Answered { status: 200 });
    let Ok(Outcome::Made(view)) = &created.outcome else { panic!("{created:?}") };
    assert_eq!(created.made, std::slice::from_ref(&view.handle.id));

    let listing = driver.list(&at).await.unwrap();
    assert_eq!(listing.complete, Ok(()));
    assert_eq!(listing.identity, account.identity);
    assert!(
        listing.rows.iter().any(|row| row.id == view.handle.id && row.tag.as_ref() == at.tag.as_ref().map(|t| &t.0))
    );

    let shown = until_ssh(&world, &view.handle).await;
    assert!(shown.per_hour.is_some_and(|rate| rate <= terms.price.per_hour), "{shown:?} {terms:?}");

    driver.restart(&at, &view.handle).await.unwrap();
    assert!(!driver.sites(&at).await.unwrap().is_empty());
    driver.charges(&at, Moment(0)).await.unwrap();

    let ended = driver.destroy(&at, &view.handle).await;
    assert!(ended.accepted && !ended.by_host && ended.result.is_ok(), "{ended:?}");
    let again = driver.destroy_by_host(&at, &view.handle).await;
    assert!(again.accepted, "{again:?}");
    let listing = driver.list(&at).await.unwrap();
    assert!(listing.complete.is_ok() && listing.rows.is_empty(), "{listing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_says_how_to_log_in() {
    let world = World::with_token("wrong").await;
    let error = world.driver.account(&world.at()).await.unwrap_err().to_string();
    assert!(error.contains("bursar login bitlaunch") && !error.contains("wrong"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_lost_is_found_by_its_tag() {
    let world = World::new().await;
    let (driver, at, order) = (&world.driver, world.at(), world.order().await);
    let key_id = driver.ensure_key(&at, common::KEY).await.unwrap();
    fault(&world.practice, r#"{"match":"POST /servers","fault":"500_after"}"#).await;
    let created = driver.create(&at, &order, common::KEY, key_id.as_deref()).await;
    assert!(!created.nothing_was_made() && created.made.is_empty(), "{created:?}");

    let found = driver.advance(&at, &order, "").await;
    assert_eq!(found.made.len(), 1, "{found:?}");
    assert!(matches!(found.outcome, Ok(Outcome::Made(_))), "{found:?}");
}

async fn until_ssh(world: &World, handle: &bursar_core::instance::Handle) -> bursar_core::instance::View {
    for _ in 0..100 {
        let view = world.driver.get(&world.at(), handle).await.unwrap();
        if view.nodes.first().is_some_and(|node| node.ssh.is_some()) {
            return view;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("no SSH address was shown: {:?}", world.practice.state());
}

async fn fault(practice: &Practice, json: &str) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = practice.http_addr();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /_practice/faults HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        json.len()
    );
    stream.write_all(format!("{head}{json}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
}
