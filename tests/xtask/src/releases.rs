//! The OpenSSH servers of other releases of Debian, for the tests: fetched with apt from the mirror that it is configured for,
//! with the libraries that they were built with, unpacked under the target directory and never installed. What cannot be had
//! is said loudly, and fails nothing.

use crate::{say, target, tools::has};
use anyhow::{Context, Result, bail, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

struct Release {
    suite: &'static str,
    openssh: &'static str,
    packages: &'static [&'static str],
}

const RELEASES: [Release; 2] = [
    Release {
        suite: "bullseye",
        openssh: "8.4",
        packages: &["libgcrypt20", "libgpg-error0", "liblz4-1", "liblzma5", "libssl1.1", "libsystemd0", "libtirpc3"],
    },
    Release { suite: "trixie", openssh: "10.0", packages: &["libssl3t64", "libtirpc3t64", "libwtmpdb0"] },
];

/// What the server of every release stands on.
const PACKAGES: [&str; 18] = [
    "openssh-server",
    "libaudit1",
    "libc6",
    "libcap-ng0",
    "libcom-err2",
    "libcrypt1",
    "libgssapi-krb5-2",
    "libk5crypto3",
    "libkeyutils1",
    "libkrb5-3",
    "libkrb5support0",
    "libnsl2",
    "libpam0g",
    "libpcre2-8-0",
    "libselinux1",
    "libwrap0",
    "libzstd1",
    "zlib1g",
];

/// The server's own programs. Newer releases have one for a session, and one for a login.
const PROGRAMS: [&str; 3] = ["usr/sbin/sshd", "usr/lib/openssh/sshd-session", "usr/lib/openssh/sshd-auth"];

/// Fetches what is not there yet: some 10 MB of lists and 8 MB of packages for each release, once.
pub fn fetch_all() {
    for release in &RELEASES {
        if let Err(why) = release.fetch() {
            let (suite, openssh) = (release.suite, release.openssh);
            say(&format!(
                "NOT TESTED: OpenSSH {openssh} (of Debian {suite}) cannot be had: {why:#}\n\
                 Its machine of host/ssh/tests/sshd/odd.rs passes without a look; everything else is tested."
            ));
        }
    }
}

impl Release {
    fn fetch(&self) -> Result<()> {
        let target = target();
        fs::create_dir_all(target.join("tmp/openssh"))?;
        // The programs name their loader by its full path, so a folder that was moved is made anew.
        let place = target.canonicalize()?.join("tmp/openssh").join(self.openssh);
        let told = place.display().to_string();
        if fs::read_to_string(place.join("ready")).is_ok_and(|path| path == told) {
            return Ok(());
        }
        for (program, package) in [("apt-get", "apt"), ("dpkg-deb", "dpkg"), ("patchelf", "patchelf")] {
            ensure!(has(program), "{program} is missing: apt-get install {package}");
        }
        say(&format!("fetching OpenSSH {} of Debian {}", self.openssh, self.suite));
        if place.exists() {
            fs::remove_dir_all(&place)?;
        }
        fs::create_dir_all(place.join("lists/partial"))?;
        fs::create_dir_all(place.join("debs"))?;
        let apt = self.apt(&place)?;
        let run_apt =
            |words: &[&str]| succeed(Command::new("apt-get").args(&apt).args(words).current_dir(place.join("debs")));
        run_apt(&["-q", "update"])?;
        run_apt(&[&["-q", "download"], &PACKAGES[..], self.packages].concat())?;
        for package in fs::read_dir(place.join("debs"))? {
            succeed(Command::new("dpkg-deb").arg("-x").arg(package?.path()).arg(place.join("root")))?;
        }
        own_libraries(&place)?;
        for folder in ["lists", "debs"] {
            fs::remove_dir_all(place.join(folder))?;
        }
        Ok(fs::write(place.join("ready"), told)?)
    }

    /// Lets apt work in `place` alone: it sees no other source, and changes nothing of this computer.
    fn apt(&self, place: &Path) -> Result<Vec<String>> {
        let format =
            ["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian", "Label: Debian"];
        let mirrors = succeed(Command::new("apt-get").args(format))?.stdout;
        let mirrors = String::from_utf8_lossy(&mirrors).into_owned();
        let mirror = mirrors.lines().next().context("apt is configured for no mirror of Debian")?;
        let keys = Path::new("/usr/share/keyrings/debian-archive-keyring.gpg");
        let signed = if keys.exists() { format!("[signed-by={}] ", keys.display()) } else { String::new() };
        fs::write(place.join("sources.list"), format!("deb {signed}{mirror} {} main\n", self.suite))?;
        fs::write(place.join("status"), "")?;
        let at = place.display();
        let options = [
            format!("Dir::Etc::SourceList={at}/sources.list"),
            "Dir::Etc::SourceParts=/dev/null".into(),
            format!("Dir::State::Lists={at}/lists"),
            format!("Dir::State::status={at}/status"),
            format!("Dir::Cache={at}"),
            "Acquire::Languages=none".into(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".into(),
            "Acquire::Retries=2".into(),
            "Acquire::http::Timeout=20".into(),
            "APT::Sandbox::User=".into(),
        ];
        Ok(options.into_iter().flat_map(|option| ["-o".to_owned(), option]).collect())
    }
}

/// Ties the programs to the loader and the libraries of their own release.
fn own_libraries(place: &Path) -> Result<()> {
    let root = place.join("root");
    let folders: Vec<PathBuf> = ["lib", "usr/lib"]
        .iter()
        .filter_map(|lib| fs::read_dir(root.join(lib)).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .filter(|path| path.is_dir() && path.to_string_lossy().ends_with("-linux-gnu"))
        .collect();
    let is_loader =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ld-linux"));
    let loader = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let loader = loader.map(|entry| entry.path()).find(is_loader).context("its libc6 has no loader")?;
    let path = folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(":");
    for program in PROGRAMS.iter().map(|program| root.join(program)).filter(|program| program.exists()) {
        let mut patch = Command::new("patchelf");
        patch.arg("--set-interpreter").arg(&loader).args(["--force-rpath", "--set-rpath", &path]).arg(program);
        succeed(&mut patch)?;
    }
    Ok(())
}

fn succeed(command: &mut Command) -> Result<Output> {
    let output = command.output().with_context(|| format!("{command:?} could not be started"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{:?} ended with {}: {}", command.get_program(), output.status, said.trim().replace('\n', "; "));
    }
    Ok(output)
}
