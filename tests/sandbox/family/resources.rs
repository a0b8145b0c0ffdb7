//! Ways to use up the host. Cases 37 and 39.

use crate::{
    common::provider::State,
    ideas::Resources,
    world::{Call, Case},
};

pub fn case(idea: Resources) -> Case {
    let account = |says: &'static str| Case::of(&[(Call::Account, &[says])]);
    match idea {
        Resources::ALoop | Resources::ALoopOfRequests | Resources::ALoopOfDenials => {
            account("broke down in account: it computed for more than 250 ms")
        }
        Resources::Recursion | Resources::Growth | Resources::ATrap | Resources::AnExit | Resources::APanic => {
            account("broke down in account")
        }
        Resources::ManyHandles => account("0 handles"),
        Resources::ALogFlood | Resources::ALogLine => account("error "),
        Resources::AHundredMegabytes => Case::of(&[
            (Call::Account, &["broke down in account"]),
            (Call::Offers, &["the answer of hostile to offers is too large"]),
        ]),
        Resources::TenMillionRows => Case::of(&[
            (Call::Offers, &["broke down in offers"]),
            // The walk over its endless pages ends, and of what it told only the row that was seen is kept.
            (Call::List, &["complete: Ok(())", "rows: [Row { id: \"id-0\""]),
        ])
        .given(|state| state.servers = vec![("id-0".into(), "x".into())])
        .also(|_, said| assert!(said[1].matches("View {").count() <= 5_000)),
        Resources::EndlessPages => Case::in_all(&[Call::Offers, Call::Charges], &["ok ["]),
        // What is nested too deeply is no JSON to the host; the driver may read it as it likes.
        Resources::AnAnswerNestedDeeply => {
            Case::of(&[(Call::List, &["complete: Err(", "nested too deeply"])]).given(|state| {
                for path in ["/big", "/servers"] {
                    answer(state, path, "[".repeat(1 << 20));
                }
            })
        }
        Resources::ABodyNestedDeeply => account("denied denied denied"),
        Resources::HugeValues => {
            account("denied denied denied denied denied").also(|_, said| assert!(said[0].len() < 2_000))
        }
        // Case 37.
        Resources::MoreThanTwentyRequests => account(
            "answered-200 answered-200 answered-200 answered-200 answered-200 answered-200 answered-200 answered-200 \
            answered-200 answered-200 answered-200 answered-200 answered-200 answered-200 answered-200 answered-200 \
            answered-200 answered-200 answered-200 answered-200 not-sent",
        ),
        Resources::ManyLookUps => {
            Case::of(&[(Call::List, &["complete: Ok(())"])]).given(|state| answer(state, "/big", "x ".repeat(3 << 19)))
        }
        Resources::WaitsForEver => account("did not finish account within 30 s"),
    }
}

fn answer(state: &mut State, path: &str, body: String) {
    state.answers.insert(path.to_owned(), (200, body));
}
