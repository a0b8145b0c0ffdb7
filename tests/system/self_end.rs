//! A machine that can end itself with a key of its own: its clock is set when it is ready, moves with its lease, and is told
//! only where it was tried. The bundled driver, with two lines more in its manifest, dropped in by the owner.

use crate::world::{SMALL, World, text, wait_for};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);
/// The first line of the manifest, a comment: another line of the same length takes its place.
const COMMENT: &str =
    "# BitLaunch, as its owner grants it. The host writes every request from this page; the driver only names routes.";

/// A world whose owner granted this driver with a machine's own end.
async fn with_self_end(check: &str) -> World {
    let world = World::new().await;
    let line = format!("self_end = {{ check = '{check}', run = 'touch ~/ended' }}");
    let line = format!("{line:width$}", width = COMMENT.len());
    assert_eq!(line.len(), COMMENT.len());
    let mut driver = include_bytes!(concat!(env!("OUT_DIR"), "/bitlaunch.wasm")).to_vec();
    let mut at = driver.windows(COMMENT.len()).enumerate().filter(|(_, part)| *part == COMMENT.as_bytes());
    let place = at.next().unwrap().0;
    assert!(at.next().is_none());
    driver[place..place + line.len()].copy_from_slice(line.as_bytes());
    let plugins = world.work().with_file_name("user").join(".config/bursar/plugins");
    std::fs::create_dir_all(&plugins).unwrap();
    std::fs::write(plugins.join("bitlaunch.wasm"), driver).unwrap();
    let inspected = text(&world.run(&["driver", "inspect", "bitlaunch"]));
    assert!(inspected.contains("touch ~/ended"), "the owner sees what is run: {inspected}");
    world.json(&["driver", "allow", "bitlaunch"]);
    world
}

fn clock(world: &World) -> String {
    let asked =
        world.run(&["run", "box", "--", "cat .bursar/self_end/pid; ps -eo args | grep '[s]elf_end/run' | wc -l"]);
    text(&asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_can_end_itself_has_one_clock_which_moves_with_its_lease() {
    let world = with_self_end("test -d ~/.bursar").await;
    world.json(&["up", "box", "--offer", SMALL, "--for", "2h"]);
    let listed = text(&world.run(&["ls"]));
    assert!(listed.contains("`box` at bitlaunch ends itself ten minutes after its lease"), "{listed}");
    let before = clock(&world);
    world.json(&["extend", "box", "--for", "4h"]);
    wait_for("its clock is another one", SOON, || clock(&world) != before);
    let listed = text(&world.run(&["ls"]));
    assert!(listed.contains("ends itself"), "{listed}");
    world.json(&["down", "box"]);
    assert!(world.alive().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_key_is_not_good_does_not_count() {
    let world = with_self_end("test -e ~/no_key").await;
    world.json(&["up", "box", "--offer", SMALL, "--for", "2h"]);
    let listed = text(&world.run(&["ls"]));
    assert!(listed.contains("`box` at bitlaunch runs until the account is empty"), "{listed}");
    world.json(&["down", "box"]);
}
