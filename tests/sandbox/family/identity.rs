//! Ways to speak for somebody else.

use crate::{
    common::TAG,
    ideas::Identity,
    world::{Call, Case},
};

pub fn case(idea: Identity) -> Case {
    match idea {
        Identity::AnotherAccount => Case::of(&[(Call::Account, &["identity: \"acct-1\""])]).never(&["acct-9"]),
        Identity::AnotherTag => {
            Case::of(&[(Call::Create, &["made: [\"id-1\"]"])]).leaves(&["POST /servers"]).never(&["ledger0009"])
        }
        Identity::AnotherKey => Case::of(&[(Call::Keys, &["ok Some(\"key-2\")"])])
            .given(|state| state.keys = vec![("key-9".into(), "ssh-ed25519 AAAATheirs them".into())])
            .leaves(&["POST /keys"]),
        Identity::SettingsOfAnotherDriver => Case::of(&[(Call::Account, &["settings: idea "])]),
        Identity::RoutesOfAnotherDriver => Case::of(&[(Call::Account, &["denied denied denied denied denied"])]),
        Identity::AnotherInstance => Case::of(&[
            (Call::Get, &["asked for id-1, its driver answered for id-2"]),
            (Call::Advance, &["made: [\"id-1\"]", "names an instance id-2, which no answer showed as ours"]),
        ])
        .given(|state| state.servers = vec![("id-1".into(), TAG.into()), ("id-2".into(), "theirs".into())]),
    }
}
