//! One recorded reply: what the provider answers, and to which request.

use crate::bindings::driver::bursar::driver::http::{Response, SendError};

/// A recorded reply. `"{…}"` is 200 with that text, `(404, "")` another status.
#[derive(Clone, Debug)]
pub struct Reply {
    answer: Result<Response, SendError>,
    when: Vec<(String, String)>,
}

impl Reply {
    /// Returns a reply with this status and text.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Reply {
        let answer = Response { status, headers: Vec::new(), retry_after_secs: None, made: None, body: body.into() };
        Reply { answer: Ok(answer), when: Vec::new() }
    }

    /// Returns 200 with the text of a file, its path relative to the package.
    pub fn file(path: &str) -> Reply {
        Reply::new(200, std::fs::read(path).unwrap_or_else(|error| panic!("cannot read the reply {path}: {error}")))
    }

    /// Loses the answer after the request has left.
    pub fn lost() -> Reply {
        Reply { answer: Err(SendError::MaybeSent("the connection was cut".into())), when: Vec::new() }
    }

    /// Never reaches the provider.
    pub fn unsent() -> Reply {
        Reply { answer: Err(SendError::NotSent("no connection".into())), when: Vec::new() }
    }

    /// Answers only requests with this value for a name that the driver gives.
    pub fn when(mut self, name: &str, value: impl ToString) -> Reply {
        self.when.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds Retry-After.
    pub fn retry_after(mut self, secs: u32) -> Reply {
        if let Ok(response) = &mut self.answer {
            response.retry_after_secs = Some(secs);
        }
        self
    }

    /// Adds a header, its name in lower case.
    pub fn header(mut self, name: &str, value: &str) -> Reply {
        if let Ok(response) = &mut self.answer {
            response.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    pub(super) fn fits(&self, values: &[(String, String)]) -> bool {
        self.when.iter().all(|wanted| values.contains(wanted))
    }

    pub(super) fn answer(&self) -> Result<Response, SendError> {
        self.answer.clone()
    }
}

impl From<&str> for Reply {
    fn from(body: &str) -> Reply {
        Reply::new(200, body)
    }
}

impl From<String> for Reply {
    fn from(body: String) -> Reply {
        Reply::new(200, body)
    }
}

impl From<(u16, &str)> for Reply {
    fn from((status, body): (u16, &str)) -> Reply {
        Reply::new(status, body)
    }
}
