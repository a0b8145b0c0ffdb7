//! Invented instances, a ledger in a directory of its own, and a bare connection for what no program should do.

use bursar_core::{
    instance::{Instance, InstanceId, Sightings, Stage, Tag},
    lease::Lease,
    ledger::{Kind, Movement, Over, Reason, Refusal, Standing},
    limits::LimitKey,
    money::Usd,
    offer::{Billing, Order, Price, Priced},
    scope::Scope,
    time::Moment,
};
use bursar_store::{Store, Worker};
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
use std::path::Path;
use tempfile::TempDir;

pub(crate) const NOW: Moment = Moment(1_900_000_000);

/// Opens a new ledger. The directory goes when the first value is dropped.
pub(crate) async fn new_store() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    (dir, store)
}

pub(crate) async fn open(home: &Path) -> Store {
    Store::open(home, true, NOW).await.unwrap()
}

/// Returns a connection that knows no law.
pub(crate) async fn bare(home: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(home.join("ledger.db")).connect().await.unwrap()
}

pub(crate) fn me() -> Worker {
    Worker("test".to_owned())
}

/// Returns an instance that holds so many millionths.
pub(crate) fn instance(id: &str, name: &str, hold: i64) -> Instance {
    let billing = Billing {
        step_secs: 3_600,
        on_the_clock: false,
        minimum_secs: 3_600,
        prepaid: false,
        refunds: false,
        month_cap: None,
        balance_secs: 0,
    };
    let price = Price {
        per_hour: Usd(100),
        per_hour_paused: Usd::ZERO,
        once: Usd::ZERO,
        per_gb_in: Usd::ZERO,
        per_gb_out: Usd::ZERO,
        gb_free: 0,
        billing,
    };
    let order =
        Order { provider: "acme".to_owned(), offer: "small".to_owned(), image: None, nodes: 1, length_secs: 3_600 };
    Instance {
        id: InstanceId(id.to_owned()),
        tag: Tag::new("ledger0000", &InstanceId(id.to_owned())),
        name: name.to_owned(),
        principal: "local".to_owned(),
        provider: "acme".to_owned(),
        account: "one".to_owned(),
        order,
        price,
        priced: Priced::Seen,
        asked: String::new(),
        asked_image: None,
        title: "a small one".to_owned(),
        gpu: true,
        stage: Stage::Requested,
        lease: Lease { begins: NOW, ends: NOW.after(3_600), hold: Usd(hold), per_hour: Usd(100), extending: None },
        handle: None,
        pending: None,
        ssh: None,
        ssh_keys: Vec::new(),
        lands_until: NOW.after(300),
        stop_secs: 120,
        sightings: Sightings::default(),
        note: None,
    }
}

pub(crate) fn id(text: &str) -> InstanceId {
    InstanceId(text.to_owned())
}

pub(crate) fn movement(kind: Kind, amount: i64) -> Movement {
    Movement { kind, amount: Usd(amount), reason: Reason::Gone }
}

pub(crate) fn allow(_: &Standing) -> Result<(), Refusal> {
    Ok(())
}

/// Refuses when so many are open.
pub(crate) fn at_most(open: usize) -> impl FnOnce(&Standing) -> Result<(), Refusal> + Send {
    move |standing| {
        if standing.open.len() < open {
            return Ok(());
        }
        let over = Over {
            scope: Scope::All,
            limit: LimitKey::MaxInstances,
            allowed: open.to_string(),
            would_be: format!("{} are open", standing.open.len()),
            hint: "destroy one".to_owned(),
            narrowed_by: None,
        };
        Err(Refusal { over: vec![over] })
    }
}

pub(crate) async fn assert_whole(store: &Store) {
    let health = store.check().await.unwrap();
    assert!(health.is_whole(), "{:#?}", health.problems);
}
