//! One case per line: what is written instead of what, and the rule that refuses it.

use super::*;

/// A whole manifest, with lines that the cases replace.
const GOOD: &str = r#"name = "acme"
version = "0.1.0"
offer = "{size}/{region}"
account = "user /id"
late_secs = 600
stop_secs = 120
settings.zone = { about = "a zone", default = "z1" }
credentials.key = { about = "API key", env = ["ACME_API_KEY"], header = "authorization", prefix = "Bearer " }
credentials.other = { about = "another", header = "X-Api-Key" }
signers.agent = { about = "a key", scheme = "aleph", env = ["ACME_KEY_FILE"] }
endpoints.api = { base = "https://api.acme.example/v1", credential = "key", gap_ms = 100 }
endpoints.node = { open = true, named_by = ["user /node"] }
[routes]
user = { on = "api", call = "GET /user" }
search = { on = "api", call = "POST /search", effect = "read", body = "free" }
list = { on = "api", call = "GET /servers", shows = { each = "/data/*", id = "key()", tag = "/name", more = "/next?", rate = "/cents", unit = "cent/h" } }
price = { on = "api", call = "GET /price", query = { size = "{offer.size}" }, prices = { rate = "/rate", unit = "usd/h" } }
key = { on = "api", call = "POST /keys", effect = "change", in = ["keys"], body = { name = "{key.name}", key = "{key}" } }
restart = { on = "api", call = "POST /servers/{instance}/restart", effect = "change", in = ["restart"], body = {} }
extend = { on = "api", call = "POST /servers/{instance}/extend", effect = "spend", in = ["extend"], body = { hours = "{hours}" } }
create = { on = "api", call = "POST /servers", effect = "spend", made = "/id", timeout_secs = 60, body = { name = "{tag}", size = "{offer.size}", region = "{offer.region}" } }
destroy = { on = "api", call = "DELETE /servers/{instance}", effect = "release", ended = { status = [404] }, accepted = { "/terminated/*/id" = "{instance}" } }
notify = { on = "node", call = "POST /notify", effect = "change", in = ["advance"], body = { instance = "{instance}" } }
"#;

fn refusal(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    Manifest::parse(&GOOD.replacen(from, to, 1)).map_or_else(|error| error.to_string(), |_| "accepted".to_owned())
}

#[test]
fn the_manifest_that_the_cases_change_is_good() {
    assert_eq!(refusal("acme", "acme"), "accepted");
}

#[test]
fn each_rule_refuses_what_breaks_it_and_names_itself() {
    for (from, to, rule, says) in [
        // keys
        ("name = \"acme\"", "name = \"Acme\"", "manifest keys", "name `Acme`"),
        ("version", "verzion", "manifest keys", "unknown field `verzion`"),
        ("gap_ms = 100", "gap = 100", "manifest keys", "unknown field `gap`"),
        ("made =", "makes =", "manifest keys", "unknown field `makes`"),
        ("late_secs = 600\n", "", "manifest keys", "missing field `late_secs`"),
        ("offer = \"{size}/{region}\"", "offer = \"{size}-{region}\"", "manifest keys", "an offer's shape"),
        ("credential = \"key\"", "credential = \"kez\"", "manifest keys", "is not in [credentials]"),
        ("[\"ACME_API_KEY\"]", "[\"PATH=x\"]", "manifest keys", "env is no list of variable names"),
        // what an owner reads before a grant is what stands there
        ("\"a zone\"", "\"a \u{202e}zone\"", "manifest keys", "U+202E"),
        ("\"a zone\"", "\"a \\u202ezone\"", "manifest keys", "settings.zone.about: it holds U+202E"),
        ("\"a zone\"", "\"a\\nzone\"", "manifest keys", "settings.zone.about: it holds U+000A"),
        ("\"a zone\"", "\"a \\u001b[2Jzone\"", "manifest keys", "settings.zone.about: it holds U+001B"),
        ("late_secs = 600", "late_secs = 0", "manifest sizes", "late_secs"),
        (
            "stop_secs = 120",
            "stop_secs = 120\nself_end = { check = \" \", run = \"x\" }",
            "manifest sizes",
            "a line of self_end",
        ),
        ("stop_secs = 120", "stop_secs = 120\nself_end = { run = \"x\" }", "manifest keys", "missing field `check`"),
        ("timeout_secs = 60", "timeout_secs = 151", "manifest sizes", "1 to 150"),
        ("call = \"GET /user\"", "call = \"GET /user\", timeout_secs = 31", "manifest sizes", "1 to 30"),
        ("gap_ms = 100", "gap_ms = 60001", "manifest sizes", "gap_ms"),
        // cases 1 to 6, and what else is no plain HTTPS address
        ("https://api.acme.example/v1", "https://127.0.0.1/v1", "out-bound rules", "loopback"),
        ("https://api.acme.example/v1", "https://2130706433", "out-bound rules", "no DNS name"),
        ("https://api.acme.example/v1", "https://0x7f.1", "out-bound rules", "no DNS name"),
        ("https://api.acme.example/v1", "https://127.1", "out-bound rules", "no DNS name"),
        ("https://api.acme.example/v1", "https://[::1]", "out-bound rules", "loopback"),
        ("https://api.acme.example/v1", "https://[::ffff:7f00:1]", "out-bound rules", "no DNS name"),
        ("https://api.acme.example/v1", "http://api.acme.example", "out-bound rules", "not https"),
        ("https://api.acme.example/v1", "https://api.acme.example:8443", "out-bound rules", "port"),
        // cases 23 to 27
        ("GET /user", "GET //evil/", "out-bound rules", "an empty segment"),
        ("GET /user", "GET /a/../b", "out-bound rules", "`..`"),
        ("GET /user", "GET /%2e%2e/b", "out-bound rules", "`%2e%2e`"),
        ("GET /user", "GET http://evil/", "rule 1", "no method and path"),
        ("GET /user", "GET /\\\\evil", "out-bound rules", "no plain segment"),
        ("GET /user", "GET /user?admin=1", "out-bound rules", "no plain segment"),
        ("GET /user", "CONNECT /user", "rule 1", "`CONNECT`"),
        ("GET /user", "/user", "rule 1", "no method and path"),
        ("on = \"api\", call = \"GET /user\"", "call = \"GET /user\"", "rule 1", "names none"),
        ("on = \"api\", call = \"GET /user\"", "on = \"apo\", call = \"GET /user\"", "rule 1", "`apo` is no endpoint"),
        // rule 2
        ("GET /servers\"", "GET /{what}/servers\"", "rule 2", "the first segment of its path"),
        ("{key.name}", "{key.nam}", "rule 2", "`{key.nam}` is no word"),
        ("{key.name}", "{call}", "rule 2", "reserved name"),
        ("{key.name}", "{offer.sise}", "rule 2", "`{offer.sise}` is not declared"),
        ("{key.name}", "{setting.zona}", "rule 2", "`{setting.zona}` is not declared"),
        ("{key.name}", "{signer.nobody}", "rule 2", "`{signer.nobody}` is not declared"),
        ("{key.name}", "x {null}", "rule 2", "stands alone"),
        ("{hours}", "{hours:itn}", "rule 2", "`:int`, `:auto` or nothing"),
        ("name = \"{key.name}\"", "\"{name}\" = 1", "rule 2", "names of members are literal"),
        ("call = \"GET /user\"", "call = \"GET /user\", body = {}", "rule 2", "GET with a body"),
        ("call = \"GET /user\"", "call = \"GET /user\", headers = { Host = \"x\" }", "rule 2", "`host`"),
        (
            "call = \"GET /user\"",
            "call = \"GET /user\", headers = { Authorization = \"x\" }",
            "rule 2",
            "`authorization`",
        ),
        (
            "call = \"GET /user\"",
            "call = \"GET /user\", headers = { X-HTTP-Method-Override = \"DELETE\" }",
            "rule 2",
            "override",
        ),
        ("call = \"GET /user\"", "call = \"GET /user\", query = { _method = \"DELETE\" }", "rule 2", "`_method`"),
        (
            "call = \"GET /user\"",
            "call = \"GET /user\", headers = { X-Api-Key = \"x\" }",
            "rule 2",
            "carries a credential",
        ),
        ("header = \"authorization\"", "header = \"Content-Length\"", "rule 2", "cannot carry a credential"),
        ("body = { hours = \"{hours}\" }", "body = \"free\"", "rule 2", "body = \"free\" on a spend"),
        ("default = \"z1\"", "default = \"{tag}\"", "rule 2", "a default may hold"),
        // case 44, at load: words that no call of the route knows
        ("{hours}", "{hours} {key}", "rule 2", "`{key}` is not known in `extend`"),
        ("{key.name}", "{key.id}", "rule 2", "`{key.id}` is not known in `keys`"),
        (
            "size = \"{offer.size}\" }, prices",
            "size = \"{offer.size}\", i = \"{instance}\", k = \"{key}\" }, prices",
            "rule 2",
            "no call knows all",
        ),
        // rules 1 and 3
        ("call = \"POST /search\", effect = \"read\"", "call = \"POST /search\"", "rule 3", "POST without an effect"),
        ("POST /search\"", "POST /search/{what}\"", "rule 3", "leaves a part of its path"),
        ("effect = \"change\", in = [\"keys\"]", "effect = \"change\"", "rule 3", "a change without `in`"),
        ("in = [\"keys\"]", "in = [\"create\"]", "rule 3", "cannot open in `create`"),
        ("in = [\"keys\"]", "in = []", "rule 3", "`in` is empty"),
        ("in = [\"keys\"]", "in = [\"nowhere\"]", "rule 3", "cannot open in `nowhere`"),
        ("in = [\"extend\"]", "in = [\"restart\"]", "rule 3", "a spend cannot open in `restart`"),
        ("call = \"GET /user\"", "call = \"GET /user\", in = [\"list\"]", "rule 3", "a read has `in`"),
        ("POST /servers/{instance}/restart", "POST /servers/restart", "rule 3", "without `{instance}`"),
        ("POST /servers/{instance}/restart", "POST /servers/1{instance}/restart", "rule 3", "without `{instance}`"),
        ("key = \"{key}\"", "key = \"mine\"", "rule 3", "a change in `keys` without `{key}`"),
        ("key = \"{key}\"", "key = \"{key?}\"", "rule 3", "a change in `keys` without `{key}`"),
        ("DELETE /servers/{instance}", "DELETE /servers/all", "rule 3", "a release without `{instance}`"),
        // rule 4, case 46
        ("name = \"{tag}\"", "name = \"x\"", "rule 4", "without `{tag}`"),
        ("name = \"{tag}\"", "name = \"x-{tag}\"", "rule 4", "without `{tag}`"),
        (", region = \"{offer.region}\"", "", "rule 4", "without `{offer.region}`"),
        ("/servers/{instance}/extend", "/servers/extend", "rule 4", "a spend in `extend` without `{instance}`"),
        // rules 5 and 6
        ("account = \"user /id\"", "account = \"nobody /id\"", "rule 5", "`nobody` is no route"),
        ("account = \"user /id\"", "account = \"me\"", "rule 5", "does not tell one account from another"),
        ("account = \"user /id\"", "account = \"price /id\"", "rule 10", "cannot ask `price`"),
        ("more = \"/next?\"", "more = \"next\"", "rule 5", "is no pointer"),
        ("tag = \"/name\"", "tag = \"/names/*\"", "rule 5", "several values"),
        ("unit = \"cent/h\"", "unit = \"cent\"", "rule 5", "no unit per time"),
        ("unit = \"cent/h\"", "unit = \"eur/h\"", "rule 5", "is no unit"),
        ("rate = \"/rate\", unit", "total = \"/rate\", unit", "rule 5", "does not fit"),
        ("rate = \"/rate\", unit", "each = \"/x\", rate = \"/rate\", unit", "rule 5", "some of `each`"),
        (
            "rate = \"/rate\", unit",
            "each = \"/x\", id = \"/id\", part = \"host\", rate = \"/rate\", unit",
            "rule 5",
            "is no part of the offer",
        ),
        ("effect = \"spend\", made = \"/id\"", "effect = \"spend\", made = \"id\"", "rule 5", "is no pointer"),
        ("call = \"GET /user\"", "call = \"GET /user\", made = \"/id\"", "rule 5", "`made` on what is no spend"),
        (
            "call = \"GET /user\"",
            "call = \"GET /user\", ended = { status = [404] }",
            "rule 6",
            "`ended` on what is no release",
        ),
        (
            "call = \"GET /user\"",
            "call = \"GET /user\", refused = { status = [404] }",
            "rule 6",
            "`refused` on what is neither",
        ),
        ("ended = { status = [404] }", "ended = { status = [200] }", "rule 6", "a 2xx counts as"),
        ("ended = { status = [404] }", "ended = { status = [\"x\"] }", "rule 5", "is no status"),
        ("ended = { status = [404] }", "ended = { \"/error\" = [\"{what}\"] }", "rule 6", "a name of the driver's"),
        ("ended = { status = [404] }", "ended = { \"/error\" = [] }", "rule 5", "has no value"),
        // rule 7
        ("made = \"/id\"", "made = \"signed\"", "rule 7", "signs nothing"),
        ("made = \"/id\"", "sign = { scheme = \"rot13\", signer = \"agent\" }", "rule 7", "`rot13`"),
        ("made = \"/id\"", "sign = { scheme = \"aleph-message\", signer = \"agent\" }", "rule 7", "needs a `type`"),
        (
            "made = \"/id\"",
            "sign = { scheme = \"aleph-message\", signer = \"me\", type = \"X\" }",
            "rule 7",
            "`me` is no signer",
        ),
        ("scheme = \"aleph\"", "scheme = \"pgp\"", "rule 7", "no signer has the scheme"),
        // rule 9
        (
            "open = true, named_by = [\"user /node\"]",
            "open = true, credential = \"key\", named_by = [\"user /node\"]",
            "rule 9",
            "has a credential",
        ),
        ("named_by = [\"user /node\"]", "named_by = []", "rule 9", "no `named_by`"),
        ("named_by = [\"user /node\"]", "named_by = [\"create /node\"]", "rule 9", "no read of a fixed endpoint"),
        (
            "body = { instance = \"{instance}\" }",
            "body = { instance = \"{instance}\", x = \"{x}\" }",
            "rule 9",
            "leaves `x` to the driver",
        ),
        (
            "on = \"api\", call = \"POST /servers\", effect = \"spend\"",
            "on = \"node\", call = \"POST /servers\", effect = \"spend\"",
            "rule 9",
            "a spend goes to an open endpoint",
        ),
        (
            "on = \"api\", call = \"GET /servers\"",
            "on = \"node\", call = \"GET /servers\"",
            "rule 9",
            "reads evidence from an open endpoint",
        ),
        // rule 10
        ("destroy = { on", "delete = { on", "rule 10", "there is no route `destroy`"),
        (
            "destroy = { on = \"api\", call = \"DELETE /servers/{instance}\"",
            "destroy = { on = \"api\", call = \"DELETE /servers/{instance}\", query = { why = \"{why}\" }",
            "rule 10",
            "leaves `why` to the driver",
        ),
        ("destroy = { on = \"api\"", "destroy = { on = \"node\"", "rule 10", "goes to an open endpoint"),
    ] {
        let error = refusal(from, to);
        assert!(
            error.contains(&format!("[{rule}")) && error.contains(says),
            "{from} -> {to}\nexpected {rule}: {says}\ngot {error}"
        );
    }
}

#[test]
fn a_problem_names_its_place_its_line_and_a_way_out() {
    let error =
        Manifest::parse(&GOOD.replace(", region = \"{offer.region}\"", "").replace("[\"keys\"]", "[\"create\"]"))
            .unwrap_err();
    assert_eq!(
        error.to_string(),
        "routes.key (line 18): a change cannot open in `create`; a change opens in keys, advance, restart, pause [rule 3: effects]\n\
         routes.create (line 21): a spend in `create` without `{offer.region}`; put every part of the offer into the request, \
         or the order is not the one that was priced [rule 4: the whole order]"
    );
    let unknown = Manifest::parse(&GOOD.replace("stop_secs", "stop_sex")).unwrap_err();
    assert_eq!(unknown.problems[0].line, Some(6));
}

#[test]
fn a_driver_that_only_tells_what_is_on_sale_needs_no_destroy() {
    let text = "name = \"m\"\nversion = \"1\"\noffer = \"{a}\"\naccount = \"r /id\"\nlate_secs = 1\nstop_secs = 1\n\
                endpoints.a = { base = \"https://a.example\" }\nroutes.r = { call = \"GET /r\" }\n";
    assert_eq!(parsed(text).powers().last().unwrap(), "prices: told by the driver, not seen by the host");
}

#[test]
fn a_huge_manifest_is_refused_before_it_is_read() {
    let text = format!("{GOOD}# {}", "x".repeat(TEXT_MAX));
    assert!(Manifest::parse(&text).unwrap_err().to_string().contains("manifest sizes"));
}

#[test]
fn a_manifest_that_is_cut_or_altered_is_judged_and_never_a_panic() {
    for text in [BITLAUNCH, TENSORPOOL, VAST, IONET, ALEPH, GOOD] {
        for at in (0..text.len()).step_by(41).filter(|at| text.is_char_boundary(*at)) {
            for odd in ["", "{", "}", "\"", "é", "[", "{x}", "{tag:", "\u{0}"] {
                let altered = format!("{}{odd}{}", &text[..at], &text[at..]);
                for text in [altered.as_str(), &text[..at]] {
                    let told = Manifest::parse(text).map_or_else(|e| e.to_string(), |m| m.powers().join("\n"));
                    assert!(!told.is_empty());
                }
            }
        }
    }
}
