//! What the door does that no driver could be made to show from outside.

use super::*;
use crate::{
    config::Config,
    manifest::{Manifest, tests::ALEPH},
    template::CallKind,
};
use bursar_http::{Http, Outbound};
use std::collections::BTreeMap;

fn door(text: &str, change: impl Fn(&mut Manifest)) -> Door {
    let mut manifest = Manifest::parse(text).unwrap();
    change(&mut manifest);
    let config = Config {
        audit: Arc::new(()),
        home: "/nonexistent".into(),
        plugins: None,
        bundled: &[],
        practice: None,
        settings: BTreeMap::from([(
            manifest.name.clone(),
            BTreeMap::from([("payer".to_owned(), "0xPayer".to_owned())]),
        )]),
        credentials: Arc::new(|_, _, _| Some("s3cret-t0ken".to_owned())),
        key_name: "bursar-l1".into(),
    };
    let outbound = Outbound::default();
    let ground = Ground::new(manifest, Arc::new(config), Http::new(outbound.clone()), outbound).unwrap();
    Door {
        ground: Arc::new(ground),
        words: Arc::new(Words::new(CallKind::Create, 1)),
        now: 1,
        began: Instant::now(),
        record: Arc::default(),
        deadline: Instant::now() + Duration::from_secs(1),
        by_host: false,
    }
}

/// A manifest that gives a credential to an open endpoint is refused when it is read; should one ever get past that, the
/// door still attaches none.
#[tokio::test]
async fn an_open_endpoint_never_gets_a_credential() {
    let with_credential = |manifest: &mut Manifest| {
        let credential = crate::manifest::Credential {
            about: String::new(),
            env: vec![],
            header: "authorization".into(),
            prefix: "Bearer ".into(),
        };
        manifest.credentials.insert("key".into(), credential);
        for endpoint in manifest.endpoints.values_mut() {
            endpoint.credential = Some("key".into());
        }
    };
    let door = door(ALEPH, with_credential);
    let manifest = &door.ground.manifest;
    for (route, expected) in [("message", true), ("executions", false), ("notify", false)] {
        let header = door.credential(manifest.route(route).unwrap());
        assert_eq!(header.is_ok_and(|header| header.is_some()), expected, "{route}");
    }
}

/// Case 49: what was not sent does not use up the one request that may cost, and what may have been does.
#[tokio::test]
async fn an_order_that_was_not_sent_may_be_sent() {
    for (unsent, expected) in [
        (Unsent::NotSent("no connection".into()), true),
        (Unsent::Denied("a private address".into()), true),
        (Unsent::MaybeSent("cut".into()), false),
    ] {
        let door = door(crate::manifest::tests::BITLAUNCH, |_| {});
        let create = door.ground.manifest.route("create").unwrap().clone();
        assert!(door.one_spend(&create).is_ok() && door.leaves(&create).is_ok());
        assert!(door.one_spend(&create).is_err());
        door.lost(&create, unsent.clone());
        assert_eq!(door.one_spend(&create).is_ok(), expected, "{unsent:?}");
    }
}

#[test]
fn retry_after_is_read_in_both_forms() {
    for (text, expected) in [
        ("30", Some(30)),
        ("Fri, 20 Nov 2026 08:00:30 GMT", Some(30)),
        ("Fri, 20 Nov 2026 07:00:00 GMT", Some(0)),
        ("soon", None),
        ("-5", None),
    ] {
        let headers = [("retry-after".to_owned(), text.to_owned())];
        assert_eq!(retry_after(&headers, 1_795_161_600), expected, "{text}");
    }
}
