//! One request and its answer on one connection. Here it is decided what is known when it fails: a request that the
//! connection hands back untouched is *not sent*, anything after that is *maybe sent*.

use crate::{Answer, HeaderName, Method, Outgoing, SendError, connection::Connection, date};
use http::{HeaderMap, HeaderValue, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// A request that may be sent once more.
pub(crate) struct Request {
    method: Method,
    target: Uri,
    headers: HeaderMap,
    body: Bytes,
}

/// Why there is no answer on this connection.
pub(crate) struct Failed {
    error: SendError,
    /// The connection had been idle and died before an answer began.
    dead: bool,
}

impl Failed {
    /// Returns whether it may go out again on a new connection: it never left, or it is a read by its method and the
    /// idle connection was found dead.
    pub(crate) fn may_repeat(&self, method: &Method) -> bool {
        let read = *method == Method::GET || *method == Method::HEAD;
        self.dead && (read || matches!(self.error, SendError::NotSent(_)))
    }

    pub(crate) fn into_error(self) -> SendError {
        self.error
    }

    fn maybe(why: impl Into<String>) -> Failed {
        Failed { error: SendError::MaybeSent(why.into()), dead: false }
    }
}

/// What is written here and nowhere else, and what would change a request's meaning or its framing.
const OURS: [HeaderName; 10] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::EXPECT,
    header::ACCEPT_ENCODING,
    header::USER_AGENT,
];

impl Request {
    pub(crate) fn new(outgoing: &Outgoing) -> Result<Request, SendError> {
        let denied = |why: String| SendError::Denied(why);
        let target = format!("{}{}", outgoing.base.path(), outgoing.target);
        if !is_target(&outgoing.target) {
            return Err(denied("the request's target is no plain path and query".to_owned()));
        }
        let target = target.parse().map_err(|_| denied("the request's target is no path".to_owned()))?;
        let mut headers = HeaderMap::new();
        for (name, value) in &outgoing.headers {
            if OURS.contains(name) || name.as_str().starts_with("proxy-") || name.as_str() == "keep-alive" {
                return Err(denied(format!("the header `{name}` is not for a request to set")));
            }
            if headers.insert(name.clone(), value.clone()).is_some() {
                return Err(denied(format!("the header `{name}` stands twice")));
            }
        }
        let host = HeaderValue::from_str(&outgoing.base.authority())
            .map_err(|_| denied("the base has no plain name".to_owned()))?;
        headers.insert(header::HOST, host);
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("bursar/", env!("CARGO_PKG_VERSION"))));
        headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        let bodiless = outgoing.method == Method::GET || outgoing.method == Method::HEAD;
        if outgoing.body.is_none() && !bodiless {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let body = outgoing.body.clone().map(Bytes::from).unwrap_or_default();
        Ok(Request { method: outgoing.method.clone(), target, headers, body })
    }

    fn build(&self) -> http::Request<Full<Bytes>> {
        self.whole().map(Full::new)
    }

    /// Returns the request as it leaves, but for the framing.
    pub(crate) fn whole(&self) -> http::Request<Bytes> {
        let mut request = http::Request::new(self.body.clone());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

/// Cases 23 to 27, once more behind the template: one slash, no dots that climb, nothing that a server may decode twice.
fn is_target(target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    let plain = target.bytes().all(|b| b.is_ascii_graphic() && !b"#\\\"<>^`{|}".contains(&b));
    let climbs = path.split('/').any(|segment| segment == "." || segment == "..");
    plain && path.starts_with('/') && !path.starts_with("//") && !path.contains('%') && !climbs
}

/// Sends, and reads the whole answer. The connection comes back if it can be used again.
pub(crate) async fn ask(
    mut connection: Connection,
    request: &Request,
    outgoing: &Outgoing,
) -> Result<(Answer, Option<Connection>), Failed> {
    if Instant::now() >= outgoing.deadline {
        return Err(Failed { error: SendError::NotSent("the time for this request was over".to_owned()), dead: false });
    }
    let head = timeout_at(outgoing.deadline, connection.sender.try_send_request(request.build())).await;
    let response = match head {
        Ok(Ok(response)) => response,
        Ok(Err(mut failed)) => {
            let untouched = failed.take_message().is_some();
            let why = describe(failed.error());
            let error = if untouched { SendError::NotSent(why) } else { SendError::MaybeSent(why) };
            let died =
                failed.error().is_incomplete_message() || failed.error().is_closed() || failed.error().is_canceled();
            return Err(Failed { error, dead: untouched || died || is_reset(failed.error()) });
        }
        Err(_) => return Err(Failed::maybe("no answer in time")),
    };
    let (parts, body) = response.into_parts();
    check_head(&parts.headers)?;
    let reusable = !closes(&parts.headers) && parts.status != 101;
    let bytes = read(body, outgoing).await?;
    let answer = answer(Response::from_parts(parts, bytes));
    let again = reusable && !outgoing.fresh && is_ready(&mut connection).await;
    Ok((answer, again.then_some(connection)))
}

/// The connection's own task may need a moment to see that the answer is over.
async fn is_ready(connection: &mut Connection) -> bool {
    let soon = Instant::now() + Duration::from_millis(100);
    timeout_at(soon, connection.sender.ready()).await.is_ok_and(|ready| ready.is_ok())
}

fn describe(error: &hyper::Error) -> String {
    let cause = std::error::Error::source(error).map_or(String::new(), |cause| format!(": {cause}"));
    format!("{error}{cause}")
}

fn is_reset(error: &hyper::Error) -> bool {
    let io = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    io.is_some_and(|io| matches!(io.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof))
}

/// Case 30: an answer whose length can be read in two ways. Case 32: an encoding nobody asked for.
fn check_head(headers: &HeaderMap) -> Result<(), Failed> {
    let lengths: Vec<_> = headers.get_all(header::CONTENT_LENGTH).iter().collect();
    let chunked = headers.contains_key(header::TRANSFER_ENCODING);
    if lengths.len() > 1 || lengths.iter().any(|v| v.as_bytes().contains(&b',')) || (chunked && !lengths.is_empty()) {
        return Err(Failed::maybe("the answer states its length twice"));
    }
    let plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity") || value.is_empty();
    if !headers.get_all(header::CONTENT_ENCODING).iter().all(plain) {
        return Err(Failed::maybe("the answer is compressed, which was not asked for"));
    }
    Ok(())
}

fn closes(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CONNECTION)
        .iter()
        .any(|value| value.to_str().is_ok_and(|text| text.to_ascii_lowercase().contains("close")))
}

/// Cases 31 and 33: never more than the cap, never later than the deadline.
async fn read(mut body: Incoming, outgoing: &Outgoing) -> Result<Vec<u8>, Failed> {
    let too_large = || Failed::maybe(format!("the answer is larger than {} bytes", outgoing.response_max));
    if body.size_hint().lower() > outgoing.response_max as u64 {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    loop {
        let frame =
            timeout_at(outgoing.deadline, body.frame()).await.map_err(|_| Failed::maybe("no whole answer in time"))?;
        let Some(frame) = frame else { return Ok(bytes) };
        let frame = frame.map_err(|error| Failed::maybe(format!("the answer was cut: {}", describe(&error))))?;
        if let Some(data) = frame.data_ref() {
            if bytes.len() + data.len() > outgoing.response_max {
                return Err(too_large());
            }
            bytes.extend_from_slice(data);
        }
    }
}

/// Holds an answer that is whole already to the same rules.
pub(crate) fn judged(response: Response<Vec<u8>>, response_max: usize) -> Result<Answer, SendError> {
    check_head(response.headers()).map_err(Failed::into_error)?;
    match response.body().len() > response_max {
        true => Err(SendError::MaybeSent(format!("the answer is larger than {response_max} bytes"))),
        false => Ok(answer(response)),
    }
}

fn answer(response: Response<Vec<u8>>) -> Answer {
    let (parts, body) = response.into_parts();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let date = parts.headers.get(header::DATE).and_then(|value| value.to_str().ok()).and_then(date::parse);
    let headers = parts
        .headers
        .iter()
        .filter(|(name, _)| *name != header::SET_COOKIE)
        .map(|(name, value)| (name.as_str().to_owned(), text(value)));
    Answer { status: parts.status.as_u16(), headers: headers.collect(), body, date }
}
