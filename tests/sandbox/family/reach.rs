//! Ways out of the sandbox.

use crate::{
    ideas::Reach,
    world::{Call, Case},
};

const NODES: &str = r#"{"nodes":[{"name":"node-1.example"},{"name":"127.0.0.1"},{"name":"10.0.0.5"},{"name":"[::1]"},
    {"name":"localhost"},{"name":"2130706433"},{"name":"node-2.example:8443"},{"name":"u@node-3.example"}]}"#;

pub fn case(idea: Reach) -> Case {
    let says = |says: &'static str| Case::of(&[(Call::Account, &[says])]);
    let named = |case: Case| case.given(|state| drop(state.answers.insert("/nodes".into(), (200, NODES.into()))));
    match idea {
        Reach::AnAddressBesideTheFixedOne => says("failed (account): denied "),
        Reach::AnAddressNobodyNamed => named(says("answered-200 denied denied")),
        // Case 56.
        Reach::PartOfANamedAddress => named(says("answered-200 denied denied denied denied denied denied denied")),
        Reach::ANamedAddressThatIsPrivate => {
            named(says("answered-200 denied denied denied denied denied denied denied"))
        }
        // Case 56.
        Reach::AnAddressOfAnEarlierCall => named(Case::of(&[
            (Call::Account, &["answered-200"]),
            (Call::Get, &["failed (get): denied "]),
            (Call::Offers, &["failed (offers): denied "]),
        ])),
        Reach::APathAsRoute => says("denied denied denied denied denied denied denied denied"),
        Reach::AMethodAsRoute => says("denied denied denied denied"),
        // Cases 23 to 27 and 45, in a driver's own values.
        Reach::AWayUpInThePath => {
            says("denied denied denied denied denied denied denied denied denied denied denied denied")
        }
        // The last is a plain segment of a path at the provider itself.
        Reach::AnAuthorityInThePath => says("denied denied answered-404").also(|world, _| {
            assert!(world.provider.lines("GET").contains(&"GET /hostile/v1/said/user@evil.example:80".to_owned()));
        }),
        Reach::MoreInTheQuery => says("answered-200").also(|world, _| {
            let asked = "GET /hostile/v1/echo?text=a%26admin%3D1%23x%3Fy%3D..%2F%22".to_owned();
            assert!(world.provider.lines("GET").contains(&asked), "{:?}", world.provider.lines("GET"));
        }),
        // Case 28.
        Reach::LinesInAHeader => says("denied denied denied denied denied denied"),
        Reach::ABodyOfItsOwn => says("denied denied denied"),
        // Case 47: no name but those the route leaves to it.
        Reach::NamesNobodyLeftToIt => says("denied denied denied denied denied"),
        // Cases 19 to 21: the 302 is the answer.
        Reach::ARedirect => Case::of(&[(Call::Offers, &["answered-302"])])
            .given(|state| drop(state.answers.insert("/user".into(), (302, "{}".into()))))
            .also(|world, _| assert!(world.provider.lines("GET").iter().all(|line| line.ends_with("/user")))),
        Reach::Sockets => says("closed closed closed closed closed closed closed"),
        Reach::Files => {
            says("closed closed closed closed closed closed closed closed 0 variables  0 arguments 0 bytes of input")
        }
    }
}
