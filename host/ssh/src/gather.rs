//! Gathers the output of a program in bounded memory: head and tail stay, the middle is counted, and a progress bar that
//! repaints its line leaves only its last picture. This module never waits and never talks to a machine.

use std::collections::VecDeque;

use crate::clean::{bound, clean, left_out_note};

/// A line longer than this is passed on in pieces, and repainting starts anew in each.
const LINE_MAX: usize = 64 * 1024;

/// Takes the bytes of a stream as they come, and says whether it wants more.
pub type Sink = Box<dyn FnMut(&[u8]) -> bool + Send>;

/// Holds at most `max` bytes of a stream, and one unfinished line.
pub(crate) struct Gather {
    max: usize,
    fold: bool,
    /// The line that is being painted.
    line: Vec<u8>,
    /// A carriage return came last, so the next byte paints the line anew.
    returned: bool,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: u64,
    total: u64,
    /// Takes every byte in the place of memory, until it wants no more.
    sink: Option<Sink>,
    is_shut: bool,
}

impl Gather {
    /// For what people and agents read: repainted lines are folded.
    pub(crate) fn folding(max: usize) -> Gather {
        Gather { fold: true, ..Gather::exact(max) }
    }

    /// For answers of our own scripts: every byte stays, up to `max`.
    pub(crate) fn exact(max: usize) -> Gather {
        Gather {
            max,
            fold: false,
            line: Vec::new(),
            returned: false,
            head: Vec::new(),
            tail: VecDeque::new(),
            left_out: 0,
            total: 0,
            sink: None,
            is_shut: false,
        }
    }

    /// For who wants every byte as it comes: nothing is kept.
    pub(crate) fn through(sink: Sink) -> Gather {
        Gather { sink: Some(sink), ..Gather::exact(0) }
    }

    /// Returns whether whoever takes the bytes wants no more.
    pub(crate) fn is_shut(&self) -> bool {
        self.is_shut
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        if let Some(sink) = &mut self.sink {
            self.is_shut = self.is_shut || !sink(bytes);
            return;
        }
        if !self.fold {
            return self.keep(bytes);
        }
        for piece in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            self.paint(piece);
        }
    }

    /// The real size of the stream so far.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Returns the text for readers: cleaned, at most about `max` bytes, and what is missing said inside.
    pub(crate) fn into_text(mut self) -> String {
        let line = std::mem::take(&mut self.line);
        self.keep(&line);
        let tail = Vec::from(self.tail);
        if self.left_out == 0 {
            self.head.extend_from_slice(&tail);
            return bound(&clean(&self.head), self.max);
        }
        let half = self.max / 2;
        let head = bound(&clean(without_cut_end(&self.head)), half);
        let tail = bound(&clean(without_cut_start(&tail)), self.max - half);
        format!("{head}{}{tail}", left_out_note(self.left_out))
    }

    /// Returns every byte, or nothing where some had to be left out.
    pub(crate) fn into_bytes(mut self) -> Option<Vec<u8>> {
        self.head.extend(self.tail);
        (self.left_out == 0).then_some(self.head)
    }

    /// Takes a piece that holds no line end or carriage return except as its last byte.
    fn paint(&mut self, piece: &[u8]) {
        if self.returned && piece != b"\n" && piece != b"\r" {
            self.line.clear();
        }
        let (text, last) = match piece.split_last() {
            Some((b'\r', text)) => (text, Some(b'\r')),
            _ => (piece, None),
        };
        self.returned = last.is_some();
        self.line.extend_from_slice(text);
        if self.line.ends_with(b"\n") || self.line.len() >= LINE_MAX {
            let line = std::mem::take(&mut self.line);
            self.keep(&line);
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = (self.max / 2).saturating_sub(self.head.len()).min(bytes.len());
        let (head, rest) = bytes.split_at(room);
        self.head.extend_from_slice(head);
        let tail_max = self.max - self.max / 2;
        let fresh = &rest[rest.len().saturating_sub(tail_max)..];
        let over = (self.tail.len() + fresh.len()).saturating_sub(tail_max);
        self.left_out += (over + rest.len() - fresh.len()) as u64;
        self.tail.drain(..over);
        self.tail.extend(fresh);
    }
}

/// Cuts a character off that the end of `bytes` tore apart.
fn without_cut_end(bytes: &[u8]) -> &[u8] {
    for back in 1..=3.min(bytes.len()) {
        let at = bytes.len() - back;
        let wanted = match bytes[at] {
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf7 => 4,
            0x80..=0xbf => continue,
            _ => 1,
        };
        return if wanted > back { &bytes[..at] } else { bytes };
    }
    bytes
}

/// Cuts the rest of a character off that the start of `bytes` tore apart.
fn without_cut_start(bytes: &[u8]) -> &[u8] {
    let torn = bytes.iter().take(3).take_while(|byte| matches!(byte, 0x80..=0xbf)).count();
    &bytes[torn..]
}

/// Returns the length of `bytes` without a character that its end tore apart.
pub(crate) fn whole_chars(bytes: &[u8]) -> usize {
    without_cut_end(bytes).len()
}

/// Returns `bytes` with repainted lines folded, for logs that are read as a piece.
pub(crate) fn fold(bytes: &[u8]) -> Vec<u8> {
    let mut gather = Gather::folding(bytes.len().saturating_mul(2) + 2);
    gather.push(bytes);
    let line = std::mem::take(&mut gather.line);
    gather.keep(&line);
    gather.into_bytes().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repainted_line_leaves_only_its_last_picture() {
        let cases: [(&[u8], &[u8]); 7] = [
            (b"one\ntwo\n", b"one\ntwo\n"),
            (b" 10%\r 50%\r100%\ndone\n", b"100%\ndone\n"),
            (b" 10%\r 50%", b" 50%"),
            (b" 10%\r 50%\r", b" 50%"),
            (b"dos\r\nlines\r\n", b"dos\nlines\n"),
            (b"dos\r\r\n", b"dos\n"),
            (b"", b""),
        ];
        for (input, expected) in cases {
            assert_eq!(fold(input), expected, "{:?}", String::from_utf8_lossy(input));
        }
    }

    #[test]
    fn folding_does_not_depend_on_how_the_bytes_arrive() {
        let text = b"a 1%\ra 2%\r\nb\r\r\nc 1%\rc 99%\rc\n";
        let mut one_by_one = Gather::folding(1000);
        for byte in text {
            one_by_one.push(&[*byte]);
        }
        assert_eq!(one_by_one.into_text(), String::from_utf8_lossy(&fold(text)));
    }

    #[test]
    fn fifty_megabytes_stay_within_the_bound() {
        let mut gather = Gather::folding(10_000);
        gather.push(b"first\n");
        for _ in 0..800 {
            gather.push(&[b'x'; 65_536]);
        }
        gather.push(b"\nlast\n");
        assert!(gather.head.len() + gather.tail.len() <= 10_000);
        assert_eq!(gather.total(), 6 + 800 * 65_536 + 6);
        let text = gather.into_text();
        assert!(text.starts_with("first\n") && text.ends_with("\nlast\n"));
        assert!(text.contains("… 52,418,812 bytes left out …"), "{}", &text[4_990..5_060]);
        assert!(text.len() < 10_100);
    }

    #[test]
    fn a_character_at_the_cut_is_not_torn() {
        let mut gather = Gather::folding(7);
        gather.push("ééééé".as_bytes());
        let text = gather.into_text();
        assert!(!text.contains('\\'), "{text}");
    }

    #[test]
    fn bytes_that_are_no_text_do_not_grow_past_the_bound() {
        let mut gather = Gather::folding(1_000);
        gather.push(&[0xff; 1_000]);
        assert!(gather.into_text().len() < 1_060);
    }
}
