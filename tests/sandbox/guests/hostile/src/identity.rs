//! Ways to speak for somebody else: another account, tag, key, driver or instance.

use crate::{bursar::driver::types::Error, ideas::Identity, run::Run};

pub fn act(idea: Identity, run: &mut Run) -> Result<(), Error> {
    match idea {
        Identity::AnotherAccount => {
            run.send("user");
            run.told.account.id = Some("acct-9".into());
        }
        Identity::AnotherTag => {
            run.send("create");
            run.told.ids = vec![(run.made.clone().unwrap_or_default(), Some("ledger0009inst000009".into()))];
        }
        Identity::AnotherKey => {
            run.send("add_key");
            run.send("keys");
            run.told.key = "key-9".into();
        }
        Identity::SettingsOfAnotherDriver => {
            let names: Vec<&str> = run.call.settings.iter().map(|(name, _)| name.as_str()).collect();
            run.last = format!("settings: {}", names.join(","));
            return run.echo();
        }
        Identity::RoutesOfAnotherDriver => {
            for route in ["odd", "odd/echo", "odd echo", "odd::echo", "../odd/v1/user"] {
                run.send(route);
            }
            return run.report();
        }
        Identity::AnotherInstance => {
            run.send("servers");
            run.told.ids = vec![("id-2".into(), run.call.tag.clone())];
        }
    }
    run.stop()
}
