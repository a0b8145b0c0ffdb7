//! Where things are and what the owner set: read once from the environment and `bursar.toml`, never from the workspace.

mod file_limits;

use bursar_core::{
    limits::{BadLimit, LimitKey, Limits},
    money::Usd,
    scope::LimitName,
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

const SAVE_SECS: u64 = 120;
const SAVE_SECS_MAX: u64 = 3_600;

/// Everything a process of Bursar is told from outside.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The state: ledger, keys, pinned hosts, compiled drivers.
    pub home: PathBuf,
    /// The owner's file, whether it exists or not.
    pub file: PathBuf,
    /// Where files of the agent are read and written; nothing outside it.
    pub workspace: PathBuf,
    /// Dropped drivers.
    pub plugins: PathBuf,
    pub practice: Option<Practice>,
    /// An SSH key that the owner already has.
    pub ssh_key: Option<PathBuf>,
    /// Whether each instance gets a key of its own in place of the ledger's.
    pub ssh_key_per_instance: bool,
    /// So long before a due end the files that jobs were to save begin to be fetched.
    pub save_secs: u64,
    /// The owner's command that is run when something needs him.
    pub notify: Option<String>,
    /// What the owner set for each driver, by the names of its manifest.
    pub drivers: BTreeMap<String, BTreeMap<String, String>>,
    /// Limits in the owner's file, as written.
    pub file_limits: Vec<(LimitName, String)>,
    /// Limits in the environment: key, variable, value.
    pub env_limits: Vec<(LimitKey, String, String)>,
    env: BTreeMap<String, String>,
}

/// The imitation of the providers on loopback: a ledger, a clock and machines of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Practice {
    pub url: String,
    pub ssh_port: u16,
    pub clock_file: PathBuf,
}

/// A setting that cannot be taken. Nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum BadSetting {
    #[error("{file} cannot be read: {why}; mend it or move it away", file = file.display())]
    File { file: PathBuf, why: String },
    #[error("{place} sets a limit that cannot be taken: {why}")]
    Limit { place: String, why: BadLimit },
    #[error("{name} {}: {wants}", if .value.is_empty() { "is not set".to_owned() } else { format!("is `{value}`") })]
    Env { name: &'static str, value: String, wants: &'static str },
    #[error("neither BURSAR_HOME nor HOME is set: set BURSAR_HOME to a folder for the ledger and the keys")]
    NoHome,
    #[error("{key} is set in {file}: change it there", file = file.display())]
    InFile { key: LimitName, file: PathBuf },
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    workspace: Option<PathBuf>,
    plugins: Option<PathBuf>,
    ssh_key: Option<PathBuf>,
    save_secs: Option<u64>,
    notify: Option<String>,
    #[serde(default)]
    ssh_key_per_instance: bool,
    #[serde(default)]
    limits: BTreeMap<String, toml::Value>,
    #[serde(default)]
    drivers: BTreeMap<String, BTreeMap<String, String>>,
}

impl Settings {
    /// Reads this process's environment and the owner's file.
    pub fn read() -> Result<Settings, BadSetting> {
        let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        Settings::from(std::env::vars().collect(), &here)
    }

    /// Returns the settings of a process that was given these variables and no others, with this folder for its files.
    pub fn of(env: Vec<(String, String)>, workspace: &Path) -> Result<Settings, BadSetting> {
        Settings::from(env.into_iter().collect(), workspace)
    }

    pub(crate) fn from(env: BTreeMap<String, String>, here: &Path) -> Result<Settings, BadSetting> {
        let var = |name: &str| env.get(name).filter(|value| !value.is_empty());
        let user = var("HOME").map(PathBuf::from);
        let practice = practice(&env)?;
        let home = match (var("BURSAR_HOME"), var("XDG_DATA_HOME"), &user) {
            (Some(home), _, _) => PathBuf::from(home),
            (None, Some(data), _) => Path::new(data).join("bursar"),
            (None, None, Some(user)) => user.join(".local/share/bursar"),
            _ => return Err(BadSetting::NoHome),
        };
        let config = match (var("XDG_CONFIG_HOME"), &user) {
            (Some(config), _) => Path::new(config).join("bursar"),
            (None, Some(user)) => user.join(".config/bursar"),
            _ => home.clone(),
        };
        let path = |text: &String| here.join(untilde(text, user.as_deref()));
        let named = var("BURSAR_CONFIG").map(path);
        let file = named.clone().unwrap_or_else(|| config.join("bursar.toml"));
        if named.is_some_and(|file| !file.exists()) {
            return Err(BadSetting::File { file, why: "BURSAR_CONFIG names it, and it is not there".to_owned() });
        }
        let written = read_file(&file)?;
        // What the file names is seen from where the file is, not from wherever a command was started.
        let beside = |path: PathBuf| config.join(untilde(&path.to_string_lossy(), user.as_deref()));
        let asked = var("BURSAR_WORKSPACE").map(path).or(written.workspace.map(beside));
        let workspace = asked.unwrap_or_else(|| default_workspace(here, user.as_deref(), &home));
        let plugins = written.plugins.map_or_else(|| config.join("plugins"), beside);
        let ssh_key = var("BITLAUNCH_SSH_KEY_PATH").map(path).or(written.ssh_key.map(beside));
        Ok(Settings {
            file_limits: file_limits::read(&file, &written.limits)?,
            env_limits: env_limits(&env)?,
            drivers: written.drivers,
            home,
            file,
            workspace,
            plugins,
            practice,
            ssh_key,
            ssh_key_per_instance: written.ssh_key_per_instance,
            save_secs: written.save_secs.unwrap_or(SAVE_SECS).min(SAVE_SECS_MAX),
            notify: written.notify.filter(|command| !command.trim().is_empty()),
            env,
        })
    }

    /// Returns the first of these variables that is set, with its name.
    pub fn env<'a>(&'a self, names: &'a [String]) -> Option<(&'a str, &'a str)> {
        names.iter().find_map(|name| {
            self.env.get(name).filter(|value| !value.is_empty()).map(|value| (name.as_str(), value.as_str()))
        })
    }

    /// Returns the limits for a ledger that has none yet: built in < environment < the owner's file.
    pub fn first_limits(&self) -> Result<Limits, BadSetting> {
        let mut limits = Limits::default();
        for (key, name, value) in &self.env_limits {
            set(&mut limits, *key, value, name)?;
        }
        let sets = |key: LimitKey| {
            let in_file = self.file_limits.iter().any(|(name, _)| *name == key.into());
            in_file || self.env_limits.iter().any(|(set, ..)| *set == key)
        };
        if !sets(LimitKey::DefaultLease) {
            // A longest lease that was narrowed takes the default along.
            limits.default_lease_secs = limits.default_lease_secs.min(limits.max_lease_secs);
        }
        // What the file says of leases comes over it.
        let says =
            |name: &LimitName| [LimitKey::DefaultLease, LimitKey::MaxLease].iter().any(|key| *name == (*key).into());
        if !self.file_limits.iter().any(|(name, _)| says(name)) {
            let names: Vec<&str> = self.env_limits.iter().map(|(_, name, _)| name.as_str()).collect();
            limits.check().map_err(|why| BadSetting::Limit { place: names.join(", "), why })?;
        }
        self.with_file(limits)
    }

    /// Returns the limits of a ledger with those of the owner's file over them.
    pub fn with_file(&self, mut limits: Limits) -> Result<Limits, BadSetting> {
        let place = self.file.display().to_string();
        for (name, value) in &self.file_limits {
            let bad = |why| BadSetting::Limit { place: place.clone(), why };
            limits.set_named(name, value, Usd::ZERO).map_err(bad)?;
        }
        limits.check().map_err(|why| BadSetting::Limit { place, why })?;
        Ok(limits)
    }

    /// Returns where each limit comes from that is not the ledger's own for this process: the owner's file or a variable.
    pub fn places(&self, stored: &Limits) -> Result<BTreeMap<LimitKey, String>, BadSetting> {
        let with_file = self.with_file(stored.clone())?;
        let in_file = |name: &LimitName| (name.key, self.file.display().to_string());
        let (narrowed, wider) = self.narrowed(&with_file)?;
        let mut places: BTreeMap<LimitKey, String> =
            self.file_limits.iter().map(|(name, _)| name).filter(|name| name.scope.is_all()).map(in_file).collect();
        for (key, name, _) in &self.env_limits {
            let taken = !wider.iter().any(|wider| wider.variable == *name);
            if taken && narrowed.show(*key) != with_file.show(*key) {
                places.insert(*key, name.clone());
            }
        }
        Ok(places)
    }

    /// Returns the owner's file, if it sets this limit.
    pub fn file_place(&self, name: &LimitName) -> Option<String> {
        self.file_limits.iter().any(|(set, _)| set == name).then(|| self.file.display().to_string())
    }

    /// Returns the limits for this process: the environment may narrow them. What it would widen is told, not taken.
    pub fn narrowed(&self, stored: &Limits) -> Result<(Limits, Vec<Wider>), BadSetting> {
        let (mut limits, mut wider) = (stored.clone(), Vec::new());
        for (key, name, value) in &self.env_limits {
            let mut asked = limits.clone();
            set(&mut asked, *key, value, name)?;
            if *key == LimitKey::Windows {
                // A window more narrows; those of the ledger stay.
                asked.add_windows(&limits.windows);
            }
            match stored.is_wider(&asked, *key) {
                true => wider.push(Wider {
                    key: *key,
                    variable: name.clone(),
                    asked: asked.show(*key),
                    stays: stored.show(*key),
                }),
                false => limits = asked,
            }
        }
        // A longest lease that was narrowed takes the default along.
        limits.default_lease_secs = limits.default_lease_secs.min(limits.max_lease_secs);
        Ok((limits, wider))
    }
}

/// A limit that the environment would widen. It stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wider {
    pub key: LimitKey,
    pub variable: String,
    pub asked: String,
    pub stays: String,
}

impl std::fmt::Display for Wider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Wider { key, variable, asked, stays } = self;
        write!(
            f,
            "{variable} asks for {asked}, wider than the ledger's {stays}; it is not taken. \
             The owner can widen it in a terminal: bursar limits set {key} VALUE"
        )
    }
}

fn set(limits: &mut Limits, key: LimitKey, value: &str, place: &str) -> Result<(), BadSetting> {
    limits.set(key, value).map_err(|why| BadSetting::Limit { place: place.to_owned(), why })
}

fn practice(env: &BTreeMap<String, String>) -> Result<Option<Practice>, BadSetting> {
    let Some(url) = env.get("BURSAR_PRACTICE").filter(|url| !url.is_empty()) else {
        return Ok(None);
    };
    let bad = |name, wants| BadSetting::Env { name, value: env.get(name).cloned().unwrap_or_default(), wants };
    let local = ["http://127.", "http://localhost:", "http://[::1]:"].iter().any(|start| url.starts_with(start));
    if !local {
        return Err(bad("BURSAR_PRACTICE", "practice is on this computer only, such as http://127.0.0.1:8400"));
    }
    let port = env.get("BURSAR_PRACTICE_SSH_PORT").and_then(|port| port.parse().ok());
    let ssh_port =
        port.ok_or_else(|| bad("BURSAR_PRACTICE_SSH_PORT", "take the port that `bursar practice --env` prints"))?;
    let clock = env.get("BURSAR_PRACTICE_CLOCK").filter(|path| !path.is_empty());
    let clock_file =
        clock.ok_or_else(|| bad("BURSAR_PRACTICE_CLOCK", "take the file that `bursar practice --env` prints"))?;
    if !env.contains_key("BURSAR_HOME") {
        return Err(bad(
            "BURSAR_HOME",
            "practice needs a ledger of its own: take the folder that `bursar practice --env` prints",
        ));
    }
    Ok(Some(Practice { url: url.trim_end_matches('/').to_owned(), ssh_port, clock_file: clock_file.into() }))
}

fn read_file(file: &Path) -> Result<File, BadSetting> {
    let bad = |why: String| BadSetting::File { file: file.to_owned(), why };
    match std::fs::read_to_string(file) {
        Ok(text) => toml::from_str(&text).map_err(|error| bad(error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(File::default()),
        Err(error) => Err(bad(error.to_string())),
    }
}

/// Every variable of a limit that is set, with those of ours after the others, so that ours win.
fn env_limits(env: &BTreeMap<String, String>) -> Result<Vec<(LimitKey, String, String)>, BadSetting> {
    let mut found = Vec::new();
    for key in LimitKey::ALL {
        let set_ones = key.env().iter().rev().filter_map(|name| env.get(*name).map(|value| (*name, value)));
        for (name, value) in set_ones.filter(|(_, value)| !value.is_empty()) {
            set(&mut Limits::default(), key, value, name)?;
            found.push((key, name.to_owned(), value.clone()));
        }
    }
    Ok(found)
}

/// The start directory, unless that is no place for an agent's files.
fn default_workspace(here: &Path, user: Option<&Path>, home: &Path) -> PathBuf {
    let unfit = here == Path::new("/") || user == Some(here) || home.starts_with(here) || here.starts_with(home);
    match (unfit, user) {
        (true, Some(user)) => user.join("bursar-work"),
        (true, None) => home.with_file_name("bursar-work"),
        (false, _) => here.to_owned(),
    }
}

fn untilde(path: &str, user: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~/"), user) {
        (Some(rest), Some(user)) => user.join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests;
