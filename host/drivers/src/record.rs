//! What the door saw in one call. It lives outside the sandbox, so that a trap or a time-out takes nothing away from
//! it: money is freed, ids are ours, and prices are known by this record alone.

use crate::evidence::{self, Listing, MadeSeen, PriceSeen, Row, Seen, Tagged, Verdict};
use crate::{ground::Credential, manifest::Effect, manifest::Route, template::Cut, text};
use bursar_core::money::Usd;
use std::{
    cell::OnceCell,
    collections::{BTreeMap, HashMap},
};

/// Of all answers of a call together, kept to look addresses up in.
const ANSWERS_MAX: usize = 8 << 20;
pub(crate) const ROWS_MAX: usize = 100_000;
const TAG_MAX: usize = 256;
/// How many bytes of answers are looked through for words, in one page of one call. A driver may name thousands.
const LOOKED_MAX: usize = 256 << 20;

/// What is known of a request that costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// No request that costs left the host.
    Nothing,
    /// It was answered, and the manifest calls this answer a no.
    Refused { status: u16, text: String },
    /// It was answered with something else; only what the host read in it counts.
    Answered { status: u16 },
    /// It left, or may have, and no whole answer came.
    Maybe(String),
}

#[derive(Default)]
pub(crate) struct Record {
    /// Requests that left in this sandbox's life.
    pub(crate) sent: u32,
    pub(crate) spend: Option<Left>,
    pub(crate) made: Vec<String>,
    /// The id of what a signed order makes: known before it leaves.
    pub(crate) signed: Option<String>,
    /// The provider accepted an end, or said that the instance had ended.
    pub(crate) end_accepted: bool,
    /// The route `destroy` was answered; asking once more would say the same.
    pub(crate) destroy_answered: bool,
    pub(crate) listing: Option<Listing>,
    pub(crate) rows: Vec<Row>,
    pub(crate) account: Option<String>,
    /// The credentials of this call, as they were when it first needed them: one call is one key's.
    pub(crate) credentials: BTreeMap<String, Credential>,
    pub(crate) named: Vec<(String, String)>,
    pub(crate) no_credential: Option<(String, Vec<String>)>,
    /// The last thing the door said no to, if nothing left since.
    pub(crate) denied: Option<String>,
    pub(crate) log_lines: u32,
    pub(crate) denials: u32,
    /// Refusals and failures of this call that the trail heard of.
    pub(crate) noted: u32,
    /// The trail heard of something that must be kept before the call returns.
    pub(crate) keep: bool,
    prices: Vec<evidence::Priced>,
    answers: Vec<Answer>,
    answers_len: usize,
    /// What the driver itself put into requests: an answer that only says it back is no evidence.
    given: Vec<String>,
    looked: usize,
    /// Words that were looked up already, and whether they stood there.
    words: HashMap<String, bool>,
}

/// The body of an answer, and the same in lower case from the first time that a word is looked up in it.
struct Answer {
    body: Vec<u8>,
    lower: OnceCell<String>,
}

impl Answer {
    fn lower(&self) -> &str {
        self.lower.get_or_init(|| String::from_utf8_lossy(&self.body).to_ascii_lowercase())
    }
}

impl Record {
    /// A page of a list begins: its own share of requests and addresses, the same evidence.
    pub(crate) fn next_page(&mut self) {
        self.sent = 0;
        self.log_lines = 0;
        self.answers.clear();
        self.words.clear();
        self.answers_len = 0;
        self.given.clear();
        self.looked = 0;
    }

    pub(crate) fn left(&self) -> Left {
        self.spend.clone().unwrap_or(Left::Nothing)
    }

    /// Writes down one answer, as the host read it.
    pub(crate) fn answered(
        &mut self,
        route: &Route,
        values: &[(String, String)],
        status: u16,
        seen: Seen,
    ) -> Option<String> {
        if let Some(account) = seen.account.clone() {
            self.account = Some(account);
        }
        if let Some(listing) = self.listing.as_mut().filter(|_| route.is_list()) {
            listing.add(route, values, &seen);
        }
        let verdict = seen.verdict.clone();
        let made = match route.effect {
            Effect::Spend => self.spent(status, &seen),
            Effect::Release => {
                // Only the end that the host would send itself; another release may end something else.
                if route.name == "destroy" {
                    self.end_accepted |= matches!(verdict, Some(Verdict::Accepted | Verdict::Ended));
                    self.destroy_answered = true;
                }
                None
            }
            Effect::Read | Effect::Change => None,
        };
        self.prices.extend(seen.prices.into_iter().take(ROWS_MAX.saturating_sub(self.prices.len())));
        let room = ROWS_MAX.saturating_sub(self.rows.len());
        self.rows.extend(seen.page.into_iter().flat_map(|page| page.rows).take(room));
        made
    }

    fn spent(&mut self, status: u16, seen: &Seen) -> Option<String> {
        self.spend = Some(match &seen.verdict {
            Some(Verdict::Refused(why)) => Left::Refused { status, text: text::clean(why, 300) },
            _ => Left::Answered { status },
        });
        match &seen.made {
            MadeSeen::One(id) => {
                self.add_made(id);
                Some(id.clone())
            }
            MadeSeen::Several(ids) => {
                ids.iter().for_each(|id| self.add_made(id));
                None
            }
            // It was written down as it left.
            MadeSeen::Signed => self.signed.clone(),
            MadeSeen::Undeclared | MadeSeen::None | MadeSeen::Unreadable(_) => None,
        }
    }

    /// What was signed may reach the network from now on, whatever becomes of the answer.
    pub(crate) fn signed_left(&mut self) {
        if let Some(id) = self.signed.clone() {
            self.add_made(&id);
        }
    }

    /// It did not leave after all.
    pub(crate) fn signed_stayed(&mut self) {
        if let Some(id) = self.signed.take() {
            self.made.retain(|made| *made != id);
        }
    }

    fn add_made(&mut self, id: &str) {
        if !self.made.iter().any(|known| known == id) {
            self.made.push(id.to_owned());
        }
    }

    /// Adds the ids of rows that carry this tag: what was made although its answer did not say so.
    pub(crate) fn find_tagged(&mut self, tag: &str) {
        let ours = |row: &&Row| matches!(&row.tag, Tagged::Tag(t) if t == tag);
        let ids: Vec<String> = self.rows.iter().filter(ours).map(|row| row.id.clone()).collect();
        ids.iter().for_each(|id| self.add_made(id));
    }

    pub(crate) fn remember(&mut self, body: &[u8]) {
        if self.answers_len + body.len() <= ANSWERS_MAX {
            self.answers_len += body.len();
            self.words.clear();
            self.answers.push(Answer { body: body.to_vec(), lower: OnceCell::new() });
        }
    }

    pub(crate) fn given(&mut self, values: &[(String, String)], body: Option<&str>) {
        let texts = values.iter().map(|(_, value)| value.as_str()).chain(body);
        self.given.extend(texts.filter(|text| !text.is_empty()).map(str::to_ascii_lowercase));
        self.words.clear();
    }

    /// Returns whether the word stood whole in an answer of this call, and was not the driver's own word before.
    pub(crate) fn stood(&mut self, word: &str) -> bool {
        if let Some(known) = self.words.get(word) {
            return *known;
        }
        let lower = word.to_ascii_lowercase();
        let own = self.given.iter().any(|given| given.contains(&lower));
        self.looked = self.looked.saturating_add(self.answers_len);
        let stood = !own
            && self.looked <= LOOKED_MAX
            && self.answers.iter().any(|answer| evidence::stands_in(&lower, answer.lower()));
        self.words.insert(word.to_owned(), stood);
        stood
    }

    pub(crate) fn row(&self, id: &str) -> Option<&Row> {
        self.rows.iter().rev().find(|row| row.id == id)
    }

    /// Returns the ids of rows that show this public key; comments do not count.
    pub(crate) fn ids_of_key(&self, line: &str) -> Vec<String> {
        let bare = |line: &str| line.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>();
        let ours = bare(line);
        let shows = |row: &&Row| ours.len() == 2 && row.key.as_deref().is_some_and(|key| bare(key) == ours);
        self.rows.iter().filter(shows).map(|row| row.id.clone()).collect()
    }

    pub(crate) fn price_of(&self, offer: &Cut) -> PriceSeen {
        evidence::price_for(&self.prices, offer)
    }

    pub(crate) fn rate_of_made(&self) -> Option<Usd> {
        self.made.iter().find_map(|id| self.row(id)).and_then(|row| row.rate)
    }
}

/// Returns a row's tag for showing. One that does not print is not ours, and shown to nobody; it is never made plain, for
/// then it could look like ours.
pub(crate) fn tag_of(row: &Row) -> Option<&str> {
    match &row.tag {
        Tagged::Tag(tag) => Some(tag.as_str()).filter(|tag| text::is_plain(tag, TAG_MAX)),
        Tagged::None | Tagged::Missing => None,
    }
}
