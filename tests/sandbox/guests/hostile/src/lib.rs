//! A driver that behaves, until it is told an idea: then it acts that one out in the calls whose moment is even, so that the
//! same sandbox can be asked afterwards whether all is well.

wit_bindgen::generate!({
    path: "../../../../wit",
    inline: "package bursar:hostile; world hostile {
        include bursar:driver/driver@0.1.0;
        export bursar:driver/keys@0.1.0;
        export bursar:driver/images@0.1.0;
        export bursar:driver/restart@0.1.0;
        export bursar:driver/pause@0.1.0;
        export bursar:driver/extend@0.1.0;
        export bursar:driver/charges@0.1.0;
        export bursar:driver/sites@0.1.0;
    }",
    world: "bursar:hostile/hostile",
    generate_all,
});

#[path = "../../../ideas.rs"]
mod ideas;
mod identity;
mod reach;
mod release;
mod resources;
mod results;
mod run;
mod secrets;
mod signing;
mod spend;
mod state;
mod told;

use bursar::driver::types::*;
use exports::bursar::driver::{charges, extend, images, keys, pause, provider, restart, sites};
use run::{Asked, Run};
use told::Told;

struct Hostile;
export!(Hostile);

impl provider::Guest for Hostile {
    fn describe() -> String {
        include_str!("../driver.toml").into()
    }

    fn account(call: Call) -> Result<AccountInfo, Error> {
        Ok(ask(call, Asked::Account, &())?.account)
    }

    fn offers(call: Call, _: Wish, next: Option<String>) -> Result<provider::OffersPage, Error> {
        let told = ask(call, Asked::Offers, &next)?;
        Ok(provider::OffersPage { items: told.offers.iter().map(|id| told.offer(id)).collect(), next: told.next })
    }

    fn quote(call: Call, order: Order) -> Result<Terms, Error> {
        let told = ask(call, Asked::Quote, &order)?;
        Ok(Terms { price: told.price, good_until: told.moment, note: told.note })
    }

    fn create(call: Call, order: Order, key: Key) -> Result<provider::Outcome, Error> {
        Ok(outcome(ask(call, Asked::Create, &(order, key))?))
    }

    fn advance(call: Call, order: Order, pending: String) -> Result<provider::Outcome, Error> {
        Ok(outcome(ask(call, Asked::Advance, &(order, pending))?))
    }

    fn get(call: Call, handle: Handle) -> Result<Instance, Error> {
        Ok(ask(call, Asked::Get, &handle)?.first())
    }

    fn list(call: Call, next: Option<String>) -> Result<provider::InstancesPage, Error> {
        let told = ask(call, Asked::List, &next)?;
        Ok(provider::InstancesPage { items: told.instances(), next: told.next })
    }

    fn destroy(call: Call, handle: Handle) -> Result<provider::Ending, Error> {
        let told = ask(call, Asked::Destroy, &handle)?;
        Ok(if told.memo.is_empty() { provider::Ending::Gone } else { provider::Ending::Going(told.memo) })
    }
}

impl keys::Guest for Hostile {
    fn ensure(call: Call, line: String) -> Result<String, Error> {
        Ok(ask(call, Asked::Keys, &line)?.key)
    }
}

impl images::Guest for Hostile {
    fn list(call: Call, offer: String) -> Result<Vec<images::Image>, Error> {
        let all = ask(call, Asked::Images, &offer)?.images;
        Ok(all.into_iter().map(|(id, name)| images::Image { id, name, per_hour: 0 }).collect())
    }
}

impl restart::Guest for Hostile {
    fn restart(call: Call, handle: Handle) -> Result<(), Error> {
        ask(call, Asked::Restart, &handle).map(drop)
    }
}

impl pause::Guest for Hostile {
    fn pause(call: Call, handle: Handle) -> Result<(), Error> {
        ask(call, Asked::Pause, &handle).map(drop)
    }

    fn resume(call: Call, handle: Handle) -> Result<(), Error> {
        ask(call, Asked::Pause, &handle).map(drop)
    }
}

impl extend::Guest for Hostile {
    fn extend(call: Call, handle: Handle, _: u64) -> Result<Instance, Error> {
        Ok(ask(call, Asked::Get, &handle)?.first())
    }
}

impl charges::Guest for Hostile {
    fn list(call: Call, _: u64, next: Option<String>) -> Result<charges::ChargesPage, Error> {
        let next = ask(call, Asked::Charges, &next)?.next;
        Ok(charges::ChargesPage { items: Vec::new(), next })
    }
}

impl sites::Guest for Hostile {
    fn list(call: Call) -> Result<Vec<Site>, Error> {
        ask(call, Asked::Sites, &()).map(|_| Vec::new())
    }
}

fn ask(call: Call, asked: Asked, given: &dyn std::fmt::Debug) -> Result<Told, Error> {
    let mut run = Run::new(call, asked, given);
    if let Some(idea) = run.idea() {
        use ideas::Idea::*;
        match idea {
            Reach(idea) => reach::act(idea, &mut run),
            Spend(idea) => spend::act(idea, &mut run),
            Release(idea) => release::act(idea, &mut run),
            Signing(idea) => signing::act(idea, &mut run),
            Secrets(idea) => secrets::act(idea, &mut run),
            Resources(idea) => resources::act(idea, &mut run),
            Results(idea) => results::act(idea, &mut run),
            State(idea) => state::act(idea, &mut run),
            Identity(idea) => identity::act(idea, &mut run),
        }?;
    }
    Ok(run.behave())
}

fn outcome(told: Told) -> provider::Outcome {
    match &told.pending {
        Some(text) => provider::Outcome::Pending(text.clone()),
        None => provider::Outcome::Made(told.first()),
    }
}
