//! When a list proves that what it does not show is not there.

use super::*;
use std::collections::HashSet;

/// What the driver filled in, and the answer's status and body.
type Asked<'a> = (&'a [(&'a str, &'a str)], u16, &'a str);

/// One walk: the pages in order, each with what the driver filled in.
fn walk(manifest: &str, route: &str, pages: &[Asked<'_>], known: &[&str]) -> String {
    let parsed = parsed(manifest);
    let mut listing = Listing::new(&parsed);
    for (values, status, body) in pages {
        let values: Vec<_> = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        listing.add(&parsed.routes[route], &values, &look(manifest, route, *status, body));
    }
    let known: HashSet<String> = known.iter().map(|id| (*id).to_owned()).collect();
    match listing.judge(&known) {
        Listed::Complete => format!("complete {}", listing.rows().len()),
        Listed::Incomplete(why) => why,
    }
}

#[test]
fn a_list_is_complete_only_when_all_of_it_was_seen() {
    let one = r#"{"instances":[{"id":1,"label":null}],"next_token":null}"#;
    let first = r#"{"instances":[{"id":1,"label":null}],"next_token":"n1"}"#;
    let second = r#"{"instances":[{"id":2,"label":"t1"}],"next_token":null}"#;
    let page =
        |n: u32, total: u32| format!(r#"{{"data":{{"deployments":[{{"id":"d{n}","name":"t"}}],"total":{total}}}}}"#);
    let (page0, page1) = (page(0, 2), page(1, 2));
    for (manifest, route, pages, known, expected) in [
        (BITLAUNCH, "servers", vec![(&[][..], 200, "null")], vec![], "complete 0"),
        (BITLAUNCH, "servers", vec![], vec![], "list `servers`: it was not asked"),
        (BITLAUNCH, "servers", vec![(&[], 500, "[]")], vec![], "list `servers`: a page was answered with an error"),
        (BITLAUNCH, "server", vec![(&[], 200, r#"{"server":null}"#)], vec![], "list `servers`: it was not asked"),
        // rule 15: known before the order left
        (
            BITLAUNCH,
            "servers",
            vec![(&[], 200, r#"[{"id":"a"}]"#)],
            vec![],
            "list `servers`: the row `a` has no member for the tag",
        ),
        (BITLAUNCH, "servers", vec![(&[], 200, r#"[{"id":"a"}]"#)], vec!["a"], "complete 1"),
        (BITLAUNCH, "servers", vec![(&[], 200, r#"[{"name":"t1"}]"#)], vec!["a"], "list `servers`: a row has no id"),
        // case 51: cursor
        (VAST, "instances", vec![(&[], 200, one)], vec![], "complete 1"),
        (VAST, "instances", vec![(&[], 200, first)], vec![], "list `instances`: there are more pages"),
        (VAST, "instances", vec![(&[], 200, first), (&[("after", "n1")], 200, second)], vec![], "complete 2"),
        (
            VAST,
            "instances",
            vec![(&[("after", "n1")], 200, second)],
            vec![],
            "list `instances`: a page was not asked with the cursor of the page before it",
        ),
        (
            VAST,
            "instances",
            vec![(&[], 200, first), (&[("after", "n9")], 200, second)],
            vec![],
            "list `instances`: a page was not asked with the cursor of the page before it",
        ),
        (
            VAST,
            "instances",
            vec![(&[], 200, first), (&[("after", "n1")], 200, first)],
            vec![],
            "list `instances`: a page came twice",
        ),
        // case 51: total
        (
            IONET,
            "deployments",
            vec![(&[("page", "0")], 200, &page0)],
            vec![],
            "list `deployments`: 1 of 2 rows were seen",
        ),
        (
            IONET,
            "deployments",
            vec![(&[("page", "0")], 200, &page0), (&[("page", "1")], 200, &page1)],
            vec![],
            "complete 2",
        ),
        (
            IONET,
            "deployments",
            vec![(&[("page", "0")], 200, &page0), (&[("page", "0")], 200, &page0)],
            vec![],
            "list `deployments`: a page came twice",
        ),
        (
            IONET,
            "deployments",
            vec![(&[("page", "destroyed")], 200, r#"{"data":{"deployments":[],"total":0}}"#)],
            vec![],
            "list `deployments`: what the driver filled in is no page, so rows may be hidden",
        ),
        // `more = "/next?"`: a missing member counts as null
        (OTHER, "list", vec![(&[], 200, r#"{"data":[]}"#)], vec![], "complete 0"),
        (
            OTHER,
            "list",
            vec![
                (&[], 200, r#"{"data":[{"id":"a","name":null}],"next":"2"}"#),
                (&[("next", "2")], 200, r#"{"data":[]}"#),
            ],
            vec![],
            "complete 1",
        ),
        (OTHER, "list", vec![(&[], 200, r#"{"data":[],"next":{"a":1}}"#)], vec![], "list `list`: there are more pages"),
    ] {
        assert_eq!(walk(manifest, route, &pages, &known), expected, "{pages:?}");
    }
}

/// Case 53.
#[test]
fn two_rows_with_one_tag_are_both_shown() {
    let parsed = parsed(BITLAUNCH);
    let mut listing = Listing::new(&parsed);
    let body = r#"[{"id":"a","name":"t1"},{"id":"b","name":"t1"},{"id":"c","name":"t2"}]"#;
    listing.add(&parsed.routes["servers"], &[], &look(BITLAUNCH, "servers", 200, body));
    let ids = |tag| listing.tagged(tag).iter().map(|row| row.id.as_str()).collect::<Vec<_>>().join(" ");
    assert_eq!((ids("t1"), ids("t2"), ids("t3")), ("a b".to_owned(), "c".to_owned(), String::new()));
}

#[test]
fn every_list_of_a_manifest_must_be_walked() {
    let two = BITLAUNCH.replace(
        "[routes]\n",
        "[routes]\nmetal = { call = \"GET /metal\", shows = { id = \"/id\", tag = \"/name\" } }\n",
    );
    assert_eq!(walk(&two, "servers", &[(&[], 200, "[]")], &[]), "list `metal`: it was not asked");
}

/// An account may show the same instance in two of its lists: that is one instance, and not doubt.
#[test]
fn a_row_in_two_lists_is_one_and_the_one_that_says_more_counts() {
    let text = TENSORPOOL.replace(
        "[routes]",
        "[routes]\nof_org = { call = \"GET /all\", shows = { each = \"/clusters\", id = \"/id\", tag = \"/name\", over = { \"/gone\" = [true] } } }",
    );
    let manifest = parsed(&text);
    let row = |name: &str, gone: bool| format!(r#"{{"clusters":[{{"id":"c-1","name":{name},"gone":{gone}}}]}}"#);
    for (own, org, tag, over) in [
        (row("\"t1\"", false), row("\"t1\"", false), Tagged::Tag("t1".into()), false),
        (row("null", false), row("\"t1\"", false), Tagged::Tag("t1".into()), false),
        (row("\"t1\"", false), row("null", true), Tagged::Tag("t1".into()), false),
    ] {
        let mut listing = Listing::new(&manifest);
        for (route, body) in [("of_org", &org), ("clusters", &own)] {
            listing.add(&manifest.routes[route], &[], &look(&text, route, 200, body));
        }
        let rows: Vec<_> = listing.rows().iter().map(|row| (row.id.as_str(), row.tag.clone(), row.over)).collect();
        assert_eq!(rows, [("c-1", tag, over)]);
        assert_eq!(listing.judge(&HashSet::new()), Listed::Complete);
    }
}
