//! Rule 12: a wider manifest is any other manifest, except for removed routes and `about` texts.

use super::*;

#[test]
fn any_change_widens_but_removed_routes_and_texts() {
    for (from, to, expected) in [
        ("version = \"0.1.0\"", "version = \"0.2.0\"", ""),
        ("hosts to search, by number", "other words", ""),
        (
            "restart = { call = \"POST /servers/{instance}/restart\", effect = \"change\", in = [\"restart\"] }\n",
            "",
            "",
        ),
        ("# nothing", "# a comment", ""),
        (
            "hostImageID = \"{image}\"",
            "hostImageID = \"{image}\", initscript = \"curl evil\"",
            "routes.create.body.server.initscript: new, \"curl evil\"",
        ),
        ("status = [404]", "status = [404, 500]", "routes.destroy.ended.status: was [404], now [404, 500]"),
        (
            "https://app.bitlaunch.io/api",
            "https://evil.example/api",
            "endpoints.api.base: was \"https://app.bitlaunch.io/api\", now \"https://evil.example/api\"",
        ),
        ("gap_ms = 350", "gap_ms = 0", "endpoints.api.gap_ms: was 350, now 0"),
        (
            "[\"BITLAUNCH_API_KEY\"]",
            "[\"OTHER_KEY\"]",
            "credentials.token.env: was [\"BITLAUNCH_API_KEY\"], now [\"OTHER_KEY\"]",
        ),
        (", ended = { status = [404] }", "", "routes.destroy.ended: was { status = [404] }, now not there"),
        ("late_secs = 600", "late_secs = 60", "late_secs: was 600, now 60"),
        ("default = \"1\"", "default = \"4\"", "settings.hosts.default: was \"1\", now \"4\""),
        ("timeout_secs = 60", "timeout_secs = 61", "routes.create.timeout_secs: was 60, now 61"),
        ("[routes]\n", "[routes]\nmore = { call = \"GET /more\" }\n", "routes.more: new, { call = \"GET /more\" }"),
    ] {
        let old = parsed(&format!("# nothing\n{BITLAUNCH}"));
        let newer = parsed(&format!("# nothing\n{BITLAUNCH}").replacen(from, to, 1));
        assert_eq!(old.widened_by(&newer).join("; "), expected, "{to}");
    }
}

#[test]
fn a_member_of_a_body_called_about_is_no_text() {
    let told = BITLAUNCH.replace("name = \"bursar\"", "name = \"bursar\", about = \"x\"");
    let old = parsed(&told);
    assert_eq!(old.widened_by(&parsed(&told.replace("about = \"x\"", "about = \"y\""))).len(), 1);
}

#[test]
fn hide_may_not_shrink() {
    let newer = parsed(&VAST.replace("hide = [\"/instance_api_key\"]\n", ""));
    assert_eq!(parsed(VAST).widened_by(&newer), ["routes.create.hide: was [\"/instance_api_key\"], now not there"]);
}
