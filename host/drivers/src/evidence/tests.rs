//! What is read, and above all what is not, from answers of the five providers.

use super::*;
use crate::manifest::tests::{ALEPH, BITLAUNCH, IONET, TENSORPOOL, VAST, parsed};
use crate::template::CallKind;

mod lists;

/// A provider that ends several at once and names the ended ones; rows are members of an object; cents.
const OTHER: &str = r#"name = "other"
version = "0.1.0"
offer = "{size}"
account = "user /data/id"
late_secs = 600
stop_secs = 120
credentials.key = { about = "API key", env = ["OTHER_KEY"], header = "x-api-key" }
endpoints.api = { base = "https://api.other.example", credential = "key" }
[routes]
user = { call = "GET /user" }
sizes = { call = "GET /sizes", prices = { each = "/data/*", id = "key()", part = "size", rate = "/cents", unit = "cent/h" } }
list = { call = "GET /servers", query = { page = "{next?}" }, shows = { each = "/data", id = "/id", tag = "/name", more = "/next?" } }
create = { call = "POST /launch", effect = "spend", made = "/ids/0", body = { name = "{tag}", size = "{offer.size}" } }
destroy = { call = "POST /terminate", effect = "release", body = { ids = ["{instance}"] }, accepted = { "/terminated/*/id" = "{instance}" } }
"#;

fn look(manifest: &str, route: &str, status: u16, body: &str) -> Seen {
    let manifest = parsed(manifest);
    let words = Words::new(CallKind::Destroy, 1).instance("i-1").tag("t1");
    read(&manifest, &manifest.routes[route], &words, status, body.as_bytes())
}

fn rows(seen: &Seen) -> String {
    let Some(page) = &seen.page else { return "no page".to_owned() };
    let mut out: Vec<String> = page
        .rows
        .iter()
        .map(|row| {
            let tag = match &row.tag {
                Tagged::Tag(tag) => tag.as_str(),
                Tagged::None => "none",
                Tagged::Missing => "missing",
            };
            let rate = row.rate.map_or(String::new(), |rate| format!(" {}", rate.0));
            format!("{}={tag}{rate}{}", row.id, if row.over { " over" } else { "" })
        })
        .collect();
    out.extend(page.skipped.iter().map(|why| format!("({why})")));
    out.join(", ")
}

#[test]
fn rows_are_read_with_their_ids_tags_and_rates() {
    for (manifest, route, body, expected) in [
        (
            BITLAUNCH,
            "servers",
            r#"[{"id":"a","name":"t1","rate":164},{"id":7,"name":null,"rate":"x"}]"#,
            "a=t1 164000, 7=none",
        ),
        (BITLAUNCH, "servers", "null", ""),
        (BITLAUNCH, "servers", "[]", ""),
        (BITLAUNCH, "server", r#"{"server":{"id":"a","name":"t1","rate":0.5}}"#, "a=t1 500"),
        // case 50: a row without an id, without the tag's member, with null on the way
        (
            BITLAUNCH,
            "servers",
            r#"[{"name":"t1"},{"id":"b"},{"id":"","name":"t1"},{"id":1e5,"name":"x"}]"#,
            "b=missing, (a row has no id), (a row has no id), (a row has no id)",
        ),
        (BITLAUNCH, "servers", r#"["x",null,[{"id":"a"}]]"#, "(a row has no id), (a row has no id), (a row has no id)"),
        (
            ALEPH,
            "messages",
            r#"{"messages":[{"item_hash":"h1","content":{"metadata":{"name":"t1"}}},{"item_hash":"h2","content":{"metadata":null}},{"item_hash":"h3","content":{}}],"pagination_total":3}"#,
            "h1=t1, h2=none, h3=missing",
        ),
        (VAST, "instance", r#"{"instances":null}"#, ""),
        (
            VAST,
            "instances",
            r#"{"error":"x"}"#,
            "(nothing stands at `/instances`), (nothing stands at `/next_token`, so there may be more)",
        ),
        (VAST, "instances", r#"{"instances":5,"next_token":null}"#, "(what stands at `/instances` is no row)"),
        // a cluster is over when all its nodes are
        (
            TENSORPOOL,
            "clusters",
            r#"{"clusters":[{"id":"a","name":"t1","instances":[{"status":"DESTROYED"},{"status":"RUNNING"}]}]}"#,
            "a=t1",
        ),
        (
            TENSORPOOL,
            "clusters",
            r#"{"clusters":[{"id":"a","name":"t1","instances":[{"status":"destroyed"},{"status":"DESTROYED"}]}]}"#,
            "a=t1 over",
        ),
        (TENSORPOOL, "clusters", r#"{"clusters":[{"id":"a","name":"t1","instances":[]}]}"#, "a=t1"),
        (
            IONET,
            "deployments",
            r#"{"data":{"deployments":[{"id":"d","name":"t1","status":"Destroyed"}],"total":1}}"#,
            "d=t1 over",
        ),
        (
            IONET,
            "deployments",
            r#"{"data":{"deployments":[]}}"#,
            "(no number stands at `/data/total`, so there may be more)",
        ),
        // two members of one name: a reader that takes the first and one that takes the last disagree
        (BITLAUNCH, "servers", r#"[{"id":"a","id":"b","name":"t1"}]"#, "no page"),
        (BITLAUNCH, "servers", "<html>", "no page"),
        (BITLAUNCH, "servers", "", "no page"),
    ] {
        assert_eq!(rows(&look(manifest, route, 200, body)), expected, "{body}");
    }
    assert_eq!(rows(&look(BITLAUNCH, "servers", 500, "[]")), "no page");
    assert!(look(BITLAUNCH, "servers", 200, "{\"a\":1,\"a\":1}").unreadable.unwrap().contains("stands twice"));
}

#[test]
fn only_what_the_manifest_names_is_a_refusal_or_an_end() {
    for (manifest, route, status, body, expected) in [
        (BITLAUNCH, "create", 200, r#"{"id":"a"}"#, "accepted"),
        (BITLAUNCH, "create", 401, "", "refused: status 401"),
        (BITLAUNCH, "create", 429, r#"{"message":"slow down"}"#, "refused: status 429: slow down"),
        (BITLAUNCH, "create", 400, r#"{"message":"no funds"}"#, "unclear: status 400: no funds"),
        (BITLAUNCH, "create", 404, "", "unclear: status 404"),
        (BITLAUNCH, "create", 500, "", "unclear: status 500"),
        (BITLAUNCH, "create", 302, "", "unclear: status 302"),
        (VAST, "create", 200, r#"{"success":true,"new_contract":5}"#, "accepted"),
        (VAST, "create", 200, r#"{"success":false,"msg":"gone"}"#, "refused: status 200: gone"),
        (VAST, "create", 400, "{}", "refused: status 400"),
        (VAST, "create", 413, "{}", "unclear: status 413"),
        // a broken provider may have done what it says it did not
        (VAST, "create", 500, r#"{"success":false}"#, "unclear: status 500"),
        (VAST, "create", 200, "<html>", "unclear: the answer cannot be read, so a refusal in it cannot be ruled out"),
        (ALEPH, "create", 422, "{}", "unclear: status 422"),
        (ALEPH, "create", 403, "{}", "unclear: status 403"),
        // releases
        (BITLAUNCH, "destroy", 200, "null", "accepted"),
        (BITLAUNCH, "destroy", 204, "", "accepted"),
        (BITLAUNCH, "destroy", 404, "", "ended"),
        (BITLAUNCH, "destroy", 401, "", "refused: status 401"),
        (BITLAUNCH, "destroy", 500, "", "unclear: status 500"),
        // case 55
        (VAST, "destroy", 200, r#"{"success":false,"msg":"busy"}"#, "refused: status 200: busy"),
        (VAST, "destroy", 200, r#"{"success":true}"#, "accepted"),
        (VAST, "destroy", 404, r#"{"success":false,"error":"No_Such_Instance"}"#, "ended"),
        (VAST, "destroy", 404, r#"{"success":false,"error":"auth"}"#, "refused: status 404: auth"),
        (VAST, "destroy", 404, "", "unclear: status 404"),
        // rule 15: positive proof
        (OTHER, "destroy", 200, r#"{"terminated":[{"id":"i-9"},{"id":"I-1"}]}"#, "accepted"),
        (
            OTHER,
            "destroy",
            200,
            r#"{"terminated":[{"id":"i-12"}]}"#,
            "unclear: the answer does not show that it was accepted",
        ),
        (OTHER, "destroy", 200, r#"{"terminated":[]}"#, "unclear: the answer does not show that it was accepted"),
        // rule 9: an open endpoint proves nothing
        (ALEPH, "erase", 200, "{}", "unclear: an answer of an open endpoint proves nothing"),
        (ALEPH, "destroy", 200, "{}", "accepted"),
        (BITLAUNCH, "server", 200, "{}", "none"),
    ] {
        let shown = match look(manifest, route, status, body).verdict {
            None => "none".to_owned(),
            Some(Verdict::Accepted) => "accepted".to_owned(),
            Some(Verdict::Ended) => "ended".to_owned(),
            Some(Verdict::Refused(why)) => format!("refused: {why}"),
            Some(Verdict::Unclear(why)) => format!("unclear: {why}"),
        };
        assert_eq!(shown, expected, "{route} {status} {body}");
    }
}

#[test]
fn what_was_made_is_one_id_or_doubt() {
    let one = |id: &str| MadeSeen::One(id.to_owned());
    let odd = || MadeSeen::Unreadable("what stands at `/id` is no id".to_owned());
    for (manifest, status, body, expected) in [
        (BITLAUNCH, 200, r#"{"id":"a"}"#, one("a")),
        (BITLAUNCH, 200, r#"{"id":17}"#, one("17")),
        (BITLAUNCH, 200, r#"{"id":null}"#, MadeSeen::None),
        (BITLAUNCH, 200, "{}", MadeSeen::None),
        (BITLAUNCH, 200, "", MadeSeen::None),
        (BITLAUNCH, 500, r#"{"id":"a"}"#, MadeSeen::None),
        (BITLAUNCH, 200, r#"{"id":{"x":1}}"#, odd()),
        (BITLAUNCH, 200, r#"{"id":1.5}"#, odd()),
        (BITLAUNCH, 200, r#"{"id":""}"#, odd()),
        (BITLAUNCH, 200, r#"{"id":"../user"}"#, odd()),
        (BITLAUNCH, 200, r#"{"id":"a b"}"#, odd()),
        (BITLAUNCH, 200, r#"{"id":"a","id":"b"}"#, MadeSeen::None),
        (OTHER, 200, r#"{"ids":["a"]}"#, one("a")),
        (OTHER, 200, r#"{"ids":["a","b"]}"#, MadeSeen::Several(vec!["a".to_owned(), "b".to_owned()])),
        (OTHER, 200, r#"{"ids":[]}"#, MadeSeen::None),
        (IONET, 200, "{}", MadeSeen::Undeclared),
        (ALEPH, 200, "{}", MadeSeen::Signed),
    ] {
        assert_eq!(look(manifest, "create", status, body).made, expected, "{body}");
    }
}

#[test]
fn prices_are_seen_for_the_very_offer() {
    let seen = |rate: i64| PriceSeen::Seen { rate: Some(Usd(rate)), total: None };
    let twice = || PriceSeen::Doubt("the answer shows two prices for this offer".to_owned());
    for (manifest, route, offer, body, expected) in [
        (
            BITLAUNCH,
            "plan",
            "1/b/ewr",
            r#"{"size":[{"id":"a","costPerHr":1},{"id":"b","costPerHr":164}]}"#,
            seen(164_000),
        ),
        (BITLAUNCH, "plan", "1/b/ewr", r#"{"size":[{"id":"a","costPerHr":1}]}"#, PriceSeen::Untold),
        (BITLAUNCH, "plan", "1/b/ewr", r#"{"size":[{"id":"b","costPerHr":1},{"id":"b","costPerHr":2}]}"#, twice()),
        (
            BITLAUNCH,
            "plan",
            "1/b/ewr",
            r#"{"size":[{"id":"b","costPerHr":1},{"id":"b","costPerHr":1.0}]}"#,
            seen(1_000),
        ),
        (
            BITLAUNCH,
            "plan",
            "1/b/ewr",
            r#"{"size":[{"id":"b"}]}"#,
            PriceSeen::Doubt("the price in the answer cannot be read".to_owned()),
        ),
        (VAST, "ask", "5/40", r#"{"offers":[{"id":5,"dph_total":0.123456789}]}"#, seen(123_457)),
        (TENSORPOOL, "quote", "1xH100", r#"{"hourly_rate":"1.99"}"#, seen(1_990_000)),
        (
            IONET,
            "price",
            "h/8/us",
            r#"{"data":{"total_cost_usdc":3.1}}"#,
            PriceSeen::Seen { rate: None, total: Some(Usd(3_100_000)) },
        ),
        (ALEPH, "estimate", "1/1/1/-/-", r#"{"cost":"15.2"}"#, seen(54_720)),
        (OTHER, "sizes", "small", r#"{"data":{"small":{"cents":2.5},"large":{"cents":50}}}"#, seen(25_000)),
    ] {
        let cut = parsed(manifest).offer.cut(offer).unwrap();
        assert_eq!(price_for(&look(manifest, route, 200, body).prices, &cut), expected, "{body}");
    }
}

#[test]
fn the_account_and_our_key_are_found_in_answers() {
    for (status, body, expected) in [
        (200, r#"{"id":"acc-1"}"#, Some("acc-1")),
        (200, r#"{"id":12}"#, Some("12")),
        (200, r#"{"id":null}"#, None),
        (401, r#"{"id":"acc-1"}"#, None),
    ] {
        assert_eq!(look(BITLAUNCH, "user", status, body).account.as_deref(), expected, "{body}");
    }
    assert_eq!(look(BITLAUNCH, "servers", 200, r#"{"id":"acc-1"}"#).account, None);
    let seen = look(
        BITLAUNCH,
        "keys",
        200,
        r#"{"keys":[{"id":"k1","content":"ssh-ed25519 AAAA other"},{"id":"k2","content":"ssh-ed25519 BBBB"}]}"#,
    );
    for (line, expected) in [
        ("ssh-ed25519 AAAA bursar", Some("k1")),
        ("ssh-ed25519 BBBB bursar", Some("k2")),
        ("ssh-rsa AAAA", None),
        ("", None),
    ] {
        assert_eq!(key_id(seen.page.as_ref().unwrap(), line).as_deref(), expected, "{line}");
    }
}
