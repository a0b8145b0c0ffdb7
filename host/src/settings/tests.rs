//! What wins, and what stops the start.

use super::*;

fn settings(env: &[(&str, &str)], here: &str) -> Result<Settings, BadSetting> {
    let mut all: BTreeMap<String, String> = [("HOME", "/home/ada")].map(|(k, v)| (k.into(), v.into())).into();
    all.extend(env.iter().map(|(k, v)| (k.to_string(), v.to_string())));
    Settings::from(all, Path::new(here))
}

#[test]
fn the_workspace_is_the_start_directory_unless_that_is_unfit() {
    for (here, workspace) in [
        ("/home/ada/research", "/home/ada/research"),
        ("/home/ada", "/home/ada/bursar-work"),
        ("/", "/home/ada/bursar-work"),
        ("/home/ada/.local/share/bursar/ssh", "/home/ada/bursar-work"),
        ("/home/ada/.local", "/home/ada/bursar-work"),
    ] {
        assert_eq!(settings(&[], here).unwrap().workspace, Path::new(workspace), "{here}");
    }
}

#[test]
fn paths_mean_what_people_mean_by_them() {
    for (asked, workspace) in [("~/work", "/home/ada/work"), ("work", "/w/work"), ("/data", "/data")] {
        let settings = settings(&[("BURSAR_WORKSPACE", asked)], "/w").unwrap();
        assert_eq!(settings.workspace, Path::new(workspace), "{asked}");
    }
    let text = settings(&[("BURSAR_CONFIG", "/no/such/bursar.toml")], "/w").unwrap_err().to_string();
    assert!(text.contains("/no/such/bursar.toml") && text.contains("not there"), "{text}");
}

#[test]
fn the_environment_narrows_and_never_widens() {
    let env = [("BITLAUNCH_MAX_COST_PER_HOUR", "5"), ("BURSAR_MAX_INSTANCES", "1"), ("BITLAUNCH_MAX_SERVERS", "9")];
    let (limits, wider) = settings(&env, "/w").unwrap().narrowed(&Limits::default()).unwrap();
    assert_eq!(limits.max_instances, 1);
    assert_eq!(limits.max_price_per_hour, Limits::default().max_price_per_hour);
    assert_eq!(
        wider.iter().map(|w| w.variable.as_str()).collect::<Vec<_>>(),
        ["BITLAUNCH_MAX_COST_PER_HOUR", "BITLAUNCH_MAX_SERVERS"]
    );
}

#[test]
fn every_limit_that_is_not_the_ledgers_own_has_its_place() {
    let env = [("BURSAR_MAX_PRICE_PER_HOUR", "0.1"), ("BURSAR_MAX_INSTANCES", "9"), ("BURSAR_MAX_LEASE", "24h")];
    let settings = Settings {
        file_limits: vec![
            (LimitKey::MaxBurnPerHour.into(), "1".into()),
            (LimitKey::MaxPricePerHour.into(), "0.5".into()),
        ],
        ..settings(&env, "/w").unwrap()
    };
    let places = settings.places(&Limits::default()).unwrap();
    let file = settings.file.display().to_string();
    let told: Vec<_> = places.iter().map(|(key, place)| (*key, place.as_str())).collect();
    assert_eq!(
        told,
        [(LimitKey::MaxPricePerHour, "BURSAR_MAX_PRICE_PER_HOUR"), (LimitKey::MaxBurnPerHour, file.as_str())]
    );
}

#[test]
fn the_first_start_takes_the_environment_and_ours_win() {
    let env = [("BITLAUNCH_MAX_COST_PER_HOUR", "5"), ("BURSAR_MAX_PRICE_PER_HOUR", "3")];
    let limits = settings(&env, "/w").unwrap().first_limits().unwrap();
    assert_eq!(limits.max_price_per_hour.to_string(), "3.00");
}

#[test]
fn bad_settings_stop_the_start_with_key_and_value() {
    for (name, value) in [
        ("BITLAUNCH_MAX_COST_PER_HOUR", "nan"),
        ("BURSAR_MAX_TOTAL_SPENDING", "-1"),
        ("BURSAR_MAX_LEASE", "24"),
        ("BURSAR_MAX_SESSION_SPENDING", "nan"),
        ("BURSAR_MIN_BALANCE_SHARE", "101"),
        ("BURSAR_MAX_CREATES_PER_HOUR", "-1"),
        ("BURSAR_WINDOWS", "24h=-5"),
        ("BURSAR_MAX_EXPOSURE", "inf"),
        ("BURSAR_PRACTICE", "http://example.org:80"),
    ] {
        let text = settings(&[(name, value)], "/w").unwrap_err().to_string();
        assert!(text.contains(name) && text.contains(value), "{text}");
    }
}

#[test]
fn a_default_above_the_longest_lease_stops_the_first_start_and_names_both() {
    for env in [&[("BURSAR_DEFAULT_LEASE", "48h")][..], &[("BURSAR_DEFAULT_LEASE", "3h"), ("BURSAR_MAX_LEASE", "2h")]] {
        let told = settings(env, "/w").unwrap().first_limits().unwrap_err().to_string();
        for part in ["BURSAR_DEFAULT_LEASE", "`default_lease`", "`max_lease`", "lower the first or raise the second"] {
            assert!(told.contains(part), "`{part}` in {told}");
        }
    }
    let narrowed = settings(&[("BURSAR_MAX_LEASE", "2h")], "/w").unwrap().first_limits().unwrap();
    assert_eq!(narrowed.default_lease_secs, 7_200, "a longest lease takes the default along");
}

fn with_file(text: &str) -> (tempfile::TempDir, Result<Limits, BadSetting>) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bursar.toml");
    std::fs::write(&file, text).unwrap();
    let limits =
        settings(&[("BURSAR_CONFIG", file.to_str().unwrap())], "/w").and_then(|settings| settings.first_limits());
    (dir, limits)
}

#[test]
fn the_file_has_windows_and_limits_of_one_provider_or_principal() {
    let (_dir, limits) = with_file(
        "[limits]\nmax_lease = \"12h\"\nwindows = [{ minutes = 60, usd = 2 }, { minutes = 1440, usd = 10.5 }]\n\
         [limits.provider.acme]\nmax_total_spending = 5\nwindows = [{ minutes = 5, usd = \"0.20\" }]\n\
         [limits.principal.ci]\nmax_instances = 1\n",
    );
    let limits = limits.unwrap();
    assert_eq!(limits.show(LimitKey::Windows), "1h=2.00, 24h=10.50");
    for (name, value) in [
        ("provider.acme.max_total_spending", "5.00 USD"),
        ("provider.acme.windows", "5m=0.20"),
        ("principal.ci.max_instances", "1"),
        ("provider.acme.max_lease", "none"),
    ] {
        assert_eq!(limits.show_named(&LimitName::named(name).unwrap()), value, "{name}");
    }
}

#[test]
fn bad_limits_in_the_file_stop_the_start_with_key_value_and_what_to_write() {
    for (text, parts) in [
        ("max_price_per_hour = nan", &["max_price_per_hour", "nan", "from 0"][..]),
        ("max_price_per_hour = -1", &["max_price_per_hour", "-1", "from 0"]),
        ("max_prize = 1", &["max_prize", "max_price_per_hour"]),
        ("default_lease = \"48h\"", &["default_lease", "2 d", "1 d", "raise"]),
        ("windows = [{ minutes = 60, usd = nan }]", &["windows", "nan", "60m=2.50"]),
        ("windows = [{ minutes = -5, usd = 1 }]", &["windows", "-5"]),
        ("windows = [{ minutes = 5, eur = 1 }]", &["windows", "eur", "minutes = 60"]),
        ("windows = [{ minutes = 5 }]", &["windows", "minutes = 60"]),
        ("provider = 5", &["provider", "[limits.provider.NAME]"]),
        ("[limits.provider.acme]\nmin_balance_hours = 1", &["provider.acme.min_balance_hours"]),
        ("[limits.provider.acme]\nfunds = 50", &["funds", "bursar limits set provider.acme.funds"]),
    ] {
        let (_dir, limits) = with_file(&format!("[limits]\n{text}\n"));
        let told = limits.unwrap_err().to_string();
        for part in parts {
            assert!(told.contains(part), "{text}: `{part}` in {told}");
        }
    }
}

#[test]
fn a_window_in_the_environment_comes_on_top() {
    let narrowed =
        |value: &str| settings(&[("BURSAR_WINDOWS", value)], "/w").unwrap().narrowed(&Limits::default()).unwrap();
    let (limits, wider) = narrowed("1h=0.50, 24h=99");
    assert_eq!((limits.show(LimitKey::Windows).as_str(), wider.len()), ("1h=0.50, 24h=20.00", 0));
    assert_eq!(narrowed("none").0.show(LimitKey::Windows), "24h=20.00");
}
