//! Texts from strangers, made harmless: bounded, one line unless said otherwise, without anything that a terminal or a
//! reader's eye could take for something else.

/// Returns the text with what does not print removed, cut to so many characters; the same one where nothing is to do.
pub(crate) fn cleaned(text: String, max: usize) -> String {
    if is_clean(&text, max) { text } else { clean(&text, max) }
}

/// Like `cleaned`, of a text that is kept elsewhere.
pub(crate) fn clean(text: &str, max: usize) -> String {
    if is_clean(text, max) {
        return text.to_owned();
    }
    let mut kept: String = text.chars().map(plain_space).filter(|c| prints(*c)).take(max + 1).collect();
    if kept.chars().count() > max {
        kept = kept.chars().take(max.saturating_sub(1)).chain(['…']).collect();
    }
    kept.trim().to_owned()
}

/// Most texts are short, ASCII, and as they should be.
fn is_clean(text: &str, max: usize) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= max && is_ascii_print(bytes) && bytes.first() != Some(&b' ') && bytes.last() != Some(&b' ')
}

fn is_ascii_print(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |all, byte| all & (b' '..=b'~').contains(byte))
}

/// Returns the text if it can be an id of a provider: something that prints, of 1 to 128 characters, without spaces.
pub(crate) fn id(text: String) -> Option<String> {
    let plain = |c: char| c.is_ascii_graphic() || prints(c) && !c.is_whitespace();
    let fits = !text.is_empty() && (text.len() <= 128 || text.chars().count() <= 128) && text.chars().all(plain);
    fits.then_some(text)
}

/// Returns whether it is a text that prints, of 1 to `max` characters: no control, nothing invisible, nothing turned round.
pub(crate) fn is_plain(text: &str, max: usize) -> bool {
    !text.is_empty() && text.chars().count() <= max && text.chars().all(prints)
}

fn plain_space(c: char) -> char {
    if c.is_whitespace() { ' ' } else { c }
}

/// Returns whether a reader sees it as what it is. Not: control characters, direction marks and overrides, invisible joiners and fillers, tags, private use.
pub(crate) fn prints(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}'
            | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_text_is_bounded_and_prints() {
        for (text, max, expected) in [
            ("plain", 10, "plain"),
            ("\u{1b}[31mred\u{7}", 20, "[31mred"),
            ("two\r\nlines", 20, "two  lines"),
            ("abc\u{202e}def\u{200b}", 20, "abcdef"),
            ("  spaced  ", 20, "spaced"),
            ("123456", 5, "1234…"),
            ("", 5, ""),
        ] {
            assert_eq!(clean(text, max), expected, "{text:?}");
        }
    }

    #[test]
    fn an_id_is_taken_whole_or_not_at_all() {
        for (text, fits) in [("vgpu-1/2", true), ("", false), ("a b", false), ("a\n", false), ("a\u{202e}", false)] {
            assert_eq!(id(text.to_owned()).is_some(), fits, "{text:?}");
        }
        assert!(id("x".repeat(129)).is_none());
    }
}
