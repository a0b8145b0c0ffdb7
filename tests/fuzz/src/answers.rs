//! What the provider answers: what the route usually answers, that with damage, or any bytes; any status and headers; or
//! nothing at all. The byte 0xFF and the next one become the credential in one of its spellings.

use crate::{KEY, TAG, bytes::Bytes, secret};
use bursar_http::SendError;
use http::{HeaderName, HeaderValue, Response};

/// Returns an answer, and whether its body is the usual one, unharmed.
pub(crate) fn answer(b: &mut Bytes<'_>, route: &str) -> (Result<Response<Vec<u8>>, SendError>, bool) {
    let why = "\u{1b}[31mtorn".to_owned();
    match b.byte() {
        240..=245 => return (Err(SendError::MaybeSent(why)), false),
        246..=250 => return (Err(SendError::NotSent(why)), false),
        251 => return (Err(SendError::Denied(why)), false),
        _ => {}
    }
    let status = match b.byte() {
        0..=159 => 200,
        _ => b.pick(&[201, 204, 302, 400, 401, 403, 404, 405, 409, 422, 429, 500, 502, 503, 599]),
    };
    let mut response = Response::new(Vec::new());
    *response.status_mut() = http::StatusCode::from_u16(status).expect("each of them is a status");
    for _ in 0..b.below(4) {
        header(b, &mut response);
    }
    let (body, usual) = body(b, route);
    *response.body_mut() = body;
    (Ok(response), usual)
}

fn header(b: &mut Bytes<'_>, response: &mut Response<Vec<u8>>) {
    let name =
        b.pick(&["retry-after", "x-echo", "set-cookie", "date", "content-encoding", "content-length", "location"]);
    let value = spelt(b.text().into_bytes(), b);
    if let Ok(value) = HeaderValue::from_bytes(&value) {
        response.headers_mut().append(HeaderName::from_static(name), value);
    }
}

fn body(b: &mut Bytes<'_>, route: &str) -> (Vec<u8>, bool) {
    match b.byte() {
        0..=99 => (usual(route).into_bytes(), true),
        100..=159 => {
            let mut body = usual(route).into_bytes();
            let at = usize::from(b.byte()) % body.len().max(1);
            let with = b.chunk();
            let to = (at + usize::from(b.byte() % 8)).min(body.len());
            body.splice(at..to, with.iter().copied());
            (spelt(body, b), false)
        }
        160..=169 => (usual(route).replace("\"id-1\"", "\"id-2\"").into_bytes(), false),
        170..=179 => (vec![b'['; 100 * usize::from(b.byte())], false),
        _ => {
            let body = [b.chunk(), b.chunk()].concat();
            (spelt(body, b), false)
        }
    }
}

fn spelt(bytes: Vec<u8>, b: &mut Bytes<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            0xff => out.extend(secret::spelling(b.byte()).into_bytes()),
            byte => out.push(byte),
        }
    }
    out
}

fn usual(route: &str) -> String {
    let (hidden, server) = (secret::HIDDEN, format!(r#"{{"id":"id-1","name":"{TAG}","rate":0.5,"ip":"203.0.113.7"}}"#));
    match route {
        "user" => r#"{"id":"acct-1"}"#.to_owned(),
        "nodes" => r#"{"nodes":[{"name":"node.free.example"},{"name":"127.0.0.1"}]}"#.to_owned(),
        "plan" => r#"{"plans":[{"id":"small","rate":0.5},{"id":"big","rate":"2.25"}]}"#.to_owned(),
        "total" => r#"{"total":125}"#.to_owned(),
        "keys" => format!(r#"{{"keys":[{{"id":"key-1","line":"{KEY}"}},{{"id":"key-2","line":"ssh-rsa AAAA"}}]}}"#),
        "secret" => format!(r#"{{"hidden":"{hidden}","rows":[{{"key":"{hidden}","id":1}}]}}"#),
        "server" => format!(r#"{{"server":{server}}}"#),
        "servers" => format!(
            r#"{{"servers":[{server},{{"id":"id-2","name":null,"rate":"1e-3","paid":2,"status":"dead"}}],"next":null}}"#
        ),
        "create" => r#"{"id":"id-1","ip":"203.0.113.7"}"#.to_owned(),
        "destroy" => r#"{"ok":true}"#.to_owned(),
        _ => r#"{"message":"plain words"}"#.to_owned(),
    }
}
