//! The shape of an offer's id: parts with a slash between them, so that the host can order by its parts.

use super::{Refused, is_name, is_segment};
use std::{collections::BTreeMap, fmt};

/// The parts of an offer's id, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferShape {
    parts: Vec<String>,
}

/// An offer's id, cut into its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    pub id: String,
    pub parts: BTreeMap<String, String>,
}

const PARTS_MAX: usize = 8;

impl OfferShape {
    /// Reads `{host}/{size}/{region}`.
    pub fn parse(text: &str) -> Result<OfferShape, String> {
        let parts: Option<Vec<String>> = text
            .split('/')
            .map(|part| part.strip_prefix('{')?.strip_suffix('}').filter(|name| is_name(name)).map(str::to_owned))
            .collect();
        let parts = parts.filter(|parts| parts.len() <= PARTS_MAX).ok_or_else(|| {
            format!("an offer's shape is up to {PARTS_MAX} names in braces with `/` between them, like `{{size}}/{{region}}`")
        })?;
        match parts.iter().enumerate().find(|(n, part)| parts[..*n].contains(part)) {
            Some((_, twice)) => Err(format!("`{{{twice}}}` stands twice")),
            None => Ok(OfferShape { parts }),
        }
    }

    /// Returns the names of the parts.
    pub fn parts(&self) -> &[String] {
        &self.parts
    }

    /// Cuts an id into its parts; refuses one that does not have this shape.
    pub fn cut(&self, id: &str) -> Result<Cut, Refused> {
        self.fits(id)?;
        let parts = self.parts.iter().cloned().zip(id.split('/').map(str::to_owned)).collect();
        Ok(Cut { id: id.to_owned(), parts })
    }

    /// Returns whether an id has this shape, or why not.
    pub fn fits(&self, id: &str) -> Result<(), Refused> {
        let refuse = |why: String| {
            let shown = crate::text::clean(id, 100);
            Err(Refused::new("", format!("offer `{shown}`"), why, format!("an id of this driver looks like `{self}`")))
        };
        let parts = id.split('/').count();
        if parts != self.parts.len() {
            return refuse(format!("it has {parts} parts, not {}", self.parts.len()));
        }
        match self.parts.iter().zip(id.split('/')).find(|(_, value)| !is_segment(value)) {
            Some((name, _)) => refuse(format!("its `{name}` is not 1 to 128 of `A-Z a-z 0-9 . _ ~ : @ + -`")),
            None => Ok(()),
        }
    }
}

impl fmt::Display for OfferShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = self.parts.iter().map(|part| format!("{{{part}}}")).collect();
        f.write_str(&parts.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_cut_into_its_parts_or_refused() {
        let long = "a".repeat(129);
        let shape = OfferShape::parse("{host}/{size}").unwrap();
        for (id, expected) in [
            ("1/vc2-1c", Some(("1", "vc2-1c"))),
            ("1/a:b@c+d~e_f.g", Some(("1", "a:b@c+d~e_f.g"))),
            ("1", None),
            ("1/2/3", None),
            ("1/", None),
            // case 45
            ("1/..", None),
            ("1/.", None),
            ("1/a\"b", None),
            ("1/a b", None),
            ("1/%2e", None),
            ("1/é", None),
            ("1/a\n", None),
            (long.as_str(), None),
            (&format!("1/{long}"), None),
        ] {
            let cut = shape.cut(id).ok().map(|cut| (cut.parts["host"].clone(), cut.parts["size"].clone()));
            assert_eq!(cut, expected.map(|(h, s)| (h.to_owned(), s.to_owned())), "{id}");
        }
    }

    #[test]
    fn a_shape_is_names_with_slashes_between() {
        for (text, good) in [
            ("{type}", true),
            ("{a}/{b}/{c}", true),
            ("", false),
            ("{a}-{b}", false),
            ("{a}/", false),
            ("{a}/{a}", false),
            ("{A}", false),
            ("a/{b}", false),
            ("{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}", false),
        ] {
            assert_eq!(OfferShape::parse(text).is_ok(), good, "{text}");
        }
    }
}
