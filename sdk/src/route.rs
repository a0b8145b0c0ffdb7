//! Asking the provider: a route of the manifest by name, the values it leaves to the driver, and the answer.
//!
//! There is no method, path, header or body to build here; the host writes them from the manifest.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::bindings::driver::bursar::driver::http::{Request, Response};
use crate::types::Error;
use crate::{Result, door, error};

/// Names a route of the manifest. Nothing leaves before `send`, `ok` or `read`.
pub fn route(name: &str) -> Route {
    Route { request: Request { route: name.to_owned(), values: Vec::new(), address: None, body: None }, unfit: None }
}

/// A request in the making.
#[must_use = "nothing is sent before `send`, `ok` or `read`"]
pub struct Route {
    request: Request,
    unfit: Option<String>,
}

impl Route {
    /// Gives the value of a name that the route leaves to the driver.
    pub fn with(mut self, name: &str, value: impl Display) -> Route {
        self.request.values.push((name.to_owned(), value.to_string()));
        self
    }

    /// Gives the value of a name that the route marks with `?`, if there is one; else its member is dropped.
    pub fn maybe(self, name: &str, value: Option<impl Display>) -> Route {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Names the address for a route of an open endpoint. It must have stood in an answer of this call.
    pub fn at(mut self, address: &str) -> Route {
        self.request.address = Some(address.to_owned());
        self
    }

    /// Gives the body of a read route whose manifest says `body = "free"`.
    pub fn json(mut self, body: &impl Serialize) -> Route {
        match serde_json::to_string(body) {
            Ok(text) => self.request.body = Some(text),
            Err(error) => self.unfit = Some(format!("the body of `{}` is no JSON: {error}", self.request.route)),
        }
        self
    }

    /// Sends, and returns the answer whatever its status.
    pub fn send(self) -> Result<Answer> {
        if let Some(why) = self.unfit {
            return Err(Error::NotSent(why));
        }
        let response = door::send(&self.request)?;
        Ok(Answer::of(self.request.route, response))
    }

    /// Sends, and returns the answer if its status is 2xx; any other has its usual meaning.
    pub fn ok(self) -> Result<Answer> {
        self.send()?.ok()
    }

    /// Sends, wants 2xx, and reads the answer.
    pub fn read<T: DeserializeOwned>(self) -> Result<T> {
        self.ok()?.read()
    }
}

/// Sends several reads at once, for what is asked one by one and would take long: prices of many sizes, pages of regions. The
/// answers come in the order of the requests; any status is one.
pub fn together(routes: Vec<Route>) -> Vec<Result<Answer>> {
    let (names, unfit): (Vec<String>, Vec<Option<String>>) =
        routes.iter().map(|route| (route.request.route.clone(), route.unfit.clone())).unzip();
    let requests: Vec<Request> =
        routes.into_iter().filter(|route| route.unfit.is_none()).map(|route| route.request).collect();
    let mut answers = door::send_all(&requests).into_iter();
    let lost = || Err(Error::NotSent("the door answered for fewer requests than it was asked".into()));
    let answer = |(name, unfit): (String, Option<String>)| match unfit {
        Some(why) => Err(Error::NotSent(why)),
        None => answers.next().map_or_else(lost, |answer| Ok(Answer::of(name, answer?))),
    };
    names.into_iter().zip(unfit).map(answer).collect()
}

/// What the provider answered.
#[derive(Clone, Debug)]
pub struct Answer {
    route: String,
    /// Holds the status. Nothing is followed, so 302 is an answer too.
    pub status: u16,
    /// Holds the headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Holds Retry-After, in either of its forms.
    pub retry_after_secs: Option<u32>,
    /// Holds the id of what a spend request made, as the host read it.
    pub made: Option<String>,
    /// Holds the bytes of the answer.
    pub body: Vec<u8>,
}

impl Answer {
    fn of(route: String, response: Response) -> Answer {
        Answer {
            route,
            status: response.status,
            headers: response.headers,
            retry_after_secs: response.retry_after_secs,
            made: response.made,
            body: response.body,
        }
    }

    /// Returns the answer if its status is 2xx, else what the status usually means.
    pub fn ok(self) -> Result<Answer> {
        if (200..300).contains(&self.status) { Ok(self) } else { Err(self.error()) }
    }

    /// Returns what the status usually means, with the provider's words.
    pub fn error(&self) -> Error {
        error::of_status(self.status, self.retry_after_secs, &self.body)
    }

    /// Returns the provider's words for an error: `message`, `msg`, `detail` or `error`, else the plain text.
    pub fn told(&self) -> String {
        error::told(self.status, &self.body)
    }

    /// Reads the whole answer as JSON. What is read may borrow its texts from the answer, and costs less then.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        match std::str::from_utf8(&self.body) {
            Ok(text) => serde_json::from_str(text).map_err(|error| self.unreadable(&error)),
            Err(error) => Err(self.unreadable(&error)),
        }
    }

    /// Reads what stands in this member, or the answer itself where it is not wrapped.
    pub fn inside<T: DeserializeOwned>(&self, member: &str) -> Result<T> {
        let members: BTreeMap<String, &RawValue> =
            serde_json::from_slice(&self.body).map_err(|error| self.unreadable(&error))?;
        match members.get(member) {
            Some(inner) => serde_json::from_str(inner.get()).map_err(|error| self.unreadable(&error)),
            None => self.read(),
        }
    }

    /// Returns a header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn unreadable(&self, error: &dyn std::fmt::Display) -> Error {
        Error::Failed(format!("the answer to `{}` (status {}) is not as expected: {error}", self.route, self.status))
    }
}
