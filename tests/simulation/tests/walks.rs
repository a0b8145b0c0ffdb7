//! The walks that every change must pass. A seed that broke a law stays broken until what it found is mended:
//! `cargo xtask soak --seed SEED` tells its story.

use simulation::{Template, soak, walk};

/// As many as the tests walk, from the first seed on; `BURSAR_WALKS` says another number. `cargo xtask soak` walks further.
const WALKS: u64 = 2_000;

#[test]
fn no_law_is_broken() {
    let walks = std::env::var("BURSAR_WALKS").ok().map_or(WALKS, |text| text.parse().unwrap());
    let soaked = soak(&Template::make().unwrap(), 0, walks, 1, |_| ()).unwrap();
    let told: Vec<String> = soaked
        .broken
        .iter()
        .map(|walked| format!("seed {}: {}", walked.seed, walked.broken.clone().unwrap()))
        .collect();
    assert!(told.is_empty(), "a law got broken after {} walks: {told:?}", soaked.walks);
    assert_eq!(soaked.walks, walks);
    assert!(soaked.machines > walks / 2, "walks in which nothing is rented prove nothing: {}", soaked.machines);
}

#[test]
fn a_seed_is_the_same_walk_each_time() {
    let template = Template::make().unwrap();
    for seed in 0..60 {
        let [one, other] = [walk(seed, &template, true).unwrap(), walk(seed, &template, true).unwrap()];
        assert_eq!(one.story, other.story, "seed {seed}");
        assert!(!one.story.is_empty());
    }
}
