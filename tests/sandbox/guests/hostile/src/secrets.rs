//! Ways to see the credential, or to have it said aloud.

use crate::{
    bursar::driver::{log, types::Error},
    ideas::Secrets,
    run::{Asked, Run},
};

pub fn act(idea: Secrets, run: &mut Run) -> Result<(), Error> {
    match idea {
        Secrets::InTheBody | Secrets::InAHeader | Secrets::InBase64 | Secrets::InEscapes => {
            run.give("echo", &[("text", "x")]);
        }
        Secrets::InTheProvidersError => {
            run.send("create");
            return run.stop();
        }
        Secrets::InTheDriversError => {
            run.give("echo", &[("text", "x")]);
            return Err(Error::Refused(run.last.clone()));
        }
        Secrets::InTheLog => {
            run.give("echo", &[("text", "x")]);
            [log::Level::Debug, log::Level::Error].iter().for_each(|level| log::write(*level, &run.last));
        }
        Secrets::AsTheIdOfWhatWasMade => {
            run.send("create");
            run.told.ids = vec![(run.made.clone().unwrap_or_default(), run.call.tag.clone())];
            return run.stop();
        }
        Secrets::AsTheIdOfARow => {
            run.send("servers");
            return match run.asked {
                Asked::List | Asked::Advance => run.stop(),
                _ => run.echo(),
            };
        }
        Secrets::AsTheAccount => {
            run.send("user");
            return run.stop();
        }
        Secrets::TheHiddenMember => run.send("secret"),
        Secrets::TheHeaderByName => {
            for name in ["x-api-key", "authorization", "token", "credential", "header"] {
                run.give("user", &[(name, "")]);
                run.give("echo", &[("text", "x"), (name, "{token}")]);
            }
            run.give("echo", &[("text", "{token}{credential}{setting.idea}")]);
        }
        Secrets::TheOtherCredential => {
            ["odd/user", "odd:user", "odd.user"].iter().for_each(|route| run.send(route));
        }
    }
    run.echo()
}
