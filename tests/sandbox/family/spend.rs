//! Ways to spend what nobody reserved.

use crate::{
    common::provider::Create,
    ideas::Spend,
    world::{Call, Case, World},
};

const ONE: &[&str] = &["POST /servers"];

pub fn case(idea: Spend) -> Case {
    let create = |says: &'static [&'static str]| Case::of(&[(Call::Create, says)]);
    match idea {
        // Case 35.
        Spend::InACallThatReads => Case::in_all(
            &[
                Call::Account,
                Call::Offers,
                Call::Quote,
                Call::Get,
                Call::Images,
                Call::Restart,
                Call::Pause,
                Call::Charges,
                Call::Sites,
            ],
            &["error ", "denied"],
        ),
        Spend::InAnAdvance => Case::of(&[(Call::Advance, &["left: Maybe", "made: []", "denied"])]),
        // The host ends it by itself; in a list it asks by itself.
        Spend::InADestroy => {
            Case::of(&[(Call::Destroy, &["accepted: true, by_host: true"])]).leaves(&["DELETE /servers/id-1"])
        }
        Spend::InTheKeys => Case::of(&[(Call::Keys, &["denied"])]),
        // Case 36.
        Spend::Twice => {
            create(&["left: Answered { status: 200 }", "made: [\"id-1\"]", "answered-200 denied"]).leaves(ONE)
        }
        Spend::AgainAfterANo => create(&["left: Refused { status: 422", "made: []", "never true"])
            .given(|state| state.create = Create::Refused)
            .leaves(ONE),
        // Case 38.
        Spend::AgainAfterALostAnswer => create(&["left: Maybe", "made: []", "never false", "maybe-sent denied"])
            .given(|state| state.create = Create::Cut)
            .leaves(ONE),
        Spend::AnotherOffer => create(&["left: Nothing", "made: []", "denied denied denied denied denied"]),
        Spend::MoreNodes => create(&["left: Nothing", "made: []", "denied denied"]),
        Spend::ALongerStay => create(&["left: Nothing", "made: []", "denied denied denied"]),
        Spend::AMemberInsideAWord => {
            create(&["left: Answered { status: 200 }", "made: [\"id-1\"]"]).leaves(ONE).also(ordered)
        }
        // Cases 35 and 40: the changes of other calls.
        Spend::AChangeOutsideItsCall => Case::of(&[
            (Call::Account, &["denied denied denied"]),
            (Call::Create, &["left: Nothing", "denied denied denied"]),
            (Call::Get, &["denied denied denied"]),
            (Call::Pause, &["denied denied denied"]),
            (Call::Restart, &["denied answered-200 denied"]),
            (Call::Keys, &["denied denied answered-200"]),
        ])
        .leaves(&["POST /servers/id-1/restart", "POST /keys"]),
        Spend::AfterTheCallEnded => Case::of(&[
            (Call::Create, &["left: Nothing", "made: []", "no order left the host"]),
            (Call::Advance, &["left: Maybe", "denied"]),
            (Call::Get, &["denied"]),
        ]),
    }
}

/// What left is what was reserved, whatever stood in the driver's word.
fn ordered(world: &World, _: &[String]) {
    let asked = world.provider.now();
    let order = &asked.asked.iter().find(|asked| asked.line.starts_with("POST")).unwrap().body;
    for part in
        [r#""size":"small""#, r#""region":"eu""#, r#""nodes":1,"#, r#""hours":2,"#, r#""note":"x\",\"size\":\"huge\""#]
    {
        assert!(order.contains(part), "{part} in {order}");
    }
    assert!(!order.contains(r#""size":"huge""#), "{order}");
}
