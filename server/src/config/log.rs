//! Logs and the audit log: format, level, files.

use std::path::PathBuf;

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

/// Logs. They go to standard error, or to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// How they are written.
    pub format: LogFormat,
    /// A level (`info`) or a filter (`info,pulsewire_relay=debug`).
    pub level: String,
    /// The file; then standard error gets warnings and errors only. Absent: everything goes there.
    pub file: Option<PathBuf>,
    /// A new file begins each day (UTC), and before a line that finds so many bytes.
    pub max_bytes: u64,
    /// So many old files are kept.
    pub keep_files: usize,
    /// For so many days; 0: however old they are.
    pub keep_days: u64,
    /// Whether old files are packed by gzip.
    pub compress: bool,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Pretty,
            level: "info".to_owned(),
            file: None,
            max_bytes: 100 * 1024 * 1024,
            keep_files: 14,
            keep_days: 30,
            compress: true,
        }
    }
}

/// The audit log's own file, beside its lines in the ordinary log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditConfig {
    /// The file, JSON lines; absent: none.
    pub file: Option<PathBuf>,
    /// A new file begins before a line that finds so many bytes.
    pub max_bytes: u64,
    /// Old files are removed after so many days and never earlier; 0: never.
    pub keep_days: u64,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self { file: None, max_bytes: 10 * 1024 * 1024, keep_days: 0 }
    }
}
