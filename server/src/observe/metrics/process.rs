//! The process: memory, descriptors, threads and processor time, read from the system at each scrape.

use super::register::{decimal_gauge, gauge, set};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;

pub(super) struct Process {
    resident_memory: Gauge,
    open_fds: Gauge,
    max_fds: Gauge,
    threads: Gauge,
    cpu_seconds: Gauge<f64, AtomicU64>,
    start_seconds: Gauge,
}

impl Process {
    pub(super) fn register(r: &mut Registry) -> Self {
        Self {
            resident_memory: gauge(r, "process_resident_memory_bytes", "Resident memory"),
            open_fds: gauge(r, "process_open_fds", "Open file descriptors"),
            max_fds: gauge(r, "process_max_fds", "Largest number of open file descriptors; 0: no limit"),
            threads: gauge(r, "process_threads", "Threads"),
            cpu_seconds: decimal_gauge(r, "process_cpu_seconds", "User and system time of the process"),
            start_seconds: gauge(r, "process_start_time_seconds", "Start of the process, Unix seconds"),
        }
    }

    pub(super) fn fill(&self) {
        let process = metrics_process::collector::collect();
        set(&self.resident_memory, process.resident_memory_bytes.unwrap_or(0));
        set(&self.open_fds, process.open_fds.unwrap_or(0));
        set(&self.max_fds, process.max_fds.unwrap_or(0));
        set(&self.threads, process.threads.unwrap_or(0));
        set(&self.start_seconds, process.start_time_seconds.unwrap_or(0));
        self.cpu_seconds.set(process.cpu_seconds_total.unwrap_or(0.0));
    }
}
