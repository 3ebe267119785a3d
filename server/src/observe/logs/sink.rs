//! Where lines go: a bounded queue, a thread that writes, and counts of what was lost on either side.
//!
//! Why the escapes: `tracing-subscriber` writes a text given with `%` as it is, so a user's name with a line break in it
//! could forge a line. Each event reaches this place as one write, so what is a control character in it came from a text.

use crate::observe::faults::fault;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::MakeWriter;

/// So many lines may wait. A line has some hundred bytes: a few megabytes while a disk is away.
const QUEUED_LINES: usize = 16_384;
/// A sink that cannot be written is told once in this time.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// What was lost on the way to one place.
pub(super) struct Losses {
    name: &'static str,
    /// Lines that could not be written.
    failed: AtomicU64,
    /// Lines that found the queue full.
    dropped: OnceLock<ErrorCounter>,
}

impl Losses {
    const fn new(name: &'static str) -> Self {
        Self { name, failed: AtomicU64::new(0), dropped: OnceLock::new() }
    }
    fn dropped(&self) -> u64 {
        self.dropped.get().map_or(0, |counter| counter.dropped_lines() as u64)
    }
}

/// Of the process, as the log is.
pub(super) static STDERR: Losses = Losses::new("stderr");
pub(super) static FILE: Losses = Losses::new("file");
pub(super) static AUDIT: Losses = Losses::new("audit");

/// How many lines were lost on the way to each place.
pub(in crate::observe) fn lost_lines() -> [(&'static str, u64); 3] {
    [&STDERR, &FILE, &AUDIT].map(|losses| (losses.name, losses.failed.load(Ordering::Relaxed).saturating_add(losses.dropped())))
}

/// The near end of the queue.
#[derive(Clone)]
pub(super) struct Sink {
    queue: NonBlocking,
    /// A terminal's colours are escapes too; what a text brings of them `tracing-subscriber` has escaped.
    colours: bool,
}

impl Sink {
    /// Starts the thread that writes to `place`.
    pub(super) fn start(place: impl Write + Send + 'static, losses: &'static Losses, colours: bool) -> (Self, WorkerGuard) {
        let far = Far { place, losses, lost: 0, dropped: 0, told: None, half: false };
        let builder = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(QUEUED_LINES).thread_name("log");
        let (queue, guard) = builder.finish(far);
        // Set once in a process: a second start changes nothing.
        let _ = losses.dropped.set(queue.error_counter());
        (Self { queue, colours }, guard)
    }
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for Sink {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.queue.write_all(&one_line(event, self.colours))?;
        Ok(event.len())
    }
    fn write_all(&mut self, event: &[u8]) -> io::Result<()> {
        self.write(event).map(drop)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The event with every control character but its own end as `\u000a`, which JSON reads too: what looks like a line is a line.
fn one_line(event: &[u8], colours: bool) -> Cow<'_, [u8]> {
    let (text, end) = match event.strip_suffix(b"\n") {
        Some(text) => (text, "\n"),
        None => (event, ""),
    };
    // C1 controls and the line separators of Unicode begin with these two bytes.
    let suspect = |byte: &u8| byte.is_ascii_control() || matches!(byte, 0xc2 | 0xe2);
    if !text.iter().any(suspect) {
        return Cow::Borrowed(event);
    }
    let mut line = String::with_capacity(event.len() + 16);
    for character in String::from_utf8_lossy(text).chars() {
        let escape = (character.is_control() && !(colours && character == '\u{1b}')) || matches!(character, '\u{2028}' | '\u{2029}');
        if escape {
            // Writing into a string cannot fail.
            let _ = write!(line, "\\u{:04x}", u32::from(character));
        } else {
            line.push(character);
        }
    }
    line.push_str(end);
    Cow::Owned(line.into_bytes())
}

/// The far end: writes, and never fails, because an error would end nothing and be told to nobody.
struct Far<W> {
    place: W,
    losses: &'static Losses,
    /// Lost since the last line that could be written.
    lost: u64,
    /// What the queue had dropped when it was last told.
    dropped: u64,
    told: Option<Instant>,
    /// A line was cut off in its middle: the next one begins on a new line.
    half: bool,
}

impl<W: Write> Far<W> {
    fn try_write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.half {
            self.place.write_all(b"\n")?;
            self.half = false;
        }
        self.place.write_all(line)
    }

    fn handle_failure(&mut self, error: &io::Error) {
        self.half = true;
        self.lost += 1;
        self.losses.failed.fetch_add(1, Ordering::Relaxed);
        if self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            self.told = Some(Instant::now());
            // Goes to the other places; to this one it is one more line that is lost.
            fault!(error, Io, sink = self.losses.name, %error, "the log cannot be written: its lines are lost until it can");
        }
    }

    fn tell_losses(&mut self) {
        let dropped = self.losses.dropped();
        let missed = dropped.saturating_sub(self.dropped);
        if self.lost > 0 || missed > 0 {
            let (failed, sink) = (self.lost, self.losses.name);
            (self.lost, self.dropped, self.told) = (0, dropped, None);
            fault!(warning, Io, sink, failed, dropped = missed, "lines of the log were lost here");
        }
    }
}

impl<W: Write> Write for Far<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.try_write(line) {
            Ok(()) => self.tell_losses(),
            Err(error) => self.handle_failure(&error),
        }
        Ok(line.len())
    }
    fn write_all(&mut self, line: &[u8]) -> io::Result<()> {
        self.write(line).map(drop)
    }
    fn flush(&mut self) -> io::Result<()> {
        if let Err(error) = self.place.flush() {
            self.handle_failure(&error);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;
    use std::sync::Arc;

    /// A disk that can be full.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<(Vec<u8>, bool)>>);
    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut disk = self.0.lock();
            if !disk.1 {
                disk.0.extend_from_slice(bytes);
                return Ok(bytes.len());
            }
            // The last free byte is taken, then there is none.
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_event_is_one_line_whatever_its_texts_hold() {
        let forged = "user=x\n2026-01-01 INFO relay: admin signed in\r\u{85}\u{2028}\u{9b}31m\u{0}\u{1b}[2J\tend\n";
        let line = String::from_utf8(one_line(forged.as_bytes(), false).into_owned()).unwrap();
        assert_eq!(line.chars().filter(|c| c.is_control()).collect::<String>(), "\n", "{line}");
        assert!(!line.contains('\u{2028}') && line.ends_with("end\n") && line.contains("x\\u000a2026"), "{line}");
        for plain in ["a line\n", "größer als früher — 雨\n", "no end"] {
            assert_eq!(one_line(plain.as_bytes(), false), plain.as_bytes());
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_two_lines_of_one(bytes: Vec<u8>, colours: bool) {
            let line = one_line(&bytes, colours).into_owned();
            let text = String::from_utf8_lossy(&line).into_owned();
            let text = text.strip_suffix('\n').unwrap_or(&text);
            assert!(text.chars().all(|c| !c.is_control() || (colours && c == '\u{1b}')), "{text:?}");
        }
    }

    #[test]
    fn what_a_full_disk_loses_is_counted_and_the_next_line_begins_afresh() {
        static LOSSES: Losses = Losses::new("test");
        let disk = Disk::default();
        let mut far = Far { place: disk.clone(), losses: &LOSSES, lost: 0, dropped: 0, told: None, half: false };
        far.write_all(b"first\n").unwrap();
        disk.0.lock().1 = true;
        for _ in 0..3 {
            far.write_all(b"lost\n").unwrap();
        }
        assert_eq!(LOSSES.failed.load(Ordering::Relaxed), 3);
        disk.0.lock().1 = false;
        far.write_all(b"second\n").unwrap();
        assert_eq!(String::from_utf8_lossy(&disk.0.lock().0), "first\n\nsecond\n");
        assert_eq!(far.lost, 0, "told");
    }

    #[test]
    fn a_place_that_stalls_holds_nobody_up_and_what_finds_no_room_is_counted() {
        static LOSSES: Losses = Losses::new("stalled");
        let disk = Disk::default();
        let held = disk.0.clone();
        let holding = held.lock();
        let (mut sink, guard) = Sink::start(disk.clone(), &LOSSES, false);
        for number in 0..QUEUED_LINES + 100 {
            sink.write_all(format!("line {number}\n").as_bytes()).unwrap();
        }
        // One may be in the writer's hand already.
        assert!((99..=100).contains(&LOSSES.dropped()), "{}", LOSSES.dropped());
        drop(holding);
        drop(guard);
        let written = held.lock().0.iter().filter(|byte| **byte == b'\n').count() as u64;
        assert_eq!(written + LOSSES.dropped(), QUEUED_LINES as u64 + 100);
    }
}
