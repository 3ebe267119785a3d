//! Logs: structured, to standard error, so that standard output stays for the one line that says where the relay listens.
//!
//! Traps: a token must never come into a log. Nothing here can know: whoever logs a URL cuts the query out first.

use crate::config::{LogConfig, LogFormat};
use tracing_subscriber::EnvFilter;

/// Starts logging for the whole process. A second call changes nothing and is no error: tests start several relays.
pub fn start(config: &LogConfig) {
    // The configuration has checked the filter; were it made in code and wrong, `info` is better than silence.
    let filter = EnvFilter::builder().parse(&config.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match config.format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
        LogFormat::Pretty => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging was already started");
    }
}
