//! A panic is a defect: its line in the log says where and by which way ([`std::backtrace`]), in the log's own format.
//!
//! The relay goes on: a request or a session that panics ends alone, and what waits for it is told.

use crate::observe::faults::fault;
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::panic::PanicHookInfo;

/// Longer texts of a panic are cut.
const MAX_REASON_CHARS: usize = 300;

thread_local! {
    /// A panic within the writing of a panic would end the process.
    static TELLING: Cell<bool> = const { Cell::new(false) };
}

/// From now on, for the whole process.
pub(super) fn tell_in_the_log() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if TELLING.replace(true) {
            return before(panic);
        }
        tell(panic);
        TELLING.set(false);
    }));
}

fn tell(panic: &PanicHookInfo<'_>) {
    let reason: String = panic.payload_as_str().unwrap_or("no reason given").chars().take(MAX_REASON_CHARS).collect();
    let at = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
    let backtrace = Backtrace::force_capture().to_string();
    fault!(critical, Internal, reason, at, thread, backtrace, "panic");
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;
    use std::sync::Arc;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_panic_is_one_critical_line_with_its_place_and_its_backtrace() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone()).finish();
        let before = std::panic::take_hook();
        tell_in_the_log();
        let ended = tracing::subscriber::with_default(subscriber, || std::panic::catch_unwind(|| panic!("what\nhappened")));
        std::panic::set_hook(before);
        assert!(ended.is_err());
        let text = String::from_utf8(lines.0.lock().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (line["category"].as_str(), line["severity"].as_str(), line["level"].as_str()),
            (Some("internal"), Some("critical"), Some("ERROR"))
        );
        assert_eq!(line["reason"], "what\nhappened");
        assert!(line["at"].as_str().unwrap().contains("panics.rs"), "{line}");
        assert!(line["backtrace"].as_str().unwrap().contains("a_panic_is_one_critical_line"), "{line}");
    }
}
