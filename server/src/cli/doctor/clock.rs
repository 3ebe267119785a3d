//! The clock: tokens and the order of alerts depend on it.

use super::{Check, bad, good};
use std::time::{Duration, UNIX_EPOCH};

/// 2025-01-01: a clock before it has never been set.
const EARLIEST_S: u64 = 1_735_689_600;

pub(super) fn clock(since_epoch: Duration) -> Check {
    let shown = humantime::format_rfc3339_seconds(UNIX_EPOCH + since_epoch);
    if since_epoch.as_secs() < EARLIEST_S {
        bad("clock", format!("it says {shown}: tokens would count as not yet valid"), "set the clock, and keep it set (NTP)")
    } else {
        good("clock", format!("it says {shown}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_clock_that_was_never_set_is_found() {
        assert_eq!(clock(Duration::from_secs(100)).verdict, Verdict::Bad);
        assert_eq!(clock(Duration::from_secs(EARLIEST_S)).verdict, Verdict::Good);
    }
}
