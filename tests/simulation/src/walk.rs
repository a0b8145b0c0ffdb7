//! One walk: a world, some processes, so many things that happen, and at the end peace, in which all must be settled.

use crate::{
    laws::{self, Laws},
    provider::{ACCOUNTS, TOKENS},
    steps::step,
    template::Template,
    world::{LEDGER, World},
};
use anyhow::Result;
use bursar::simulation::Still;
use bursar_store::simulated;
use std::{rc::Rc, sync::Arc, time::Duration};

/// What came of a walk.
#[derive(Debug, Clone)]
pub struct Walked {
    pub seed: u64,
    pub broken: Option<String>,
    pub story: Vec<String>,
    /// How many machines were made, and how many orders left.
    pub machines: usize,
    pub orders: usize,
}

/// How long peace may take until all is settled, in turns.
const PEACE_TURNS: u32 = 60;

/// Walks one seed; the same seed is the same walk.
pub fn walk(seed: u64, template: &Template, keeps_story: bool) -> Result<Walked> {
    let home = template.copy()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let laws = Laws::new(home.path())?;
    let world = runtime.block_on(async { World::new(seed, home.path(), &template.drivers, laws, keeps_story) });
    let waits = world.clone();
    simulated::begin(Rc::new(move || {
        let mut state = waits.state();
        let (often, most) = state.slow_store;
        match state.dice.percent(often) {
            true => Duration::from_millis(state.dice.within(1..most.max(2))),
            false => Duration::ZERO,
        }
    }));
    runtime.block_on(Still::new(None, live(world.clone())));
    let walked = {
        let mut state = world.state();
        let story = std::mem::take(&mut state.story);
        let (machines, orders) = (state.provider.machines.len(), state.provider.orders.len());
        Walked { seed, broken: state.broken.clone(), story, machines, orders }
    };
    let crew = std::mem::take(&mut world.state().crew);
    crew.iter().for_each(|member| member.process.kill());
    drop(crew);
    drop(runtime);
    simulated::end();
    Ok(walked)
}

async fn live(world: Arc<World>) {
    happen(&world).await;
    if world.state().broken.is_some() {
        laws::tell_all(&world);
    }
}

async fn happen(world: &Arc<World>) {
    world.begin(false);
    pass(world, 1_500).await;
    let steps = world.state().dice.within(8..26);
    for _ in 0..steps {
        step(world);
        let pause = {
            let mut state = world.state();
            match state.dice.within(0..10) {
                0..3 => state.dice.within(0..300),
                3..8 => state.dice.within(300..3_000),
                _ => state.dice.within(3_000..18_000),
            }
        };
        pass(world, pause).await;
        if world.state().broken.is_some() {
            return;
        }
    }
    peace(world).await;
}

/// Lets time pass, and looks at the laws meanwhile.
async fn pass(world: &World, mut left_ms: u64) {
    while left_ms > 0 {
        let piece = left_ms.min(4_000);
        tokio::time::sleep(Duration::from_millis(piece)).await;
        laws::check(world);
        left_ms -= piece;
    }
}

/// Nothing goes wrong any more, and somebody runs: whatever is open is settled, and nothing is left.
async fn peace(world: &Arc<World>) {
    world.tell(|| "peace".to_owned());
    calm(world);
    for turn in 0..PEACE_TURNS {
        if !world.state().crew.iter().any(|member| !member.is_keeper && !member.process.is_dead()) {
            world.begin(false);
        }
        pass(world, 4_000).await;
        if world.state().broken.is_some() || is_over(world) {
            break;
        }
        if let Err(error) = use_the_right_key(world) {
            return world.broke(format!("the key cannot be put back: {error}"));
        }
        // Where nothing is to be done now, the computer sleeps until something is; in between for long, whatever there is: what
        // was asked before the time of day was set back waits until it has come again.
        let patient = turn % 8 != 7;
        let rests = laws::rests_for(world);
        if let Some(secs) = if patient { rests } else { Some(1_800) } {
            world.tell(|| format!("the computer sleeps for {secs} s"));
            world.sleeps(secs);
        }
    }
    if world.state().broken.is_none() {
        laws::all_is_settled(world);
    }
}

fn calm(world: &Arc<World>) {
    let crew = {
        let mut state = world.state();
        state.provider.faults = Default::default();
        state.provider.incomplete = None;
        state.provider.machines.iter_mut().for_each(|machine| machine.ignores = 0);
        (state.slow_store, state.keeper_fails) = ((0, 0), 0);
        state.crew.clone()
    };
    crate::steps::go_on(world, &crew);
    crate::steps::command(world, |rooms, _| async move { rooms.thaw().await.map(drop).map_err(|e| e.to_string()) });
}

/// What is on an account is ended with a key of that account.
fn use_the_right_key(world: &World) -> Result<()> {
    let open = laws::open_accounts(world);
    let account = ACCOUNTS.iter().position(|account| open.iter().any(|open| open == account)).unwrap_or(0);
    crate::template::write_key(&world.home, TOKENS[account])
}

fn is_over(world: &World) -> bool {
    let now = world.true_ms();
    let lives = {
        let state = world.state();
        let ours = |tag: &str| tag.starts_with(LEDGER);
        state.provider.machines.iter().any(|machine| ours(&machine.tag) && machine.lives(now))
            || !state.provider.landing.is_empty()
    };
    !lives && laws::nothing_is_open(world)
}
