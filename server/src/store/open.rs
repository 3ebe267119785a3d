//! Opening the file: its folder, its lock, its settings, its schema.
//!
//! `journal_mode=WAL`: readers do not wait for the writer. `synchronous=FULL`: what was answered is on the disk, also where the
//! power goes; one sync serves everything that waits (see `writer`), so it costs milliseconds of waiting and not throughput.
//!
//! A lock file beside the database keeps a second relay out: two of them would each miss what the other tells. The operating
//! system takes the lock back when the process ends, however it ends.

use super::error::{StoreError, Trouble};
use super::migrations;
use rusqlite::{Connection, OpenFlags};
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The database in the data folder.
pub const FILE: &str = "pulsewire.db";
/// What holds a second relay off.
pub const LOCK_FILE: &str = "pulsewire.lock";
/// How long a program that holds the file (a backup, a shell) is waited for.
const BUSY: Duration = Duration::from_secs(2);
/// What a database in memory may take.
const MEMORY_BYTES: i64 = 256 * 1024 * 1024;

/// Where a store lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this folder, which is made where it is missing.
    Folder(PathBuf),
    /// In memory: gone with the relay.
    Memory,
}

/// Why a store could not be opened, and how to mend it.
#[derive(Debug)]
pub struct OpenError(pub String);

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OpenError {}

impl From<OpenError> for std::io::Error {
    fn from(error: OpenError) -> Self {
        Self::other(error.0)
    }
}

/// What an open store holds of its place.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) writer: Connection,
    /// Absent in memory: there is one connection only.
    pub(super) file: Option<PathBuf>,
    /// Held as long as the store is open.
    pub(super) lock: Option<File>,
}

pub(super) fn open(place: &Place) -> Result<Opened, OpenError> {
    match place {
        Place::Memory => {
            let writer = Connection::open_in_memory().map_err(|error| OpenError(format!("no database in memory: {error}")))?;
            let opened = settings(&writer, MEMORY_BYTES).map(|()| writer);
            let mut writer = opened.map_err(|error| OpenError(format!("no database in memory: {error}")))?;
            migrate(&mut writer, "the database in memory")?;
            Ok(Opened { writer, file: None, lock: None })
        }
        Place::Folder(folder) => {
            let lock = lock(folder)?;
            let file = folder.join(FILE);
            let writer = in_file(&file)?;
            Ok(Opened { writer, file: Some(file), lock: Some(lock) })
        }
    }
}

/// Takes the folder for this process.
pub fn lock(folder: &Path) -> Result<File, OpenError> {
    let shown = folder.display();
    std::fs::create_dir_all(folder)
        .map_err(|error| OpenError(format!("data_dir {shown}: cannot be made: {error}: make it, owned by the relay's user")))?;
    let path = folder.join(LOCK_FILE);
    let cannot = |error| OpenError(format!("data_dir {shown}: cannot be written: {error}: let the relay's user write there"));
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(OpenError(format!("data_dir {shown}: another relay uses it: stop that one, or give each its own data_dir")))
        }
        Err(TryLockError::Error(error)) => {
            Err(OpenError(format!("data_dir {shown}: cannot be locked: {error}: take a folder on a local disk")))
        }
    }
}

fn in_file(file: &Path) -> Result<Connection, OpenError> {
    let shown = file.display();
    // It holds what patients' names stand in: nobody else reads it. SQLite gives the files beside it the same rights.
    let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(file);
    made.map_err(|error| OpenError(format!("{shown}: cannot be opened: {error}: let the relay's user read and write it")))?;
    let opened = connect(file).and_then(|writer| {
        writer.pragma_update(None, "journal_mode", "WAL")?;
        Ok(writer)
    });
    let mut writer = opened.map_err(|error| told(file, &error.into()))?;
    migrate(&mut writer, &shown.to_string())?;
    Ok(writer)
}

/// A connection of a reader.
pub(super) fn reader(file: &Path) -> rusqlite::Result<Connection> {
    let reader = connect(file)?;
    reader.pragma_update(None, "query_only", true)?;
    Ok(reader)
}

fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    settings(&connection, 0)?;
    Ok(connection)
}

fn settings(connection: &Connection, max_bytes: i64) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(128);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // What a burst has let grow is given back at the next checkpoint.
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    if max_bytes > 0 {
        let page_bytes: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        connection.pragma_update(None, "max_page_count", max_bytes / page_bytes.max(1))?;
    }
    Ok(())
}

fn migrate(writer: &mut Connection, shown: &str) -> Result<(), OpenError> {
    migrations::ALL.to_latest(writer).map_err(|error| match error {
        rusqlite_migration::Error::MigrationDefinition(rusqlite_migration::MigrationDefinitionError::DatabaseTooFarAhead) => {
            OpenError(format!("{shown}: was written by a newer version of the relay: start that one, or restore a backup of this one"))
        }
        rusqlite_migration::Error::RusqliteError { err, .. } => told(Path::new(shown), &err.into()),
        other => OpenError(format!("{shown}: its schema cannot be brought up to date: {other}")),
    })
}

fn told(file: &Path, error: &StoreError) -> OpenError {
    let shown = file.display();
    let mend = match error {
        StoreError::Unavailable { trouble: Trouble::Corrupt, .. } => {
            "it is damaged or no database: restore a backup (`pulsewire-relay restore`), or move it away"
        }
        StoreError::Unavailable { trouble: Trouble::Locked, .. } => "another program holds it: close that one",
        StoreError::Unavailable { trouble: Trouble::Full, .. } => "make room on its disk",
        StoreError::Unavailable { trouble: Trouble::ReadOnly, .. } => "let the relay's user write it",
        _ => "look at its disk",
    };
    OpenError(format!("{shown}: cannot be opened: {error}: {mend}"))
}
