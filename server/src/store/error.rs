//! What can go wrong in the store, and what of it a caller is told.
//!
//! Two kinds that must not be mixed up: what the caller did wrong ([`StoreError::Refused`], told as it is), and what the store
//! cannot do now ([`StoreError::Unavailable`]: nothing was kept, the same request may succeed later). What remains is a defect.

use crate::relay::Refusal;
use pulsewire_protocol::{ErrorBody, ErrorCode};
use rusqlite::ErrorCode as Sqlite;
use std::fmt;

/// When to try again what the store could not keep.
const RETRY_AFTER_MS: u64 = 2_000;

/// Why the store cannot serve now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// The disk, or the room that the file may take.
    Full,
    /// Another process holds the file.
    Locked,
    /// The file is damaged, or no database.
    Corrupt,
    /// The file or its folder cannot be written.
    ReadOnly,
    /// The disk fails.
    Io,
    /// More requests wait than may.
    Overloaded,
    /// The store was closed: the relay goes down.
    Closed,
}

impl Trouble {
    /// Every value.
    pub const ALL: [Self; 7] = [Self::Full, Self::Locked, Self::Corrupt, Self::ReadOnly, Self::Io, Self::Overloaded, Self::Closed];
    /// The word in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Locked => "locked",
            Self::Corrupt => "corrupt",
            Self::ReadOnly => "read_only",
            Self::Io => "io",
            Self::Overloaded => "overloaded",
            Self::Closed => "closed",
        }
    }
    const fn reason(self) -> &'static str {
        match self {
            Self::Full => "its disk is full",
            Self::Locked => "its file is locked by another program",
            Self::Corrupt => "its file is damaged",
            Self::ReadOnly => "its file cannot be written",
            Self::Io => "its disk fails",
            Self::Overloaded => "too much waits for it already",
            Self::Closed => "this relay is going down",
        }
    }
}

/// Why a read or a write failed. A write that failed has kept nothing.
#[derive(Clone, Debug)]
pub enum StoreError {
    /// The caller's mistake: told as it is.
    Refused(Box<Refusal>),
    /// The store cannot serve now.
    Unavailable {
        /// Why.
        trouble: Trouble,
        /// In the words of SQLite; for the log.
        detail: String,
    },
    /// A defect of the relay: SQL that makes no sense, a rule of the schema that was broken, a panic.
    Internal {
        /// For the log.
        detail: String,
    },
}

impl StoreError {
    /// The store cannot serve.
    pub fn unavailable(trouble: Trouble, detail: impl Into<String>) -> Self {
        Self::Unavailable { trouble, detail: detail.into() }
    }
    /// A defect.
    pub fn internal(detail: impl Into<String>) -> Self {
        Self::Internal { detail: detail.into() }
    }
    /// There is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        ErrorBody::new(ErrorCode::NotFound, message).into()
    }
    /// The word in the metrics.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Unavailable { trouble, .. } => trouble.as_str(),
            Self::Internal { .. } => "internal",
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "refused: {}", refusal.body.message),
            Self::Unavailable { trouble, detail } => write!(f, "{}: {detail}", trouble.as_str()),
            Self::Internal { detail } => f.write_str(detail),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<Refusal> for StoreError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl From<ErrorBody> for StoreError {
    fn from(body: ErrorBody) -> Self {
        Refusal::from(body).into()
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let trouble = match error.sqlite_error_code() {
            Some(Sqlite::DiskFull) => Trouble::Full,
            Some(Sqlite::DatabaseBusy | Sqlite::DatabaseLocked | Sqlite::FileLockingProtocolFailed) => Trouble::Locked,
            Some(Sqlite::DatabaseCorrupt | Sqlite::NotADatabase) => Trouble::Corrupt,
            Some(Sqlite::ReadOnly | Sqlite::PermissionDenied) => Trouble::ReadOnly,
            Some(Sqlite::SystemIoFailure | Sqlite::CannotOpen | Sqlite::OutOfMemory) => Trouble::Io,
            _ => return Self::internal(error.to_string()),
        };
        Self::unavailable(trouble, error.to_string())
    }
}

/// A stored JSON text that cannot be read, or a value that cannot be written.
impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(error.to_string())
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refusal) => *refusal,
            StoreError::Unavailable { trouble, .. } => {
                let message = format!("the store cannot do it now: {}; nothing was kept, try again", trouble.reason());
                ErrorBody::retryable(ErrorCode::Unavailable, message, Some(RETRY_AFTER_MS)).into()
            }
            StoreError::Internal { .. } => {
                ErrorBody::new(ErrorCode::Internal, "a defect of the store; the relay's log has the details").into()
            }
        }
    }
}
