//! Shell text that means the same under every login shell. This module only writes text.

/// Starts a script that comes as the first line of the input: plain words and single quotes, which every shell reads alike.
/// `read` takes that line and not one byte more, so what follows is the command's own input.
const BY_INPUT: &str = r#"exec sh -c 'IFS= read -r s; eval "$(printf %b "$s")"'"#;
/// Starts a script that stands in the request itself: servers take input only once something runs, a round trip later.
const BY_WORD: &str = r#"exec sh -c 'eval "$(printf %b "$1")"' sh "#;
/// dropbear takes requests of at most 9000 bytes.
const WORD_MAX: usize = 8_000;
/// A script that holds this line comes as input, so that no list of processes shows it.
pub(crate) const SECRET: &str = "# not on a command line\n";

/// Stands at the start of the output, before the number of the shell's process: what a noisy login printed comes before it.
pub(crate) const MARK: &str = "\x02bursar ";

/// Returns what starts `script` behind the mark: the request, and what comes first as its input.
pub(crate) fn start(script: &str) -> (String, Vec<u8>) {
    let marked = format!("printf '\\002bursar %s\\n' $$\n{script}");
    let word = word(&marked);
    if word.len() <= WORD_MAX && !script.contains(SECRET) {
        return (format!("{BY_WORD}'{word}'"), Vec::new());
    }
    let mut line = marked.replace('\\', r"\0134").replace('\n', r"\012").into_bytes();
    line.push(b'\n');
    (BY_INPUT.to_owned(), line)
}

/// Returns `text` as `printf %b` reads it, without anything that means something to any login shell between single quotes.
fn word(text: &str) -> String {
    let mut word = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b'\'' | b'\\' | b'!' | 0..=0x1f | 0x7f.. => word.push_str(&format!("\\0{byte:03o}")),
            plain => word.push(char::from(plain)),
        }
    }
    word
}

/// Returns `text` as one word for a shell.
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    const NASTY: &str =
        "printf '%s|' \"a\\nb\" '\\' \"it's\" 'é' %b\ncat <<'E'\n$HOME `x` \\ \\012 !! \\\\'\t\nE\ncat # the end";

    #[test]
    fn a_script_arrives_unchanged_and_leaves_the_input_alone() {
        for shell in ["sh", "bash", "dash", "fish", "tcsh", "zsh"] {
            for script in [NASTY.to_owned(), format!("{SECRET}{NASTY}"), format!("# {}\n{NASTY}", "x".repeat(WORD_MAX))]
            {
                let (request, line) = start(&script);
                assert_eq!(line.is_empty(), script == NASTY);
                let child =
                    Command::new(shell).args(["-c", &request]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
                let Ok(mut child) = child else { continue };
                let mut input = child.stdin.take().unwrap();
                input.write_all(&line).unwrap();
                input.write_all(b"the command's own input\n").unwrap();
                drop(input);
                let out = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
                let (mark, out) = out.split_once('\n').unwrap();
                assert!(mark.starts_with(MARK), "{shell}: {mark:?}");
                let expected = "a\\nb|\\|it's|é|%b|$HOME `x` \\ \\012 !! \\\\'\t\nthe command's own input\n";
                assert_eq!(out, expected, "{shell}");
            }
        }
    }

    #[test]
    fn a_quoted_word_is_one_word() {
        assert_eq!(quote("it's"), r"'it'\''s'");
    }
}
