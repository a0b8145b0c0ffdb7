//! How each idea must end. Every family is one file with one `match` over its ideas: an idea without a case does not compile.
#![deny(clippy::wildcard_enum_match_arm, clippy::match_wildcard_for_single_variants)]

mod identity;
mod reach;
mod release;
mod resources;
mod results;
mod secrets;
mod signing;
mod spend;
mod state;

use crate::{
    ideas::Idea,
    world::{self, Case},
};

/// Returns how this idea must end, or none where it is judged before it runs.
fn case(idea: Idea) -> Option<Case> {
    match idea {
        Idea::Reach(idea) => Some(reach::case(idea)),
        Idea::Spend(idea) => Some(spend::case(idea)),
        Idea::Release(idea) => Some(release::case(idea)),
        Idea::Signing(idea) => signing::case(idea),
        Idea::Secrets(idea) => Some(secrets::case(idea)),
        Idea::Resources(idea) => Some(resources::case(idea)),
        Idea::Results(idea) => Some(results::case(idea)),
        Idea::State(idea) => Some(state::case(idea)),
        Idea::Identity(idea) => Some(identity::case(idea)),
    }
}

/// Every idea in a task of its own, so that one that gets through does not hide another.
async fn check(wanted: impl Fn(Idea) -> bool) {
    let mut failed = Vec::new();
    for idea in Idea::ALL.iter().copied().filter(|idea| wanted(*idea)) {
        let Some(case) = case(idea) else { continue };
        if tokio::spawn(world::check(idea, case)).await.is_err() {
            failed.push(idea);
        }
    }
    assert!(failed.is_empty(), "these got through, see above: {failed:?}");
}

macro_rules! families {
    ($($test:ident: $family:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $test() {
            check(|idea| matches!(idea, Idea::$family(_))).await;
        }
    )*};
}

families! {
    no_guest_reaches_anything_but_its_routes: Reach,
    no_guest_spends_but_once_and_what_was_reserved: Spend,
    no_guest_frees_money_or_ends_a_strangers_machine: Release,
    no_guest_signs: Signing,
    no_guest_sees_a_secret: Secrets,
    no_guest_uses_up_the_host: Resources,
    no_result_is_believed: Results,
    nothing_survives_a_call: State,
    no_guest_speaks_for_another: Identity,
}
