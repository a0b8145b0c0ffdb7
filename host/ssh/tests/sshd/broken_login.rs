//! A connection that breaks during the login is a broken connection, and never a refused key: the two call for different
//! things.

use bursar_ssh::{Ssh, SshError, Target};

use crate::machine::Machine;
use crate::proxy::Proxy;

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_login_is_never_told_as_a_refused_key() {
    let machine = Machine::start();
    machine.run("true").await;
    let mut budget = 0;
    let proxy = Proxy::start(machine.at().port, move || {
        budget += 61;
        budget
    });
    let at = Target { port: proxy.port, ..machine.at() };
    let mut broken = 0;
    loop {
        let stranger = Ssh::open(&machine.state(), None).unwrap();
        match stranger.answers(&at).await {
            Ok(()) => break,
            Err(SshError::Unreachable { .. } | SshError::Lost { .. }) => broken += 1,
            Err(error) => panic!("after {broken} tries: {error}"),
        }
    }
    assert!(broken > 20, "{broken}");
}
