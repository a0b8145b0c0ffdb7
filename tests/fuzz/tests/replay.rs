//! The corpus, and every input that was ever a finding, as ordinary tests; then some that nobody has tried.
//! With `FUZZ_INPUT` set, that one file.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn corpus(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    entries.map(|entry| entry.expect("a folder can be read").path()).collect()
}

fn replay(target: &str, run: fn(&[u8])) {
    if let Some(one) = std::env::var_os("FUZZ_INPUT") {
        return run(&fs::read(one).expect("FUZZ_INPUT names a file"));
    }
    let files = corpus(target);
    assert!(!files.is_empty(), "there is no corpus");
    let inputs: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).expect("a file can be read")).collect();
    for (file, input) in files.iter().zip(&inputs) {
        eprintln!("{}", file.display());
        run(input);
    }
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for _ in 0..2_000 {
        let one = &inputs[dice.below(inputs.len())];
        run(&dice.changed(one, &inputs));
    }
}

#[test]
fn arbitrary_requests_at_the_door() {
    replay("door", fuzz::door);
}

#[test]
fn arbitrary_results_of_a_component() {
    replay("results", fuzz::results);
}

/// The same numbers every time, so that a failure comes again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % n.max(1) as u64).expect("it is below a usize")
    }

    /// An input with some bytes of it changed, put in, or taken from another.
    fn changed(&mut self, input: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = input.to_vec();
        for _ in 0..=self.below(6) {
            let at = self.below(bytes.len());
            match self.below(4) {
                0 if !bytes.is_empty() => bytes[at] = u8::try_from(self.below(256)).expect("a byte"),
                1 => bytes.insert(at, u8::try_from(self.below(256)).expect("a byte")),
                2 if !bytes.is_empty() => drop(bytes.remove(at)),
                _ => {
                    let other = &others[self.below(others.len())];
                    bytes.extend_from_slice(&other[self.below(other.len())..]);
                }
            }
        }
        bytes.truncate(4_096);
        bytes
    }
}
