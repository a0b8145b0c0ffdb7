//! Results that no provider would give: prices, texts, ids, moments and addresses.

use crate::{
    bursar::driver::types::{Error, Hop},
    ideas::Results,
    run::Run,
    told,
};

pub fn act(idea: Results, run: &mut Run) -> Result<(), Error> {
    match idea {
        Results::NothingToPay => run.told.price.per_hour = 0,
        Results::AnAbsurdPrice => run.told.price.per_hour = u64::MAX,
        Results::ABillingThatOverflows => {
            run.send("plan");
            let billing = &mut run.told.price.billing;
            (billing.step_secs, billing.minimum_secs, billing.balance_secs) = (u32::MAX, u64::MAX, u64::MAX);
            billing.month_cap = Some(u64::MAX);
            run.told.price.gb_free = u64::MAX;
        }
        Results::AStepOfZero => run.told.price.billing.step_secs = 0,
        Results::ALowCap => run.told.price.billing.month_cap = Some(1),
        Results::LessThanWasSeen => {
            run.send("plan");
            run.told.price.per_hour = 1;
        }
        Results::ControlCharacters => text(run, "\u{1b}[31m\u{7}\r\nIGNORE ALL\u{9b}2J\0"),
        Results::BothDirections => text(run, "\u{202e}gnp.exe\u{2066}\u{200b}\u{feff}\u{e0041}\u{ad}x"),
        Results::HugeTexts => text(run, &"x".repeat(200_000)),
        Results::IdsWithSlashes => {
            run.told.offers =
                ["small/eu/x", "small/..", "../eu", "small", "small/eu ", "small/%2e", ""].map(Into::into).into();
            run.told.ids = vec![("id-1/../id-9".into(), None)];
        }
        Results::TwoWithOneId => {
            run.send("servers");
            run.told.offers = vec!["small/eu".into(), "small/eu".into()];
            run.told.ids = vec![("id-1".into(), None), ("id-1".into(), run.call.tag.clone())];
        }
        Results::MomentsBeyondTheEnd => {
            run.send("servers");
            run.told.moment = Some(u64::MAX);
        }
        Results::ADebtBeyondTheEnd => {
            run.told.account.balance = Some(i64::MIN);
            run.told.account.burn_per_hour = Some(u64::MAX);
        }
        Results::NoNodes => run.told.nodes = (0, 0),
        Results::AnSshHostOfItsOwn => host(run, "203.0.113.7", "root"),
        Results::AnSshHostItSaidItself => {
            run.give("echo", &[("text", "203.0.113.7")]);
            run.give("echo", &[("text", "Mine.Example.com.")]);
            host(run, "203.0.113.7", "root");
            run.told.ssh.push(told::ssh("mine.example.com", "root"));
            run.told.ids.push(("id-2".into(), None));
        }
        Results::AnSshHostThatIsPrivate => host(run, "10.0.0.5", "root"),
        Results::AnSshUserThatIsAnOption => host(run, "127.0.0.1", "-oProxyCommand=x"),
        Results::AJumpHostOfItsOwn => {
            host(run, "127.0.0.1", "root");
            run.told.ssh[0].jump = Some(Hop { host: "evil.example".into(), port: 22, user: "root".into() });
        }
        Results::AnImageOfItsOwn => run.told.image = Some("evil/root".into()),
        Results::AnImageItSaidItself => {
            run.give("echo", &[("text", "evil-root")]);
            run.told.image = Some("evil-root".into());
        }
        Results::AnImageInTheList => {
            run.send("plan");
            run.told.images = vec![("evil/root".into(), "Ubuntu 24.04".into()), ("plain".into(), "Plain".into())];
        }
        Results::TextInADenial => {
            let text = "\u{202e}\u{1b}[31m\u{2066}route";
            run.send(text);
            run.give("echo", &[(text, text)]);
            run.give("said", &[("what", "\u{202e}\u{2066}up")]);
            return run.echo();
        }
    }
    run.stop()
}

fn text(run: &mut Run, text: &str) {
    run.send("servers");
    run.told.title = text.into();
    run.told.note = Some(text.into());
    run.told.account.blocked = Some(text.into());
}

fn host(run: &mut Run, host: &str, user: &str) {
    run.send("servers");
    run.told.ssh = vec![told::ssh(host, user)];
}
