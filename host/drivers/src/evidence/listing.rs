//! Whether the host saw a whole list: all pages of every list the manifest has, and every row of them (rule 6, law 4).
//! It does not ask for pages; whoever asks adds them.

use super::{More, Row, Seen, Tagged};
use crate::manifest::{Body, Manifest, Route};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Of all pages together; no account has so many instances.
const ROWS_MAX: usize = 100_000;

/// The pages of one walk through the lists of an account.
#[derive(Debug, Clone)]
pub struct Listing {
    walks: BTreeMap<String, Walk>,
    rows: Vec<Row>,
    /// Where each id stands among them.
    places: HashMap<String, usize>,
}

#[derive(Debug, Clone, Default)]
struct Walk {
    pages: usize,
    ids: HashSet<String>,
    total: Option<u64>,
    /// What the last page said about a next one.
    more: More,
    broken: Option<String>,
    /// Rows without the tag's member.
    untagged: Vec<String>,
}

/// Whether a list proves that what it does not show is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    Complete,
    Incomplete(String),
}

impl Listing {
    /// Begins a walk. Every list of the manifest must be walked: an instance may stand in any of them.
    pub fn new(manifest: &Manifest) -> Listing {
        let lists = manifest.routes.values().filter(|route| route.is_list());
        Listing {
            walks: lists.map(|route| (route.name.clone(), Walk::default())).collect(),
            rows: Vec::new(),
            places: HashMap::new(),
        }
    }

    /// Adds an answer; `values` are those the driver filled in. Answers of other routes are ignored.
    pub fn add(&mut self, route: &Route, values: &[(String, String)], seen: &Seen) {
        let Some(walk) = self.walks.get_mut(&route.name) else { return };
        let Some(page) = &seen.page else {
            let why = seen.unreadable.clone().unwrap_or_else(|| "a page was answered with an error".to_owned());
            walk.broken.get_or_insert(why);
            return;
        };
        if let Err(why) = walk.turned_to(route, values) {
            walk.broken.get_or_insert(why);
        }
        if let Some(why) = page.skipped.first() {
            walk.broken.get_or_insert(why.clone());
        }
        let repeated = !page.rows.is_empty() && page.rows.iter().all(|row| walk.ids.contains(&row.id));
        if repeated {
            walk.broken.get_or_insert("a page came twice".to_owned());
        }
        if self.rows.len() + page.rows.len() > ROWS_MAX {
            walk.broken.get_or_insert(format!("there are more than {ROWS_MAX} rows"));
            return;
        }
        walk.pages += 1;
        walk.more = page.more.clone();
        walk.total = walk.total.max(page.total);
        for row in &page.rows {
            if row.tag == Tagged::Missing {
                walk.untagged.push(row.id.clone());
            }
            if walk.ids.insert(row.id.clone()) {
                add(&mut self.rows, &mut self.places, row);
            }
        }
    }

    /// Returns all rows so far, each id once.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Returns the rows with a tag that do not count as absent. Two are doubt.
    pub fn tagged(&self, tag: &str) -> Vec<&Row> {
        self.rows.iter().filter(|row| !row.over && matches!(&row.tag, Tagged::Tag(is) if is == tag)).collect()
    }

    /// Returns whether everything was seen. A row without the tag's member is no harm if its id was known before the
    /// order left: then it cannot be ours (rule 15).
    pub fn judge(&self, known_before: &HashSet<String>) -> Listed {
        if self.walks.is_empty() {
            return Listed::Incomplete("the manifest has no list that shows tags".to_owned());
        }
        for (name, walk) in &self.walks {
            if let Err(why) = walk.whole(known_before) {
                return Listed::Incomplete(format!("list `{name}`: {why}"));
            }
        }
        Listed::Complete
    }
}

/// One may stand in two lists of an account; the row counts that says more: that it lives, and whose it is.
fn add(rows: &mut Vec<Row>, places: &mut HashMap<String, usize>, row: &Row) {
    let says = |row: &Row| (!row.over, matches!(row.tag, Tagged::Tag(_)));
    let place = *places.entry(row.id.clone()).or_insert(rows.len());
    match rows.get_mut(place) {
        Some(known) if says(row) > says(known) => known.clone_from(row),
        Some(_) => {}
        None => rows.push(row.clone()),
    }
}

impl Walk {
    /// The driver may turn pages and nothing else: a name it fills could be a filter that hides rows. So the first page
    /// of a cursor is asked without one, each next with what the last answer said, and a page's number is a number.
    fn turned_to(&self, route: &Route, values: &[(String, String)]) -> Result<(), String> {
        let given = values.iter().map(|(_, value)| value.as_str()).find(|value| !value.is_empty() && *value != "-");
        let names = route.free_names().len();
        if route.body == Body::Free || names > 1 {
            return Err("the driver fills more than the page, which may hide rows".to_owned());
        }
        let Some(shows) = route.shows.as_ref().filter(|_| names == 1) else { return Ok(()) };
        match (&shows.more, &shows.total, given) {
            (Some(_), _, given) => match (&self.more, self.pages) {
                (_, 0) if given.is_none() => Ok(()),
                (More::Yes(next), 1..) if given == Some(next.as_str()) => Ok(()),
                _ => Err("a page was not asked with the cursor of the page before it".to_owned()),
            },
            (None, Some(_), given) if given.is_none_or(|page| page.bytes().all(|b| b.is_ascii_digit())) => Ok(()),
            (None, None, None) => Ok(()),
            _ => Err("what the driver filled in is no page, so rows may be hidden".to_owned()),
        }
    }

    fn whole(&self, known_before: &HashSet<String>) -> Result<(), String> {
        if let Some(why) = &self.broken {
            return Err(why.clone());
        }
        if self.pages == 0 {
            return Err("it was not asked".to_owned());
        }
        if let More::Yes(_) = self.more {
            return Err("there are more pages".to_owned());
        }
        let seen = self.ids.len() as u64;
        if let Some(total) = self.total.filter(|total| seen < *total) {
            return Err(format!("{seen} of {total} rows were seen"));
        }
        match self.untagged.iter().find(|id| !known_before.contains(*id)) {
            Some(id) => Err(format!("the row `{id}` has no member for the tag")),
            None => Ok(()),
        }
    }
}
