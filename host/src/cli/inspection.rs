//! `bursar driver inspect`: what a file is, all that it asks for in the order in which it matters, and in words the worst
//! that it could do. Every word of it may be a stranger's: it is cleaned, and laid out for 100 columns.

use crate::flow::{Inspection, RouteAsk, Standing, clean, clean_line};
use serde_json::{Value, json};

const COLUMNS: usize = 100;
/// Of one line before it is laid out, in bytes.
const LINE_MAX: usize = 4_000;

/// The prefix of a sentence of `powers`, and the head it stands under.
const POWERS: [(&str, &str); 3] = [
    ("reads", "what counts as read though it is no GET"),
    ("frees", "which answers free money"),
    ("prices", "how prices are known"),
];

pub(super) fn document(seen: &Inspection) -> Value {
    let mut whole = json!({
        "name": seen.name, "version": seen.version, "sha256": seen.sha256, "bytes": seen.bytes,
        "standing": standing(seen.standing).0, "imports": seen.imports, "exports": seen.exports,
        "capabilities": seen.capabilities.names(), "powers": seen.powers, "wider": seen.wider, "manifest": seen.manifest,
    });
    if let (Value::Object(whole), Ok(Value::Object(asks))) = (&mut whole, serde_json::to_value(&seen.asks)) {
        whole.extend(asks);
    }
    whole
}

pub(super) fn in_words(seen: &Inspection) -> String {
    let asks = &seen.asks;
    let mut page = Page::default();
    let kib = seen.bytes.div_ceil(1024);
    page.line(&format!("{} {} · {kib} KiB · {}", seen.name, seen.version, standing(seen.standing).1));
    page.line(&format!("sha256 {}", seen.sha256));
    page.list("not served: it needs what this version does not have", asks.needs.clone());
    page.list("what is new since you let it in", seen.wider.clone());
    page.list("where requests go", goes(seen));
    let acts = |effect: &'static str| asks.routes.iter().filter(move |route| route.effect == effect);
    page.list("what is ordered", acts("spend").flat_map(acting).collect());
    page.list("what is changed", acts("change").flat_map(acting).collect());
    page.list("what is ended", acts("release").flat_map(acting).collect());
    page.list("what the driver may add", adds(&asks.routes));
    for (prefix, head) in POWERS {
        let told = seen.powers.iter().filter_map(|power| power.strip_prefix(prefix)?.strip_prefix(": "));
        let told = told.map(|text| text.strip_prefix("counts as read though it is no GET: ").unwrap_or(text));
        page.list(head, told.map(str::to_owned).collect());
    }
    page.list("what is read, in any call", acts("read").map(|r| format!("{}: {}", r.name, r.template)).collect());
    page.list("what you can set", asks.settings.iter().map(setting).collect());
    page.list(
        "how long",
        vec![
            format!("a lost order is looked for during {} s before it can count as never made", asks.late_secs),
            format!("an accepted end may take {} s, and is paid for", asks.stop_secs),
        ],
    );
    page.list("what it can do besides the least", vec![none(seen.capabilities.names().join(", "))]);
    page.list("what the sandbox links (nothing else is there)", vec![none(seen.imports.join(", "))]);
    page.list("THE WORST THAT IT COULD DO", asks.worst.clone());
    page.text.push_str("\nits manifest, word for word:\n");
    page.text.push_str(clean(seen.manifest.as_bytes()).trim_end());
    page.text
}

fn standing(standing: Standing) -> (&'static str, &'static str) {
    match standing {
        Standing::Bundled => ("bundled", "inside this binary"),
        Standing::Granted => ("granted", "let in by you, this very file"),
        Standing::Changed => ("changed", "NOT the file that serves under this name"),
        Standing::New => ("new", "NOBODY has let it in"),
    }
}

fn goes(seen: &Inspection) -> Vec<String> {
    let asks = &seen.asks;
    let mut out: Vec<String> = vec![];
    for endpoint in &asks.endpoints {
        let gap = if endpoint.gap_ms > 0 { format!(", {} ms apart", endpoint.gap_ms) } else { String::new() };
        let secret = match &endpoint.credential {
            Some(name) => format!(", with the credential `{name}`"),
            None => ", without a credential".to_owned(),
        };
        out.push(format!("{}: {}{secret}{gap}", endpoint.name, endpoint.at));
    }
    for credential in &asks.credentials {
        let from =
            if credential.env.is_empty() { String::new() } else { format!(", or {}", credential.env.join(" or ")) };
        out.push(format!(
            "credential `{}`: {}; stored with `bursar login`{from}; sent in the header `{}`",
            credential.name, credential.about, credential.header
        ));
    }
    for signer in &asks.signers {
        let env = none(signer.env.join(" or "));
        out.push(format!("signer `{}`: {}; {} from {env}", signer.name, signer.about, signer.scheme));
    }
    out
}

fn acting(route: &RouteAsk) -> Vec<String> {
    let mut out = vec![format!("{}, in {}: {}", route.name, route.opens_in.join(" and "), route.template)];
    out.extend(route.filled.as_ref().map(|filled| format!("  such as {filled}")));
    out
}

fn adds(routes: &[RouteAsk]) -> Vec<String> {
    let one = |route: &RouteAsk| {
        let mut names: Vec<String> = route.driver_adds.iter().map(|name| format!("`{name}`")).collect();
        if route.free_body {
            names.push("the whole body".to_owned());
        }
        let what = if route.effect == "read" { "a read" } else { "NOT A READ" };
        (!names.is_empty()).then(|| format!("{}: {} ({what})", route.name, names.join(", ")))
    };
    let some: Vec<String> = routes.iter().filter_map(one).collect();
    if some.is_empty() { vec!["nothing: every request is the host's".to_owned()] } else { some }
}

fn setting(setting: &crate::flow::SettingAsk) -> String {
    let default = setting.default.as_ref().map_or("no default".to_owned(), |text| format!("unset: `{text}`"));
    format!("`{}`: {}; {default}", setting.name, setting.about)
}

fn none(text: String) -> String {
    if text.is_empty() { "none".to_owned() } else { text }
}

/// Text for eyes.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(&clean_line(line.as_bytes(), LINE_MAX));
        self.text.push('\n');
    }

    fn list(&mut self, head: &str, items: Vec<String>) {
        if items.is_empty() {
            return;
        }
        self.text.push_str(&format!("\n{head}\n"));
        for item in items {
            let mark = if item.starts_with(' ') { "    " } else { "  - " };
            for (n, line) in wrapped(&clean_line(item.as_bytes(), LINE_MAX), COLUMNS - 4).into_iter().enumerate() {
                self.text.push_str(if n == 0 { mark } else { "    " });
                self.text.push_str(&line);
                self.text.push('\n');
            }
        }
    }
}

/// Breaks a line at blanks, and inside a word only where it alone is too long.
fn wrapped(line: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        let letters: Vec<char> = word.chars().collect();
        for (n, piece) in letters.chunks(columns).enumerate() {
            let last = lines.last().map_or(0, |line| line.chars().count());
            let fits = last == 0 || (n == 0 && last + 1 + piece.len() <= columns);
            match lines.last_mut() {
                Some(line) if fits => {
                    if !line.is_empty() {
                        line.push(' ');
                    }
                    line.extend(piece);
                }
                _ => lines.push(piece.iter().collect()),
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use bursar_drivers::Manifest;

    fn seen(manifest: &str, standing: Standing) -> Inspection {
        let manifest = Manifest::parse(manifest).unwrap_or_else(|error| panic!("{error}"));
        Inspection {
            powers: manifest.powers(),
            asks: manifest.asks(),
            standing,
            wider: if standing == Standing::New { vec!["it is new here".into()] } else { vec![] },
            name: manifest.name,
            version: manifest.version,
            sha256: "0".repeat(64),
            bytes: 100_000,
            imports: vec!["bursar:driver/http@0.1.0".into()],
            exports: vec![],
            capabilities: Default::default(),
            manifest: manifest.text,
        }
    }

    /// `GOLDEN=1` writes them anew; look at the difference before it is kept.
    fn golden(name: &str, text: &str) {
        let path = format!("{}/src/cli/golden/{name}.txt", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("GOLDEN").is_some() {
            std::fs::write(&path, format!("{text}\n")).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(text, kept.trim_end_matches('\n'), "{path}");
    }

    #[test]
    fn the_bundled_driver_is_told_as_it_was_looked_at() {
        let text = in_words(&seen(include_str!("../../../plugins/bitlaunch/driver.toml"), Standing::Bundled));
        golden("inspect_bitlaunch", &text);
    }

    #[test]
    fn a_nasty_manifest_is_told_with_all_that_is_wrong_with_it() {
        let text = in_words(&seen(include_str!("golden/nasty.toml"), Standing::New));
        let laid_out = text.split("\nits manifest, word for word:").next().unwrap();
        assert!(laid_out.lines().all(|line| line.chars().count() <= COLUMNS), "{laid_out}");
        assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{text:?}");
        golden("inspect_nasty", &text);
    }

    #[test]
    fn programs_get_the_same_as_data() {
        let document = document(&seen(include_str!("golden/nasty.toml"), Standing::New));
        assert_eq!(document["standing"], "new");
        assert_eq!(document["routes"][0]["name"], "create");
        assert_eq!(document["routes"][0]["driver_adds"][0], "flavour");
        assert!(document["worst"].as_array().unwrap().len() > 8, "{document:#}");
    }
}
