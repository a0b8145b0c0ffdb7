//! Ways to spend: in a call that may not, once more, on something else than was reserved.

use crate::{
    bursar::driver::types::Error,
    ideas::Spend,
    run::{Asked, Run},
};

pub fn act(idea: Spend, run: &mut Run) -> Result<(), Error> {
    match idea {
        Spend::InACallThatReads | Spend::InAnAdvance | Spend::InTheKeys => run.send("create"),
        Spend::InADestroy => {
            run.send("create");
            return run.stop();
        }
        Spend::Twice | Spend::AgainAfterANo | Spend::AgainAfterALostAnswer => {
            run.send("create");
            run.send("create");
        }
        Spend::AnotherOffer => {
            for name in ["size", "offer", "offer.size", "offer_size", "region"] {
                run.give("create", &[(name, "huge")]);
            }
        }
        Spend::MoreNodes => ["nodes", "count"].iter().for_each(|name| run.give("create", &[(name, "9")])),
        Spend::ALongerStay => {
            ["hours", "days", "minutes"].iter().for_each(|name| run.give("create", &[(name, "8760")]))
        }
        Spend::AMemberInsideAWord => {
            run.give("create", &[("note", r#"x","size":"huge","nodes":"9","y":"{offer.size}"#)])
        }
        Spend::AChangeOutsideItsCall => ["resize", "restart", "add_key"].iter().for_each(|route| run.send(route)),
        Spend::AfterTheCallEnded => {
            if run.asked == Asked::Create {
                run.told.pending = Some("create".into());
                return run.stop();
            }
            run.send("create");
        }
    }
    run.report()
}
