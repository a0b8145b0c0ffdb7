//! One object of an answer, read member by member under the provider's own names.
//!
//! For shapes that are read in one place; a struct with serde says more where a shape is read in many. How much may be
//! missing is said at each member: `get` wants it, `maybe` takes its absence, `lenient` takes anything.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::Result;
use crate::types::Error;

/// One object of an answer. `route("user").read::<Row>()?.get::<MilliUsd>("balance")?` keeps the digits as they came.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Row(BTreeMap<String, Box<RawValue>>);

impl Row {
    /// Returns a member that must be there.
    pub fn get<T: DeserializeOwned>(&self, member: &str) -> Result<T> {
        self.maybe(member)?.ok_or_else(|| Error::Failed(format!("the answer has no `{member}`")))
    }

    /// Returns a member unless it is absent or null. What is there and cannot be read is an error, not an absence.
    pub fn maybe<T: DeserializeOwned>(&self, member: &str) -> Result<Option<T>> {
        let Some(raw) = self.0.get(member) else { return Ok(None) };
        serde_json::from_str(raw.get())
            .map_err(|error| Error::Failed(format!("`{member}` is not as expected: {error}")))
    }

    /// Returns a member if it can be read. For what is only told on, such as a time of creation.
    pub fn lenient<T: DeserializeOwned>(&self, member: &str) -> Option<T> {
        self.maybe(member).unwrap_or_default()
    }

    /// Returns a text without the blanks around it; empty where there is none.
    pub fn text(&self, member: &str) -> String {
        self.filled(member).unwrap_or_default()
    }

    /// Returns a text without the blanks around it, if anything is left.
    pub fn filled(&self, member: &str) -> Option<String> {
        self.lenient::<String>(member).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Returns a list; null and absence are the empty one. An item that cannot be read is an error.
    pub fn list<T: DeserializeOwned>(&self, member: &str) -> Result<Vec<T>> {
        Ok(self.maybe(member)?.unwrap_or_default())
    }

    /// Returns what can be read of a list of what is sold; other items are left out.
    ///
    /// Not for lists of instances: there an item left out would be a machine nobody sees.
    pub fn readable<T>(&self, member: &str, read: impl Fn(Row) -> Result<T>) -> Result<Vec<T>> {
        let items: Vec<Box<RawValue>> = self.list(member)?;
        let rows = items.iter().filter_map(|item| serde_json::from_str(item.get()).ok());
        Ok(rows.filter_map(|row| read(row).ok()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Usd;

    fn row(json: &str) -> Row {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_member_is_wanted_or_may_be_absent_or_may_be_anything() {
        // As written; with `get`, with `maybe`, with `lenient`. An error is -1, an absence 0.
        let table = [
            (r#"{"cost":0.30000000000000004}"#, [300_001, 300_001, 300_001]),
            (r#"{"cost":null}"#, [-1, 0, 0]),
            (r#"{}"#, [-1, 0, 0]),
            (r#"{"cost":"free"}"#, [-1, -1, 0]),
        ];
        for (json, expected) in table {
            let row = row(json);
            let told = |cost: Result<Option<Usd>>| cost.map_or(-1, |cost| cost.map_or(0, Usd::charge));
            let found = [row.get("cost").map(Some), row.maybe("cost"), Ok(row.lenient("cost"))].map(told);
            assert_eq!(found, expected, "{json}");
        }
    }

    #[test]
    fn an_empty_text_is_none() {
        let row = row(r#"{"name":" New York ","iso":"","slug":"  ","note":null,"size":7}"#);
        assert_eq!(row.filled("name").as_deref(), Some("New York"));
        for none in ["iso", "slug", "note", "size", "absent"] {
            assert_eq!((row.filled(none), row.text(none)), (None, String::new()), "{none}");
        }
    }

    #[test]
    fn a_list_is_whole_or_an_error_and_only_what_is_sold_may_be_left_out() {
        let row = row(
            r#"{"ids":["a","b"],"none":null,"odd":{},"sold":[{"cost":1},{"cost":null},7,{"cost":"0.5","new":[]}]}"#,
        );
        assert_eq!(row.list::<String>("ids"), Ok(vec!["a".into(), "b".into()]));
        assert_eq!((row.list::<String>("none"), row.list::<String>("absent")), (Ok(vec![]), Ok(vec![])));
        assert!(row.list::<String>("odd").is_err() && row.list::<u8>("ids").is_err());
        let cost = |row: Row| row.get::<Usd>("cost").map(Usd::cost);
        assert_eq!(row.readable("sold", cost), Ok(vec![1_000_000, 500_000]));
        assert_eq!(row.readable("none", cost), Ok(vec![]));
        assert!(row.readable("odd", cost).is_err(), "no list at all");
    }
}
