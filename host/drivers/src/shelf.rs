//! Which file stands for which driver: what is bundled, what was dropped, what was granted. It reads files and compares
//! hashes; it compiles and runs nothing.

use crate::{
    admission::{self, NotAdmitted},
    config::Config,
    lock::{self, Lock},
};
use std::{borrow::Cow, collections::BTreeSet, os::unix::fs::MetadataExt, path::PathBuf};

/// The bytes of a component, and how they came here.
pub(crate) struct Found {
    pub(crate) wasm: Cow<'static, [u8]>,
    pub(crate) sha256: String,
}

/// What there is of one driver.
pub(crate) struct Shelf {
    pub(crate) bundled: Option<Found>,
    pub(crate) dropped: Option<Result<Found, NotAdmitted>>,
    /// The granted file as it was kept, and the manifest it was granted with.
    pub(crate) granted: Option<(Option<Found>, lock::Granted)>,
}

/// What of it may serve.
pub(crate) enum Serving {
    /// This file; `newer` waits for the owner.
    File {
        found: Found,
        bundled: bool,
        newer: Option<Found>,
    },
    /// Only the granted manifest is left: ends, and what the host can read without the driver.
    Ends {
        granted: lock::Granted,
        why: String,
    },
    /// A file that nobody granted yet.
    Pending(Found),
    Refused(NotAdmitted),
    Unknown,
}

pub(crate) fn names(config: &Config, lock: &Lock) -> Vec<String> {
    let bundled = config.bundled.iter().filter_map(|(file, _)| file.strip_suffix(".wasm")).map(str::to_owned);
    let mut names: BTreeSet<String> = bundled.chain(lock.names().cloned()).collect();
    let folder = config.plugins.as_ref().and_then(|folder| std::fs::read_dir(folder).ok());
    for entry in folder.into_iter().flatten().flatten() {
        let file = entry.file_name();
        let name = file.to_str().and_then(|file| file.strip_suffix(".wasm").or(file.strip_suffix(".cwasm")));
        names.extend(name.filter(|name| is_name(name)).map(str::to_owned));
    }
    names.into_iter().collect()
}

pub(crate) fn look(config: &Config, lock: &Lock, name: &str) -> Shelf {
    let found = |wasm: Cow<'static, [u8]>| Found { sha256: admission::sha256(&wasm), wasm };
    let file = format!("{name}.wasm");
    let bundled = config.bundled.iter().find(|(known, _)| *known == file).map(|(_, wasm)| found(Cow::Borrowed(*wasm)));
    let owner = std::fs::metadata(&config.home).map_or(0, |home| home.uid());
    let read = |path: PathBuf| admission::read(&path, owner).map(|wasm| found(Cow::Owned(wasm)));
    let dropped = config.plugins.as_ref().filter(|_| is_name(name)).and_then(|folder| {
        let places = [folder.join(&file), folder.join(format!("{name}.cwasm"))];
        places.into_iter().find(|path| path.symlink_metadata().is_ok()).map(read)
    });
    let granted = lock.get(name).map(|granted| {
        let kept = read(lock::kept(&config.home, name, &granted.sha256)).ok();
        (kept.filter(|kept| kept.sha256 == granted.sha256), granted.clone())
    });
    Shelf { bundled, dropped, granted }
}

impl Shelf {
    pub(crate) fn serving(self) -> Serving {
        let granted_hash = self.granted.as_ref().map(|(_, granted)| granted.sha256.clone());
        let bundled_hash = self.bundled.as_ref().map(|found| found.sha256.clone());
        let newer = match self.dropped {
            Some(Ok(found)) if Some(&found.sha256) == granted_hash.as_ref() => {
                return Serving::File { found, bundled: false, newer: None };
            }
            Some(Ok(found)) if Some(&found.sha256) == bundled_hash.as_ref() => None,
            Some(Ok(found)) => Some(found),
            Some(Err(why)) if self.bundled.is_none() && self.granted.is_none() => return Serving::Refused(why),
            Some(Err(why)) => {
                tracing::warn!(%why, "a dropped driver is not let in; the one before it goes on");
                None
            }
            // The owner took the file away: what he granted is over, but ends go on.
            None => match (self.bundled, self.granted) {
                (Some(found), _) => return Serving::File { found, bundled: true, newer: None },
                (None, Some((_, granted))) => {
                    return Serving::Ends {
                        granted,
                        why: "its file is gone from the plugins folder; put it back to use it".into(),
                    };
                }
                (None, None) => return Serving::Unknown,
            },
        };
        match (self.granted, self.bundled, newer) {
            (Some((Some(found), _)), _, newer) => Serving::File { found, bundled: false, newer },
            (_, Some(found), newer) => Serving::File { found, bundled: true, newer },
            (Some((None, granted)), None, _) => Serving::Ends {
                granted,
                why: "its granted file is gone and the one in the plugins folder is another; look at that and allow it"
                    .into(),
            },
            (None, None, Some(found)) => Serving::Pending(found),
            (None, None, None) => Serving::Unknown,
        }
    }
}

/// File names become driver names: plain ones only.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=40).contains(&name.len()) && name.bytes().all(plain) && name.as_bytes()[0].is_ascii_lowercase()
}
