//! What can happen in a walk, and how often.

use crate::{
    faults::Faults,
    provider::TOKENS,
    template::write_key,
    world::{Member, World},
};
use bursar::simulation::{CreateInstance, Process, Progress, Rooms, Wanted};
use bursar_core::offer::Wish;
use std::{future::Future, sync::Arc, time::Duration};

const OWNER: &str = "owner";

/// Lets one thing happen.
pub fn step(world: &Arc<World>) {
    let roll = world.state().dice.within(0..100);
    match roll {
        0..20 => create(world),
        // Several at once, which must not all take what is left for one.
        20..26 => (0..3).for_each(|_| create(world)),
        26..35 => extend(world),
        35..46 => end(world),
        46..50 => look(world),
        50..60 => kill(world),
        60..66 => begin(world),
        66..72 => stop(world),
        72..80 => {
            let crew = world.state().crew.clone();
            go_on(world, &crew);
        }
        80..85 => sleep(world),
        85..88 => set_clock(world),
        88..91 => change_price(world),
        91..93 => replace_key(world),
        93..95 => stranger(world),
        95..97 => panic(world),
        _ => trouble(world),
    }
}

/// Runs a command in one of the processes that run now.
pub fn command<F, D>(world: &Arc<World>, does: F)
where
    F: FnOnce(Rooms, Arc<World>) -> D + Send + 'static,
    D: Future<Output = Result<(), String>> + Send + 'static,
{
    let runs: Vec<Member> = world.state().crew.iter().filter(|m| m.is_running() && !m.is_keeper).cloned().collect();
    let Some(member) = world.state().dice.pick(&runs).cloned() else { return };
    let Member { process, rooms: Some(rooms), .. } = member else { return };
    let told = world.clone();
    let name = process.name.clone();
    process.spawn(async move {
        if let Err(error) = does(rooms, told.clone()).await {
            told.tell(|| format!("{name}: {}", error.lines().next().unwrap_or_default()));
        }
    });
}

fn create(world: &Arc<World>) {
    let ask = {
        let now = world.true_ms() / 1_000;
        let mut state = world.state();
        let known = state.asked;
        let name = match known > 0 && state.dice.percent(15) {
            true => known,
            false => known + 1,
        };
        state.asked = name;
        // Up to a little before the full hour, often.
        let to_the_hour = 3_600 - now % 3_600;
        let length = match state.dice.percent(40) {
            true if to_the_hour > 160 => to_the_hour - state.dice.within(0..100),
            _ => state.dice.within(60..900),
        };
        let wanted = match state.dice.percent(25) {
            true => Wanted::Wish { provider: None, wish: Wish::default() },
            false => Wanted::Offer { provider: "bitlaunch".to_owned(), id: "1/vc2-1c-2gb/fra".to_owned() },
        };
        CreateInstance {
            principal: OWNER.to_owned(),
            name: format!("box-{name}"),
            wanted,
            image: None,
            nodes: 1,
            length_secs: Some(length),
            ssh_keys: vec![],
            max_per_hour: None,
        }
    };
    world.tell(|| format!("create {} for {} s", ask.name, ask.length_secs.unwrap_or_default()));
    command(world, |rooms, world| async move {
        let name = ask.name.clone();
        let created = rooms.create_instance(ask).await.map_err(|error| format!("create {name}: {error}"))?;
        world.tell(|| format!("{name} is {}", created.instance.stage));
        let ready = rooms.make_ready(&created.instance.id, &Progress::silent()).await;
        ready.map(drop).map_err(|error| format!("{name} is not ready: {error}"))
    });
}

/// One of the names that were asked so far.
fn some_name(world: &World) -> String {
    let mut state = world.state();
    let asked = state.asked;
    format!("box-{}", state.dice.within(1..asked + 2).min(asked.max(1)))
}

fn extend(world: &Arc<World>) {
    let (name, more) = (some_name(world), world.state().dice.within(30..2_400));
    world.tell(|| format!("extend {name} by {more} s"));
    command(world, move |rooms, world| async move {
        let known = rooms.get_instance(OWNER, &name, false).await.map_err(|error| error.to_string())?.instance;
        let whole = known.lease.ends.since(known.lease.begins) + more;
        rooms.extend_instance(OWNER, &name, whole).await.map_err(|error| format!("extend {name}: {error}"))?;
        world.tell(|| format!("{name} may live for {whole} s"));
        Ok(())
    });
}

fn end(world: &Arc<World>) {
    let (name, wait) = (some_name(world), world.state().dice.within(0..20));
    world.tell(|| format!("end {name}"));
    command(world, move |rooms, world| async move {
        let known = rooms.get_instance(OWNER, &name, false).await.map_err(|error| error.to_string())?.instance;
        let stopped = rooms.stop_instance(&known.id, "asked", Duration::from_secs(wait)).await;
        let stopped = stopped.map_err(|error| format!("end {name}: {error}"))?;
        world.tell(|| format!("{name}: {}", stopped.in_words()));
        Ok(())
    });
}

fn look(world: &Arc<World>) {
    command(world, |rooms, _| async move {
        rooms.list_instances(5, true, true).await.map(drop).map_err(|error| error.to_string())
    });
}

fn some_process(world: &World, fits: impl Fn(&Member) -> bool) -> Option<Arc<Process>> {
    let mut state = world.state();
    let fit: Vec<Arc<Process>> =
        state.crew.iter().filter(|member| fits(member)).map(|member| member.process.clone()).collect();
    state.dice.pick(&fit).cloned()
}

fn kill(world: &Arc<World>) {
    let Some(process) = some_process(world, |member| !member.process.is_dead()) else { return };
    let (at_once, after) = {
        let mut state = world.state();
        (state.dice.percent(40), state.dice.within(1..50))
    };
    match at_once {
        true => process.kill(),
        false => process.kill_after(after),
    }
    world.tell(|| {
        format!("kill {} {}", process.name, if at_once { "now".into() } else { format!("after {after} steps") })
    });
}

fn begin(world: &Arc<World>) {
    let clients = world.state().crew.iter().filter(|m| !m.is_keeper && !m.process.is_dead()).count();
    if clients < 3 {
        world.begin(false);
    }
}

fn stop(world: &Arc<World>) {
    let Some(process) = some_process(world, Member::is_running) else { return };
    world.tell(|| format!("stop {}", process.name));
    process.stop();
}

pub fn go_on(world: &World, crew: &[Member]) {
    let now = world.awake_ms();
    for member in crew.iter().filter(|member| member.process.is_stopped()) {
        world.tell(|| format!("{} goes on", member.process.name));
        let mut state = world.state();
        state.crew.iter_mut().filter(|m| m.process.name == member.process.name).for_each(|m| m.runs_since = now);
        drop(state);
        member.process.go_on();
    }
}

fn sleep(world: &Arc<World>) {
    let secs = {
        let mut state = world.state();
        match state.dice.percent(60) {
            true => state.dice.within(5..120),
            false => state.dice.within(120..7_200),
        }
    };
    world.tell(|| format!("the computer sleeps for {secs} s"));
    world.sleeps(secs);
}

fn set_clock(world: &Arc<World>) {
    let mut state = world.state();
    if !state.sets_clock {
        return;
    }
    let secs = i64::try_from(state.dice.within(1..4_000)).unwrap_or(0);
    let by = if state.dice.percent(50) { secs } else { -secs };
    state.off_secs += by;
    state.was_off = true;
    drop(state);
    world.tell(|| format!("the time of day is set by {by} s"));
}

fn change_price(world: &Arc<World>) {
    let now = world.true_ms();
    let mut state = world.state();
    let rate = state.dice.within(10..90);
    let which = state.dice.next();
    let living: Vec<String> = state.provider.living(0, now).map(|machine| machine.id.clone()).collect();
    match (which % 2, living.is_empty()) {
        (0, false) => {
            let id = &living[usize::try_from(which / 2).unwrap_or(0) % living.len()];
            for machine in state.provider.machines.iter_mut().filter(|machine| machine.id == *id) {
                machine.rate_musd = machine.rate_musd.max(rate);
            }
        }
        _ => state.provider.rate_musd = rate,
    }
    drop(state);
    world.tell(|| format!("a price is {rate} thousandths an hour"));
}

fn replace_key(world: &Arc<World>) {
    let which = {
        let mut state = world.state();
        if state.replaces_key { state.dice.within(0..2) } else { return }
    };
    world.tell(|| format!("the key is that of account {which}"));
    if let Err(error) = write_key(&world.home, TOKENS[usize::try_from(which).unwrap_or(0)]) {
        world.broke(format!("the key cannot be written: {error}"));
    }
}

fn stranger(world: &Arc<World>) {
    let now = world.true_ms();
    let machine = world.state().provider.make("stranger", 0, now, 0, 0);
    world.tell(|| format!("a stranger's machine {}", machine.id));
}

fn panic(world: &Arc<World>) {
    let thaws = world.state().dice.percent(50);
    world.tell(|| if thaws { "thaw".to_owned() } else { "panic".to_owned() });
    command(world, move |rooms, world| async move {
        if thaws {
            return rooms.thaw().await.map(drop).map_err(|error| error.to_string());
        }
        let panicked = rooms.panic(Duration::from_secs(9), |_| ()).await.map_err(|error| error.to_string())?;
        world.tell(|| format!("panic left {} open", panicked.left.len()));
        Ok(())
    });
}

fn trouble(world: &Arc<World>) {
    let mut state = world.state();
    let mut faults = Faults::new(&mut state.dice);
    if state.dice.percent(40) {
        faults = Faults::default();
    }
    state.provider.faults = faults.clone();
    drop(state);
    world.tell(|| format!("{faults:?}"));
}
