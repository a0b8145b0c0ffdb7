//! The two kinds of keys: the owner's, which is an Ethereum account, and one of this process that operates machines for a
//! few minutes in its name.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use k256::ecdsa::SigningKey;
use p256::ecdsa::{Signature, SigningKey as P256Key, signature::Signer as _};
use sha3::{Digest, Keccak256};
use std::path::Path;

/// An Ethereum account.
pub(crate) struct Key {
    secret: SigningKey,
    address: String,
}

impl Key {
    /// Takes exactly 32 bytes. Hex digits or a newline at the end are another file, not a key to be guessed at.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Key, String> {
        let why = |bytes: &[u8]| format!("a key is exactly 32 bytes, and this has {}", bytes.len());
        if bytes.len() != 32 {
            return Err(why(bytes));
        }
        let secret = SigningKey::from_slice(bytes).map_err(|_| "these 32 bytes are no key of this curve".to_owned())?;
        let point = secret.verifying_key().to_sec1_point(false);
        // The first byte says how the point is written.
        let hash = keccak(point.as_bytes().get(1..).unwrap_or_default());
        Ok(Key { address: checksummed(hash.get(12..).unwrap_or_default()), secret })
    }

    /// Reads what the owner stored: 64 hex digits, or the path of a file with the 32 bytes. Nothing is ever made up.
    pub(crate) fn read(stored: &str) -> Result<Key, String> {
        let digits = stored.strip_prefix("0x").unwrap_or(stored);
        if digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Key::from_bytes(&unhex(digits));
        }
        let bytes = std::fs::read(Path::new(stored)).map_err(|error| format!("its file cannot be read: {error}"))?;
        Key::from_bytes(&bytes)
    }

    /// Returns the public address, its letters' case a checksum: balances are found by exactly this text.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Signs as wallets sign a personal message (EIP-191), the same each time.
    pub(crate) fn sign(&self, message: &[u8]) -> String {
        let (signature, recovery) = self.secret.sign_prehash_recoverable(&digest(message));
        format!("0x{}{:02x}", hex(&signature.to_bytes()), 27 + u8::from(recovery.is_y_odd()))
    }

    /// Returns the secret as hex digits, to be looked for in texts.
    pub(crate) fn secret_hex(&self) -> String {
        hex(&self.secret.to_bytes())
    }
}

/// What is signed of a personal message.
pub(super) fn preimage(message: &[u8]) -> Vec<u8> {
    let head = format!("\u{19}Ethereum Signed Message:\n{}", message.len());
    [head.as_bytes(), message].concat()
}

pub(super) fn digest(message: &[u8]) -> [u8; 32] {
    keccak(&preimage(message))
}

fn keccak(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

/// EIP-55: a letter is large where the hash of the small ones has a digit of 8 or more in its place.
fn checksummed(address: &[u8]) -> String {
    let small = hex(address);
    let hash = hex(&keccak(small.as_bytes()));
    let cased = small.chars().zip(hash.chars()).map(|(c, digit)| match digit {
        '8'..='9' | 'a'..='f' => c.to_ascii_uppercase(),
        _ => c,
    });
    format!("0x{}", cased.collect::<String>())
}

/// A P-256 key that lives as long as this process.
pub(crate) struct Session(P256Key);

impl Session {
    pub(crate) fn new() -> Session {
        loop {
            let mut bytes = [0_u8; 32];
            getrandom::fill(&mut bytes).expect("the system has random numbers");
            // All but a handful of 2^256 numbers are keys.
            if let Ok(session) = Session::from_bytes(&bytes) {
                return session;
            }
        }
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Session, String> {
        P256Key::from_slice(bytes).map(Session).map_err(|_| "no key of this curve".to_owned())
    }

    /// Signs by ES256, the same each time.
    pub(super) fn sign(&self, message: &[u8]) -> String {
        let signature: Signature = self.0.sign(message);
        hex(&signature.to_bytes())
    }

    /// Returns the public key's two numbers as a JSON web key writes them.
    pub(super) fn point(&self) -> (String, String) {
        let point = self.0.verifying_key().to_sec1_point(false);
        let half = |from: usize| URL_SAFE_NO_PAD.encode(point.as_bytes().get(from..from + 32).unwrap_or_default());
        (half(1), half(33))
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}
