//! Ways to carry something from one call to the next.

use crate::{
    common::TAG,
    ideas::State,
    world::{Call, Case, World},
};

pub fn case(idea: State) -> Case {
    let twice =
        |says: &'static str| Case::of(&[(Call::Account, &[says]), (Call::Offers, &[says]), (Call::Account, &[says])]);
    match idea {
        State::AStatic => twice("seen 0 calls"),
        State::OldMemory => twice("found 0 marks"),
        State::AFile => twice("wrote 0 files"),
        State::ALongMemo => Case::of(&[
            (Call::Get, &["a note of 1025 bytes; 1024 are kept"]),
            (Call::Destroy, &["accepted: true, by_host: false", "memo: None"]),
        ])
        .given(|state| state.servers = vec![("id-1".into(), TAG.into())])
        .leaves(&["DELETE /servers/id-1"]),
        State::ALongPendingText => Case::of(&[
            (Call::Create, &["left: Answered { status: 200 }", "made: [\"id-1\"]", "1025 bytes; 1024 are kept"]),
            (Call::Advance, &["1025 bytes; 1024 are kept"]),
        ])
        .leaves(&["POST /servers"]),
        State::AClock => twice("clock 0 and 0"),
        State::RandomNumbers => twice("random ").also(same),
    }
}

fn same(_: &World, said: &[String]) {
    let number = |text: &String| text.split("random ").nth(1).unwrap()[..8].to_owned();
    assert!(said.iter().all(|told| number(told) == number(&said[0])), "{said:?}");
}
