//! The orders of the five providers as they leave, and what is refused instead of being sent.

use super::*;
use crate::manifest::{
    Manifest,
    tests::{ALEPH, BITLAUNCH, IONET, TENSORPOOL, VAST, parsed},
};

const KEY: &str = "ssh-ed25519 AAAAC3Nz bursar";
const TAG: &str = "l0000000001i000000001";

/// Everything a create knows; what is not known in another call stays unknown there.
fn words(manifest: &Manifest, call: CallKind, offer: &str) -> Words {
    Words::new(call, 1_800_000_000)
        .tag(TAG)
        .offer(manifest.offer.cut(offer).unwrap())
        .image("ubuntu-22")
        .nodes(2)
        .length_secs(5_401)
        .key(KEY, "bursar-l1")
        .key_id("k-7")
        .instance("i-42")
        .signer("agent", "0xAgent")
        .setting("payer", "0xPayer")
}

fn text(result: Result<Filled, Refused>) -> String {
    result.map_or_else(
        |refused| refused.to_string(),
        |filled| {
            let body = filled.body.map_or(String::new(), |body| format!(" {}", String::from_utf8(body).unwrap()));
            format!("{} {}{body}", filled.method, filled.target)
        },
    )
}

fn given(values: &[(&str, &str)]) -> Vec<(String, String)> {
    values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_orders_of_five_providers_leave_as_their_apis_want_them() {
    for (manifest, offer, values, expected) in [
        (
            BITLAUNCH,
            "1/vc2-1c-1gb/ewr",
            vec![],
            r#"POST /servers {"server":{"hostID":1,"hostImageID":"ubuntu-22","name":"l0000000001i000000001","regionID":"ewr","sizeID":"vc2-1c-1gb","sshKeys":["k-7"]}}"#,
        ),
        (
            TENSORPOOL,
            "1xH100",
            vec![],
            r#"POST /cluster/create {"deletion_protection":false,"instance_type":"1xH100","num_nodes":2,"public_keys":["ssh-ed25519 AAAAC3Nz bursar"],"save_keys":false,"tp_cluster_name":"l0000000001i000000001"}"#,
        ),
        (
            VAST,
            "123/40",
            vec![],
            r#"PUT /v0/asks/123/ {"cancel_unavail":true,"client_id":"me","disk":40,"image":"ubuntu-22","label":"l0000000001i000000001","price":null,"runtype":"ssh_direc ssh_proxy","target_state":"running"}"#,
        ),
        (
            IONET,
            "h100-80/8/us-east",
            vec![],
            r#"POST /deploy {"duration_hours":2,"gpus_per_vm":8,"hardware_id":"h100-80","location_ids":["us-east"],"resource_private_name":"l0000000001i000000001","ssh_keys":{"main":"ssh-ed25519 AAAAC3Nz bursar"},"vm_image_type":"ubuntu-22"}"#,
        ),
        (
            IONET,
            "17/8/3",
            vec![],
            r#"POST /deploy {"duration_hours":2,"gpus_per_vm":8,"hardware_id":17,"location_ids":["3"],"resource_private_name":"l0000000001i000000001","ssh_keys":{"main":"ssh-ed25519 AAAAC3Nz bursar"},"vm_image_type":"ubuntu-22"}"#,
        ),
        (
            ALEPH,
            "2/4096/20480/10de:2684/abc",
            vec![("vendor", "NVIDIA"), ("device_name", "RTX 4090"), ("device_class", "0300")],
            r#"POST /messages {"address":"0xPayer","allow_amend":false,"authorized_keys":["ssh-ed25519 AAAAC3Nz bursar"],"environment":{"aleph_api":true,"hypervisor":"qemu","internet":true,"reproducible":false,"shared_cache":false},"metadata":{"name":"l0000000001i000000001"},"payment":{"type":"credit"},"requirements":{"gpu":[{"device_class":"0300","device_id":"10de:2684","device_name":"RTX 4090","vendor":"NVIDIA"}],"node":{"node_hash":"abc"}},"resources":{"memory":4096,"seconds":30,"vcpus":2},"rootfs":{"parent":{"ref":"ubuntu-22","use_latest":true},"persistence":"host","size_mib":20480},"time":1800000000,"volumes":[]}"#,
        ),
    ] {
        let manifest = parsed(manifest);
        let filled =
            fill(&manifest.routes["create"], &words(&manifest, CallKind::Create, offer), &given(&values), None);
        assert_eq!(text(filled), expected, "{}", manifest.name);
    }
}

#[test]
fn what_becomes_empty_by_a_dropped_value_goes_and_what_was_empty_stays() {
    let manifest = parsed(ALEPH);
    let filled = fill(&manifest.routes["create"], &words(&manifest, CallKind::Create, "2/4096/20480/-/-"), &[], None);
    let body = text(filled);
    assert!(!body.contains("requirements") && body.contains(r#""volumes":[]"#), "{body}");
}

#[test]
fn a_price_is_asked_for_exactly_what_is_ordered() {
    let manifest = parsed(ALEPH);
    let order = words(&manifest, CallKind::Quote, "2/4096/20480/-/-");
    let body = text(fill(&manifest.routes["estimate"], &order, &[], None));
    assert!(
        body.starts_with("POST /price/estimate/instance {")
            && !body.contains("metadata")
            && !body.contains("authorized_keys"),
        "{body}"
    );
    assert!(body.contains(r#""size_mib":20480"#), "{body}");
}

#[test]
fn values_are_encoded_for_the_place_they_stand_in() {
    let (vast, ionet, bitlaunch) = (parsed(VAST), parsed(IONET), parsed(BITLAUNCH));
    for (manifest, route, call, offer, values, expected) in [
        (
            &vast,
            "instances",
            CallKind::List,
            "1/2",
            vec![],
            "GET /v1/instances/?limit=25&order_by=%5B%7B%22col%22%3A%22id%22%2C%22dir%22%3A%22asc%22%7D%5D&select_filters=%7B%7D",
        ),
        (
            &vast,
            "instances",
            CallKind::List,
            "1/2",
            vec![("after", "a&b=c d/é")],
            "GET /v1/instances/?after_token=a%26b%3Dc%20d%2F%C3%A9&limit=25&order_by=%5B%7B%22col%22%3A%22id%22%2C%22dir%22%3A%22asc%22%7D%5D&select_filters=%7B%7D",
        ),
        (
            &vast,
            "instances",
            CallKind::List,
            "1/2",
            vec![("after", "-")],
            "GET /v1/instances/?limit=25&order_by=%5B%7B%22col%22%3A%22id%22%2C%22dir%22%3A%22asc%22%7D%5D&select_filters=%7B%7D",
        ),
        (
            &ionet,
            "price",
            CallKind::Quote,
            "h/8/us",
            vec![],
            "GET /price?currency=usdc&duration_hours=2&gpus_per_vm=8&hardware_id=h&location_ids=%5B%22us%22%5D&replica_count=1",
        ),
        (&bitlaunch, "options", CallKind::Offers, "1/a/b", vec![("host", "4")], "GET /hosts-create-options/4"),
        (&bitlaunch, "server", CallKind::Get, "1/a/b", vec![], "GET /servers/i-42"),
        (&bitlaunch, "destroy", CallKind::Destroy, "1/a/b", vec![], "DELETE /servers/i-42"),
    ] {
        assert_eq!(text(fill(&manifest.routes[route], &words(manifest, call, offer), &given(&values), None)), expected);
    }
}

#[test]
fn what_is_not_allowed_is_refused_with_the_line_that_would_allow_it() {
    let (vast, bitlaunch, long) = (parsed(VAST), parsed(BITLAUNCH), "a".repeat(129));
    let host = |value| vec![("host", value)];
    for (manifest, route, call, values, says) in [
        // case 35
        (
            &bitlaunch,
            "create",
            CallKind::List,
            vec![],
            "denied: route `create` (POST /servers): it is a spend and opens in `create`, not in `list`; no line of a manifest allows this",
        ),
        (&bitlaunch, "destroy", CallKind::Get, vec![], "opens in `destroy`, not in `get`"),
        (
            &bitlaunch,
            "restart",
            CallKind::Advance,
            vec![],
            "this line in [routes.restart] would allow it: in = [\"restart\", \"advance\"]",
        ),
        // case 44
        (&bitlaunch, "server", CallKind::Offers, vec![], "`{instance}`: the host does not know it in `offers`"),
        (&bitlaunch, "plan", CallKind::Get, vec![], "`{offer.host}`: the host does not know it in `get`"),
        // case 45, in the driver's own values
        (&bitlaunch, "options", CallKind::Offers, host("1/2"), "is no segment of a path"),
        (&bitlaunch, "options", CallKind::Offers, host(".."), "is no segment of a path"),
        (&bitlaunch, "options", CallKind::Offers, host("a\"b"), "is no segment of a path"),
        (&bitlaunch, "options", CallKind::Offers, host("%2e%2e"), "is no segment of a path"),
        (&bitlaunch, "options", CallKind::Offers, host("1?x=2"), "is no segment of a path"),
        (&bitlaunch, "options", CallKind::Offers, host("a\\b"), "is no segment of a path"),
        (&bitlaunch, "options", CallKind::Offers, host(""), "is no segment of a path"),
        (&bitlaunch, "options", CallKind::Offers, host(&long), "is no segment of a path"),
        (&bitlaunch, "options", CallKind::Offers, host("1\r\nX: y"), "control characters"),
        // values
        (
            &bitlaunch,
            "options",
            CallKind::Offers,
            vec![],
            "`{host}`: it has no value in this call; give `host`, or write \"{host?}\" in [routes.options]",
        ),
        (&bitlaunch, "options", CallKind::Offers, vec![("host", "1"), ("host", "2")], "`host` is given twice"),
        (
            &bitlaunch,
            "server",
            CallKind::Get,
            vec![("x", "1")],
            "where it stands in [routes.server], write \"{x}\" to allow it",
        ),
        (&bitlaunch, "server", CallKind::Get, vec![("instance", "theirs")], "does not leave `instance` to the driver"),
        // case 47: a driver's name in a change route that the manifest does not have
        (&vast, "add_key", CallKind::Keys, vec![("ssh_key", "mine")], "does not leave `ssh_key` to the driver"),
        (&vast, "search", CallKind::Offers, vec![], "which gave none"),
    ] {
        let refusal = text(fill(
            &manifest.routes[route],
            &words(manifest, call, if route == "search" { "1/2" } else { offer_of(manifest) }),
            &given(&values),
            None,
        ));
        assert!(refusal.contains(says), "{route} in {call}: {refusal}");
    }
    let refused = Refused::no_route("steal");
    assert!(refused.to_string().contains("add this line to allow it: [routes] steal ="), "{refused}");
}

fn offer_of(manifest: &Manifest) -> &'static str {
    if manifest.name == "vast" { "1/2" } else { "1/a/b" }
}

/// Case 48.
#[test]
fn an_integer_is_written_like_one_or_refused() {
    let manifest = parsed(VAST);
    for (disk, good) in [
        ("40", true),
        ("0", true),
        ("-4", true),
        ("1e3", false),
        ("01", false),
        ("9e99", false),
        ("+1", false),
        ("1.0", false),
        ("0x10", false),
        ("9999999999999999999", false),
        ("-", false),
    ] {
        let filled =
            fill(&manifest.routes["create"], &words(&manifest, CallKind::Create, &format!("1/{disk}")), &[], None);
        assert_eq!(filled.is_ok(), good, "{disk}: {filled:?}");
    }
}

#[test]
fn a_free_body_is_one_json_value_and_only_where_the_route_says_so() {
    let manifest = parsed(VAST);
    let search = |body| text(fill(&manifest.routes["search"], &Words::new(CallKind::Offers, 1), &[], Some(body)));
    assert_eq!(search(r#"{ "limit" : 5 }"#), r#"POST /v0/bundles/ {"limit":5}"#);
    for (body, says) in [
        (r#"{"a":1,"a":2}"#, "a name that stands twice"),
        ("5", "neither an object nor a list"),
        ("{} {}", "something after the value"),
        ("", "no value"),
    ] {
        assert!(search(body).contains(says), "{body}");
    }
    let restart = fill(&manifest.routes["restart"], &words(&manifest, CallKind::Restart, "1/2"), &[], Some("{}"));
    assert!(text(restart).contains("does not leave the body to the driver"));
    let large = format!("[\"{}\"]", "x".repeat(BODY_MAX));
    assert!(search(&large).contains("its body has more than"));
}

#[test]
fn an_unread_quote_cannot_leave_the_text_it_stands_in() {
    let manifest = parsed(IONET);
    let image = words(&manifest, CallKind::Create, "h/8/us").image("x\",\"evil\":\"y");
    let body = text(fill(&manifest.routes["create"], &image, &[], None));
    assert!(body.contains(r#""vm_image_type":"x\",\"evil\":\"y""#), "{body}");
}

#[test]
fn braces_around_anything_but_a_name_are_literal() {
    for (source, names) in [
        ("{}", 0),
        ("{\"col\":\"id\"}", 0),
        ("query { servers { id } }", 0),
        ("{Upper}", 0),
        ("{a b}", 0),
        ("{", 0),
        ("}{", 0),
        ("{{tag}}", 1),
        ("{tag}-{x?}", 2),
        ("{x:int}{y:auto?}", 2),
    ] {
        let text = Text::parse(source).unwrap();
        assert_eq!((text.holes().count(), text.to_string().as_str()), (names, source));
    }
}

#[test]
fn lengths_are_rounded_up_by_the_host() {
    let words = Words::new(CallKind::Extend, 0).length_secs(86_401).nodes(3).image("x");
    for (word, expected) in [
        (Word::Minutes, Some("1441")),
        (Word::Hours, Some("25")),
        (Word::Days, Some("2")),
        (Word::Now, Some("0")),
        (Word::Nodes, None),
        (Word::Image, None),
        (Word::Tag, None),
    ] {
        assert_eq!(words.value(&word).as_deref(), expected, "{word}");
    }
}
