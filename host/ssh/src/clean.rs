//! Makes text from a machine safe to show: it is data from a stranger. This module cuts and filters; it never interprets.

use std::borrow::Cow;

/// Returns `bytes` as text without control characters, escape sequences and invisible directions; newline and tab stay.
/// What is not UTF-8 is shown as its bytes, `\xff`, never dropped: text in another encoding can still be read out of it.
pub fn clean(bytes: &[u8]) -> String {
    let text = with_bytes_shown(bytes);
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\u{9b}' => skip_csi(&mut chars),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => out.push('\n'),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || is_invisible(c) => {}
            c => out.push(c),
        }
    }
    out
}

fn with_bytes_shown(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len() * 2);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    Cow::Owned(text)
}

/// Returns the cleaned text as one line of at most `max` bytes.
pub fn clean_line(bytes: &[u8], max: usize) -> String {
    let text = clean(bytes);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = floor_char(&line, max);
    if end < line.len() { format!("{}…", &line[..end]) } else { line }
}

/// Returns `text` with its middle left out where it is longer than `max` bytes, and says how much.
pub fn bound(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let head = &text[..floor_char(text, max / 2)];
    let tail = &text[ceil_char(text, text.len() - (max - max / 2))..];
    let left_out = (text.len() - head.len() - tail.len()) as u64;
    format!("{head}{}{tail}", left_out_note(left_out))
}

/// Returns the line that stands where `bytes` bytes were left out.
pub(crate) fn left_out_note(bytes: u64) -> String {
    format!("\n… {} bytes left out …\n", grouped(bytes))
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn floor_char(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn ceil_char(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Skips one escape sequence: CSI (`ESC [ … letter`), OSC and friends (`ESC ] … BEL`), or a short one.
fn skip_escape(chars: &mut Chars<'_>) {
    match chars.peek().copied() {
        Some('[') => {
            chars.next();
            skip_csi(chars);
        }
        Some(']' | 'P' | '_' | '^' | 'X') => skip_string(chars),
        Some('(' | ')' | '*' | '+' | '#' | '%') => {
            chars.next();
            chars.next();
        }
        Some(c) if ('0'..='~').contains(&c) => {
            chars.next();
        }
        _ => {}
    }
}

fn skip_csi(chars: &mut Chars<'_>) {
    while let Some(&c) = chars.peek() {
        if !(' '..='~').contains(&c) {
            return;
        }
        chars.next();
        if ('@'..='~').contains(&c) {
            return;
        }
    }
}

/// Skips to BEL or ESC \, at most to the end of the line: an unfinished sequence must not eat the text after it.
fn skip_string(chars: &mut Chars<'_>) {
    while let Some(&c) = chars.peek() {
        match c {
            '\n' => return,
            '\u{7}' => {
                chars.next();
                return;
            }
            '\u{1b}' => {
                chars.next();
                chars.next_if_eq(&'\\');
                return;
            }
            _ => {
                chars.next();
            }
        }
    }
}

/// Directions, tags and joiners that let text look unlike what it is.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_a_machine_is_shown_without_what_steers_a_terminal() {
        let cases: [(&[u8], &str); 10] = [
            (b"plain\tand\nlines\n", "plain\tand\nlines\n"),
            (b"\x1b[1;31mred\x1b[0m", "red"),
            (b"\x1b]0;title\x07after", "after"),
            (b"\x1b]8;;http://x\x1b\\link", "link"),
            (b"\x1b]0;never ends\nnext line stays", "\nnext line stays"),
            (b"a\r\nb", "a\nb"),
            (b"bell\x07 nul\x00 del\x7f", "bell nul del"),
            (b"not utf-8: \xff\xfe.", "not utf-8: \\xff\\xfe."),
            ("turned \u{202e}around\u{e0041}".as_bytes(), "turned around"),
            ("a\u{61c}b\u{2028}c\u{200d}d\u{fe0f}e\u{e0100}f\u{ad}".as_bytes(), "abcdef"),
        ];
        for (input, expected) in cases {
            assert_eq!(clean(input), expected, "{input:?}");
        }
    }

    #[test]
    fn a_cut_text_says_how_much_is_missing() {
        let text = "a".repeat(12_345 + 100);
        let cut = bound(&text, 100);
        assert!(cut.contains("\n… 12,345 bytes left out …\n"), "{cut}");
        assert_eq!(bound("short", 100), "short");
        assert_eq!(bound("ééé", 3), "\n… 4 bytes left out …\né");
    }

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(clean_line(b"one\ntwo\r\n  three", 100), "one two three");
        assert_eq!(clean_line(b"abcdef", 3), "abc…");
    }
}
