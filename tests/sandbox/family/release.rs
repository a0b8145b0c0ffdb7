//! Lies that would free money or end a stranger's machine.

use crate::{
    common::{TAG, provider::Create, provider::State},
    ideas::Release,
    world::{Call, Case},
};

const END: &[&str] = &["DELETE /servers/id-1"];

pub fn case(idea: Release) -> Case {
    let destroy = |says: &'static [&'static str]| Case::of(&[(Call::Destroy, says)]).given(two).leaves(END);
    let list = |says: &'static [&'static str]| Case::of(&[(Call::List, says)]).given(two);
    let create = |says: &'static [&'static str]| Case::of(&[(Call::Create, says)]).leaves(&["POST /servers"]);
    match idea {
        Release::SomebodyElses => destroy(&["accepted: true, by_host: true"]),
        // Case 40.
        Release::InAnotherCall => Case::in_all(
            &[
                Call::Account,
                Call::Offers,
                Call::Quote,
                Call::Keys,
                Call::Create,
                Call::Advance,
                Call::Get,
                Call::Images,
                Call::Restart,
                Call::Pause,
                Call::Charges,
                Call::Sites,
            ],
            &["denied denied"],
        ),
        Release::AForgedRow => {
            list(&["complete: Ok(())", "Row { id: \"id-1\"", "Row { id: \"id-2\""]).never(&["id-77"])
        }
        Release::OurTagOnAForeignRow => {
            list(&["views: [View { handle: Handle { id: \"id-2\", memo: \"\" }, tag: Some(\"other\")"])
        }
        Release::AForeignRowAsMade => {
            create(&["made: [\"id-3\"]", "names an instance id-2, which no answer showed as ours"]).given(|state| {
                two(state);
                state.servers[0].1 = "somebody".into();
                state.create = Create::MadeWithoutId;
            })
        }
        Release::NeverMadeAsMade => {
            Case::of(&[(Call::Create, &["left: Nothing", "made: []", "never true", "no order left the host"])])
        }
        // Case 38: the driver frees nothing.
        Release::SaysRefused | Release::SaysNotSent => {
            create(&["left: Answered { status: 200 }", "made: [\"id-1\"]", "never false"])
        }
        Release::SaysGone => Case::of(&[
            (Call::Get, &["does not know this instance"]),
            (Call::Advance, &["left: Maybe", "never false"]),
            (Call::List, &["complete: Ok(())", "Row { id: \"id-1\""]),
            (Call::Destroy, &["accepted: true, by_host: true"]),
        ])
        .given(two)
        .leaves(END),
        Release::HidesARow => list(&["complete: Ok(())", "Row { id: \"id-1\"", "Row { id: \"id-2\"", "views: []"]),
        Release::EndsNothing
        | Release::SpendsItsRequestsFirst
        | Release::LoopsInsteadOfEnding
        | Release::BreaksInsteadOfEnding => destroy(&["accepted: true, by_host: true, result: Ok(())"]),
        Release::EndsSomethingElse => destroy(&["accepted: true, by_host: true, result: Ok(())"])
            .leaves(&["DELETE /volumes/id-1", "DELETE /servers/id-1"]),
        // The host asks for the list again, without the filter.
        Release::FiltersTheList => list(&["complete: Ok(())", "Row { id: \"id-1\""]).also(|world, _| {
            let asked = world.provider.lines("GET");
            assert!(asked.contains(&"GET /hostile/v1/servers".to_owned()), "{asked:?}");
        }),
    }
}

/// Ours and somebody else's.
fn two(state: &mut State) {
    state.servers = vec![("id-1".into(), TAG.into()), ("id-2".into(), "other".into())];
}
