//! Public keys that tokens are checked with: read from PEM and JWKS files, judged before they are trusted, read again when
//! the files change.
//!
//! `material` says which keys are good enough, `pem` and `jwks` read the two formats, `files` watches the files, `ring` is
//! what the verifier looks keys up in. A key belongs to exactly one algorithm, so that no token can choose another for it.
//!
//! Limits: [`MAX_FILE_BYTES`] and [`MAX_KEYS`] per file. Secrets never come from these files: a symmetric or private key in
//! one is a mistake, because a file of public keys is handed around as if it were harmless.

mod files;
mod jwks;
mod material;
mod pem;
mod ring;

pub use files::{KeyFile, KeyFormat, Reloaded};
pub use jwks::parse_jwks;
pub use material::PublicKey;
pub use pem::parse_pem;
pub(super) use ring::{NoKey, Ring};

pub(crate) use material::{Kind, MIN_RSA_BITS, kind_of};

/// A larger file holds no keys: real ones have a few hundred bytes a key.
pub const MAX_FILE_BYTES: usize = 256 * 1024;
/// Keys of one file. A token without `kid` is tried with every key of its algorithm, which costs up to 0.1 ms each.
pub const MAX_KEYS: usize = 64;

/// What is wrong with a file of keys. Never holds key material.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMistake {
    /// Which entry of the file, such as `key 2 (kid "a")`; empty where it is the file as a whole.
    pub entry: String,
    /// What is wrong.
    pub problem: String,
    /// How to mend it.
    pub mend: String,
}

impl KeyMistake {
    fn whole(problem: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { entry: String::new(), problem: problem.into(), mend: mend.into() }
    }
}

impl core::fmt::Display for KeyMistake {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if !self.entry.is_empty() {
            write!(f, "{}: ", self.entry)?;
        }
        write!(f, "{} ({})", self.problem, self.mend)
    }
}

/// What a file of keys holds.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// The keys that tokens are checked with.
    pub keys: Vec<PublicKey>,
    /// Entries that are for something else (encryption, another algorithm): which, and why they are left out.
    pub skipped: Vec<String>,
}

/// The keys of a file, or what is wrong with it; at least one key and at most [`MAX_KEYS`].
fn judged(parsed: Parsed, mistakes: Vec<KeyMistake>) -> Result<Parsed, Vec<KeyMistake>> {
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    if parsed.keys.is_empty() {
        let problem = match parsed.skipped.as_slice() {
            [] => "there is no key in it".to_owned(),
            skipped => format!("no key in it is for RS256, ES256 or EdDSA signatures: {}", skipped.join("; ")),
        };
        return Err(vec![KeyMistake::whole(problem, "put the public keys in that your tokens are signed with")]);
    }
    if parsed.keys.len() > MAX_KEYS {
        let problem = format!("it holds {} keys, at most {MAX_KEYS} are read", parsed.keys.len());
        return Err(vec![KeyMistake::whole(problem, "take out the keys that no token is signed with any more")]);
    }
    Ok(parsed)
}
