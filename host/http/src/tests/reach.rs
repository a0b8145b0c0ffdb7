//! Which addresses are dialled, and under which name.

use super::*;
use std::sync::Mutex;

const NAME: &str = "api.example.com";
const PUBLIC: &str = "8.8.8.8";

struct World {
    http: Http,
    table: Arc<Table>,
    server: Server,
}

/// A provider at `NAME` whose look-ups answer these in turn; every judged address leads to a server on loopback.
async fn world(answers: &[&[&str]], certificate: &str) -> World {
    let (server, roots) = Server::secure(certificate, reply("200 OK", "", "{}")).await;
    let table = Arc::new(Table::default());
    for answer in answers {
        let addresses: Vec<IpAddr> = answer.iter().map(|text| text.parse().unwrap()).collect();
        table.answer(NAME, &addresses);
    }
    let mut dialler = Dialler::new(Outbound::default(), Resolver::Table(table.clone()));
    dialler.wire = Wire::To { at: server.address(), dialled: Mutex::default(), roots };
    World { http: Http::with_dialler(dialler), table, server }
}

impl World {
    fn dialled(&self) -> Vec<String> {
        match &self.http.inner.dialler.wire {
            Wire::To { dialled, .. } => dialled.lock().unwrap().iter().map(ToString::to_string).collect(),
            Wire::Direct => Vec::new(),
        }
    }

    async fn send(&self) -> Result<u16, SendError> {
        let base = Base::parse(&format!("https://{NAME}/v1"), &Outbound::default()).unwrap();
        self.http.send(Outgoing { fresh: true, ..get(base) }).await.map(|answer| answer.status)
    }
}

/// Cases 7 to 17.
#[tokio::test]
async fn a_name_at_an_address_that_is_not_public_is_denied_and_nothing_is_dialled() {
    for (addresses, says) in [
        (&["127.0.0.1"][..], "loopback"),
        (&["10.0.0.5"], "private"),
        (&["100.64.1.1"], "carrier-grade NAT"),
        (&["169.254.1.1"], "link-local"),
        (&["169.254.169.254"], "link-local"),
        (&["fd00:ec2::254"], "private"),
        (&["64:ff9b::7f00:1"], "NAT64"),
        (&["2002:7f00:1::"], "6to4"),
        (&["240.0.0.1"], "reserved"),
        (&["0.0.0.0"], "this network"),
        (&[PUBLIC, "10.0.0.5"], "private"),
        (&["::ffff:127.0.0.1"], "IPv4 written as IPv6"),
    ] {
        let world = world(&[addresses], NAME).await;
        match world.send().await {
            Err(SendError::Denied(why)) => assert!(why.contains(says), "{addresses:?}: {why}"),
            other => panic!("{addresses:?}: {other:?}"),
        }
        assert_eq!((world.dialled().len(), world.server.connections()), (0, 0), "{addresses:?}");
    }
}

/// Case 18.
#[tokio::test]
async fn the_judged_address_is_dialled_after_one_look_up() {
    let world = world(&[&[PUBLIC], &["127.0.0.1"]], NAME).await;
    assert_eq!(world.send().await, Ok(200));
    assert_eq!(world.dialled(), ["8.8.8.8:443"]);
    assert_eq!(world.table.asked(), [NAME]);
    assert!(matches!(world.send().await, Err(SendError::Denied(_))), "and the next connection is judged again");
    assert_eq!(world.server.connections(), 1);
}

#[tokio::test]
async fn the_certificate_must_be_for_the_granted_name() {
    assert_eq!(world(&[&[PUBLIC]], NAME).await.send().await, Ok(200));
    let wrong = world(&[&[PUBLIC]], "other.example.com").await;
    match wrong.send().await {
        Err(SendError::NotSent(why)) => assert!(why.contains("no TLS with api.example.com"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(wrong.server.requests().len(), 0);
}

#[tokio::test]
async fn a_name_without_an_address_sends_nothing() {
    for answers in [&[][..], &[&[][..]][..]] {
        assert!(matches!(world(answers, NAME).await.send().await, Err(SendError::NotSent(_))));
    }
}

#[tokio::test]
async fn loopback_is_denied_without_the_owners_word() {
    let server = Server::answering(reply("200 OK", "", "{}")).await;
    let http = Http::new(Outbound::default());
    assert!(matches!(http.send(get(base(&server))).await, Err(SendError::Denied(_))));
    assert_eq!(server.connections(), 0);
}
