//! Where answers go: one JSON document or text for people on stdout, errors and what goes on on stderr. A reader that
//! went away (`| head`) ends nothing.

use super::{refused, text};
use crate::flow::FlowError;
use serde_json::Value;
use std::io::Write;

pub(super) struct Out {
    pub(super) json: bool,
}

impl Out {
    pub(super) fn new(json: bool) -> Out {
        Out { json }
    }

    /// Shows an answer the way it was asked for.
    pub(super) fn answer(&self, json: impl FnOnce() -> Value, people: impl FnOnce() -> String) {
        match self.json {
            true => self.document(&json()),
            false => self.line(people()),
        }
    }

    /// Writes a line for people; with `--json` they are not there.
    pub(super) fn line(&self, line: impl AsRef<str>) {
        if !self.json {
            write_stdout(&format!("{}\n", line.as_ref().trim_end()));
        }
    }

    pub(super) fn document(&self, json: &Value) {
        write_stdout(&format!("{json:#}\n"));
    }

    /// Writes text as it is, at once: output of machines, lines for scripts.
    pub(super) fn raw(&self, bytes: &str) {
        write_stdout(bytes);
    }

    /// Tells what goes on, beside the answer.
    pub(super) fn aside(&self, line: impl AsRef<str>) {
        drop(writeln!(std::io::stderr(), "{}", line.as_ref()));
    }

    pub(super) fn error(&self, error: &FlowError) {
        match self.json {
            true => self.document(&refused::document(error)),
            false => self.aside(refused::message(error)),
        }
    }
}

fn write_stdout(text: &str) {
    let mut stdout = std::io::stdout().lock();
    drop(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()));
}

/// Lays rows out in columns under a head. The columns named in `right` hold numbers.
pub(super) fn table(head: &[&str], right: &[usize], rows: Vec<Vec<String>>) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(head.to_vec());
    table.add_rows(rows.into_iter().map(|row| row.into_iter().map(|cell| text::one_line(&cell)).collect::<Vec<_>>()));
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if right.contains(&at) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_plain_text_in_columns_without_loose_blanks() {
        let rows = vec![vec!["box".to_owned(), "0.164".to_owned()], vec!["trainer\n1".to_owned(), "12.00".to_owned()]];
        assert_eq!(table(&["NAME", "USD/H"], &[1], rows), "NAME       USD/H\nbox        0.164\ntrainer 1  12.00");
    }

    #[test]
    fn a_table_without_rows_is_its_head() {
        assert_eq!(table(&["NAME", "STATE"], &[], vec![]), "NAME  STATE");
    }
}
