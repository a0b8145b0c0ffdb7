//! Lists go on from a place: page by page they show what one page of everything shows, each once, whatever comes between.

use crate::help::*;
use bursar_core::{
    instance::{Instance, Stage},
    ledger::Kind,
};
use bursar_store::{EndsBy, Place, Store};

/// `a` to `l`; every third one has ended.
async fn some() -> (tempfile::TempDir, Store) {
    let (dir, store) = new_store().await;
    for (n, letter) in ('a'..='l').enumerate() {
        let which = letter.to_string().repeat(10);
        store.reserve(&instance(&which, &which, 5), NOW, &me(), allow).await.unwrap();
        if n % 3 == 2 {
            let gone = |i: &mut Instance| {
                i.stage = Stage::Gone;
                (vec![movement(Kind::Charge, 2), movement(Kind::Release, 3)], ())
            };
            store.change(&id(&which), NOW, gone).await.unwrap();
        }
    }
    (dir, store)
}

/// Every page as its letters, with the places as clients carry them.
async fn pages(store: &Store, ended: u32, limit: u32) -> Vec<String> {
    let (mut from, mut pages) = (Place::begin(ended), vec![]);
    loop {
        let page = store.page(from, limit).await.unwrap();
        for (instance, totals) in &page.rows {
            let money = (totals.held.0, totals.charged.0);
            assert_eq!(money, if instance.stage.is_open() { (5, 0) } else { (0, 2) }, "{}", instance.id);
        }
        pages.push(page.rows.iter().map(|(instance, _)| instance.id.0[..1].to_owned()).collect());
        let Some(next) = page.next else { return pages };
        from = next.to_string().parse().unwrap();
    }
}

#[tokio::test]
async fn pages_show_each_once_open_ones_first_and_no_more_ended_ones_than_were_asked_for() {
    let (_dir, store) = some().await;
    for (ended, limit, shown) in [
        (0, 100, vec!["abdeghjk"]),
        (2, 100, vec!["abdeghjkli"]),
        (0, 3, vec!["abd", "egh", "jk"]),
        (0, 4, vec!["abde", "ghjk"]),
        (3, 4, vec!["abde", "ghjk", "lif"]),
        (9, 5, vec!["abdeg", "hjkli", "fc"]),
        (3, 5, vec!["abdeg", "hjkli", "f"]),
        (9, 1, "abdeghjklifc".split("").filter(|one| !one.is_empty()).collect()),
    ] {
        let mut found = pages(&store, ended, limit).await;
        // The last page may have had room for one more, and nothing came.
        found.retain(|page| !page.is_empty());
        assert_eq!(found, shown, "{ended} {limit}");
    }
}

#[tokio::test]
async fn what_ends_between_two_pages_is_not_shown_twice_and_hides_nobody() {
    let (_dir, store) = some().await;
    let first = store.page(Place::begin(0), 3).await.unwrap();
    let gone = |i: &mut Instance| {
        i.stage = Stage::Gone;
        (vec![movement(Kind::Release, 5)], ())
    };
    store.change(&id("aaaaaaaaaa"), NOW, gone).await.unwrap();
    store.reserve(&instance("zzzzzzzzzz", "z", 5), NOW, &me(), allow).await.unwrap();
    let second = store.page(first.next.unwrap(), 100).await.unwrap();
    let letters: String = second.rows.iter().map(|(i, _)| i.id.0[..1].to_owned()).collect();
    assert_eq!((letters.as_str(), second.next), ("eghjkz", None));
}

#[test]
fn what_is_no_place_is_refused() {
    for text in ["", "open", "open.1", "open.-1.0", "open.1.0.0", "shut.1.0", "open.x.0", "open.1.-1", "open.1.0 "] {
        assert_eq!(text.parse::<Place>(), Err(()), "{text}");
    }
}

#[tokio::test]
async fn what_is_open_is_counted_by_account() {
    let (_dir, store) = some().await;
    let mut block = instance("yyyyyyyyyy", "block", 5);
    block.price.billing.prepaid = true;
    (block.provider, block.account) = ("other".to_owned(), "two".to_owned());
    store.reserve(&block, NOW, &me(), allow).await.unwrap();
    let clock = |i: &mut Instance| {
        i.sightings.self_ends = Some(NOW);
        (vec![], ())
    };
    store.change(&id("bbbbbbbbbb"), NOW, clock).await.unwrap();
    let open = store.open_accounts().await.unwrap();
    let told: Vec<_> = open.iter().map(|a| (&*a.provider, &*a.account, a.ends, a.count, a.names.len())).collect();
    let expected = [
        ("acme", "one", EndsBy::Nothing, 7, 5),
        ("acme", "one", EndsBy::Itself, 1, 1),
        ("other", "two", EndsBy::Block, 1, 1),
    ];
    assert_eq!(told, expected);
    assert_eq!((open[0].names[0].as_str(), open[1].names[0].as_str()), ("aaaaaaaaaa", "bbbbbbbbbb"));
}

#[tokio::test]
async fn a_change_of_anything_open_is_seen() {
    let (_dir, store) = some().await;
    let before = store.open_as_it_is().await.unwrap();
    assert_eq!(store.open_as_it_is().await.unwrap(), before);
    let note = |i: &mut Instance| {
        i.note = Some("odd".to_owned());
        (vec![], ())
    };
    store.change(&id("aaaaaaaaaa"), NOW, note).await.unwrap();
    assert_ne!(store.open_as_it_is().await.unwrap(), before);
}
