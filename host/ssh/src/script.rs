//! Shell text that means the same under every login shell. This module only writes text.

/// What every channel starts: plain words and single quotes, which every shell reads alike. The script itself comes as the
/// first line of the input, and `read` takes that line and not one byte more, so what follows is the command's own input.
pub(crate) const START: &str = r#"exec sh -c 'IFS= read -r s; eval "$(printf %b "$s")"'"#;

/// Stands at the start of the output, before the number of the shell's process: what a noisy login printed comes before it.
pub(crate) const MARK: &str = "\x02bursar ";

/// Returns the line that `START` reads: `script` behind the mark.
pub(crate) fn line(script: &str) -> Vec<u8> {
    let script = format!("printf '\\002bursar %s\\n' $$\n{script}");
    let mut line = script.replace('\\', r"\0134").replace('\n', r"\012").into_bytes();
    line.push(b'\n');
    line
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

    #[test]
    fn a_script_arrives_unchanged_and_leaves_the_input_alone() {
        let nasty = "printf '%s|' \"a\\nb\" '\\' \"it's\" 'é' %b\ncat <<'E'\n$HOME `x` \\ \\012 !!\nE\ncat # the end";
        for shell in ["sh", "bash", "dash"] {
            let Ok(mut child) =
                Command::new(shell).args(["-c", START]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
            else {
                continue;
            };
            let mut input = child.stdin.take().unwrap();
            input.write_all(&line(nasty)).unwrap();
            input.write_all(b"the command's own input\n").unwrap();
            drop(input);
            let out = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
            let (mark, out) = out.split_once('\n').unwrap();
            assert!(mark.starts_with(MARK), "{shell}: {mark:?}");
            assert_eq!(out, "a\\nb|\\|it's|é|%b|$HOME `x` \\ \\012 !!\nthe command's own input\n", "{shell}");
        }
    }

    #[test]
    fn a_quoted_word_is_one_word() {
        assert_eq!(quote("it's"), r"'it'\''s'");
    }
}
