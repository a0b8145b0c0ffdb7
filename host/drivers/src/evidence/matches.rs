//! Whether a condition of the manifest holds for an answer or a row.

use crate::{
    json::Json,
    manifest::{Expected, Line},
    pointer::Met,
    template::Words,
};

/// Every place the line leads to has one of its values, and there is at least one. For what frees money: one node of
/// a cluster that is over does not make the cluster over.
pub(super) fn all(line: &Line, words: &Words, json: &Json) -> bool {
    let places = line.pointer.places(json);
    !places.is_empty() && places.iter().all(|place| has(line, words, place.met))
}

/// Some place has one of the values: how one id is found among others.
pub(super) fn some(line: &Line, words: &Words, json: &Json) -> bool {
    line.pointer.places(json).iter().any(|place| has(line, words, place.met))
}

fn has(line: &Line, words: &Words, met: Met<'_>) -> bool {
    line.values.iter().any(|expected| match (met, expected) {
        (Met::Value(Json::Bool(is)), Expected::Bool(wanted)) => is == wanted,
        (Met::Value(value), Expected::Text(text)) => {
            let wanted = text.fill_text(words);
            value.scalar().zip(wanted).is_some_and(|(is, wanted)| is.to_lowercase() == wanted.to_lowercase())
        }
        (Met::Null, Expected::Null) => true,
        _ => false,
    })
}
