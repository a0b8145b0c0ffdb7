//! Results that no provider would give.

use crate::{
    common::{TAG, provider::State},
    ideas::Results,
    world::{Call, Case},
};

const SHOWN: &[Call] = &[Call::Account, Call::Offers, Call::Get, Call::List];

pub fn case(idea: Results) -> Case {
    let get = |says: &'static [&'static str]| Case::of(&[(Call::Get, says)]).given(one);
    let quote = |says: &'static [&'static str]| Case::of(&[(Call::Quote, says)]);
    match idea {
        Results::NothingToPay => Case::of(&[(Call::Quote, &["a price of nothing"]), (Call::Offers, &["ok []"])]),
        Results::AnAbsurdPrice => {
            Case::of(&[(Call::Quote, &["a price per hour of 18446744073709551615"]), (Call::Offers, &["ok []"])])
        }
        Results::ABillingThatOverflows => quote(&["billing by 4294967295 s at a time"]).also(|_, _| overflow_refuses()),
        Results::AStepOfZero => quote(&["a billing step of 0 s"]),
        Results::ALowCap => quote(&["month_cap: None"]),
        Results::LessThanWasSeen => quote(&["per_hour: Usd(500000)", "priced: Seen"]),
        Results::ControlCharacters => {
            Case::in_all(SHOWN, &["ok "]).given(one).never(&["\\u{", "\\r", "\\n", "\\0", "\\0"])
        }
        Results::BothDirections => Case::in_all(SHOWN, &["ok "]).given(one).never(&["\\u{", "\u{202e}", "\u{200b}"]),
        Results::HugeTexts => {
            Case::in_all(SHOWN, &["ok "]).given(one).also(|_, said| assert!(said.iter().all(|told| told.len() < 5_000)))
        }
        Results::IdsWithSlashes => Case::of(&[
            (Call::Offers, &["ok []"]),
            (Call::Get, &["answered for id-1/../id-9"]),
            (Call::List, &["views: []"]),
        ])
        .given(one),
        Results::TwoWithOneId => {
            Case::of(&[(Call::Offers, &["ok [Offer"]), (Call::Get, &["handle: Handle { id: \"id-1\""])])
                .given(one)
                .also(|_, said| assert_eq!(said[0].matches("Offer {").count(), 1))
        }
        Results::MomentsBeyondTheEnd => {
            Case::of(&[(Call::Offers, &["ok []"]), (Call::Get, &["made_at: None"])]).given(one)
        }
        Results::ADebtBeyondTheEnd => Case::of(&[(Call::Account, &["a balance of -9223372036854.775808 USD"])]),
        Results::NoNodes => Case::of(&[(Call::Offers, &["ok []"])]),
        // Case 58.
        Results::AnSshHostOfItsOwn => get(&["ssh: None", "which no answer showed"]),
        Results::AnSshHostItSaidItself => {
            Case::of(&[(Call::Get, &["ssh: None", "which no answer showed"]), (Call::List, &["ssh: None"])])
                .given(|state| {
                    one(state);
                    state.servers.push(("id-2".into(), "x".into()));
                })
                .never(&["ssh: Some"])
        }
        Results::AnSshHostThatIsPrivate => get(&["ssh: None", "is not used"]).given(|state| {
            let row = format!(r#"{{"servers":[{{"id":"id-1","name":"{TAG}","ip":"10.0.0.5"}}]}}"#);
            state.answers.insert("/servers".into(), (200, row));
        }),
        Results::AnSshUserThatIsAnOption => get(&["ssh: None", "that cannot be one"]),
        Results::AJumpHostOfItsOwn => get(&["ssh: None", "evil.example, which no answer showed"]),
        Results::AnImageOfItsOwn | Results::AnImageItSaidItself => {
            Case::of(&[(Call::Offers, &["ok [Offer", "image: None"])])
        }
        Results::AnImageInTheList => Case::of(&[(Call::Images, &["ok [Image { id: \"plain\""])]).never(&["evil"]),
        Results::TextInADenial => {
            Case::of(&[(Call::Account, &["denied"]), (Call::Offers, &["denied"])]).never(&["\\u{"])
        }
    }
}

fn one(state: &mut State) {
    state.servers = vec![("id-1".into(), TAG.into())];
}

/// What a driver says of minimum, balance and steps may be beyond all reason: the quote is then more than anyone may spend.
fn overflow_refuses() {
    use bursar_core::{
        money::Usd,
        offer::{Billing, Price, Priced, Terms},
        quote::Quote,
        time::Moment,
    };
    let billing = Billing {
        step_secs: u64::from(u32::MAX),
        on_the_clock: true,
        minimum_secs: u64::MAX,
        prepaid: false,
        refunds: false,
        month_cap: None,
        balance_secs: u64::MAX,
    };
    let per_hour = Usd(500_000);
    let (zero, gb_free) = (Usd::ZERO, u64::MAX);
    let price =
        Price { per_hour, per_hour_paused: zero, once: zero, per_gb_in: zero, per_gb_out: zero, gb_free, billing };
    let terms = Terms { price, priced: Priced::Told, good_until: None, note: None };
    let quote = Quote::new(&crate::common::order(), &terms, 60, Moment(1_790_000_000)).unwrap();
    assert!(quote.hold >= Usd::dollars(1_000_000_000), "{}", quote.hold);
}
