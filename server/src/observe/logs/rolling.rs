//! A log file that begins anew each day (UTC) and at a size, and keeps its past by count and age.
//!
//! Why `rolling-file`: of the crates for this it alone rotates by day and size at once, gives errors back instead of
//! panicking (`file-rotate` expects and asserts) and takes the condition as a value; `tracing-appender` and `logroller` know
//! either time or size. It numbers its files, so its one old file is renamed here to the time of its end
//! (`relay.log.20260121-235959`, `.gz` where packed): names that stay, so that nothing that reads them loses its place.
//!
//! One relay for one file: lines of two would not mix within a line, but both would rotate. A file that is none (`/dev/stdout`,
//! a pipe) is written and never rotated.

use crate::observe::faults::fault;
use chrono::{DateTime, Days, Local, NaiveDate, TimeDelta, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use rolling_file::{RollingCondition, RollingFileAppender};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

/// A rotation that failed is tried again after this time.
const RETRY_AFTER: TimeDelta = TimeDelta::seconds(60);
const STAMP: &str = "%Y%m%d-%H%M%S";

/// What stays of the past.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keep {
    /// So many old files.
    pub(super) files: usize,
    /// So many days; 0: for ever.
    pub(super) days: u64,
    /// Whether they are packed by gzip.
    pub(super) packed: bool,
}

/// See the module.
pub(super) struct RollingFile {
    appender: RollingFileAppender<Due>,
    path: PathBuf,
    keep: Keep,
    now: fn() -> DateTime<Local>,
    tidying: Option<JoinHandle<()>>,
}

impl RollingFile {
    /// Opens the file, and makes its folder where there is none.
    pub(super) fn open(path: &Path, max_bytes: u64, daily: bool, keep: Keep) -> io::Result<Self> {
        Self::open_at(path, max_bytes, daily, keep, Local::now)
    }

    fn open_at(path: &Path, max_bytes: u64, daily: bool, keep: Keep, now: fn() -> DateTime<Local>) -> io::Result<Self> {
        make_folder(path)?;
        let today = now().to_utc().date_naive();
        // What a process before this one wrote yesterday is yesterday's.
        let before = fs::metadata(path).ok();
        let regular = before.as_ref().is_none_or(fs::Metadata::is_file);
        let day = before.and_then(|file| file.modified().ok()).map_or(today, |time| DateTime::<Utc>::from(time).date_naive());
        let due = Due { max_bytes, daily, day, regular, retry_at: None, rolled: false };
        // No buffer: a line is written when it is written, and what fails is that line and no other.
        let appender = RollingFileAppender::new_with_buffer_capacity(path, due, 1, 0)?;
        let mut file = Self { appender, path: path.to_owned(), keep, now, tidying: None };
        if regular {
            file.archive();
            file.tidy();
        }
        Ok(file)
    }

    /// Gives the file that was just ended its lasting name.
    fn archive(&mut self) {
        let ended = with_suffix(&self.path, ".1");
        if !ended.is_file() {
            return;
        }
        let stamp = (self.now)().to_utc().format(STAMP).to_string();
        // Two within a second: the letter keeps them in their order.
        let free = ('a'..='z').map(|letter| with_suffix(&self.path, &format!(".{stamp}{letter}")));
        let free = std::iter::once(with_suffix(&self.path, &format!(".{stamp}"))).chain(free);
        let name = free.into_iter().find(|name| !name.exists() && !with_suffix(name, ".gz").exists());
        match name.map(|name| fs::rename(&ended, name)) {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                fault!(warning, Io, file = %ended.display(), %error, "an old log file could not be renamed; the next rotation replaces it");
            }
            None => fault!(warning, Io, file = %ended.display(), "too many log files within a second; the next rotation replaces this one"),
        }
    }

    /// Packs and removes old files, beside the writing: packing takes seconds. Where the last time is not over, the next
    /// one does its work too.
    fn tidy(&mut self) {
        if self.tidying.as_ref().is_some_and(|tidying| !tidying.is_finished()) {
            return;
        }
        let (path, keep, now) = (self.path.clone(), self.keep, (self.now)().to_utc());
        let work = move || {
            if let Err(error) = tidy(&path, keep, now) {
                fault!(warning, Io, file = %path.display(), %error, "old log files could not be packed or removed");
            }
        };
        match std::thread::Builder::new().name("log-tidy".to_owned()).spawn(work) {
            Ok(thread) => self.tidying = Some(thread),
            Err(error) => fault!(warning, Io, %error, "old log files could not be packed or removed"),
        }
    }
}

impl Write for RollingFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let now = (self.now)();
        let written = self.appender.write_with_datetime(line, &now).or_else(|error| match error.kind() {
            // Somebody has removed the folder.
            io::ErrorKind::NotFound => {
                make_folder(&self.path)?;
                self.appender.write_with_datetime(line, &now)
            }
            _ => Err(error),
        });
        if std::mem::take(&mut self.appender.condition_mut().rolled) && with_suffix(&self.path, ".1").is_file() {
            self.appender.condition_mut().handle_success(&now);
            self.archive();
            self.tidy();
        }
        written
    }
    fn flush(&mut self) -> io::Result<()> {
        self.appender.flush()
    }
}

impl Drop for RollingFile {
    fn drop(&mut self) {
        // What is half packed would be packed again at the next start.
        if let Some(tidying) = self.tidying.take()
            && tidying.join().is_err()
        {
            fault!(error, Internal, file = %self.path.display(), "the thread that packs old log files has panicked");
        }
    }
}

/// When to begin a new file.
struct Due {
    max_bytes: u64,
    daily: bool,
    /// The day of what is in the file.
    day: NaiveDate,
    regular: bool,
    retry_at: Option<DateTime<Utc>>,
    rolled: bool,
}

impl Due {
    fn handle_success(&mut self, now: &DateTime<Local>) {
        self.retry_at = None;
        self.day = now.to_utc().date_naive();
    }
}

impl RollingCondition for Due {
    fn should_rollover(&mut self, now: &DateTime<Local>, bytes: u64) -> bool {
        let now = now.to_utc();
        let today = now.date_naive();
        if !self.regular || bytes == 0 || !((self.daily && today != self.day) || bytes >= self.max_bytes) {
            self.day = today;
            return false;
        }
        if self.retry_at.is_some_and(|at| now < at) {
            return false;
        }
        self.retry_at = now.checked_add_signed(RETRY_AFTER);
        self.rolled = true;
        true
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => fs::create_dir_all(folder),
        _ => Ok(()),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Removes what is beyond count and age, packs the rest where wanted. Touches only names that [`RollingFile::archive`] gives.
fn tidy(path: &Path, keep: Keep, now: DateTime<Utc>) -> io::Result<()> {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { return Ok(()) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut archives = Vec::new();
    for entry in fs::read_dir(folder)? {
        let file = entry?.file_name().to_string_lossy().into_owned();
        let Some(rest) = file.strip_prefix(&name).and_then(|rest| rest.strip_prefix('.')) else { continue };
        let stamp = rest.trim_end_matches(".part").trim_end_matches(".gz");
        if !is_stamp(stamp) {
            continue;
        }
        if rest.ends_with(".part") {
            // Begun by a process that was killed; what it packed is still there.
            fs::remove_file(folder.join(&file))?;
            continue;
        }
        archives.push((stamp.to_owned(), folder.join(&file)));
    }
    // The newest first: the time is in the name.
    archives.sort_by(|one, other| other.0.cmp(&one.0));
    let oldest = (keep.days > 0).then(|| now.checked_sub_days(Days::new(keep.days))).flatten().map(|time| time.format(STAMP).to_string());
    for (place, (stamp, file)) in archives.iter().enumerate() {
        if place >= keep.files || oldest.as_ref().is_some_and(|oldest| stamp < oldest) {
            fs::remove_file(file)?;
        } else if keep.packed && file.extension().is_none_or(|extension| extension != "gz") {
            pack(file)?;
        }
    }
    Ok(())
}

/// `20260121-235959`, perhaps with a letter.
fn is_stamp(text: &str) -> bool {
    let digits = text.strip_suffix(|last: char| last.is_ascii_lowercase()).unwrap_or(text);
    digits.len() == 15 && digits.bytes().enumerate().all(|(place, byte)| if place == 8 { byte == b'-' } else { byte.is_ascii_digit() })
}

fn pack(file: &Path) -> io::Result<()> {
    let (packed, part) = (with_suffix(file, ".gz"), with_suffix(file, ".gz.part"));
    let mut encoder = GzEncoder::new(File::create(&part)?, Compression::default());
    let written = io::copy(&mut File::open(file)?, &mut encoder).and_then(|_| encoder.finish()).and_then(|part| part.sync_all());
    if let Err(error) = written {
        // A full disk: the file stays as it is, and half a copy of it would only make it fuller.
        fs::remove_file(&part)?;
        return Err(error);
    }
    fs::rename(&part, &packed)?;
    fs::remove_file(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;
    use std::cell::Cell;
    use std::io::Read as _;
    use std::sync::atomic::{AtomicU32, Ordering};

    thread_local! {
        static NOW: Cell<DateTime<Local>> = Cell::new(Local::now());
    }
    fn at(day: u32, hour: u32, second: u32) {
        NOW.set(Utc.with_ymd_and_hms(2100, 1, day, hour, 0, second).unwrap().with_timezone(&Local));
    }
    fn now() -> DateTime<Local> {
        NOW.get()
    }

    struct Folder(PathBuf);
    impl Folder {
        fn new() -> Self {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            Self(std::env::temp_dir().join(format!("pulsewire-log-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))))
        }
        fn log(&self) -> PathBuf {
            self.0.join("relay.log")
        }
        fn names(&self) -> Vec<String> {
            let mut names: Vec<_> = fs::read_dir(&self.0).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
        fn text(&self, name: &str) -> String {
            fs::read_to_string(self.0.join(name)).unwrap()
        }
    }
    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const PLAIN: Keep = Keep { files: 100, days: 0, packed: false };

    impl RollingFile {
        /// Writes a line, and waits until what it set off is done.
        fn line(&mut self, text: &str) {
            self.write_all(format!("{text}\n").as_bytes()).unwrap();
            if let Some(tidying) = self.tidying.take() {
                tidying.join().unwrap();
            }
        }
    }

    #[test]
    fn a_new_file_begins_with_each_day_and_at_the_size() {
        let folder = Folder::new();
        at(1, 10, 0);
        let mut log = RollingFile::open_at(&folder.log(), 20, true, PLAIN, now).unwrap();
        log.line("first of the first day");
        at(1, 11, 0);
        log.line("beyond the size");
        at(2, 0, 1);
        log.line("next day");
        assert_eq!(folder.names(), ["relay.log", "relay.log.21000101-110000", "relay.log.21000102-000001"]);
        assert_eq!(folder.text("relay.log.21000101-110000"), "first of the first day\n");
        assert_eq!(folder.text("relay.log.21000102-000001"), "beyond the size\n");
        assert_eq!(folder.text("relay.log"), "next day\n");
    }

    #[test]
    fn a_restart_goes_on_in_todays_file_and_ends_yesterdays() {
        let folder = Folder::new();
        NOW.set(Local::now());
        RollingFile::open_at(&folder.log(), 1_000, true, PLAIN, now).unwrap().line("before");
        RollingFile::open_at(&folder.log(), 1_000, true, PLAIN, now).unwrap().line("after");
        assert_eq!(folder.text("relay.log"), "before\nafter\n");
        NOW.set(Local::now() + TimeDelta::days(1));
        RollingFile::open_at(&folder.log(), 1_000, true, PLAIN, now).unwrap().line("tomorrow");
        assert_eq!(folder.text("relay.log"), "tomorrow\n");
        assert_eq!(folder.names().len(), 2);
    }

    #[test]
    fn old_files_go_by_count_and_by_age_and_nothing_else_is_touched() {
        let folder = Folder::new();
        at(1, 0, 0);
        let keep = Keep { files: 3, days: 0, packed: false };
        let mut log = RollingFile::open_at(&folder.log(), 1, true, keep, now).unwrap();
        for foreign in ["relay.log.bak", "relay.log.1999", "other.log.21000101-000000", "relay.log.21000101-000000.zip"] {
            fs::write(folder.0.join(foreign), "mine").unwrap();
        }
        for hour in 0..6 {
            at(1, hour, 0);
            log.line("x");
        }
        let kept =
            |folder: &Folder| folder.names().into_iter().filter(|name| is_stamp(name.trim_start_matches("relay.log."))).collect::<Vec<_>>();
        assert_eq!(kept(&folder), ["relay.log.21000101-030000", "relay.log.21000101-040000", "relay.log.21000101-050000"]);
        drop(log);
        at(9, 4, 30);
        let keep = Keep { files: 100, days: 8, packed: false };
        drop(RollingFile::open_at(&folder.log(), 1, true, keep, now).unwrap());
        assert_eq!(kept(&folder), ["relay.log.21000101-050000"], "what is eight days old went");
        assert_eq!(folder.names().len(), 4 + 2, "{:?}", folder.names());
    }

    #[test]
    fn old_files_are_packed_and_a_half_packed_one_is_packed_again() {
        let folder = Folder::new();
        at(1, 0, 0);
        let mut log = RollingFile::open_at(&folder.log(), 1, true, Keep { packed: true, ..PLAIN }, now).unwrap();
        fs::write(folder.0.join("relay.log.21000101-000000.gz.part"), "half").unwrap();
        log.line("first");
        log.line("second");
        log.line("third");
        assert_eq!(folder.names(), ["relay.log", "relay.log.21000101-000000.gz", "relay.log.21000101-000000a.gz"]);
        let mut text = String::new();
        let packed = File::open(folder.0.join("relay.log.21000101-000000a.gz")).unwrap();
        flate2::read::GzDecoder::new(packed).read_to_string(&mut text).unwrap();
        assert_eq!(text, "second\n");
    }

    #[test]
    fn a_folder_that_vanishes_is_made_again() {
        let folder = Folder::new();
        at(1, 0, 0);
        let mut log = RollingFile::open_at(&folder.log(), 1, true, PLAIN, now).unwrap();
        log.line("lost with its folder");
        fs::remove_dir_all(&folder.0).unwrap();
        log.line("written");
        assert_eq!(folder.text("relay.log"), "written\n");
    }

    #[test]
    fn what_is_no_regular_file_is_never_renamed() {
        let mut log = RollingFile::open(Path::new("/dev/full"), 1, true, PLAIN).unwrap();
        assert_eq!(log.write(b"x\n").unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(Path::new("/dev/full").exists() && !Path::new("/dev/full.1").exists());
    }
}
