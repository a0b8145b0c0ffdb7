//! `bursar demo`: the whole loop against each imitated provider, in a process that has none of practice's variables.

use crate::world::text;
use serde_json::Value;
use std::process::Command;

#[test]
fn the_whole_loop_is_shown_with_every_provider() {
    for provider in bursar_practice::providers() {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_bursar"));
        command.args(["--json", "demo", "--quick", "--provider", provider]).env_clear().env("HOME", home.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(home.path());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{provider}: {}", text(&output));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&told["ok"], &told["alive"]), (&Value::Bool(true), &Value::from(0)), "{provider}: {told}");
        assert_eq!(told["steps"].as_array().unwrap().len(), 9, "{provider}: {told}");
    }
}
