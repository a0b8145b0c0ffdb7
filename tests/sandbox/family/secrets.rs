//! Ways to see the credential, or to have it said aloud. Case 34, and more.

use crate::{
    common::{TAG, TOKEN, provider::State},
    ideas::Secrets,
    world::{Call, Case},
};

pub fn case(idea: Secrets) -> Case {
    match idea {
        Secrets::InTheBody | Secrets::InAHeader | Secrets::InBase64 | Secrets::InEscapes => {
            Case::of(&[(Call::Account, &["[hidden]"])])
        }
        Secrets::InTheProvidersError => {
            Case::of(&[(Call::Create, &["left: Refused { status: 422", "[hidden]", "never true"])])
                .given(|state| {
                    answer(state, "/servers", 422, &format!(r#"{{"message":"the key {TOKEN} may not do this"}}"#))
                })
                .leaves(&["POST /servers"])
        }
        Secrets::InTheDriversError => Case::of(&[(Call::Account, &["refused the account", "[hidden]"])]),
        Secrets::InTheLog => Case::of(&[(Call::Account, &["[hidden]"])]),
        Secrets::AsTheIdOfWhatWasMade => Case::of(&[(Call::Create, &["made: []", "never false"])])
            .given(|state| answer(state, "/servers", 200, &format!(r#"{{"id":"{TOKEN}"}}"#)))
            .leaves(&["POST /servers"]),
        Secrets::AsTheIdOfARow => Case::of(&[
            (Call::List, &["complete: Err(", "rows: []"]),
            (Call::Advance, &["made: []"]),
            (Call::Get, &["[hidden]"]),
        ])
        .given(|state| {
            answer(state, "/servers", 200, &format!(r#"{{"servers":[{{"id":"{TOKEN}","name":"{TAG}"}}]}}"#))
        }),
        Secrets::AsTheAccount => Case::in_all(&[Call::Account, Call::List], &["error ", "named no account"])
            .given(|state| answer(state, "/user", 200, &format!(r#"{{"id":"{TOKEN}"}}"#))),
        Secrets::TheHiddenMember => Case::of(&[(Call::Account, &[r#"{"hidden":null,"shown":1}"#])]),
        Secrets::TheHeaderByName => Case::of(&[(Call::Account, &["%7Btoken%7D%7Bcredential%7D"])]),
        Secrets::TheOtherCredential => Case::of(&[(Call::Account, &["there is no route `odd.user`"])]),
    }
}

fn answer(state: &mut State, path: &str, status: u16, body: &str) {
    state.answers.insert(path.to_owned(), (status, body.to_owned()));
}
