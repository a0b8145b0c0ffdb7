//! The base URL of an endpoint, parsed once and carried parsed. Two parsers of one URL disagree sooner or later, so there is
//! only this one, and it takes less than the standards allow.

use crate::Outbound;
use std::fmt;

/// A judged base: scheme, name, port and path. There is no way to make one that was not judged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Base {
    secure: bool,
    host: String,
    port: u16,
    path: String,
}

/// Why a text is no base of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{url}`: {why}")]
pub struct BadBase {
    pub url: String,
    pub why: &'static str,
}

const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

impl Base {
    /// Reads `https://name/path`. An address written as numbers is refused in every spelling.
    pub fn parse(url: &str, rules: &Outbound) -> Result<Base, BadBase> {
        read(url, rules)
            .map_err(|why| BadBase { url: url.chars().filter(|c| !c.is_control()).take(200).collect(), why })
    }

    /// Returns the base of an address that an answer named: a DNS name, reached by HTTPS on port 443.
    pub fn open(address: &str, rules: &Outbound) -> Result<Base, BadBase> {
        let name = address.to_ascii_lowercase();
        if name.contains(['/', ':', '@']) {
            let url = name.chars().filter(|c| !c.is_control()).take(200).collect();
            return Err(BadBase { url, why: "it is more than a DNS name" });
        }
        Base::parse(&format!("https://{name}"), &Outbound { loopback: false, ..rules.clone() })
    }

    /// Returns the name, which is also the one in the certificate.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the path, empty or without a slash at its end.
    pub fn path(&self) -> &str {
        &self.path
    }

    pub fn is_loopback(&self) -> bool {
        LOOPBACK.contains(&self.host.as_str())
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.secure
    }

    /// Returns what stands in `Host`.
    pub fn authority(&self) -> String {
        let usual = if self.secure { 443 } else { 80 };
        if self.port == usual { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.secure { "https" } else { "http" }, self.authority(), self.path)
    }
}

fn read(url: &str, rules: &Outbound) -> Result<Base, &'static str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/@+[]".contains(&b);
    if url.len() > 500 || !url.bytes().all(plain) {
        return Err("it is too long, or has a query, a fragment or other characters than a plain URL");
    }
    let (secure, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return Err("it is neither https nor http"),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err("it holds a user");
    }
    let (host, port) = split_port(authority)?;
    let base = Base {
        secure,
        host: host.to_owned(),
        port: port.unwrap_or(if secure { 443 } else { 80 }),
        path: path_of(path)?,
    };
    if base.is_loopback() {
        return if rules.loopback {
            Ok(base)
        } else {
            Err("loopback is reached only where the owner's configuration says so")
        };
    }
    if !secure {
        return Err("it is not https");
    }
    if base.port != 443 {
        return Err("its port is not 443");
    }
    dns_name(host).map(|()| base)
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), &'static str> {
    let host_end = authority.find(']').map_or(0, |at| at + 1);
    match authority[host_end..].split_once(':') {
        None => Ok((authority, None)),
        Some((rest, port)) => {
            let plain = !port.is_empty() && !port.starts_with('0') && port.bytes().all(|b| b.is_ascii_digit());
            let port = port.parse().ok().filter(|_| plain).ok_or("its port is no number")?;
            Ok((&authority[..host_end + rest.len()], Some(port)))
        }
    }
}

/// Lower-case labels of letters, digits and hyphens, at least two, the last beginning with a letter: so no number in
/// any base is taken for a name.
fn dns_name(host: &str) -> Result<(), &'static str> {
    let label = |label: &str| {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(plain) && !label.starts_with('-') && !label.ends_with('-')
    };
    let labels: Vec<&str> = host.split('.').collect();
    let last_is_word = labels.last().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_lowercase()));
    if !last_is_word {
        return Err("it is an address and no DNS name");
    }
    if host.len() > 253 || !labels.into_iter().all(label) {
        return Err("its name is no lower-case DNS name");
    }
    let local = ["localhost", "local", "internal", "arpa", "onion"];
    match host.rsplit_once('.') {
        None => Err("its name has no dot"),
        Some((_, last)) if local.contains(&last) => Err("its name is a local one"),
        Some(_) => Ok(()),
    }
}

fn path_of(path: &str) -> Result<String, &'static str> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let fits =
        |segment: &str| !segment.is_empty() && segment != "." && segment != ".." && !segment.contains(['[', ']']);
    if path.split('/').skip(1).all(fits) {
        Ok(path.to_owned())
    } else {
        Err("its path has an empty segment, `.` or `..`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(url: &str, loopback: bool) -> String {
        Base::parse(url, &Outbound { loopback, ..Outbound::default() })
            .map_or_else(|bad| bad.why.to_owned(), |base| base.to_string())
    }

    #[test]
    fn a_base_is_https_and_a_plain_name() {
        for (url, expected) in [
            ("https://api.example.com", "https://api.example.com"),
            ("https://api.example.com/", "https://api.example.com"),
            ("https://api.example.com:443/v1/", "https://api.example.com/v1"),
            ("https://xn--bcher-kva.example/a", "https://xn--bcher-kva.example/a"),
            // cases 1 to 6
            ("https://127.0.0.1", "loopback is reached only where the owner's configuration says so"),
            ("https://2130706433", "it is an address and no DNS name"),
            ("https://0x7f.1", "it is an address and no DNS name"),
            ("https://127.1", "it is an address and no DNS name"),
            ("https://[::1]", "loopback is reached only where the owner's configuration says so"),
            ("https://[::ffff:7f00:1]", "it is an address and no DNS name"),
            ("https://8.8.8.8", "it is an address and no DNS name"),
            ("https://0x7f000001", "it is an address and no DNS name"),
            ("https://a.0x7f", "it is an address and no DNS name"),
            ("https://[2001:4860::8888]:443", "it is an address and no DNS name"),
            ("https://127.0.0.1.", "it is an address and no DNS name"),
            ("https://localhost", "loopback is reached only where the owner's configuration says so"),
            ("https://a.localhost", "its name is a local one"),
            ("https://metadata.google.internal", "its name is a local one"),
            ("https://intranet", "its name has no dot"),
            ("https://api.example.com.", "it is an address and no DNS name"),
            ("https://API.example.com", "its name is no lower-case DNS name"),
            ("https://a_b.example.com", "its name is no lower-case DNS name"),
            ("https://-a.example.com", "its name is no lower-case DNS name"),
            ("https://user@api.example.com", "it holds a user"),
            ("https://api.example.com@evil.example", "it holds a user"),
            ("https://api.example.com:8443", "its port is not 443"),
            ("https://api.example.com:0443", "its port is no number"),
            ("https://api.example.com:", "its port is no number"),
            ("http://api.example.com", "it is not https"),
            ("ftp://api.example.com", "it is neither https nor http"),
            (
                "https://api.example.com?x=1",
                "it is too long, or has a query, a fragment or other characters than a plain URL",
            ),
            (
                "https://api.example.com#x",
                "it is too long, or has a query, a fragment or other characters than a plain URL",
            ),
            (
                "https://api.example.com\\@evil.example",
                "it is too long, or has a query, a fragment or other characters than a plain URL",
            ),
            ("https://api.example.com/a/../b", "its path has an empty segment, `.` or `..`"),
            ("https://api.example.com//b", "its path has an empty segment, `.` or `..`"),
            ("https://①②⑦.example", "it is too long, or has a query, a fragment or other characters than a plain URL"),
            ("https://", "it is an address and no DNS name"),
            ("", "it is neither https nor http"),
        ] {
            assert_eq!(outcome(url, false), expected, "{url}");
        }
    }

    #[test]
    fn loopback_needs_the_owners_word_and_gives_no_other_address() {
        for (url, expected) in [
            ("http://127.0.0.1:8080/api", "http://127.0.0.1:8080/api"),
            ("http://localhost:1", "http://localhost:1"),
            ("http://[::1]:9/x/", "http://[::1]:9/x"),
            ("http://127.0.0.2:80", "it is not https"),
            ("http://2130706433:80", "it is not https"),
            ("https://127.1", "it is an address and no DNS name"),
            ("http://api.example.com", "it is not https"),
            ("http://127.0.0.1:65536", "its port is no number"),
        ] {
            assert_eq!(outcome(url, true), expected, "{url}");
        }
    }

    #[test]
    fn an_address_that_an_answer_named_is_a_name_and_port_443() {
        let open = |address: &str| {
            Base::open(address, &Outbound { loopback: true, ..Outbound::default() }).ok().map(|b| b.to_string())
        };
        for (address, expected) in [
            ("crn1.example.org", Some("https://crn1.example.org")),
            ("CRN1.example.org", Some("https://crn1.example.org")),
            ("crn1.example.org:443", None),
            ("crn1.example.org/path", None),
            ("https://crn1.example.org", None),
            ("a@crn1.example.org", None),
            ("203.0.113.1", None),
            ("127.0.0.1", None),
            ("localhost", None),
            ("", None),
        ] {
            assert_eq!(open(address).as_deref(), expected, "{address}");
        }
    }
}
