//! The clock: tokens and the order of alerts depend on it.
//!
//! Limits: whether something keeps the clock set is told by `adjtimex`, for which there is no safe and kept crate; instead
//! the battery-backed clock of the machine is looked at, and the mark that systemd-timesyncd leaves.

use super::{Check, bad, good, warning};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// 2025-01-01: a clock before it has never been set.
const EARLIEST_S: u64 = 1_735_689_600;
/// Battery-backed clocks drift by some seconds a week.
const RTC_MAY_DIFFER_S: u64 = 120;
/// Some are kept in local time, which differs by quarters of an hour, up to 14 hours.
const ZONE_STEP_S: u64 = 15 * 60;
const FARTHEST_ZONE_S: u64 = 14 * 3_600;

/// What the system says of its clock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// The battery-backed clock, in Unix seconds, where there is one.
    pub(super) rtc_s: Option<u64>,
    /// Whether systemd-timesyncd has set the clock since the start.
    pub(super) synchronised: bool,
}

impl Known {
    pub(super) fn read() -> Self {
        let rtc = std::fs::read_to_string("/sys/class/rtc/rtc0/since_epoch").ok();
        Self {
            rtc_s: rtc.and_then(|text| text.trim().parse().ok()),
            synchronised: Path::new("/run/systemd/timesync/synchronized").exists(),
        }
    }
}

pub(super) fn clock(since_epoch: Duration, known: Known) -> Check {
    const NAME: &str = "clock";
    let shown = humantime::format_rfc3339_seconds(UNIX_EPOCH + since_epoch);
    let now_s = since_epoch.as_secs();
    if now_s < EARLIEST_S {
        return bad(NAME, format!("it says {shown}: tokens would count as not yet valid"), "set the clock, and keep it set (NTP)");
    }
    if known.synchronised {
        return good(NAME, format!("it says {shown}, set by systemd-timesyncd"));
    }
    match known.rtc_s.map(|rtc_s| rtc_s.abs_diff(now_s)).filter(|apart| !is_explained(*apart)) {
        Some(apart) => warning(
            NAME,
            format!("it says {shown}, and the machine's battery-backed clock differs by {apart} s: one of them is wrong"),
            "compare with a clock you trust, and keep it set (NTP); tokens allow for auth.leeway_s only",
        ),
        None => good(NAME, format!("it says {shown}; whether NTP keeps it so cannot be told from here")),
    }
}

/// Whether drift or a time zone explains that two clocks are so far apart.
fn is_explained(apart_s: u64) -> bool {
    let beside_zone_s = (apart_s % ZONE_STEP_S).min(ZONE_STEP_S - apart_s % ZONE_STEP_S);
    apart_s <= RTC_MAY_DIFFER_S || (apart_s <= FARTHEST_ZONE_S && beside_zone_s <= RTC_MAY_DIFFER_S)
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    const NOW_S: u64 = EARLIEST_S + 1_000_000;

    fn with_rtc(rtc_s: u64) -> Verdict {
        clock(Duration::from_secs(NOW_S), Known { rtc_s: Some(rtc_s), synchronised: false }).verdict
    }

    #[test]
    fn a_clock_that_was_never_set_is_found() {
        assert_eq!(clock(Duration::from_secs(100), Known::default()).verdict, Verdict::Bad);
        assert_eq!(clock(Duration::from_secs(NOW_S), Known::default()).verdict, Verdict::Good);
    }

    #[test]
    fn a_battery_backed_clock_that_tells_another_time_is_a_warning_unless_it_is_local_time() {
        assert_eq!(with_rtc(NOW_S - 30), Verdict::Good);
        assert_eq!(with_rtc(NOW_S + 400), Verdict::Warning);
        assert_eq!(with_rtc(NOW_S + 2 * 3_600 + 5), Verdict::Good, "local time");
        assert_eq!(with_rtc(NOW_S - 90 * 86_400), Verdict::Warning);
        let trusted = Known { rtc_s: Some(NOW_S + 400), synchronised: true };
        assert_eq!(clock(Duration::from_secs(NOW_S), trusted).verdict, Verdict::Good);
    }
}
