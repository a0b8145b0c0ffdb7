//! Random identifiers in the shape the imitated providers use. It does not keep them.

/// Returns 24 hexadecimal digits, the shape of BitLaunch's ids.
pub(crate) fn object_id() -> String {
    hex(&random::<12>())
}

/// Returns random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system always has random bytes once it runs programs");
    bytes
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
