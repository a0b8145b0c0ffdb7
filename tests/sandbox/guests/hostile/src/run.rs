//! One call of the hostile driver: what it was given, what it asked the door, and what it heard. All it hears goes to the
//! log in hexadecimal, past every scrubber, so that the tests can look through it.

use crate::{
    bursar::driver::{http, log, types::*},
    ideas::Idea,
    told::Told,
};

/// The function that was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Account,
    Offers,
    Quote,
    Create,
    Advance,
    Get,
    List,
    Destroy,
    Keys,
    Images,
    Restart,
    Pause,
    Charges,
    Sites,
}

pub struct Run {
    pub call: Call,
    pub asked: Asked,
    pub told: Told,
    /// The last answer, in words.
    pub last: String,
    /// What the host read as made.
    pub made: Option<String>,
    /// How each request ended, in a word.
    tries: Vec<String>,
    honest: bool,
}

impl Run {
    pub fn new(call: Call, asked: Asked, given: &dyn std::fmt::Debug) -> Run {
        let told = Told::new(call.tag.clone());
        let run = Run { call, asked, told, last: String::new(), made: None, tries: Vec::new(), honest: true };
        run.heard(&format!("{:?} {asked:?} {given:?}", run.call));
        run
    }

    /// Returns what to act out, in calls at an even moment.
    pub fn idea(&self) -> Option<Idea> {
        let told = self.call.settings.iter().find(|(name, _)| name == "idea")?;
        Idea::ALL.iter().copied().find(|idea| idea.name() == told.1).filter(|_| self.call.now.is_multiple_of(2))
    }

    pub fn heard(&self, text: &str) {
        for piece in text.as_bytes().chunks(500).take(20) {
            let hex: String = piece.iter().map(|byte| format!("{byte:02x}")).collect();
            log::write(log::Level::Debug, &format!("heard {hex}"));
        }
    }

    pub fn send(&mut self, route: &str) {
        self.give(route, &[]);
    }

    pub fn give(&mut self, route: &str, values: &[(&str, &str)]) {
        let values = values.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        self.ask(http::Request { route: route.into(), values, address: None, body: None });
    }

    pub fn at(&mut self, route: &str, address: &str) {
        self.ask(http::Request { route: route.into(), values: vec![], address: Some(address.into()), body: None });
    }

    pub fn ask(&mut self, request: http::Request) {
        let (word, last) = match http::send(&request) {
            Ok(answer) => {
                self.made = answer.made.clone();
                let body = String::from_utf8_lossy(&answer.body);
                (
                    format!("answered-{}", answer.status),
                    format!("{} {:?} {:?} {body}", answer.status, answer.headers, answer.made),
                )
            }
            Err(http::SendError::Denied(why)) => ("denied".into(), why),
            Err(http::SendError::NotSent(why)) => ("not-sent".into(), why),
            Err(http::SendError::MaybeSent(why)) => ("maybe-sent".into(), why),
            Err(http::SendError::Other(why)) => ("other".into(), why),
        };
        self.heard(&last);
        self.tries.push(word);
        self.last = last;
    }

    /// Notes how something ended that was no request.
    pub fn note(&mut self, word: impl Into<String>) {
        let word = word.into();
        self.heard(&word);
        self.tries.push(word);
    }

    /// Ends the call with the last answer.
    pub fn echo<T>(&self) -> Result<T, Error> {
        Err(Error::Failed(self.last.clone()))
    }

    /// Ends the call with how everything ended. A plain read before it, so that the host does not speak of the last denial.
    pub fn report<T>(&mut self) -> Result<T, Error> {
        let tries = self.tries.join(" ");
        self.send("user");
        Err(Error::Failed(tries))
    }

    /// Ends the call with what is in `told`, without the requests that an honest driver would send.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.honest = false;
        Ok(())
    }

    /// What an honest driver does in this call.
    pub fn behave(mut self) -> Told {
        if !self.honest {
            return self.told;
        }
        match self.asked {
            Asked::Account => self.send("user"),
            Asked::Quote => self.send("plan"),
            Asked::Create => {
                self.send("create");
                let made = self.made.clone().unwrap_or_default();
                self.told.ids = vec![(made, self.call.tag.clone())];
            }
            Asked::Keys => ["add_key", "keys"].iter().for_each(|route| self.send(route)),
            Asked::Advance | Asked::Get | Asked::List => self.send("servers"),
            Asked::Destroy => self.send("destroy"),
            Asked::Restart => self.send("restart"),
            Asked::Offers | Asked::Images | Asked::Pause | Asked::Charges | Asked::Sites => {}
        }
        self.told
    }
}
