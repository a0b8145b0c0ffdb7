//! Where a machine answers SSH, read from a text that its provider wrote. The text is a stranger's: it is read by a strict
//! grammar, and never run. What does not fit the grammar is no address.

use crate::types::{Hop, Ssh};

const PORT: u16 = 22;

impl Ssh {
    /// Reads `user@host`, `host:port`, `ssh -p 2222 user@host`, `ssh user@host -p 2222`, and a jump host as
    /// `ssh -J user@jump:port user@host`; `-i FILE` is passed over. Whoever is not named is `user`. Any other word, any
    /// other option and any command to run there make it none.
    pub fn told(text: &str, user: &str) -> Option<Ssh> {
        let mut words = text.split_ascii_whitespace().peekable();
        let is_command = words.next_if_eq(&"ssh").is_some();
        let (mut at, mut jump, mut port) = (None, None, None);
        let mut user = user.to_owned();
        while let Some(word) = words.next() {
            match word {
                "-p" if is_command => port = Some(port_of(words.next()?)?),
                "-J" if is_command => jump = Some(place(words.next()?, &user)?),
                "-l" if is_command => words.next()?.clone_into(&mut user),
                "-i" if is_command => drop(words.next()?),
                _ if word.starts_with('-') || at.is_some() => return None,
                _ => at = Some(word),
            }
        }
        let place = place(at?, &user)?;
        let jump = jump.map(|Place { host, port, user }| Hop { host, port: port.unwrap_or(PORT), user });
        let port = match (port, place.port) {
            (Some(_), Some(_)) => return None,
            (option, own) => option.or(own).unwrap_or(PORT),
        };
        Some(Ssh { host: place.host, port, user: place.user, jump })
    }
}

struct Place {
    host: String,
    port: Option<u16>,
    user: String,
}

/// `[user@]host[:port]`; an IPv6 address with a port stands in brackets.
fn place(text: &str, user: &str) -> Option<Place> {
    let (user, at) = text.split_once('@').unwrap_or((user, text));
    let (host, port) = match at.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, Some(port_of(port.strip_prefix(':')?)?)),
        None => match at.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, Some(port_of(port)?)),
            _ => (at, None),
        },
    };
    (is_user(user) && is_host(host)).then(|| Place { host: host.to_owned(), port, user: user.to_owned() })
}

fn port_of(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0)
}

fn is_user(user: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
    let first = user.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_');
    first && user.len() <= 32 && user.bytes().all(plain)
}

fn is_host(host: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
    let is_six = host.parse::<std::net::Ipv6Addr>().is_ok();
    (1..=253).contains(&host.len()) && !host.starts_with(['-', '.']) && (is_six || host.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direct(host: &str, port: u16, user: &str) -> Option<Ssh> {
        Some(Ssh::direct(host, port, user))
    }

    #[test]
    fn an_address_is_read_from_what_providers_write() {
        let table = [
            ("ubuntu@203.0.113.5", direct("203.0.113.5", 22, "ubuntu")),
            ("203.0.113.5", direct("203.0.113.5", 22, "root")),
            ("203.0.113.5:31022", direct("203.0.113.5", 31022, "root")),
            ("me@node.example.org:31022", direct("node.example.org", 31022, "me")),
            ("ssh ubuntu@203.0.113.5 -p 22022", direct("203.0.113.5", 22022, "ubuntu")),
            ("ssh -p 22022 ubuntu@203.0.113.5", direct("203.0.113.5", 22022, "ubuntu")),
            ("ssh -i ~/.ssh/id_ed25519 ubuntu@203.0.113.9", direct("203.0.113.9", 22, "ubuntu")),
            ("  ssh\tubuntu@203.0.113.9 ", direct("203.0.113.9", 22, "ubuntu")),
            ("ssh -l ubuntu 203.0.113.9", direct("203.0.113.9", 22, "ubuntu")),
            ("2001:db8::1", direct("2001:db8::1", 22, "root")),
            ("[2001:db8::1]:2222", direct("2001:db8::1", 2222, "root")),
            (
                "ssh -J ubuntu@203.0.113.9:2222 ubuntu@10.0.0.5",
                Some(Ssh::direct("10.0.0.5", 22, "ubuntu").through("203.0.113.9", 2222, "ubuntu")),
            ),
        ];
        for (text, expected) in table {
            assert_eq!(Ssh::told(text, "root"), expected, "{text}");
        }
    }

    #[test]
    fn what_is_more_than_an_address_is_none() {
        for text in [
            "",
            "ssh",
            "ssh ubuntu@203.0.113.9 rm -rf /",
            "ssh -o ProxyCommand=evil ubuntu@203.0.113.9",
            "ssh -oProxyCommand=evil ubuntu@203.0.113.9",
            "ssh ubuntu@203.0.113.9; curl evil.example",
            "ssh ubuntu@$(id)",
            "ssh `id`@203.0.113.9",
            "ssh 'ubuntu@203.0.113.9'",
            "sh -c ssh",
            "sudo ssh ubuntu@203.0.113.9",
            "-p 22 ubuntu@203.0.113.9",
            "ssh -p 0 ubuntu@203.0.113.9",
            "ssh -p 70000 ubuntu@203.0.113.9",
            "ssh -p +22 ubuntu@203.0.113.9",
            "ssh -p 22 ubuntu@203.0.113.9:23",
            "ssh -i",
            "Ubuntu@203.0.113.9",
            "@203.0.113.9",
            "ubuntu@",
            "ubuntu@-oProxyCommand=x",
            "a@b@c",
            "ubuntu@203.0.113.9\u{0}",
            "ubuntu@b\u{fc}cher.example",
        ] {
            assert_eq!(Ssh::told(text, "root"), None, "{text:?}");
        }
    }
}
