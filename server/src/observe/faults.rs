//! Faults: what goes wrong in the relay or around it, each told in one line of the log with `category` and `severity`, and
//! counted by both (`pulsewire_faults_total`).
//!
//! What clients do wrong is no fault of the relay: it is refused, and counted where it is refused. A panic is one of
//! [`Category::Internal`], critical, with its backtrace.

use super::words::words;
use std::sync::atomic::{AtomicU64, Ordering};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

words! {
    /// Where to look for the cause.
    pub enum Category {
        /// Tokens, keys, rights.
        Auth = "auth",
        /// What came over the wire, or had to go over it.
        Protocol = "protocol",
        /// A limit of the relay's own: time, memory, counts.
        Limits = "limits",
        /// The store of history and positions.
        Broker = "broker",
        /// What is kept on the disk.
        Store = "store",
        /// Files and sockets.
        Io = "io",
        /// Replay and simulator.
        Feed = "feed",
        /// The machine: its clock, its bounds.
        System = "system",
        /// A defect of the relay.
        Internal = "internal",
    }
}

words! {
    /// How bad it is.
    pub enum Severity {
        /// It goes on by itself; worth a look.
        Warning = "warning",
        /// Something was not done.
        Error = "error",
        /// Wake somebody.
        Critical = "critical",
    }
}

/// Logs a fault: `fault!(error, Io, %error, "the file could not be read")`. The fields are those of `tracing`.
macro_rules! fault {
    (warning, $category:ident, $($line:tt)+) => {
        ::tracing::warn!(category = $crate::observe::Category::$category.as_str(), severity = "warning", $($line)+)
    };
    (error, $category:ident, $($line:tt)+) => {
        ::tracing::error!(category = $crate::observe::Category::$category.as_str(), severity = "error", $($line)+)
    };
    (critical, $category:ident, $($line:tt)+) => {
        ::tracing::error!(category = $crate::observe::Category::$category.as_str(), severity = "critical", $($line)+)
    };
}
pub(crate) use fault;

const CATEGORIES: usize = Category::ALL.len();
const SEVERITIES: usize = Severity::ALL.len();
/// Of the process, as the log is: by category, then by severity.
static COUNTS: [[AtomicU64; SEVERITIES]; CATEGORIES] = [const { [const { AtomicU64::new(0) }; SEVERITIES] }; CATEGORIES];

/// How often each kind of fault came in this process.
pub(super) fn counts() -> impl Iterator<Item = (Category, Severity, u64)> {
    Category::ALL.iter().zip(&COUNTS).flat_map(|(category, of)| {
        Severity::ALL.iter().zip(of).map(|(severity, count)| (*category, *severity, count.load(Ordering::Relaxed)))
    })
}

/// Counts every line at `warn` or `error` that the relay's own code writes, whatever the log's level is.
pub(super) struct Counting;

impl<S: Subscriber> Layer<S> for Counting {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut seen = Seen::default();
        event.record(&mut seen);
        // A line that names neither is a line of older code: a defect until somebody says otherwise.
        let category = seen.category.unwrap_or(Category::Internal);
        let fallback = if *event.metadata().level() == Level::ERROR { Severity::Error } else { Severity::Warning };
        let severity = seen.severity.unwrap_or(fallback);
        if let Some(count) = COUNTS.get(category as usize).and_then(|of| of.get(severity as usize)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[derive(Default)]
struct Seen {
    category: Option<Category>,
    severity: Option<Severity>,
}

impl Visit for Seen {
    fn record_debug(&mut self, _: &Field, _: &dyn core::fmt::Debug) {}
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "category" => self.category = Category::ALL.iter().copied().find(|category| category.as_str() == value),
            "severity" => self.severity = Severity::ALL.iter().copied().find(|severity| severity.as_str() == value),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt as _;

    fn count_of(category: Category, severity: Severity) -> u64 {
        counts().find(|(c, s, _)| (*c, *s) == (category, severity)).unwrap().2
    }

    #[test]
    fn a_fault_is_counted_by_its_category_and_severity() {
        let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(Counting));
        let before = (count_of(Category::Broker, Severity::Critical), count_of(Category::Internal, Severity::Warning));
        fault!(critical, Broker, reason = "gone", "the store is gone");
        tracing::warn!("somebody forgot to say of which kind");
        assert_eq!(count_of(Category::Broker, Severity::Critical), before.0 + 1);
        assert!(count_of(Category::Internal, Severity::Warning) > before.1);
    }
}
