//! Backup of a store that may be in use, restoring one that is not, and looking whether a file is sound.
//!
//! A backup is one step of SQLite's online backup: it reads one moment of the file while the relay goes on writing, and gives a
//! file of its own without a log beside it. A restore takes the relay's lock, so it never happens under a running one.

use super::migrations;
use super::open::{FILE, OpenError, lock};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often, and how long apart, a file that another program holds is tried again.
const TRIES: u32 = 20;
const BETWEEN_TRIES: Duration = Duration::from_millis(250);

/// A copy that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The new file.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Where the store that it took the place of is now.
    pub replaced: Option<PathBuf>,
}

/// Copies the store of that folder, which may be in use, into a new file.
pub fn backup(folder: &Path, target: &Path) -> Result<Copied, OpenError> {
    let source = folder.join(FILE);
    if !source.is_file() {
        return Err(OpenError(format!("{}: there is no store yet: a relay with this data_dir makes it", source.display())));
    }
    if target.exists() {
        return Err(OpenError(format!("{}: is there already: name a new file", target.display())));
    }
    let part = beside(target, "part");
    copy(&source, &part)?;
    let put = check(&part).and_then(|()| std::fs::rename(&part, target).map_err(|error| cannot(target, &error)));
    if let Err(error) = put {
        return Err(without(&part, error));
    }
    sync_folder(target)?;
    Ok(Copied { bytes: size(target)?, file: target.to_owned(), replaced: None })
}

/// Puts a backup in the place of that folder's store, which is kept beside it as `pulsewire.db.replaced`. Nothing is changed where
/// the backup is not sound or a relay uses the folder.
pub fn restore(from: &Path, folder: &Path) -> Result<Copied, OpenError> {
    check(from)?;
    let _lock = lock(folder)?;
    let (file, new) = (folder.join(FILE), folder.join(format!("{FILE}.new")));
    copy(from, &new)?;
    if let Err(error) = check(&new) {
        return Err(without(&new, error));
    }
    let replaced = put_aside(&file)?;
    // In one move: there is never a folder without a store.
    std::fs::rename(&new, &file).map_err(|error| cannot(&file, &error))?;
    sync_folder(&file)?;
    Ok(Copied { bytes: size(&file)?, file, replaced })
}

/// Whether the file is a store that this version can open, and sound throughout; reads all of it.
pub fn check(file: &Path) -> Result<(), OpenError> {
    let shown = file.display();
    let broken = |error: &dyn std::fmt::Display| OpenError(format!("{shown}: is damaged, or no store of a relay: {error}"));
    if !file.is_file() {
        return Err(OpenError(format!("{shown}: there is no such file")));
    }
    let reader = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|error| broken(&error))?;
    reader.busy_timeout(BETWEEN_TRIES * TRIES).map_err(|error| broken(&error))?;
    let version: i64 = reader.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(|error| broken(&error))?;
    if version < 1 {
        return Err(broken(&"it has no version of a store"));
    }
    if version > migrations::count() {
        return Err(OpenError(format!("{shown}: was written by a newer version of the relay")));
    }
    let found: String = reader.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(|error| broken(&error))?;
    if found == "ok" { Ok(()) } else { Err(broken(&found)) }
}

fn copy(from: &Path, to: &Path) -> Result<(), OpenError> {
    let failed = |error: &dyn std::fmt::Display| OpenError(format!("{}: cannot be copied to {}: {error}", from.display(), to.display()));
    // What an earlier try has left.
    if to.exists() {
        std::fs::remove_file(to).map_err(|error| failed(&error))?;
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(|error| failed(&error))?;
    let copied = copy_pages(from, to).map_err(|error| failed(&error)).and_then(|whole| {
        let file = File::open(to).and_then(|file| file.sync_all());
        file.map_err(|error| failed(&error))?;
        if whole { Ok(()) } else { Err(failed(&"another program holds the file")) }
    });
    copied.map_err(|error| without(to, error))
}

fn copy_pages(from: &Path, to: &Path) -> rusqlite::Result<bool> {
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .or_else(|_| Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY))?;
    let mut target = Connection::open(to)?;
    let whole = {
        let backup = Backup::new(&source, &mut target)?;
        let mut tries = 0;
        loop {
            // All pages at once: one that is done in parts begins anew with each write of the relay.
            match backup.step(-1)? {
                StepResult::Done => break true,
                _ if tries == TRIES => break false,
                _ => {
                    tries += 1;
                    std::thread::sleep(BETWEEN_TRIES);
                }
            }
        }
    };
    // One file alone: no log beside it that could be forgotten.
    target.pragma_update(None, "journal_mode", "DELETE")?;
    target.close().map_err(|(_, error)| error)?;
    Ok(whole)
}

/// Keeps the store that is there under another name, log included.
fn put_aside(file: &Path) -> Result<Option<PathBuf>, OpenError> {
    if !file.exists() {
        return Ok(None);
    }
    let aside = beside(file, "replaced");
    for old in [aside.clone(), log_of(&aside)] {
        if old.exists() {
            std::fs::remove_file(&old).map_err(|error| cannot(&old, &error))?;
        }
    }
    // A log that stayed would be taken for that of the new file. A sound store takes its log in; that of a damaged one, which cannot,
    // moves aside with it.
    if let Err(error) = Connection::open(file).and_then(|old| old.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))) {
        tracing::debug!(target: "pulsewire_relay::store", %error, "the log of the store that is replaced stays beside it");
    }
    for name in [log_of(file), PathBuf::from(format!("{}-shm", file.display()))] {
        if name.exists() {
            let to = if name == log_of(file) { log_of(&aside) } else { beside(&name, "replaced") };
            std::fs::rename(&name, to).map_err(|error| cannot(&name, &error))?;
        }
    }
    std::fs::hard_link(file, &aside).map_err(|error| cannot(&aside, &error))?;
    Ok(Some(aside))
}

fn log_of(file: &Path) -> PathBuf {
    PathBuf::from(format!("{}-wal", file.display()))
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}.{ending}", file.display()))
}

fn size(file: &Path) -> Result<u64, OpenError> {
    std::fs::metadata(file).map(|data| data.len()).map_err(|error| cannot(file, &error))
}

/// The name is on the disk, too.
fn sync_folder(file: &Path) -> Result<(), OpenError> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| cannot(folder, &error))
}

fn cannot(file: &Path, error: &dyn std::fmt::Display) -> OpenError {
    OpenError(format!("{}: {error}", file.display()))
}

/// The error, and nothing left behind.
fn without(part: &Path, error: OpenError) -> OpenError {
    match std::fs::remove_file(part) {
        Ok(()) => error,
        Err(left) if left.kind() == std::io::ErrorKind::NotFound => error,
        Err(left) => OpenError(format!("{error}; {} is left: {left}", part.display())),
    }
}
