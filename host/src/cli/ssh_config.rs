//! `bursar ssh-config`: makes `ssh NAME` work in a terminal. It says which line `~/.ssh/config` needs, and writes nothing there.

use super::{Done, exit::Code, open::open, out::Out};
use serde_json::json;
use std::path::{Path, PathBuf};

pub(super) async fn ssh_config(out: &Out) -> Done {
    let file = open(out).await?.ssh_config().await?;
    let line = include(&file);
    let own = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".ssh/config"));
    let is_included = own.is_some_and(|own| std::fs::read_to_string(own).is_ok_and(|text| has(&text, &file)));
    out.answer(
        || json!({ "file": file, "include": line, "is_included": is_included }),
        || match is_included {
            true => {
                format!("`ssh NAME` works for every machine in `bursar ls`: ~/.ssh/config includes {}", file.display())
            }
            false => format!(
                "put this line at the top of ~/.ssh/config, once, and `ssh NAME` works for every machine:\n\n{line}"
            ),
        },
    );
    Ok(Code::Done)
}

/// A folder with a space in its name needs the quotes.
fn include(file: &Path) -> String {
    match file.to_string_lossy().contains(' ') {
        true => format!("Include \"{}\"", file.display()),
        false => format!("Include {}", file.display()),
    }
}

fn has(text: &str, file: &Path) -> bool {
    let name = file.display().to_string();
    let includes = |line: &str| line.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("include"));
    text.lines().any(|line| includes(line) && line.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found_where_it_stands() {
        let file = Path::new("/home/a b/ssh/config");
        assert_eq!(include(file), "Include \"/home/a b/ssh/config\"");
        assert!(has(&format!("Host *\n  x y\ninclude {}\n", include(file).trim_start_matches("Include ")), file));
        assert!(!has("# Include /home/a b/ssh/config\n", file) && !has("", file));
    }
}
