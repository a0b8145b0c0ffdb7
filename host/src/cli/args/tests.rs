//! What the command line takes, and what it refuses.

use super::*;
use clap::CommandFactory;

#[test]
fn the_command_line_is_well_formed() {
    Args::command().debug_assert();
}

#[test]
fn command_lines_are_taken_or_refused_as_a_whole() {
    for (line, taken) in [
        ("offers --gpu a40 --vram 8 --max-price 0.5 --json", true),
        ("offers --max-price nan", false),
        ("offers --all --limit 3", false),
        ("offers --limit 3", true),
        ("offers --limit 0", false),
        ("up box --offer bitlaunch:x --for -2h", false),
        ("up box --offer bitlaunch:1/vcg/lax --for 90m", true),
        ("up box --offer bitlaunch --for 90m", false),
        ("up box --offer bitlaunch:x --gpu a40", false),
        ("up box --gpu a40 --for 4", false),
        ("ssh box -- nvidia-smi -L", true),
        ("run box --timeout 30s -- true", true),
        ("run box --timeout 30 -- true", false),
        ("run box", false),
        ("run box echo hi", true),
        ("run box --timeout 5s ls -l --all", true),
        ("ssh box nvidia-smi -L", true),
        ("cp src box:src --ignore *.pt --delete", true),
        ("cp src", false),
        ("stop box train", true),
        ("stop box", false),
        ("logs box -f", false),
        ("logs box train -f -n 5", true),
        ("limits set max_lease 8h", true),
        ("limits set max_prize 8h", false),
        ("settle", true),
        ("settle box", false),
        ("settle --gone", false),
        ("settle box --gone", true),
        ("settle box --gone --alive", false),
        ("practice --env --listen 127.0.0.1:0 --machines openssh", true),
        ("completions zsh", true),
        ("", false),
    ] {
        let words = ["bursar"].into_iter().chain(line.split_whitespace());
        let parsed = Args::try_parse_from(words);
        assert_eq!(parsed.is_ok(), taken, "{line}: {parsed:?}");
    }
}

#[test]
fn an_offer_may_hold_colons_and_slashes_behind_its_provider() {
    let id = |id: &str| OfferId { provider: "p".into(), id: id.into() };
    assert_eq!(offer("p:1/a:b/c"), Ok(id("1/a:b/c")));
    assert!(offer(":x").is_err() && offer("p:").is_err());
}
