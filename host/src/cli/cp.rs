//! `bursar cp`: files and folders to and from a machine, like scp and rsync. What a broken connection left is gone on with.

use super::{Done, args::Cp, exit::Code, open::open, out::Out, progress::Waiting, ready::ready_first};
use crate::flow::{CopyDone, FlowError, LOCAL_PRINCIPAL, Place, TreeCopy, clean_line};
use serde_json::json;
use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

pub(super) async fn cp(out: &Out, ask: Cp) -> Done {
    let (from, to) = (ask.from.display(), ask.to.display());
    let (sends, name, remote_path, local) = match (on_machine(&ask.from), on_machine(&ask.to)) {
        (None, Some((name, path))) => (true, name, path, &ask.from),
        (Some((name, path)), None) => (false, name, path, &ask.to),
        _ => {
            let what = format!("one of `{from}` and `{to}` must be on a machine, and the other one here");
            return Err(FlowError::refused(
                what,
                "write NAME:PATH for the machine's, and ./PATH where a path here has a colon",
            ));
        }
    };
    let remote_path = match sends && remote_path.is_empty() && Path::new(local).is_dir() {
        true => format!("~/{}", own_name(Path::new(local))?),
        false if remote_path.is_empty() => "~".to_owned(),
        false => remote_path.to_owned(),
    };
    let rooms = open(out).await?;
    if !ready_first(&rooms, name).await? {
        return Ok(Code::Left);
    }
    let copy =
        TreeCopy { remote_path, ignore: ask.ignore.clone(), delete: ask.delete, hash: ask.hash, ..TreeCopy::default() };
    let place = Place::Own(PathBuf::from(local));
    let waiting = Waiting::new(&clean_line(format!("copying {from} to {to}").as_bytes(), 300));
    let mut tell = |done, total| waiting.bytes(done, total);
    let copied = async {
        match sends {
            true => rooms.upload(LOCAL_PRINCIPAL, name, &place, &copy, &mut tell).await,
            false => rooms.download(LOCAL_PRINCIPAL, name, &place, &copy, &mut tell).await,
        }
    };
    let copied = tokio::select! {
        copied = copied => Some(copied),
        _ = tokio::signal::ctrl_c() => None,
    };
    waiting.done();
    let Some(copied) = copied else {
        out.aside("left: nothing half has its name; the same command goes on where this one was");
        return Ok(Code::Left);
    };
    show(out, &copied?, &to.to_string());
    Ok(Code::Done)
}

fn show(out: &Out, copied: &CopyDone, to: &str) {
    let folder = copied.folder.clone().unwrap_or_default();
    let json = || {
        json!({
            "remote_path": copied.remote_path, "local_path": copied.local_path, "bytes": copied.bytes,
            "sha256": copied.sha256, "checked": copied.checked, "moved": folder.files, "same": folder.same,
            "deleted": folder.deleted, "left_out": folder.left_out,
        })
    };
    for left_out in &folder.left_out {
        out.aside(format!("left out: {}", clean_line(left_out.as_bytes(), 300)));
    }
    out.answer(json, || {
        let how = if copied.checked { "checked" } else { "not checked: the machine has no tool for it" };
        match copied.folder {
            None => format!("{to}: {} bytes, {how}", copied.bytes),
            Some(_) => format!(
                "{to}: {} files and links moved ({} bytes), {} were the same, {} removed; {how}",
                folder.files, copied.bytes, folder.same, folder.deleted
            ),
        }
    });
}

/// Reads `NAME:PATH`. As with scp, a slash before the colon makes it a path here.
fn on_machine(text: &OsStr) -> Option<(&str, &str)> {
    let (name, path) = text.to_str()?.split_once(':')?;
    (!name.is_empty() && !name.contains('/')).then_some((name, path))
}

/// Returns the name of a folder here, whatever it is written as: `.` has one, too.
fn own_name(folder: &Path) -> Result<String, FlowError> {
    let whole = folder.canonicalize().ok();
    let name = whole.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
    name.map(str::to_owned).ok_or_else(|| {
        let hint = "name the folder there, too: NAME:FOLDER";
        FlowError::refused(format!("{} has no name that it could get in the home folder there", folder.display()), hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_before_a_colon_is_a_machine() {
        for (text, machine) in [
            ("box:a/b", Some(("box", "a/b"))),
            ("box:", Some(("box", ""))),
            ("box:/a:b", Some(("box", "/a:b"))),
            ("./a:b", None),
            ("a/b", None),
            (":a", None),
        ] {
            assert_eq!(on_machine(text.as_ref()), machine, "{text}");
        }
    }
}
