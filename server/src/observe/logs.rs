//! Logs: structured, to standard error, so that standard output stays for the one line that says where the relay listens.
//!
//! Traps: a token must never come into a log. Nothing here can know: whoever logs a URL cuts the query out first. A library that
//! logs what passes through it stands in [`WRITE_PAYLOADS`].

use crate::config::{LogConfig, LogFormat};
use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

/// Libraries that write every message into their finest lines, and so the token of each `connect`: those lines are never
/// written, whatever the filter asks for.
const WRITE_PAYLOADS: [&str; 2] = ["tungstenite", "tokio_tungstenite"];

/// Starts logging for the whole process. A second call changes nothing and is no error: tests start several relays.
pub fn start(config: &LogConfig) {
    // The configuration has checked the filter; were it made in code and wrong, `info` is better than silence.
    let filter = EnvFilter::builder().parse(&config.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter).with(filter_fn(holds_no_payload));
    let layer = fmt::layer().with_writer(std::io::stderr);
    let started = match config.format {
        LogFormat::Json => registry.with(layer.json().flatten_event(true).with_current_span(true).with_span_list(false)).try_init(),
        LogFormat::Pretty => registry.with(layer.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))).try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging was already started");
    }
}

fn holds_no_payload(line: &Metadata<'_>) -> bool {
    *line.level() != Level::TRACE || !WRITE_PAYLOADS.iter().any(|library| line.target().starts_with(library))
}
