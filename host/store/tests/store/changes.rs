//! Changing: a stage and its money in one step, within the laws.

use crate::help::*;
use bursar_core::{
    instance::{Handle, Instance, Stage},
    ledger::{Kind, Movement, Totals},
    money::Usd,
};
use bursar_store::{Store, StoreError, Worker};

fn handle(id: &str) -> Option<Handle> {
    Some(Handle { id: id.to_owned(), memo: String::new() })
}

async fn with_two() -> (tempfile::TempDir, Store) {
    let (dir, store) = new_store().await;
    store.reserve(&instance("aaaaaaaaaa", "one", 500), NOW, &me(), allow).await.unwrap();
    store.reserve(&instance("bbbbbbbbbb", "two", 70), NOW, &me(), allow).await.unwrap();
    (dir, store)
}

#[tokio::test]
async fn a_change_keeps_the_laws_or_is_not_written() {
    type Change = fn(&mut Instance) -> Vec<Movement>;
    use Kind::{Charge, Hold, Release};
    let table: [(&str, Change, &str); 15] = [
        (
            "only its words",
            |i| {
                i.note = Some("hm".into());
                vec![]
            },
            "500 0",
        ),
        (
            "a stage",
            |i| {
                i.stage = Stage::InDoubt;
                vec![]
            },
            "500 0",
        ),
        ("a part is charged", |_| vec![movement(Charge, 200)], "300 200"),
        ("it outlives its hold", |_| vec![movement(Hold, 100)], "600 0"),
        (
            "charged and released",
            |i| {
                i.stage = Stage::Gone;
                vec![movement(Charge, 200), movement(Release, 300)]
            },
            "0 200",
        ),
        ("more than is held", |_| vec![movement(Charge, 501)], "too small"),
        ("more in two steps", |_| vec![movement(Charge, 300), movement(Release, 201)], "too small"),
        ("less than nothing", |_| vec![movement(Release, -1)], "too small"),
        (
            "gone with money held",
            |i| {
                i.stage = Stage::Gone;
                vec![movement(Release, 499)]
            },
            "gone with 0.000001 USD still held",
        ),
        ("open with nothing held", |_| vec![movement(Release, 500)], "open with nothing held"),
        (
            "another id",
            |i| {
                i.id = id("cccccccccc");
                vec![]
            },
            "its id would change",
        ),
        (
            "another tag",
            |i| {
                i.tag.0.push('x');
                vec![]
            },
            "its tag would change",
        ),
        (
            "another principal",
            |i| {
                i.principal.clear();
                vec![]
            },
            "its principal would change",
        ),
        (
            "another account",
            |i| {
                i.account.push('2');
                vec![]
            },
            "its account would change",
        ),
        (
            "a name that is taken",
            |i| {
                i.name = "two".into();
                vec![]
            },
            "the name `two` belongs to bbbbbbbbbb",
        ),
    ];
    for (what, change, wanted) in table {
        let (_dir, store) = with_two().await;
        let first = id("aaaaaaaaaa");
        let before = (store.instance(&first).await.unwrap(), store.entries(None, 99).await.unwrap());
        let got = match store.change(&first, NOW, |i| (change(i), ())).await {
            Ok((after, ())) => {
                assert_eq!(store.instance(&first).await.unwrap(), Some(after), "{what}");
                let Totals { held, charged } = store.held(&first).await.unwrap();
                format!("{} {}", held.0, charged.0)
            }
            Err(error) => {
                let after = (store.instance(&first).await.unwrap(), store.entries(None, 99).await.unwrap());
                assert_eq!(before, after, "{what}");
                match error {
                    StoreError::HoldTooSmall { .. } => "too small".to_owned(),
                    other => other.to_string(),
                }
            }
        };
        assert!(got.contains(wanted), "{what}: {got}");
        assert_whole(&store).await;
    }
}

/// Case 54: an id that is known already is never another instance.
#[tokio::test]
async fn a_provider_s_id_belongs_to_one_instance_for_ever() {
    let (_dir, store) = with_two().await;
    let (first, second) = (id("aaaaaaaaaa"), id("bbbbbbbbbb"));
    let name = |provider_id: &'static str| {
        move |i: &mut Instance| {
            i.handle = handle(provider_id);
            (vec![], ())
        }
    };
    store.change(&first, NOW, name("m-1")).await.unwrap();
    store.change(&first, NOW, name("m-1")).await.unwrap();
    store.change(&first, NOW, name("m-2")).await.unwrap();
    for taken in ["m-1", "m-2"] {
        let error = store.change(&second, NOW, name(taken)).await.unwrap_err();
        assert!(matches!(&error, StoreError::IdTaken { provider_id, by } if provider_id == taken && *by == first));
    }
    let end = |i: &mut Instance| {
        i.stage = Stage::Gone;
        (vec![movement(Kind::Release, 500)], ())
    };
    store.change(&first, NOW, end).await.unwrap();
    assert!(store.change(&second, NOW, name("m-1")).await.is_err(), "after its end too");
    store.change(&second, NOW, name("m-3")).await.unwrap();

    assert_eq!(store.by_handle("acme", "one", "m-1").await.unwrap(), Some(first));
    assert_eq!(store.by_handle("acme", "one", "m-3").await.unwrap(), Some(second));
    assert_eq!(store.by_handle("acme", "other", "m-3").await.unwrap(), None);
}

#[tokio::test]
async fn an_instance_found_alive_after_its_end_holds_again() {
    let (_dir, store) = with_two().await;
    let first = id("aaaaaaaaaa");
    let stage = |stage, kind, amount| {
        move |i: &mut Instance| {
            i.stage = stage;
            (vec![movement(kind, amount)], i.name.clone())
        }
    };
    store.change(&first, NOW, stage(Stage::Gone, Kind::Release, 500)).await.unwrap();
    let bare = store
        .change(&first, NOW, |i| {
            i.stage = Stage::Made;
            (vec![], ())
        })
        .await;
    assert!(bare.is_err(), "not without a hold");
    let (_, name) = store.change(&first, NOW, stage(Stage::Made, Kind::Hold, 100)).await.unwrap();
    assert_eq!(name, "one");
    assert_eq!(store.standing().await.unwrap().totals.held, Usd(170));
    assert_whole(&store).await;
}

#[tokio::test]
async fn what_is_not_there_cannot_be_changed() {
    let (_dir, store) = new_store().await;
    let nobody = id("zzzzzzzzzz");
    let changed = store.change(&nobody, NOW, |_| (vec![], ())).await;
    assert!(matches!(changed, Err(StoreError::NoSuchInstance(_))));
    assert!(matches!(store.held(&nobody).await, Err(StoreError::NoSuchInstance(_))));
    assert!(matches!(store.claim(&nobody, &me(), NOW, 30, |_| true).await, Err(StoreError::NoSuchInstance(_))));
    assert_eq!(store.instance(&nobody).await.unwrap(), None);
}

#[tokio::test]
async fn one_worker_acts_at_a_time() {
    let (_dir, store) = with_two().await;
    let (ann, bob) = (Worker("ann".to_owned()), Worker("bob".to_owned()));
    let first = id("aaaaaaaaaa");
    store.unclaim(&first, &me()).await.unwrap();
    for (step, who, after, ann_is_dead, wanted) in [
        ("nobody has it", &ann, 0, false, true),
        ("ann has it", &bob, 29, false, false),
        ("her own is renewed", &ann, 29, false, true),
        ("and lasts", &bob, 58, false, false),
        ("until it does not", &bob, 59, false, true),
        ("then it is his", &ann, 60, false, false),
    ] {
        let dead = |worker: &Worker| ann_is_dead && worker.0 == "ann";
        let got = store.claim(&first, who, NOW.after(after), 30, dead).await.unwrap();
        assert_eq!(got, wanted, "{step}");
    }
    assert!(store.claim(&first, &ann, NOW.after(61), 30, |worker| worker.0 == "bob").await.unwrap(), "bob is dead");
    store.unclaim(&first, &bob).await.unwrap();
    assert!(!store.claim(&first, &bob, NOW.after(62), 30, |_| false).await.unwrap(), "only ann can give hers back");
}

#[tokio::test]
async fn who_reserves_is_the_first_worker() {
    let (_dir, store) = with_two().await;
    let other = Worker("other".to_owned());
    assert!(!store.claim(&id("aaaaaaaaaa"), &other, NOW.after(29), 30, |_| false).await.unwrap());
    assert!(store.claim(&id("aaaaaaaaaa"), &other, NOW.after(30), 30, |_| false).await.unwrap());
}
