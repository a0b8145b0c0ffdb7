//! The scheme `aleph-operation`: two headers for one request to one host. The account grants a key of this process a few
//! minutes; that key signs method, path and host. Whoever holds it could operate every machine of the account, so it stays
//! here and its grant is short.

use super::{Key, Session, key::hex};
use jiff::Timestamp;

/// How long a grant is good.
const GRANT_SECS: i64 = 600;

/// Returns the headers that sign a request at this moment.
pub(crate) fn operation(
    key: &Key,
    session: &Session,
    [method, path, domain]: [&str; 3],
    now: Timestamp,
) -> [(&'static str, String); 2] {
    let expires = Timestamp::from_second(now.as_second().saturating_add(GRANT_SECS)).unwrap_or(now);
    [
        ("x-signedpubkey", granted(key, &grant(key, session, domain, expires), domain)),
        ("x-signedoperation", signed(session, &payload([method, path, domain], now))),
    ]
}

pub(super) fn grant(key: &Key, session: &Session, domain: &str, expires: Timestamp) -> String {
    let (x, y) = session.point();
    let address = key.address();
    format!(
        "{{\"pubkey\": {{\"crv\": \"P-256\", \"kty\": \"EC\", \"x\": \"{x}\", \"y\": \"{y}\"}}, \"alg\": \"ECDSA\", \
         \"domain\": \"{domain}\", \"address\": \"{address}\", \"expires\": \"{}\", \"chain\": \"ETH\"}}",
        moment(expires)
    )
}

pub(super) fn granted(key: &Key, grant: &str, domain: &str) -> String {
    let (sender, payload, signature) = (key.address(), hex(grant.as_bytes()), key.sign(grant.as_bytes()));
    format!(
        "{{\"sender\": \"{sender}\", \"payload\": \"{payload}\", \"signature\": \"{signature}\", \"content\": {{\"domain\": \"{domain}\"}}}}"
    )
}

pub(super) fn payload([method, path, domain]: [&str; 3], now: Timestamp) -> String {
    let time = moment(now);
    format!("{{\"time\": \"{time}\", \"method\": \"{method}\", \"path\": \"{path}\", \"domain\": \"{domain}\"}}")
}

pub(super) fn signed(session: &Session, payload: &str) -> String {
    let signature = session.sign(payload.as_bytes());
    format!("{{\"payload\": \"{}\", \"signature\": \"{signature}\"}}", hex(payload.as_bytes()))
}

fn moment(at: Timestamp) -> String {
    format!("{at:.6}")
}
