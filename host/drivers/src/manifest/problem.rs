//! What is wrong with a manifest: the rule, the place, the line, and a way out.

use std::fmt;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The rule's number and its name.
    pub rule: &'static str,
    /// The table or key.
    pub at: String,
    /// The line in the manifest, where it is known.
    pub line: Option<usize>,
    pub what: String,
    pub fix: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.at)?;
        if let Some(line) = self.line {
            write!(f, " (line {line})")?;
        }
        write!(f, ": {}; {} [{}]", self.what, self.fix, self.rule)
    }
}

/// Everything that is wrong with a manifest. There is at least one problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestError {
    pub problems: Vec<Problem>,
}

impl std::error::Error for ManifestError {}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{problem}", if n == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

/// Collects problems, so that an author sees all of them at once.
#[derive(Debug, Default)]
pub(super) struct Problems {
    pub(super) found: Vec<Problem>,
}

impl Problems {
    pub(super) fn add(
        &mut self,
        rule: &'static str,
        at: &str,
        line: Option<usize>,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.found.push(Problem { rule, at: at.to_owned(), line, what: what.into(), fix: fix.into() });
    }

    /// Returns a place to add to.
    pub(super) fn at<'a>(&'a mut self, at: &str, line: Option<usize>) -> At<'a> {
        At { problems: self, at: at.to_owned(), line }
    }
}

/// A place in a manifest at which something may be wrong.
pub(super) struct At<'a> {
    problems: &'a mut Problems,
    at: String,
    line: Option<usize>,
}

impl At<'_> {
    pub(super) fn add(&mut self, rule: &'static str, what: impl Into<String>, fix: impl Into<String>) {
        self.problems.add(rule, &self.at, self.line, what, fix);
    }

    /// Returns the value, or notes what is wrong with it.
    pub(super) fn take<T>(&mut self, rule: &'static str, result: Result<T, String>, fix: &str) -> Option<T> {
        result.map_err(|what| self.add(rule, what, fix)).ok()
    }

    /// Notes a problem unless `good`.
    pub(super) fn must(&mut self, good: bool, rule: &'static str, what: impl Into<String>, fix: impl Into<String>) {
        if !good {
            self.add(rule, what, fix);
        }
    }
}

/// The rules by number, as the notes on the boundary count them.
pub(super) mod rule {
    pub(in super::super) const KEYS: &str = "manifest keys";
    pub(in super::super) const SIZES: &str = "manifest sizes";
    pub(in super::super) const OUTBOUND: &str = "out-bound rules";
    pub(in super::super) const ROUTES: &str = "rule 1: routes";
    pub(in super::super) const TEMPLATES: &str = "rule 2: templates";
    pub(in super::super) const EFFECTS: &str = "rule 3: effects";
    pub(in super::super) const ORDER: &str = "rule 4: the whole order";
    pub(in super::super) const EVIDENCE: &str = "rule 5: evidence";
    pub(in super::super) const FREES: &str = "rule 6: what frees money";
    pub(in super::super) const SIGNING: &str = "rule 7: signing";
    pub(in super::super) const OPEN: &str = "rule 9: open endpoints";
    pub(in super::super) const DESTROY: &str = "rule 10: ending without the driver";
}
