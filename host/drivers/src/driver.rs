//! A driver that is let in: what it says of itself, what it can do, and the start of every call to it. The calls
//! themselves are in `market`, `order`, `instance` and `listing`.

use crate::{
    audit::Counters,
    call::{At, Call},
    error::{CallError, CallErrorKind},
    ground::Ground,
    manifest::{AccountSource, Manifest},
    sandbox::{Loaded, Sandbox},
    template::{CallKind, Words},
};
use bursar_core::{capability::Capabilities, instance::SshAt};
use std::{net::IpAddr, sync::Arc};

pub struct Driver {
    pub(crate) ground: Arc<Ground>,
    pub(crate) sandbox: Arc<Sandbox>,
    /// Without its component only the host's own requests are left: the account, an unpaged list, ends.
    pub(crate) loaded: Result<Loaded, String>,
    pub(crate) sha256: String,
}

impl Driver {
    pub fn name(&self) -> &str {
        self.ground.name()
    }

    pub fn version(&self) -> &str {
        &self.manifest().version
    }

    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Returns what this process counted of this driver.
    pub fn counters(&self) -> Counters {
        self.ground.counts.read()
    }

    pub fn manifest(&self) -> &Manifest {
        &self.ground.manifest
    }

    pub fn capabilities(&self) -> Capabilities {
        self.loaded.as_ref().map(Loaded::capabilities).unwrap_or_default()
    }

    pub(crate) async fn begin(
        &self,
        kind: CallKind,
        at: &At,
        add: impl FnOnce(Words) -> Words,
    ) -> Result<Call<'_>, CallError> {
        Call::begin(self, kind, at, add).await
    }

    pub(crate) fn error(&self, call: CallKind, kind: CallErrorKind) -> CallError {
        CallError { driver: self.name().to_owned(), call: call.name(), kind }
    }

    /// Returns whose account this is, read by the host in an answer of this call, asked for where none showed it.
    pub(crate) async fn identity(&self, call: &Call<'_>) -> Result<String, CallError> {
        match &self.manifest().account {
            AccountSource::Text(text) => {
                text.fill_text(call.words()).ok_or_else(|| call.failed("the manifest's own text names no account"))
            }
            AccountSource::Credential => {
                call.key_mark().ok_or_else(|| call.failed("there is no credential to tell the account by"))
            }
            AccountSource::Pointer { route, .. } => {
                let seen = call.record().account.clone();
                if let Some(seen) = seen {
                    self.note_account(call, &seen);
                    return Ok(seen);
                }
                let reply = call.send(route).await?;
                let seen = call.record().account.clone();
                if let Some(seen) = &seen {
                    self.note_account(call, seen);
                }
                seen.ok_or_else(|| {
                    call.fail(match reply.status {
                        401 | 403 => CallErrorKind::Unauthorized(format!("`{route}` answered {}", reply.status)),
                        402 => CallErrorKind::InsufficientFunds(format!("`{route}` answered 402")),
                        429 => CallErrorKind::RateLimited(reply.retry_after_secs),
                        status => CallErrorKind::Failed(format!("`{route}` answered {status} and named no account")),
                    })
                })
            }
        }
    }

    /// Keeps in mind whose account the keys of this call showed.
    fn note_account(&self, call: &Call<'_>, account: &str) {
        if let Some(mark) = call.key_mark() {
            self.ground.accounts().insert(mark, account.to_owned());
        }
    }

    /// Returns whether the keys of this call are known to be of this account; nothing is sent to find out.
    pub(crate) fn is_of(&self, call: &Call<'_>, account: &str) -> bool {
        match &self.manifest().account {
            AccountSource::Text(text) => text.fill_text(call.words()).as_deref() == Some(account),
            // Another key, another account: for providers whose answers name none.
            AccountSource::Credential => call.key_mark().as_deref() == Some(account),
            AccountSource::Pointer { .. } => {
                let mark = call.key_mark();
                mark.is_some_and(|mark| self.ground.accounts().get(&mark).is_some_and(|known| known == account))
            }
        }
    }

    /// Judges where an instance is said to answer SSH: it must stand in an answer of this call, and be public.
    pub(crate) fn trusts(&self, call: &Call<'_>, at: &SshAt) -> Result<(), String> {
        let hosts = std::iter::once((&at.host, &at.user, at.port, at.jump.is_none()));
        let hops = at.jump.iter().map(|hop| (&hop.host, &hop.user, hop.port, true));
        for (host, user, port, must_be_public) in hosts.chain(hops) {
            let shown = crate::text::clean(host, 80);
            if !is_user(user) || port == 0 {
                return Err(format!(
                    "its driver named an SSH user or port for {shown} that cannot be one; it is not used"
                ));
            }
            if !call.record().stood(host) {
                return Err(format!(
                    "its driver named the SSH address {shown}, which no answer showed; it is not used"
                ));
            }
            if must_be_public {
                self.is_public(host).map_err(|why| format!("the SSH address {shown} is not used: {why}"))?;
            }
        }
        Ok(())
    }

    fn is_public(&self, host: &str) -> Result<(), String> {
        match host.parse::<IpAddr>() {
            Ok(ip) if ip.is_loopback() && self.ground.is_practice() => Ok(()),
            Ok(ip) => bursar_http::judge_address(ip).map_err(str::to_owned),
            Err(_) if is_dns_name(host) => Ok(()),
            Err(_) => Err("it is neither an address nor a public name".into()),
        }
    }
}

fn is_user(user: &str) -> bool {
    let rest = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    let first = user.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
    first && user.len() <= 32 && user.bytes().all(rest)
}

/// A name that public DNS may know: the room that dials it judges every address it resolves to.
fn is_dns_name(host: &str) -> bool {
    let label = |l: &str| {
        let plain = l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        (1..=63).contains(&l.len()) && plain && !l.starts_with('-') && !l.ends_with('-')
    };
    let labels: Vec<&str> = host.split('.').collect();
    let top = labels.last().copied().unwrap_or_default();
    let public = !["local", "localhost", "internal", "lan", "home", "arpa"].iter().any(|t| top.eq_ignore_ascii_case(t));
    host.len() <= 253
        && labels.len() >= 2
        && labels.iter().all(|l| label(l))
        && public
        && !top.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_users_and_names_are_plain() {
        for (user, fits) in
            [("root", true), ("_x-1", true), ("Root", false), ("-oProxyCommand=x", false), ("", false), ("a b", false)]
        {
            assert_eq!(is_user(user), fits, "{user}");
        }
        for (host, fits) in [
            ("ssh4.vast.ai", true),
            ("localhost", false),
            ("db.internal", false),
            ("2130706433", false),
            ("127.1", false),
            ("0x7f.1", false),
            ("-o.example.com", false),
            ("a..com", false),
        ] {
            assert_eq!(is_dns_name(host), fits, "{host}");
        }
    }
}
