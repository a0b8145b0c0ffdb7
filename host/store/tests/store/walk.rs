//! A random walk: whatever is reserved, changed and opened again, the store says what a naive model says.

use crate::help::*;
use bursar_core::{
    instance::{Handle, Instance, InstanceId, Stage},
    ledger::{Kind, Movement, Refusal, Standing},
    time::Moment,
};
use bursar_store::{Broken, ReserveError, Store, StoreError};
use proptest::{collection::vec, option, prelude::*};
use std::collections::HashMap;

/// Everything together may hold and have charged so much.
const ALLOWED: i64 = 200;

#[derive(Debug, Clone)]
enum Step {
    Reserve { id: usize, name: u8, hold: i64 },
    Change { of: usize, stage: Option<u8>, moves: Vec<(u8, Amount)>, handle: Option<u8>, name: Option<u8> },
    OpenAgain,
}

#[derive(Debug, Clone, Copy)]
enum Amount {
    Of(i64),
    /// All that is held.
    Rest,
}

fn step() -> impl Strategy<Value = Step> {
    let amount = prop_oneof![(-1..40_i64).prop_map(Amount::Of), Just(Amount::Rest)];
    let stage = prop_oneof![3 => Just(None), 1 => (0..6_u8).prop_map(Some), 2 => Just(Some(5))];
    prop_oneof![
        5 => (0..30_usize, 0..4_u8, -1..60_i64).prop_map(|(id, name, hold)| Step::Reserve { id, name, hold }),
        7 => (any::<prop::sample::Index>(), stage, vec((0..3_u8, amount), 0..3), option::of(0..4_u8), option::weighted(0.1, 0..4_u8))
            .prop_map(|(of, stage, moves, handle, name)| Step::Change { of: of.index(12), stage, moves, handle, name }),
        1 => Just(Step::OpenAgain),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_store_says_what_a_naive_model_says(walk in vec((step(), 0..100_u64), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(go(walk));
    }
}

async fn go(walk: Vec<(Step, u64)>) {
    let (dir, mut store) = new_store().await;
    let mut model = Model::default();
    for (step, now) in walk {
        let shown = format!("{step:?}");
        let (got, wanted) = match step {
            Step::OpenAgain => {
                store = open(dir.path()).await;
                continue;
            }
            Step::Reserve { id, name, hold } => {
                (reserve(&store, id, name, hold, now).await, model.reserve(id, name, hold, now))
            }
            Step::Change { of, stage, moves, handle, name } => {
                let Some(of) = model.rows.get(of).map(|row| row.id) else { continue };
                let change = Change { of, stage: stage.map(stage_of), moves, handle, name };
                (alter(&store, &model, &change, now).await, model.change(&change, now))
            }
        };
        assert_eq!(got, wanted, "{shown} at {now}");
        model.compare(&store).await;
    }
    assert_whole(&store).await;
}

struct Change {
    of: usize,
    stage: Option<Stage>,
    moves: Vec<(u8, Amount)>,
    handle: Option<u8>,
    name: Option<u8>,
}

fn stage_of(n: u8) -> Stage {
    [Stage::Requested, Stage::InDoubt, Stage::Made, Stage::Ready, Stage::Stopping, Stage::Gone][usize::from(n)]
}

fn kind_of(n: u8) -> Kind {
    [Kind::Hold, Kind::Charge, Kind::Release][usize::from(n)]
}

fn id_of(n: usize) -> String {
    format!("i{n:09}")
}

async fn reserve(store: &Store, id: usize, name: u8, hold: i64, now: u64) -> &'static str {
    let decide = |standing: &Standing| {
        let fits = standing.totals.committed().0 + hold <= ALLOWED;
        if fits { Ok(()) } else { Err(Refusal { over: Vec::new() }) }
    };
    let new = instance(&id_of(id), &format!("n{name}"), hold);
    match store.reserve(&new, Moment(now), &me(), decide).await {
        Ok(_) => "ok",
        Err(ReserveError::Refused(_)) => "refused",
        Err(ReserveError::NameTaken(_)) => "name taken",
        Err(ReserveError::Store(error)) => word(&error),
    }
}

async fn alter(store: &Store, model: &Model, change: &Change, now: u64) -> &'static str {
    let moves: Vec<Movement> =
        model.amounts(change).into_iter().map(|(kind, amount)| movement(kind_of(kind), amount)).collect();
    let alter = |i: &mut Instance| {
        i.stage = change.stage.unwrap_or(i.stage);
        i.name = change.name.map_or_else(|| i.name.clone(), |name| format!("n{name}"));
        if let Some(handle) = change.handle {
            i.handle = Some(Handle { id: handle.to_string(), memo: String::new() });
        }
        (moves, ())
    };
    match store.change(&InstanceId(id_of(change.of)), Moment(now), alter).await {
        Ok(_) => "ok",
        Err(error) => word(&error),
    }
}

fn word(error: &StoreError) -> &'static str {
    match error {
        StoreError::HoldTooSmall { .. } => "too small",
        StoreError::IdTaken { .. } => "id taken",
        StoreError::NameInUse { .. } => "name taken",
        StoreError::Broken { broken: Broken::UsedBefore, .. } => "used before",
        StoreError::Broken { broken: Broken::GoneWithHold { .. }, .. } => "gone with a hold",
        StoreError::Broken { broken: Broken::OpenWithoutHold, .. } => "open without a hold",
        other => panic!("{other:?}"),
    }
}

/// The ledger as one would keep it in one's head.
#[derive(Default, Clone)]
struct Model {
    rows: Vec<Row>,
    /// When, whose, kind, amount.
    entries: Vec<(u64, usize, Kind, i64)>,
    handles: HashMap<u8, usize>,
}

#[derive(Clone)]
struct Row {
    id: usize,
    name: u8,
    lease: i64,
    stage: Stage,
}

impl Model {
    fn sum(&self, of: Option<usize>, kind: Kind) -> i64 {
        self.entries.iter().filter(|e| of.is_none_or(|of| of == e.1) && e.2 == kind).map(|e| e.3).sum()
    }

    fn held(&self, of: Option<usize>) -> i64 {
        self.sum(of, Kind::Hold) - self.sum(of, Kind::Charge) - self.sum(of, Kind::Release)
    }

    fn row(&mut self, id: usize) -> &mut Row {
        self.rows.iter_mut().find(|row| row.id == id).unwrap()
    }

    fn is_taken(&self, name: u8, but: Option<usize>) -> bool {
        self.rows.iter().any(|row| row.name == name && row.stage != Stage::Gone && Some(row.id) != but)
    }

    fn enter(&mut self, now: u64, of: usize, kind: Kind, amount: i64) {
        let last = self.entries.last().map_or(0, |entry| entry.0);
        self.entries.push((now.max(last), of, kind, amount));
    }

    fn reserve(&mut self, id: usize, name: u8, hold: i64, now: u64) -> &'static str {
        if self.is_taken(name, None) {
            return "name taken";
        }
        if self.held(None) + self.sum(None, Kind::Charge) + hold > ALLOWED {
            return "refused";
        }
        if self.rows.iter().any(|row| row.id == id) {
            return "used before";
        }
        if hold < 0 {
            return "too small";
        }
        self.rows.push(Row { id, name, lease: hold, stage: Stage::Requested });
        self.enter(now, id, Kind::Hold, hold);
        "ok"
    }

    /// What the movements come to, each after the one before.
    fn amounts(&self, change: &Change) -> Vec<(u8, i64)> {
        let mut held = self.held(Some(change.of));
        let mut amounts = Vec::new();
        for (kind, amount) in &change.moves {
            let amount = match amount {
                Amount::Of(amount) => *amount,
                Amount::Rest => held,
            };
            held += if *kind == 0 { amount } else { -amount };
            amounts.push((*kind, amount));
        }
        amounts
    }

    fn change(&mut self, change: &Change, now: u64) -> &'static str {
        let mut next = self.clone();
        let word = next.change_in_place(change, now);
        if word == "ok" {
            *self = next;
        }
        word
    }

    fn change_in_place(&mut self, change: &Change, now: u64) -> &'static str {
        for (kind, amount) in self.amounts(change) {
            if amount < 0 || (kind != 0 && amount > self.held(Some(change.of))) {
                return "too small";
            }
            self.enter(now, change.of, kind_of(kind), amount);
        }
        let row = self.row(change.of);
        row.stage = change.stage.unwrap_or(row.stage);
        row.name = change.name.unwrap_or(row.name);
        let (row, held) = (row.clone(), self.held(Some(change.of)));
        match (row.stage == Stage::Gone, held) {
            (true, 0) => {}
            (true, _) => return "gone with a hold",
            (false, 0) if row.lease != 0 => return "open without a hold",
            (false, _) if self.is_taken(row.name, Some(row.id)) => return "name taken",
            (false, _) => {}
        }
        match change.handle {
            Some(handle) if *self.handles.entry(handle).or_insert(change.of) != change.of => "id taken",
            _ => "ok",
        }
    }

    async fn compare(&self, store: &Store) {
        let standing = store.standing().await.unwrap();
        let totals = (standing.totals.held.0, standing.totals.charged.0);
        assert_eq!(totals, (self.held(None), self.sum(None, Kind::Charge)));
        let open = |row: &&Row| row.stage != Stage::Gone;
        let wanted: Vec<_> = self
            .rows
            .iter()
            .filter(open)
            .map(|row| (id_of(row.id), format!("n{}", row.name), self.held(Some(row.id))))
            .collect();
        let got: Vec<_> = standing.open.into_iter().map(|o| (o.instance.0, o.name, o.held.0)).collect();
        assert_eq!(got, wanted);
        let got: Vec<_> = store.entries(None, 999).await.unwrap();
        let got: Vec<_> = got.into_iter().rev().map(|e| (e.at.0, e.instance.0, e.kind, e.amount.0)).collect();
        let wanted: Vec<_> =
            self.entries.iter().map(|(at, of, kind, amount)| (*at, id_of(*of), *kind, *amount)).collect();
        assert_eq!(got, wanted);
        for (handle, of) in &self.handles {
            let owner = store.by_handle("acme", "one", &handle.to_string()).await.unwrap();
            assert_eq!(owner, Some(InstanceId(id_of(*of))));
        }
    }
}
