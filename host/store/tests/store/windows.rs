//! What was charged when: whatever is reserved and charged, the sums by time say what a model says that keeps every row
//! and counts every second. Old ledgers get their sums, and keep every row.

use crate::help::*;
use bursar_core::{
    bounds::Lookback,
    instance::{Instance, Stage},
    ledger::{Kind, Movement, Reason},
    money::Usd,
    scope::Scope,
    time::Moment,
    window::{Look, Paid, Timed, Window, fullest},
};
use bursar_store::{ReserveError, Store, StoreError};
use proptest::prelude::*;
use sqlx::{ConnectOptions, Executor, sqlite::SqliteConnectOptions};

const MINUTES: [u64; 6] = [5, 15, 30, 60, 90, 120];

#[derive(Debug, Clone)]
struct Rented {
    begins: u64,
    length: u64,
    minimum: u64,
    hold: i64,
    /// When it was seen to be gone, and what of the hold was charged, in percent.
    gone: Option<(u64, i64)>,
    mine: bool,
}

fn rented() -> impl Strategy<Value = Rented> {
    let gone = prop::option::weighted(0.8, (0..9_000_u64, 0..=100_i64));
    (0..9_000_u64, 60..5_000_u64, prop_oneof![Just(0), Just(3_600)], 1..900_000_i64, gone, any::<bool>())
        .prop_map(|(begins, length, minimum, hold, gone, mine)| Rented { begins, length, minimum, hold, gone, mine })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_window_holds_what_a_model_of_every_row_and_second_says(all in prop::collection::vec(rented(), 1..16)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(all));
    }
}

async fn compare(all: Vec<Rented>) {
    let (_dir, store) = new_store().await;
    let mut model: Vec<(bool, Timed)> = vec![];
    // In the order in which things happen: an entry's time never lies before the last one's.
    let mut steps: Vec<(u64, usize, bool)> = vec![];
    for (n, one) in all.iter().enumerate() {
        steps.push((NOW.0 + one.begins, n, false));
        steps.extend(one.gone.map(|(after, _)| (NOW.0 + one.begins + after, n, true)));
    }
    steps.sort();
    let mut at = NOW.0;
    for (when, n, ends) in steps {
        at = when;
        let one = &all[n];
        let which = format!("i{n:09}");
        if ends {
            let charge = one.hold * one.gone.unwrap().1 / 100;
            let end = |i: &mut Instance| {
                i.stage = Stage::Gone;
                (vec![movement(Kind::Charge, charge), movement(Kind::Release, one.hold - charge)], ())
            };
            store.change(&id(&which), Moment(when), end).await.unwrap();
        } else {
            let mut new = instance(&which, &which, one.hold);
            new.principal = if one.mine { "me" } else { "you" }.to_owned();
            (new.lease.begins, new.lease.ends) = (Moment(when), Moment(when + one.length));
            new.price.billing.minimum_secs = one.minimum;
            store.reserve(&new, Moment(when), &me(), allow).await.unwrap();
        }
        // What a process has seen of the sums it keeps: from here on it only follows.
        store.standing_within(&everything(), Moment(when)).await.unwrap();
    }
    for (n, one) in all.iter().enumerate() {
        let _ = n;
        let begins = NOW.0 + one.begins;
        let ends = begins + one.length + 120;
        let (amount, until) = match one.gone {
            Some((after, share)) => (one.hold * share / 100, ends.min(begins + after)),
            None => (one.hold, ends.max(at)),
        };
        let at_once = Usd(100).per_hour_for(one.minimum);
        let paid = Paid { from: Moment(begins), until: Moment(until), at_once };
        model.push((one.mine, Timed { amount: Usd(amount), paid }));
    }
    for scope in scopes() {
        let mine = |(is, _): &&(bool, Timed)| *is || !matches!(scope, Scope::Principal(_));
        let rows: Vec<Timed> = model.iter().filter(mine).map(|(_, timed)| timed.clone()).collect();
        see(&store, &scope, &rows, at).await;
    }
    assert_whole(&store).await;
}

fn scopes() -> [Scope; 3] {
    [Scope::All, Scope::Principal("me".into()), Scope::Provider("acme".into())]
}

fn look(scope: &Scope, window: Window) -> Look {
    Look { scope: scope.clone(), cell_secs: window.cell_secs(), back_secs: window.secs() }
}

fn everything() -> Lookback {
    let of = |scope: Scope| MINUTES.map(|minutes| look(&scope, Window { minutes, usd: Usd::ZERO }));
    Lookback { looks: scopes().into_iter().flat_map(of).collect(), creates: 1, ..Lookback::default() }
}

async fn see(store: &Store, scope: &Scope, rows: &[Timed], at: u64) {
    for minutes in MINUTES {
        let window = Window { minutes, usd: Usd::ZERO };
        let lookback = Lookback { looks: vec![look(scope, window)], creates: 1, ..Lookback::default() };
        let standing = store.standing_within(&lookback, Moment(at)).await.unwrap();
        let holds: Vec<Timed> = standing
            .open
            .iter()
            .filter(|open| scope.holds(&open.provider, &open.principal))
            .map(|open| Timed { amount: open.held, paid: Paid { until: open.paid.until.max(Moment(at)), ..open.paid } })
            .collect();
        let found = i128::from(fullest(window, &standing.past[0], &holds, Moment(at)).0.0);
        let (least, most) = (brute(rows, window.secs(), at), brute(rows, window.secs() + 2 * window.cell_secs(), at));
        assert!(least <= found && found <= most, "{scope} {minutes} min: {least} <= {found} <= {most}");
    }
}

/// The most in any so many seconds that end at or after a moment, counted second by second.
fn brute(rows: &[Timed], secs: u64, now: u64) -> i128 {
    let (begin, end) = (NOW.0 - 1_000, now + 15_000);
    let mut spent = vec![(0_i128, 0_i128); usize::try_from(end - begin + 1).unwrap()];
    for Timed { amount, paid } in rows {
        let lump = amount.0.min(paid.at_once.0);
        let (rest, long) = (u64::try_from(amount.0 - lump).unwrap(), paid.until.0.saturating_sub(paid.from.0).max(1));
        spent[(paid.from.0 - begin) as usize].0 += i128::from(lump);
        for n in 0..long {
            spent[(paid.from.0 + n - begin) as usize].1 += i128::from(rest / long + u64::from(n < rest % long));
        }
    }
    let mut before = vec![0];
    for (lump, even) in &spent {
        before.push(before.last().unwrap() + lump + even);
    }
    let sum = |from: u64, to: u64| {
        let (from, to) = (from.saturating_sub(begin) as usize, (to - begin) as usize);
        before[to + 1] - before[from] - spent[to].1
    };
    (now..end).map(|t| sum(t - secs, t)).max().unwrap()
}

#[tokio::test]
async fn an_old_ledger_gets_its_sums_and_keeps_every_row() {
    let dir = tempfile::tempdir().unwrap();
    let file = SqliteConnectOptions::new().filename(dir.path().join("ledger.db")).create_if_missing(true);
    let mut bare = file.connect().await.unwrap();
    bare.execute(sqlx::raw_sql(include_str!("../../schema/0001_ledger.sql"))).await.unwrap();
    bare.execute(sqlx::raw_sql(include_str!("../../schema/0002_audit.sql"))).await.unwrap();
    let doc = serde_json::to_string(&Instance { stage: Stage::Gone, ..instance("aaaaaaaaaa", "one", 9) }).unwrap();
    let old = format!(
        "PRAGMA journal_mode = WAL; PRAGMA application_id = 1651864179; PRAGMA user_version = 2;
         INSERT INTO ledger VALUES (1, 'ledger0000', 1, 1);
         INSERT INTO instances VALUES (1, 'aaaaaaaaaa', 'ledger0000aaaaaaaaaa', 'local', 'acme', 'one', 'one', 0, 100, 0, 7, NULL, NULL, '{doc}');
         INSERT INTO entries VALUES (1, 50, 'aaaaaaaaaa', 'hold', 9, '{{\"reason\":\"reserved\"}}', 9, 0);
         INSERT INTO entries VALUES (2, 60, 'aaaaaaaaaa', 'charge', 7, '{{\"reason\":\"gone\"}}', 2, 7);
         INSERT INTO entries VALUES (3, 60, 'aaaaaaaaaa', 'release', 2, '{{\"reason\":\"gone\"}}', 0, 7);"
    );
    bare.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(old))).await.unwrap();
    let store = open(dir.path()).await;
    assert_whole(&store).await;
    let entries = store.entries(None, 9).await.unwrap();
    assert_eq!(entries.iter().map(|e| (e.seq, e.amount.0)).collect::<Vec<_>>(), [(3, 2), (2, 7), (1, 9)]);
    let look = |secs| Look { scope: Scope::Provider("acme".into()), cell_secs: 4, back_secs: secs };
    let spent = async |secs| {
        let lookback = Lookback { looks: vec![look(secs)], creates: 1, ..Lookback::default() };
        let standing = store.standing_within(&lookback, Moment(100)).await.unwrap();
        (standing.crowding, fullest(Window { minutes: 1, usd: Usd::ZERO }, &standing.past[0], &[], Moment(100)).0)
    };
    assert_eq!(spent(60).await, (Some(Moment(50)), Usd(7)), "it counts at once when it was charged");
    // A program that is older than the schema still ends: its charge is summed, too.
    store.reserve(&instance("bbbbbbbbbb", "two", 5), NOW, &me(), allow).await.unwrap();
    let older = "INSERT INTO entries (seq, at, instance, kind, amount, reason, held, charged)
                 VALUES (5, 2000000000, 'bbbbbbbbbb', 'charge', 5, '{\"reason\":\"gone\"}', 0, 12);
                 UPDATE instances SET is_open = 0, held = 0, charged = 5, doc = json_set(doc, '$.stage', 'gone') WHERE id = 'bbbbbbbbbb';";
    bare.execute(sqlx::raw_sql(older)).await.unwrap();
    assert_whole(&store).await;
    assert_eq!(store.charged(&Scope::Principal("local".into())).await.unwrap(), Usd(12));
}

#[tokio::test]
async fn sums_that_do_not_belong_to_the_charges_stop_spending() {
    for (sql, stops) in [
        ("UPDATE charged SET usd = usd - 1 WHERE scope = 'all'", true),
        ("DELETE FROM charged", true),
        ("UPDATE charged SET usd = 0 WHERE scope = 'provider.acme'", false),
        ("DELETE FROM spent", false),
    ] {
        let (dir, store) = new_store().await;
        store.reserve(&instance("aaaaaaaaaa", "one", 5), NOW, &me(), allow).await.unwrap();
        let charge = Movement { kind: Kind::Charge, amount: Usd(3), reason: Reason::Gone };
        store.change(&id("aaaaaaaaaa"), NOW, |_| (vec![charge], ())).await.unwrap();
        bare(dir.path()).await.execute(sql).await.unwrap();
        let problems = store.check().await.unwrap().problems;
        assert!(problems.iter().any(|problem| problem.contains("sums by time")), "{sql}: {problems:#?}");
        let reserved = store.reserve(&instance("bbbbbbbbbb", "two", 5), NOW, &me(), allow).await;
        assert_eq!(matches!(reserved, Err(ReserveError::Store(StoreError::Damaged { .. }))), stops, "{sql}");
    }
}
