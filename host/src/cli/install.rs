//! `bursar watch --install`: the keeper as a service of the user's own, which outlives a logout and a restart. It says what
//! it did. Where there is no systemd it says which line to add to the table of cron, and changes nothing.

use super::{Done, exit::Code, out::Out};
use crate::{flow::FlowError, settings::Settings};
use serde_json::json;
use std::{path::Path, process::Command};

const UNIT: &str = "bursar-watch.service";

pub(super) async fn install(out: &Out, settings: &Settings) -> Done {
    if settings.practice.is_some() {
        let hint = "unset BURSAR_PRACTICE; what practice rents costs nothing and ends with it";
        return Err(FlowError::refused("a practice gets no service", hint));
    }
    let program = std::env::current_exe()
        .map_err(|error| FlowError::failed(format!("this program cannot be found: {error}"), "start it by its path"))?;
    let home = std::path::absolute(&settings.home).unwrap_or_else(|_| settings.home.clone());
    if !Path::new("/run/systemd/system").exists() {
        return no_systemd(out, &program, &home);
    }
    let folder = std::env::var_os("XDG_CONFIG_HOME").map(std::path::PathBuf::from);
    let folder = folder.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".config")));
    let folder = folder.ok_or_else(|| FlowError::refused("HOME is not set", "set it, and run this again"))?;
    let folder = folder.join("systemd/user");
    let file = folder.join(UNIT);
    std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, unit(&program, &home))).map_err(|error| {
        let what = format!("{} could not be written: {error}", file.display());
        FlowError::failed(what, "see that the folder is yours and the disk has room")
    })?;
    let mut did = vec![format!("wrote {}", file.display())];
    let mut left = vec![];
    for (program, words) in [
        ("systemctl", &["--user", "daemon-reload"][..]),
        ("systemctl", &["--user", "enable", "--now", UNIT]),
        ("loginctl", &["enable-linger"]),
    ] {
        let line = format!("{program} {}", words.join(" "));
        match Command::new(program).args(words).output() {
            Ok(ran) if ran.status.success() => did.push(format!("ran `{line}`")),
            Ok(ran) => left.push(format!("{line}   # {}", String::from_utf8_lossy(&ran.stderr).trim())),
            Err(error) => left.push(format!("{line}   # {error}")),
        }
    }
    let people = || {
        let mut lines = did.clone();
        lines.extend(left.iter().map(|line| format!("! did not work; run it yourself: {line}")));
        lines.push("it uses stored keys only: `bursar login PROVIDER` stores one".to_owned());
        lines.join("\n")
    };
    out.answer(|| json!({ "did": did, "left": left, "unit": file }), people);
    Ok(if left.is_empty() { Code::Done } else { Code::NeedsYou })
}

fn no_systemd(out: &Out, program: &Path, home: &Path) -> Done {
    let line = cron_line(program, home);
    out.answer(
        || json!({ "did": [], "left": ["crontab -e"], "cron": line }),
        || {
            format!(
                "this computer has no systemd; nothing was changed\n  hint: add this line with `crontab -e`:\n{line}"
            )
        },
    );
    Ok(Code::NeedsYou)
}

fn unit(program: &Path, home: &Path) -> String {
    let quoted = |text: String| format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\"").replace('%', "%%"));
    format!(
        "[Unit]\nDescription=Bursar's keeper: ends rented machines when they are due\nAfter=network-online.target\n\n\
         [Service]\nExecStart={} watch\nEnvironment={}\nWorkingDirectory=/\nRestart=always\nRestartSec=5\n\n\
         [Install]\nWantedBy=default.target\n",
        quoted(program.display().to_string()),
        quoted(format!("BURSAR_HOME={}", home.display())),
    )
}

/// Every minute what is due is ended, and a keeper is started where something is open.
fn cron_line(program: &Path, home: &Path) -> String {
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''").replace('%', r"\%"));
    format!("* * * * * BURSAR_HOME={} {} settle >/dev/null 2>&1", quoted(home), quoted(program))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_names_the_program_and_the_state() {
        let text = unit(Path::new("/opt/my tools/bursar"), Path::new("/home/ada/.local/share/bursar"));
        assert!(text.contains("ExecStart=\"/opt/my tools/bursar\" watch\n"), "{text}");
        assert!(text.contains("Environment=\"BURSAR_HOME=/home/ada/.local/share/bursar\"\n"), "{text}");
    }

    #[test]
    fn a_line_for_cron_is_quoted() {
        let line = cron_line(Path::new("/opt/my tools/bursar"), Path::new("/home/ada/50%"));
        assert_eq!(line, r"* * * * * BURSAR_HOME='/home/ada/50\%' '/opt/my tools/bursar' settle >/dev/null 2>&1");
    }
}
