//! Reading what providers really send: null where a list should be, and members that cannot be read.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// For `#[serde(default, deserialize_with = "some")]`: null is the empty value, as in a list that nobody is on.
pub fn some<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// For `#[serde(default, deserialize_with = "lenient")]` on an `Option`: what cannot be read is absent.
///
/// Use it for what is only told on, such as a time of creation; one odd row should not hide a whole list.
pub fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let raw = Option::<Box<RawValue>>::deserialize(deserializer)?;
    Ok(raw.and_then(|raw| serde_json::from_str(raw.get()).ok()))
}

/// For `#[serde(default, deserialize_with = "readable")]` on a list of what is sold: rows that cannot be read are left out.
///
/// Not for lists of instances: there a row left out would be a machine nobody sees.
pub fn readable<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let rows: Vec<Box<RawValue>> = some(deserializer)?;
    Ok(rows.iter().filter_map(|row| serde_json::from_str(row.get()).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Moment;

    #[derive(Deserialize)]
    struct Row {
        #[serde(default, deserialize_with = "some")]
        names: Vec<String>,
        #[serde(default, deserialize_with = "lenient")]
        made: Option<Moment>,
        #[serde(default, deserialize_with = "readable")]
        sizes: Vec<Size>,
    }

    #[derive(Deserialize)]
    struct Size {
        cost: crate::Usd,
    }

    #[test]
    fn an_odd_row_of_what_is_sold_is_left_out() {
        let row: Row =
            serde_json::from_str(r#"{"sizes":[{"cost":1},{"cost":null},7,{"cost":"0.5","new":[]}]}"#).unwrap();
        assert_eq!(row.sizes.iter().map(|size| size.cost.cost()).collect::<Vec<_>>(), [1_000_000, 500_000]);
        assert!(serde_json::from_str::<Row>(r#"{"sizes":null}"#).unwrap().sizes.is_empty());
    }

    #[test]
    fn null_and_absence_are_empty_and_odd_texts_are_absent() {
        let table = [
            (r#"{}"#, 0, false),
            (r#"{"names":null,"made":null}"#, 0, false),
            (r#"{"names":["a"],"made":"2026-11-20T06:00:04.512Z"}"#, 1, true),
            (r#"{"names":[],"made":"soon"}"#, 0, false),
            (r#"{"names":["a","b"],"made":{"at":1}}"#, 2, false),
        ];
        for (json, names, made) in table {
            let row: Row = serde_json::from_str(json).unwrap();
            assert_eq!((row.names.len(), row.made.is_some()), (names, made), "{json}");
        }
    }
}
