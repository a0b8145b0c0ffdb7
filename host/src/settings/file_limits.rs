//! The table `[limits]` of the owner's file: limits by name, windows as a list, and tables for one provider or principal.

use super::BadSetting;
use bursar_core::{
    limits::{BadLimit, LimitKey},
    scope::LimitName,
};
use std::{collections::BTreeMap, path::Path};
use toml::Value;

/// Returns every limit in it with its value as `bursar limits set` takes it.
pub(super) fn read(file: &Path, limits: &BTreeMap<String, Value>) -> Result<Vec<(LimitName, String)>, BadSetting> {
    let mut found = vec![];
    for (name, value) in limits {
        match name.as_str() {
            "provider" | "principal" => scoped(file, name, value, &mut found)?,
            name => found.push(one(file, name, value)?),
        }
    }
    Ok(found)
}

fn scoped(file: &Path, scope: &str, all: &Value, found: &mut Vec<(LimitName, String)>) -> Result<(), BadSetting> {
    let bad = || {
        let why =
            format!("`limits.{scope}` is no table of limits; write [limits.{scope}.NAME] and the limits below it");
        BadSetting::File { file: file.to_owned(), why }
    };
    for (whose, limits) in all.as_table().ok_or_else(bad)? {
        for (key, value) in limits.as_table().ok_or_else(bad)? {
            found.push(one(file, &format!("{scope}.{whose}.{key}"), value)?);
        }
    }
    Ok(())
}

fn one(file: &Path, name: &str, value: &Value) -> Result<(LimitName, String), BadSetting> {
    let bad = |why: BadLimit| BadSetting::Limit { place: file.display().to_string(), why };
    let name = LimitName::named(name).map_err(bad)?;
    match (name.key, value) {
        (LimitKey::Funds, _) => {
            let why = format!(
                "`{name}` cannot be set in a file: it counts down from when it is stated; bursar limits set {name} USD"
            );
            Err(BadSetting::File { file: file.to_owned(), why })
        }
        (LimitKey::Windows, Value::Array(list)) => {
            let windows = list.iter().map(|entry| window(file, &name, entry)).collect::<Result<Vec<_>, _>>()?;
            let text = if windows.is_empty() { "none".to_owned() } else { windows.join(", ") };
            Ok((name, text))
        }
        (_, value) => Ok((name, text(value))),
    }
}

fn window(file: &Path, name: &LimitName, entry: &Value) -> Result<String, BadSetting> {
    let parts = entry.as_table().filter(|table| table.len() == 2);
    match parts.and_then(|table| Some((table.get("minutes")?, table.get("usd")?))) {
        Some((minutes, usd)) => Ok(format!("{}m={}", text(minutes), text(usd))),
        None => {
            let why = format!("`{name}` has `{entry}`; write each as {{ minutes = 60, usd = 2.50 }}");
            Err(BadSetting::File { file: file.to_owned(), why: why.chars().take(400).collect() })
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
