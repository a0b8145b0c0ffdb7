//! Turns the paths of an SFTP client into paths below the machine's home. It touches no file; that nothing escapes
//! through links is the work of the directory handle that these paths are used with.

use std::path::{Component, Path, PathBuf};

/// What a client sees as its home.
pub(super) const HOME: &str = "/root";

/// Returns the path below the home, `.` for the home itself, or nothing where it lies outside.
pub(super) fn below(real_home: &Path, asked: &str) -> Option<PathBuf> {
    let asked = asked.strip_prefix("~/").unwrap_or(if asked == "~" { "" } else { asked });
    let path = Path::new(asked);
    let inside = if path.is_absolute() {
        // A client that learnt the real path from `pwd` may use it.
        normal(path)?.strip_prefix(real_home).map(Path::to_path_buf).or_else(|_| under_root(path)).ok()?
    } else {
        normal(&Path::new("/").join(path)).and_then(|path| path.strip_prefix("/").map(Path::to_path_buf).ok())?
    };
    Some(if inside.as_os_str().is_empty() { PathBuf::from(".") } else { inside })
}

/// Returns the path as the client is told it.
pub(super) fn shown(inside: &Path) -> String {
    let joined = Path::new(HOME).join(inside.strip_prefix(".").unwrap_or(inside));
    joined.display().to_string().trim_end_matches('/').to_owned()
}

fn under_root(path: &Path) -> Result<PathBuf, std::path::StripPrefixError> {
    let path = normal(path).unwrap_or_default();
    path.strip_prefix(HOME).map(Path::to_path_buf)
}

/// Removes `.` and `..` from an absolute path, without asking the disk.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut clean = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => drop(clean.pop()),
            Component::RootDir | Component::CurDir => {}
            Component::Prefix(_) => return None,
        }
    }
    Some(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_home() {
        let table = [
            ("", Some(".")),
            (".", Some(".")),
            ("~", Some(".")),
            ("/root", Some(".")),
            ("/root/", Some(".")),
            ("a/b", Some("a/b")),
            ("~/a", Some("a")),
            ("/root/a/../b", Some("b")),
            ("/srv/m/root/x", Some("x")),
            ("../../etc/passwd", Some("etc/passwd")),
            ("/etc/passwd", None),
            ("/root/../etc/passwd", None),
            ("/rooter", None),
            ("/", None),
        ];
        for (asked, expected) in table {
            assert_eq!(below(Path::new("/srv/m/root"), asked), expected.map(PathBuf::from), "{asked}");
        }
    }

    #[test]
    fn the_client_sees_root() {
        for (inside, expected) in [(".", "/root"), ("a/b", "/root/a/b")] {
            assert_eq!(shown(Path::new(inside)), expected);
        }
    }
}
