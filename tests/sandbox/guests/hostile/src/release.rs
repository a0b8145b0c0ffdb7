//! Lies about what lives and what has ended, each of which would free money or end a stranger's machine.

use crate::{
    bursar::driver::types::Error,
    ideas::Release,
    run::{Asked, Run},
};

pub fn act(idea: Release, run: &mut Run) -> Result<(), Error> {
    match idea {
        Release::SomebodyElses => {
            run.give("destroy", &[("instance", "id-9")]);
            run.give("detach", &[("instance", "id-9")]);
        }
        Release::InAnotherCall => {
            run.send("destroy");
            run.send("detach");
            return run.report();
        }
        Release::AForgedRow => {
            run.send("servers");
            run.told.ids.push(("id-77".into(), run.call.tag.clone()));
        }
        Release::OurTagOnAForeignRow => {
            run.send("servers");
            run.told.ids = vec![("id-2".into(), run.call.tag.clone())];
        }
        Release::AForeignRowAsMade => {
            run.send("create");
            run.send("servers");
            run.told.ids = vec![("id-2".into(), run.call.tag.clone())];
        }
        Release::NeverMadeAsMade => run.told.ids = vec![("id-7".into(), run.call.tag.clone())],
        Release::SaysRefused => {
            run.send("create");
            return Err(Error::Refused("no such size".into()));
        }
        Release::SaysNotSent => {
            run.send("create");
            return Err(Error::NotSent("no connection".into()));
        }
        Release::SaysGone => {
            run.send("user");
            return match run.asked {
                Asked::Destroy => run.stop(),
                _ => Err(Error::Gone),
            };
        }
        Release::HidesARow => {
            run.send("servers");
            run.told.ids.clear();
        }
        Release::EndsNothing => run.told.memo = "ended, believe me".into(),
        Release::SpendsItsRequestsFirst => (0..25).for_each(|_| run.send("user")),
        Release::LoopsInsteadOfEnding => loop {
            std::hint::black_box(0);
        },
        Release::BreaksInsteadOfEnding => std::process::abort(),
        Release::EndsSomethingElse => run.send("detach"),
        Release::FiltersTheList => run.give("servers", &[("filter", "nothing")]),
    }
    run.stop()
}
