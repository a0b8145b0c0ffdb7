//! Random identifiers in the shape the imitated providers use. It does not keep them.

/// Returns 24 hexadecimal digits, the shape of BitLaunch's ids.
pub(crate) fn object_id() -> String {
    hex(&random::<12>())
}

/// Returns a random id in the form `3fa85f64-5717-4562-b3fc-2c963f66afa6`.
pub(crate) fn uuid() -> String {
    let hex = hex(&random::<16>());
    let cuts = [0..8, 8..12, 12..16, 16..20, 20..32];
    cuts.into_iter().filter_map(|cut| hex.get(cut)).collect::<Vec<_>>().join("-")
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
