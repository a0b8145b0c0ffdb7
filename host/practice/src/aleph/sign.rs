//! Whose signatures these are: messages by an Ethereum account, operations by a key that one granted. It signs nothing.

use jiff::Timestamp;
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use p256::ecdsa::signature::Verifier;
use serde_json::{Value, json};
use sha2::Sha256;
use sha3::{Digest, Keccak256};

use crate::reply::{Content, Reply};

pub(super) fn sha256(text: &str) -> String {
    crate::ids::hex(&<Sha256 as sha2::Digest>::digest(text.as_bytes()))
}

/// Returns the address that signed a personal message, if the signature is one.
pub(super) fn signed_by(message: &[u8], signature: &str) -> Option<String> {
    let bytes = unhex(signature.strip_prefix("0x").unwrap_or(signature))?;
    let (rs, v) = bytes.split_at_checked(64)?;
    let recovery = RecoveryId::from_byte(v.first()?.checked_sub(27)?)?;
    let head = format!("\u{19}Ethereum Signed Message:\n{}", message.len());
    let digest = Keccak256::digest([head.as_bytes(), message].concat());
    let key = VerifyingKey::recover_from_prehash(&digest, &Signature::from_slice(rs).ok()?, recovery).ok()?;
    Some(address(&key))
}

fn address(key: &VerifyingKey) -> String {
    let point = key.to_sec1_point(false);
    let hash = Keccak256::digest(point.as_bytes().get(1..).unwrap_or_default());
    let small = crate::ids::hex(hash.get(12..).unwrap_or_default());
    let case = crate::ids::hex(&Keccak256::digest(small.as_bytes()));
    let cased = small.chars().zip(case.chars()).map(|(c, digit)| if digit >= '8' { c.to_ascii_uppercase() } else { c });
    format!("0x{}", cased.collect::<String>())
}

/// What a node is asked: method, path and its own name.
pub(super) struct Operation<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) domain: &'a str,
}

/// Returns whose operation it is, or what a node answers to one that is not signed as it wants.
pub(super) fn operator(headers: [Option<&str>; 2], asked: &Operation<'_>, now: Timestamp) -> Result<String, Reply> {
    let [granted, signed] = headers;
    let granted = granted.ok_or_else(|| no(400, "Missing X-SignedPubKey header"))?;
    let signed = signed.ok_or_else(|| no(400, "Missing X-SignedOperation header"))?;
    let bad_grant = || no(400, "Invalid X-SignedPubKey format");
    let bad_operation = || no(400, "Invalid X-SignedOperation fields");
    let (grant_bytes, grant, grant_signature) = opened(granted).ok_or_else(bad_grant)?;
    let (bytes, operation, signature) = opened(signed).ok_or_else(bad_operation)?;
    let moment = |value: &Value| value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let time = moment(&operation["time"]).ok_or_else(bad_operation)?;
    if time.duration_since(now).as_secs().abs() > 120 {
        return Err(bad_operation());
    }
    for (what, is, wanted) in [
        ("path", &operation["path"], asked.path),
        ("method", &operation["method"], asked.method),
        ("domain", &operation["domain"], asked.domain),
    ] {
        if is != wanted {
            return Err(no(401, &format!("Invalid {what}. Signed: {is}, expected {wanted}")));
        }
    }
    if moment(&grant["expires"]).is_none_or(|expires| expires <= now) {
        return Err(no(401, "Token expired"));
    }
    let signer = signed_by(&grant_bytes, &grant_signature);
    let account = signer.filter(|signer| grant["address"].as_str().is_some_and(|is| is.eq_ignore_ascii_case(signer)));
    let account = account.ok_or_else(|| no(401, "Invalid signature"))?;
    match is_signed(&grant["pubkey"], &bytes, &signature) {
        Some(()) => Ok(account),
        None => Err(no(401, "Signature could not verified")),
    }
}

fn is_signed(key: &Value, bytes: &[u8], signature: &str) -> Option<()> {
    let coordinate = |name: &str| base64url(key[name].as_str()?);
    let point = [vec![4], coordinate("x")?, coordinate("y")?].concat();
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok()?;
    let signature = unhex(signature.strip_prefix("0x").unwrap_or(signature))?;
    key.verify(bytes, &p256::ecdsa::Signature::from_slice(&signature).ok()?).ok()
}

/// A header is JSON with a payload in hex, which is JSON again, and its signature.
fn opened(header: &str) -> Option<(Vec<u8>, Value, String)> {
    let header: Value = serde_json::from_str(header).ok()?;
    let bytes = unhex(header["payload"].as_str()?)?;
    let payload = serde_json::from_slice(&bytes).ok()?;
    Some((bytes, payload, header["signature"].as_str()?.to_owned()))
}

fn no(status: u16, why: &str) -> Reply {
    Reply::new(status, Content::Json(json!({ "error": why })))
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.len().is_multiple_of(2).then(|| digits.as_bytes().chunks(2))?;
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// Decodes base64 in the alphabet of URLs, without padding.
fn base64url(text: &str) -> Option<Vec<u8>> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut have, mut out) = (0_u32, 0, Vec::new());
    for letter in text.bytes() {
        let value = LETTERS.iter().position(|known| *known == letter)?;
        bits = (bits << 6) | u32::try_from(value).ok()?;
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push(u8::try_from((bits >> have) & 0xff).ok()?);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../../../plugins/aleph/fixtures/vectors.json")).unwrap()
    }

    #[test]
    fn the_signers_of_the_vectors_are_known() {
        for message in vectors()["messages"].as_array().unwrap() {
            let text = |name: &str| message[name].as_str().unwrap();
            let signer = signed_by(text("verification_buffer").as_bytes(), text("signature"));
            assert_eq!(signer.as_deref(), message["sender"].as_str(), "{}", text("name"));
            assert_eq!(sha256(text("item_content")), text("item_hash"));
            assert_ne!(signed_by(b"another", text("signature")).as_deref(), message["sender"].as_str());
        }
    }

    #[test]
    fn a_node_takes_the_operations_of_the_vectors_and_nothing_else() {
        let vectors = vectors();
        let auth = &vectors["crn_auth"];
        let now: Timestamp = auth["clock_for_verification_utc"].as_str().unwrap().parse().unwrap();
        let (granted, one) = (auth["X_SignedPubKey"].as_str().unwrap(), &auth["operations"][0]);
        let signed = one["X_SignedOperation_sdk"].as_str().unwrap();
        let path = one["url"].as_str().unwrap().strip_prefix("https://crn.example.org").unwrap();
        let asked = |method: &'static str, path, domain| Operation { method, path, domain };
        let right = asked("POST", path, "crn.example.org");
        assert_eq!(
            operator([Some(granted), Some(signed)], &right, now).unwrap(),
            vectors["accounts"]["agent"]["address"]
        );
        let late = now + jiff::SignedDuration::from_hours(1);
        let other = signed.replace("\"signature\": \"4", "\"signature\": \"5");
        for (headers, asked, at, status) in [
            ([None, Some(signed)], &right, now, 400),
            ([Some(granted), None], &right, now, 400),
            ([Some("x"), Some(signed)], &right, now, 400),
            ([Some(granted), Some("{}")], &right, now, 400),
            ([Some(granted), Some(signed)], &right, late, 400),
            ([Some(granted), Some(signed)], &asked("POST", "/control/machine/x/stop", "crn.example.org"), now, 401),
            ([Some(granted), Some(signed)], &asked("GET", path, "crn.example.org"), now, 401),
            ([Some(granted), Some(signed)], &asked("POST", path, "other.example.org"), now, 401),
            ([Some(granted), Some(other.as_str())], &right, now, 401),
        ] {
            assert_eq!(operator(headers, asked, at).unwrap_err().status, status);
        }
    }
}
