//! The body of a request: JSON whose texts may hold names. What becomes empty because a value was dropped goes away.

use super::text::{Name, Piece, Text, Unfilled, Value, shown, unfilled};
use super::{Hole, Words};
use crate::{json::Json, pointer::Pointer};

/// A body as the manifest holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    Bool(bool),
    Number(String),
    Text(Text),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// What the names are filled with.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) words: &'a Words,
    pub(super) values: &'a [(String, String)],
}

impl Node {
    /// Returns every name in it.
    pub fn holes(&self) -> Vec<&Hole> {
        match self {
            Node::Text(text) => text.holes().collect(),
            Node::List(items) => items.iter().flat_map(Node::holes).collect(),
            Node::Object(members) => members.iter().flat_map(|(_, node)| node.holes()).collect(),
            Node::Bool(_) | Node::Number(_) => Vec::new(),
        }
    }

    /// Returns the template without the members that the pointers name, and the pointers that named none.
    pub fn without(&self, pointers: &[Pointer]) -> (Node, Vec<Pointer>) {
        let mut skeleton = self.clone();
        let missed = pointers.iter().filter(|pointer| !skeleton.cut(&pointer.to_string())).cloned().collect();
        (skeleton, missed)
    }

    /// Returns it as JSON with its names still in braces: how the owner is shown what is ordered.
    pub fn sketch(&self) -> Json {
        match self {
            Node::Bool(yes) => Json::Bool(*yes),
            Node::Number(digits) => Json::Number(digits.clone()),
            Node::Text(text) => Json::Text(text.to_string()),
            Node::List(items) => Json::List(items.iter().map(Node::sketch).collect()),
            Node::Object(members) => Json::Object(members.iter().map(|(n, node)| (n.clone(), node.sketch())).collect()),
        }
    }

    fn cut(&mut self, pointer: &str) -> bool {
        let Node::Object(members) = self else { return false };
        let Some(steps) = pointer.strip_prefix('/') else { return false };
        let (first, rest) = steps.find('/').map_or((steps, ""), |at| steps.split_at(at));
        let before = members.len();
        if rest.is_empty() {
            members.retain(|(name, _)| name != first);
            return members.len() < before;
        }
        members.iter_mut().find(|(name, _)| name == first).is_some_and(|(_, node)| node.cut(rest))
    }

    /// Fills it. `None` when it went away with what was dropped.
    pub(super) fn fill(&self, given: Given<'_>) -> Result<Option<Json>, Unfilled> {
        match self {
            Node::Bool(yes) => Ok(Some(Json::Bool(*yes))),
            Node::Number(digits) => Ok(Some(Json::Number(digits.clone()))),
            Node::Text(text) => match text.whole() {
                Some(hole) => Ok(hole.value(given.words, given.values)?.json()),
                None => Ok(join(text, given)?.map(Json::Text)),
            },
            Node::List(items) => {
                let kept: Vec<Json> =
                    items.iter().filter_map(|item| item.fill(given).transpose()).collect::<Result<_, _>>()?;
                Ok((items.is_empty() || !kept.is_empty()).then_some(Json::List(kept)))
            }
            Node::Object(members) => {
                let filled = |(name, node): &(String, Node)| {
                    node.fill(given).transpose().map(|value| value.map(|value| (name.clone(), value)))
                };
                let kept: Vec<_> = members.iter().filter_map(filled).collect::<Result<_, _>>()?;
                Ok((members.is_empty() || !kept.is_empty()).then_some(Json::Object(kept)))
            }
        }
    }
}

/// Joins literal pieces and values into one text; `None` when an optional value is not there. A value that stands
/// beside other text may hold no quote and no backslash, for the text around it may be JSON.
pub(super) fn join(text: &Text, given: Given<'_>) -> Result<Option<String>, Unfilled> {
    let mut out = String::new();
    let alone = text.whole().is_some();
    for piece in &text.pieces {
        match piece {
            Piece::Literal(literal) => out.push_str(literal),
            Piece::Hole(hole) => match hole.value(given.words, given.values)? {
                Value::Dropped | Value::Null => return Ok(None),
                Value::Text(value) if !alone && value.contains(['"', '\\']) => {
                    return Err(unfilled(
                        name(hole),
                        format!("`{}` has a quote or a backslash beside other text", shown(&value)),
                    ));
                }
                Value::Text(value) | Value::Number(value) => out.push_str(&value),
            },
        }
    }
    Ok(Some(out))
}

pub(super) fn name(hole: &Hole) -> String {
    match &hole.name {
        Name::Host(word) => word.to_string(),
        Name::Driver(name) => name.clone(),
    }
}
