//! The rules of the test door, one case per line, and what ends a test.

use super::evidence::{Shown, at, made, shown};
use super::manifest::{Manifest, names};
use super::rules::{InHand, check};
use crate::bindings::driver::bursar::driver::http::Request;

const MANIFEST: &str = r#"
offer = "{host}/{size}"
settings.region = { about = "", default = "eu" }
signers.agent = { about = "", scheme = "x" }
endpoints.api = { base = "https://api.acme.test", credential = "key" }
endpoints.node = { open = true, named_by = ["nodes /list/*/address"] }
[routes]
machines = { on = "api", call = "GET /machines", query = { after = "{after?}", region = "{setting.region}" }, shows = { each = "/rows", id = "/id", tag = "/name", rate = "/rate", unit = "cent/h" } }
machine  = { on = "api", call = "GET /machines/{instance}" }
part     = { on = "api", call = "GET /parts/{part}" }
search   = { on = "api", call = "POST /search", effect = "read", body = "free" }
order    = { on = "api", call = "POST /machines", effect = "spend", made = "/id", body = { name = "{tag}", size = "{offer.size}", host = "{offer.host:int}", note = '{"a":1}', keys = ["{key.id}"] } }
price    = { on = "api", call = "POST /price", effect = "read", body_of = { route = "order", without = ["/name", "/keys"] }, prices = { each = "/sizes", id = "/id", part = "size", rate = "/usd", unit = "usd/s" } }
more     = { on = "api", call = "POST /machines/{instance}/more", effect = "spend", in = ["extend"], body = { hours = "{hours}" } }
add_key  = { on = "api", call = "POST /keys", effect = "change", in = ["keys"], body = { name = "{key.name}", text = "{key}" } }
stop     = { on = "api", call = "DELETE /machines/{instance}", effect = "release" }
types    = { on = "api", call = "GET /types", prices = { each = "/data/*", id = "key()", part = "size", rate = "/cents", unit = "cent/h" } }
nodes    = { on = "api", call = "GET /nodes" }
status   = { on = "node", call = "GET /status" }
"#;

fn request(route: &str, values: &[(&str, &str)]) -> Request {
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Request { route: route.into(), values, address: None, body: None }
}

fn hand(call: &'static str, words: &[(&str, &str)]) -> InHand {
    let known = [("setting.region", "eu"), ("now", "1")];
    let words = known.iter().chain(words).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    InHand { call, words }
}

#[test]
fn a_request_is_its_line_or_the_rule_it_breaks() {
    let an_order: &[(&str, &str)] = &[("tag", "b1"), ("offer.size", "s"), ("offer.host", "1"), ("key.id", "k")];
    let one: &[(&str, &str)] = &[("tag", "b1"), ("instance", "m-1")];
    let free = Request { body: Some("{}".into()), ..request("search", &[]) };
    let no_body = request("search", &[]);
    let a_body = Request { body: Some("{}".into()), ..request("machines", &[]) };
    let address = Request { address: Some("n1.acme.test".into()), ..request("status", &[]) };
    let no_address = request("status", &[]);
    type Case<'a> = (&'static str, &'a [(&'a str, &'a str)], Request, &'a [&'a str], &'a str);
    let table: &[Case] = &[
        ("list", &[], request("machines", &[]), &[], "GET /machines?region=eu"),
        ("list", &[], request("machines", &[("after", "7")]), &[], "GET /machines?after=7&region=eu"),
        (
            "list",
            &[],
            request("machines", &[("before", "7")]),
            &[],
            "`before` is not a name that the route leaves to the driver",
        ),
        ("list", &[], request("machines", &[("setting.region", "us")]), &[], "is not a name that the route leaves"),
        ("list", &[], request("boxes", &[]), &[], "route `boxes` is not in the manifest"),
        ("get", one, request("machine", &[]), &[], "GET /machines/m-1"),
        ("list", &[], request("machine", &[]), &[], "the word {instance} is not known in this call"),
        ("get", one, request("machine", &[("instance", "m-2")]), &[], "is not a name that the route leaves"),
        ("offers", &[], request("part", &[("part", "a.b@c")]), &[], "GET /parts/a.b@c"),
        ("offers", &[], request("part", &[]), &[], "{part} is the driver's to give"),
        ("offers", &[], request("part", &[("part", "..")]), &[], "`..` cannot stand in a path"),
        ("offers", &[], request("part", &[("part", "a/b")]), &[], "cannot stand in a path"),
        ("offers", &[], request("part", &[("part", "")]), &[], "cannot stand in a path"),
        ("create", an_order, request("order", &[]), &[], "POST /machines"),
        ("create", an_order, request("order", &[]), &["machines", "order"], "one spend request leaves under one hold"),
        ("quote", an_order, request("order", &[]), &[], "its effect, spend, is not open in this call"),
        ("extend", one, request("order", &[]), &[], "its effect, spend, is not open in this call"),
        ("quote", an_order, request("price", &[]), &[], "POST /price"),
        ("offers", &[], request("price", &[]), &[], "is not known in this call"),
        ("extend", &[("instance", "m-1"), ("hours", "3")], request("more", &[]), &[], "POST /machines/m-1/more"),
        ("create", an_order, request("more", &[]), &[], "its effect, spend, is not open in this call"),
        ("keys", &[("key", "k"), ("key.name", "n")], request("add_key", &[]), &[], "POST /keys"),
        ("create", an_order, request("add_key", &[]), &[], "its effect, change, is not open in this call"),
        ("destroy", one, request("stop", &[]), &[], "DELETE /machines/m-1"),
        ("get", one, request("stop", &[]), &[], "its effect, release, is not open in this call"),
        ("list", &[], request("machines", &[]), &["machines"; 20], "a call sends at most 20 requests"),
        ("offers", &[], free, &[], "POST /search"),
        ("offers", &[], no_body, &[], "a body comes with `.json(…)`"),
        ("list", &[], a_body, &[], "a body comes with `.json(…)`"),
        ("get", one, address, &[], "GET n1.acme.test /status"),
        ("get", one, no_address, &[], "an address comes with `.at(…)`"),
    ];
    let manifest = Manifest::read(MANIFEST);
    for (call, words, request, before, expected) in table {
        let before: Vec<String> = before.iter().map(|name| (*name).to_owned()).collect();
        let told = match check(&manifest, &hand(call, words), request, &before) {
            Ok(line) => line,
            Err(why) => why,
        };
        let fits = if expected.starts_with(|c: char| c.is_ascii_uppercase()) {
            told == *expected
        } else {
            told.contains(expected)
        };
        assert!(fits, "{} in {call}: {told}", request.route);
    }
}

#[test]
fn braces_around_anything_but_a_name_are_literal() {
    let table: &[(&str, &[(&str, bool)])] = &[
        ("{a}", &[("a", false)]),
        ("/x/{a_b}/{c.d:int}?{e?}", &[("a_b", false), ("c.d", false), ("e", true)]),
        ("{a:int?}{b?:auto}", &[("a", true), ("b", true)]),
        ("{}", &[]),
        (r#"{"col":"id"}"#, &[]),
        ("{A}{a b}{a", &[]),
    ];
    for (template, expected) in table {
        let found: Vec<_> = names(template).into_iter().map(|n| (n.name, n.optional)).collect();
        let expected: Vec<_> = expected.iter().map(|(name, optional)| ((*name).to_owned(), *optional)).collect();
        assert_eq!(found, expected, "{template}");
    }
}

#[test]
fn evidence_is_read_where_the_manifest_points() {
    let manifest = Manifest::read(MANIFEST);
    let row = |id: &str, tag: Option<&str>, missing: bool, rate: Option<u64>| Shown {
        id: Some(id.into()),
        tag: tag.map(str::to_owned),
        tag_missing: missing,
        key: None,
        rate,
    };
    let list = br#"{"rows":[{"id":7,"name":"b1","rate":"25"},{"id":"8","name":null},{"id":"9"}]}"#;
    let expected =
        vec![row("7", Some("b1"), false, Some(250_000)), row("8", None, false, None), row("9", None, true, None)];
    assert_eq!(shown(&manifest, "machines", list, |_| None), expected);
    assert!(shown(&manifest, "machines", br#"{"rows":null}"#, |_| None).is_empty());

    let prices = br#"{"sizes":[{"id":"s","usd":"0.0002"},{"id":"t","usd":1}]}"#;
    let seen = shown(&manifest, "price", prices, |part| (part == "size").then(|| "s".to_owned()));
    assert_eq!(seen, vec![row("s", None, false, Some(720_000))]);

    let types = br#"{"data":{"s":{"cents":44},"t":{"cents":9}}}"#;
    let seen = shown(&manifest, "types", types, |part| (part == "size").then(|| "s".to_owned()));
    assert_eq!(seen, vec![row("s", None, false, Some(440_000))], "the name of a member is the id");

    let table =
        [(r#"{"id":"a"}"#, Some("a")), (r#"{"id":5}"#, Some("5")), (r#"{"id":null}"#, None), ("[]", None), ("", None)];
    for (body, expected) in table {
        assert_eq!(made("/id", body.as_bytes()).as_deref(), expected, "{body}");
    }
    let many = serde_json::json!({"a": [{"id": "x"}, {"id": "y"}], "o": {"p": {"id": "z"}}});
    assert_eq!(made("/a/*/id", many.to_string().as_bytes()), None, "two ids are none");
    assert_eq!(at(&many, "/o/*/id"), [&serde_json::json!("z")]);
    assert_eq!(at(&many, "/a/1/id"), [&serde_json::json!("y")]);
}
