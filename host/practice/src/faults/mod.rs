//! Misbehaviour that outside programs order: which faults there are and which request each one meets. What a fault
//! does is in `conduct`. This module touches no server and no socket.

mod altered;
mod conduct;

use serde::Deserialize;
use serde_json::{Map, Value, json};

pub(crate) use conduct::{Act, Answer};

use crate::reply::Ask;

/// Something that goes wrong. The names and members are the ones of the README.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Fault {
    Refuse {
        #[serde(default = "refused")]
        status: u16,
        #[serde(default = "refusal")]
        message: String,
    },
    Status {
        status: u16,
        #[serde(default)]
        body: Value,
        text: Option<String>,
        content_type: Option<String>,
        retry_after: Option<String>,
        #[serde(default)]
        done: bool,
    },
    LostBefore {},
    LostAfter {},
    LandsLate {
        #[serde(default = "five")]
        secs: f64,
    },
    #[serde(rename = "500_before")]
    ErrorBefore {},
    #[serde(rename = "500_after")]
    ErrorAfter {},
    #[serde(rename = "200_without")]
    OkWithout {},
    OnlyId {},
    HangBefore {},
    HangAfter {},
    ListLags {
        #[serde(default)]
        lists: u32,
        #[serde(default)]
        secs: f64,
    },
    ListCut {
        #[serde(default)]
        how: Cut,
    },
    ListEmpty {
        #[serde(default)]
        null: bool,
    },
    #[serde(rename = "destroy_404_alive")]
    Destroy404Alive {},
    DestroyIgnored {},
    DestroyLingers {
        #[serde(default)]
        lists: u32,
        #[serde(default)]
        secs: f64,
    },
    Slow {
        #[serde(default = "five")]
        secs: f64,
        #[serde(default)]
        before: bool,
    },
    RateLimited {
        retry_after: Option<u64>,
    },
    Html {
        #[serde(default = "bad_gateway")]
        status: u16,
    },
    Redirect {
        #[serde(default = "elsewhere")]
        location: String,
    },
    Big {
        #[serde(default = "megabyte")]
        bytes: usize,
    },
    CutBody {},
    PriceChanged {
        size: String,
        musd_per_hour: i64,
    },
    SoldOut {
        size: String,
        region: Option<String>,
    },
    HostClosed {
        host: u64,
    },
    EmailUnconfirmed {},
    Balance {
        musd: i64,
    },
    ServerLimit {
        servers: usize,
    },
    ForeignServer {
        #[serde(default = "foreign")]
        name: String,
    },
    ErrorStatus {
        #[serde(default)]
        text: String,
    },
    BilledAt {
        musd_per_hour: i64,
        size: Option<String>,
        #[serde(default)]
        hidden: bool,
    },
    TopUp {
        usd: i64,
    },
    NeverReady {},
    NoDriver {},
    Unpaid {},
    SshText {
        text: String,
    },
    Retrying {
        #[serde(default = "five")]
        secs: f64,
    },
    NoRequest {},
    Extra {},
    StatusWord {
        word: String,
    },
    Garbled {},
}

/// What is missing in a list that arrives damaged.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cut {
    /// The last row has no id.
    #[default]
    Id,
    /// The last row has no name.
    Name,
    /// The text of the answer ends in the middle.
    Json,
}

/// A fault and the requests it meets.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) fault: Fault,
    pub(crate) name: String,
    /// The only provider whose requests it meets; nothing means any.
    provider: Option<String>,
    pattern: String,
    nth: u32,
    /// 0 means for ever.
    times: u32,
    seen: u32,
}

/// The rules in force.
#[derive(Default)]
pub(crate) struct Faults {
    rules: Vec<Rule>,
}

impl Faults {
    pub(crate) fn add(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Counts a request, and returns the fault that meets it. Each rule counts for itself; the first one wins.
    pub(crate) fn take(&mut self, provider: &str, ask: &Ask) -> Option<Rule> {
        let mut met = None;
        for rule in self.rules.iter_mut().filter(|rule| rule.is_for(provider) && fits(&rule.pattern, ask)) {
            rule.seen += 1;
            if met.is_none() && rule.is_due() {
                met = Some(rule.clone());
            }
        }
        self.rules.retain(|rule| !rule.is_over());
        met
    }

    pub(crate) fn json(&self) -> Value {
        let row = |rule: &Rule| json!({ "match": rule.pattern, "provider": rule.provider, "fault": rule.name, "nth": rule.nth, "times": rule.times, "seen": rule.seen });
        self.rules.iter().map(row).collect()
    }
}

impl Rule {
    pub(crate) fn has_match(&self) -> bool {
        !self.pattern.is_empty()
    }

    /// Returns the provider whose world it changes, where it changes one and waits for no request.
    pub(crate) fn world(&self) -> &str {
        self.provider.as_deref().unwrap_or("bitlaunch")
    }

    fn is_for(&self, provider: &str) -> bool {
        self.provider.as_deref().is_none_or(|only| only == provider)
    }

    fn is_due(&self) -> bool {
        self.seen >= self.nth && (self.times == 0 || self.seen - self.nth < self.times)
    }

    fn is_over(&self) -> bool {
        self.times != 0 && self.seen + 1 >= self.nth + self.times
    }
}

/// Reads a list of rules, or one rule by itself.
pub(crate) fn read(body: &Value) -> Result<Vec<Rule>, String> {
    let rules = match body {
        Value::Array(rules) => rules.iter().collect(),
        Value::Object(object) if object.get("faults").is_some_and(Value::is_array) => {
            object["faults"].as_array().into_iter().flatten().collect()
        }
        one => vec![one],
    };
    rules.into_iter().map(rule).collect()
}

fn rule(body: &Value) -> Result<Rule, String> {
    let mut members = body.as_object().cloned().ok_or("a fault is an object; see host/practice/README.md")?;
    let number = |value: Option<Value>| value.and_then(|value| u32::try_from(value.as_u64()?).ok());
    let mut text = |name: &str| members.remove(name).and_then(|text| Some(text.as_str()?.to_owned()));
    let (pattern, provider) = (text("match").unwrap_or_default(), text("provider"));
    let nth = number(members.remove("nth")).unwrap_or(1).max(1);
    let times = number(members.remove("times")).unwrap_or(1);
    let (name, members) = match members.remove("fault") {
        Some(Value::String(name)) => (name, members),
        Some(Value::Object(mut object)) if object.len() == 1 => {
            let name = object.keys().next().cloned().unwrap_or_default();
            let members = object.remove(&name).and_then(|value| value.as_object().cloned()).unwrap_or_default();
            (name, members)
        }
        _ => {
            return Err("a fault needs the member \"fault\": a name, or an object with the name and its members".into());
        }
    };
    let fault = fault(&name, members)?;
    if pattern.is_empty() && !fault.is_of_the_world() {
        return Err(format!("fault {name} needs the member \"match\", for example \"POST /servers\""));
    }
    Ok(Rule { fault, name, provider, pattern, nth, times, seen: 0 })
}

fn fault(name: &str, members: Map<String, Value>) -> Result<Fault, String> {
    serde_json::from_value(json!({ name: members })).map_err(|error| format!("fault {name}: {error}"))
}

/// Tells whether `METHOD /path` fits a request; `*` and `{…}` stand for one segment, `**` for the rest.
fn fits(pattern: &str, ask: &Ask) -> bool {
    let (method, path) = pattern.trim().split_once(' ').unwrap_or(("*", pattern.trim()));
    let mut asked = ask.path.trim_matches('/').split('/');
    let method_fits = method == "*" || method.eq_ignore_ascii_case(&ask.method);
    for part in path.trim().trim_matches('/').split('/') {
        match (part, asked.next()) {
            ("**", _) => return method_fits,
            (_, None) => return false,
            (part, Some(segment)) if part == "*" || part.starts_with('{') || part == segment => {}
            _ => return false,
        }
    }
    method_fits && asked.next().is_none()
}

fn refused() -> u16 {
    400
}

fn refusal() -> String {
    "Size is not available in this region".into()
}

fn five() -> f64 {
    5.0
}

fn bad_gateway() -> u16 {
    502
}

fn elsewhere() -> String {
    "https://elsewhere.example.org/".into()
}

fn megabyte() -> usize {
    1 << 20
}

fn foreign() -> String {
    "somebody-elses-server".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(line: &str) -> Ask {
        let (method, path) = line.split_once(' ').unwrap();
        Ask { method: method.into(), path: path.into(), query: String::new(), body: Value::Null, headers: vec![] }
    }

    #[test]
    fn a_pattern_fits_whole_paths() {
        let table = [
            ("POST /servers", "POST /servers", true),
            ("POST /servers", "GET /servers", false),
            ("POST /servers", "POST /servers/1/restart", false),
            ("GET /servers/{id}", "GET /servers/1", true),
            ("GET /servers/*", "GET /servers", false),
            ("* /servers/**", "DELETE /servers/1", true),
            ("DELETE /servers/7", "DELETE /servers/8", false),
            ("* **", "GET /user", true),
        ];
        for (pattern, line, expected) in table {
            assert_eq!(fits(pattern, &ask(line)), expected, "{pattern} on {line}");
        }
    }

    #[test]
    fn a_rule_meets_the_requests_it_was_ordered_for() {
        let table = [(1, 1, "x---"), (2, 1, "-x--"), (1, 2, "xx--"), (3, 2, "--xx"), (2, 0, "-xxx")];
        for (nth, times, expected) in table {
            let mut faults = Faults::default();
            let body = json!({ "match": "GET /user", "nth": nth, "times": times, "fault": "lost_before" });
            faults.add(read(&body).unwrap().remove(0));
            let met = (0..4).map(|_| if faults.take("bitlaunch", &ask("GET /user")).is_some() { 'x' } else { '-' });
            assert_eq!(met.collect::<String>(), expected, "nth {nth}, times {times}");
        }
    }

    #[test]
    fn a_wrong_order_is_refused_with_the_reason() {
        let table = [
            (json!({ "match": "GET /user", "fault": "explode" }), "unknown variant"),
            (json!({ "match": "GET /user", "fault": "slow", "sec": 3 }), "unknown field"),
            (json!({ "fault": "lost_after" }), "needs the member \"match\""),
            (json!({ "match": "GET /user" }), "needs the member \"fault\""),
            (json!(["x"]), "a fault is an object"),
        ];
        for (body, expected) in table {
            let error = read(&body).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
