//! Logs: structured lines to standard error or a file, and the audit log beside them.
//!
//! Nobody waits for a log: lines go into a bounded queue and a thread of its own writes them, so a full disk or a stalled
//! pipe costs lines, counted in `pulsewire_log_lines_lost_total`, and never time. Standard output stays for the one line that
//! says where the relay listens. An event is one line, whatever its texts hold ([`sink`]).
//!
//! Traps: a token must never come into a log. Nothing here can know: whoever logs a URL cuts the query out first. A library
//! that logs what passes through it stands in [`WRITE_PAYLOADS`]. What lies in a queue when the process is killed is lost.

mod panics;
mod rolling;
mod sink;

pub(super) use sink::lost_lines;

use super::{audit, faults};
use crate::config::{AuditConfig, LogConfig, LogFormat};
use rolling::{Keep, RollingFile};
use sink::{AUDIT, FILE, STDERR, Sink};
use std::io::IsTerminal as _;
use tracing::{Level, Metadata, Subscriber};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, fmt};

/// Libraries that write every message into their finest lines, and so the token of each `connect`: those lines are never
/// written, whatever the filter asks for.
const WRITE_PAYLOADS: [&str; 2] = ["tungstenite", "tokio_tungstenite"];

/// Keeps the logs' threads. Dropping it writes what waits, for at most a second each.
#[must_use = "without it the last lines are lost"]
pub struct Logs {
    _writers: Vec<WorkerGuard>,
}

/// Starts logging for the whole process. A second call changes nothing and is no error: tests start several relays.
///
/// # Errors
/// Where a log file cannot be opened; the text names the key.
pub fn start(log: &LogConfig, audit_log: &AuditConfig) -> Result<Logs, String> {
    let mut writers = Vec::new();
    let mut layers: Vec<Box<dyn Layer<tracing_subscriber::Registry> + Send + Sync>> = vec![
        // Whatever is written, what goes wrong is counted.
        faults::Counting.with_filter(LevelFilter::WARN.and(filter_fn(of_the_relay))).boxed(),
    ];
    let mut add = |sink: Sink, guard: WorkerGuard| {
        writers.push(guard);
        sink
    };
    let terminal = std::io::stderr().is_terminal() && log.format == LogFormat::Pretty;
    let (sink, guard) = Sink::start(std::io::stderr(), &STDERR, terminal);
    let stderr = add(sink, guard);
    match &log.file {
        None => layers.push(written(log.format, stderr, terminal).with_filter(chosen(log)).boxed()),
        Some(path) => {
            let keep = Keep { files: log.keep_files, days: log.keep_days, packed: log.compress };
            let file = RollingFile::open(path, log.max_bytes, true, keep).map_err(|error| cannot("log.file", path, &error))?;
            let (sink, guard) = Sink::start(file, &FILE, false);
            layers.push(written(log.format, add(sink, guard), false).with_filter(chosen(log)).boxed());
            // What went wrong is seen also where nobody can read the file: on a full disk it is the only place.
            let grave = LevelFilter::WARN.and(filter_fn(holds_no_payload));
            layers.push(written(log.format, stderr, terminal).with_filter(grave).boxed());
        }
    }
    if let Some(path) = &audit_log.file {
        // Few lines, kept long: a new file by size alone, and nothing is removed before its time.
        let keep = Keep { files: usize::MAX, days: audit_log.keep_days, packed: false };
        let file = RollingFile::open(path, audit_log.max_bytes, false, keep).map_err(|error| cannot("audit.file", path, &error))?;
        let (sink, guard) = Sink::start(file, &AUDIT, false);
        let only = Targets::new().with_target(audit::TARGET, Level::INFO);
        layers.push(written(LogFormat::Json, add(sink, guard), false).with_filter(only).boxed());
    }
    if tracing_subscriber::registry().with(layers).try_init().is_err() {
        tracing::debug!("logging was already started");
    } else {
        panics::tell_in_the_log();
    }
    Ok(Logs { _writers: writers })
}

fn cannot(key: &str, path: &std::path::Path, error: &std::io::Error) -> String {
    format!("{key}: {} cannot be written: {error} (give a file in a folder that this user may write)", path.display())
}

/// How a line looks.
fn written<S>(format: LogFormat, sink: Sink, colours: bool) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let layer = fmt::layer().with_writer(sink);
    match format {
        LogFormat::Json => layer.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed(),
        LogFormat::Pretty => layer.with_ansi(colours).boxed(),
    }
}

/// What the operator asked for, and the audit log in any case.
fn chosen<S: Subscriber>(log: &LogConfig) -> impl tracing_subscriber::layer::Filter<S> + use<S> {
    // The configuration has checked the filter; were it made in code and wrong, `info` is better than silence.
    let filter = EnvFilter::builder().parse(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    filter.and(filter_fn(holds_no_payload)).or(filter_fn(|line: &Metadata<'_>| line.target() == audit::TARGET))
}

fn holds_no_payload(line: &Metadata<'_>) -> bool {
    *line.level() != Level::TRACE || !WRITE_PAYLOADS.iter().any(|library| line.target().starts_with(library))
}

fn of_the_relay(line: &Metadata<'_>) -> bool {
    line.target().starts_with("pulsewire_relay")
}
