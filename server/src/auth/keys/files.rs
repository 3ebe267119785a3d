//! The files that public keys come from: read at start, looked at again and again, taken over when they have changed.
//!
//! Why by content and not by notifications: a file that is replaced by renaming, or by the change of a symbolic link above it
//! (as Kubernetes mounts do), keeps neither its inode nor its time in a way that watchers agree on; reading some hundred bytes
//! every two seconds always works.
//!
//! A change counts once it was seen twice in the same form, so that a file that is just being written is not taken half. A file
//! that cannot be read or has a mistake keeps its last good keys: a slip must not lock a ward out. Trap: that holds for a
//! file that is deleted too. To take a key away, write the file without it.

use super::{KeyMistake, MAX_FILE_BYTES, Parsed, PublicKey, parse_jwks, parse_pem};
use crate::config::AuthConfig;
use sha2::{Digest as _, Sha256};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFormat {
    /// `auth.public_keys`.
    Pem,
    /// `auth.jwks`.
    Jwks,
}

impl KeyFormat {
    /// The configuration's key for files of this format.
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Pem => "auth.public_keys",
            Self::Jwks => "auth.jwks",
        }
    }
}

/// One file and what was last read from it.
#[derive(Debug)]
pub struct KeyFile {
    /// Where it is.
    pub path: PathBuf,
    /// How it is written.
    pub format: KeyFormat,
    /// Its last good keys.
    good: Parsed,
    /// What is wrong with its present content; empty where it was taken over.
    mistakes: Vec<KeyMistake>,
    judged: Option<Print>,
    /// A new content that was seen once.
    noticed: Option<Print>,
}

/// What one look at a changed file led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// Nothing has changed, or not for good yet.
    Same,
    /// Its new keys are in force.
    Taken,
    /// Its new content has mistakes: the old keys stay.
    Refused,
}

/// A content, or the reason why there is none, by its hash.
type Print = [u8; 32];

impl KeyFile {
    /// The files of a configuration, read and judged.
    pub fn open_all(auth: &AuthConfig) -> Vec<Self> {
        let pem = auth.public_keys.iter().map(|path| (path, KeyFormat::Pem));
        let files = pem.chain(auth.jwks.iter().map(|path| (path, KeyFormat::Jwks)));
        files.map(|(path, format)| Self::open(path, format)).collect()
    }

    /// Reads and judges one file; [`KeyFile::mistakes`] says what is wrong with it.
    pub fn open(path: &Path, format: KeyFormat) -> Self {
        let mut file = Self { path: path.to_owned(), format, good: Parsed::default(), mistakes: Vec::new(), judged: None, noticed: None };
        let content = file.read();
        file.judge(&content);
        file
    }

    /// The keys in force.
    pub fn keys(&self) -> &[PublicKey] {
        &self.good.keys
    }
    /// Entries of the file that are for something else, and why.
    pub fn skipped(&self) -> &[String] {
        &self.good.skipped
    }
    /// What is wrong with the file as it is now; its last good keys are in force all the same.
    pub fn mistakes(&self) -> &[KeyMistake] {
        &self.mistakes
    }

    /// Looks whether the file has changed. Blocks on the file system: not for an async task.
    pub fn look(&mut self) -> Reloaded {
        let content = self.read();
        let print = print(&content);
        if self.judged == Some(print) {
            self.noticed = None;
            return Reloaded::Same;
        }
        if self.noticed != Some(print) {
            self.noticed = Some(print);
            return Reloaded::Same;
        }
        self.judge(&content)
    }

    fn judge(&mut self, content: &Result<Vec<u8>, KeyMistake>) -> Reloaded {
        self.judged = Some(print(content));
        self.noticed = None;
        let parsed = match content {
            Ok(text) if self.format == KeyFormat::Pem => parse_pem(text),
            Ok(text) => parse_jwks(text),
            Err(mistake) => Err(vec![mistake.clone()]),
        };
        match parsed {
            Ok(good) => {
                self.good = good;
                self.mistakes.clear();
                Reloaded::Taken
            }
            Err(mistakes) => {
                self.mistakes = mistakes;
                Reloaded::Refused
            }
        }
    }

    fn read(&self) -> Result<Vec<u8>, KeyMistake> {
        let mend = || format!("{} names it: give a file that the relay's user may read", self.format.setting());
        let failed = |error: std::io::Error| KeyMistake::whole(format!("it cannot be read: {error}"), mend());
        // Asked before it is opened: opening a pipe waits for a writer.
        if !std::fs::metadata(&self.path).map_err(failed)?.is_file() {
            return Err(KeyMistake::whole("it is no file", mend()));
        }
        let mut content = Vec::new();
        let file = std::fs::File::open(&self.path).map_err(failed)?;
        file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut content).map_err(failed)?;
        if content.len() > MAX_FILE_BYTES {
            return Err(KeyMistake::whole(
                format!("it is larger than {} KiB", MAX_FILE_BYTES / 1024),
                "a file of public keys is much smaller",
            ));
        }
        Ok(content)
    }
}

fn print(content: &Result<Vec<u8>, KeyMistake>) -> Print {
    let mut hash = Sha256::new();
    match content {
        Ok(text) => hash.update(text),
        // No file of keys begins with a zero byte.
        Err(mistake) => {
            hash.update([0]);
            hash.update(&mistake.problem);
        }
    }
    hash.finalize().into()
}
