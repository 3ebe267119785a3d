//! Bursts of refused tokens: one that is refused is a page that slept too long, many within a minute are somebody who tries
//! keys, or a token issuer that went wrong. Either is a line of the audit log, at most one a minute.

use super::{Audit, audit};
use parking_lot::Mutex;
use pulsewire_protocol::TokenProblem;
use std::fmt::Write as _;

/// So many within the time are a burst.
const BURST: u64 = 20;
const WITHIN_MS: u64 = 60_000;
const PROBLEMS: [TokenProblem; 4] = [TokenProblem::Missing, TokenProblem::Malformed, TokenProblem::Expired, TokenProblem::Invalid];

#[derive(Default)]
pub(crate) struct RefusedLogins(Mutex<Window>);

/// Tumbling: a burst that lies across two windows is seen once it has [`BURST`] in one of them.
#[derive(Default)]
struct Window {
    began_ms: u64,
    counts: [u64; PROBLEMS.len()],
    told: bool,
}

impl RefusedLogins {
    /// A token was refused. The second line of a burst that goes on says what the first could not yet know.
    pub(crate) fn handle_refusal(&self, now_ms: u64, problem: TokenProblem) {
        let burst = {
            let mut window = self.0.lock();
            let over = now_ms.saturating_sub(window.began_ms) >= WITHIN_MS;
            // What came behind the line that was told is told with the end of its window.
            let late = (over && window.told).then(|| window.counts);
            if over {
                *window = Window { began_ms: now_ms, ..Window::default() };
            }
            if let Some(count) = PROBLEMS.iter().position(|known| *known == problem).and_then(|place| window.counts.get_mut(place)) {
                *count += 1;
            }
            let burst = (!window.told && window.counts.iter().sum::<u64>() >= BURST).then_some(window.counts);
            window.told |= burst.is_some();
            burst.or_else(|| late.filter(|counts| counts.iter().sum::<u64>() > BURST))
        };
        if let Some(counts) = burst {
            let mut reasons = String::new();
            for (problem, count) in PROBLEMS.iter().zip(counts).filter(|(_, count)| *count > 0) {
                let gap = if reasons.is_empty() { "" } else { " " };
                // Writing into a string cannot fail.
                let _ = write!(reasons, "{gap}{}={count}", problem.as_str());
            }
            audit(Audit::LoginsRefused { count: counts.iter().sum(), within_s: WITHIN_MS / 1_000, reasons: &reasons });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tracing_subscriber::fmt::MakeWriter;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Lines {
        fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(buf);
            Ok(buf.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    impl<'a> MakeWriter<'a> for Lines {
        type Writer = Self;
        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn a_burst_is_told_once_a_minute_and_single_refusals_never() {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt().json().with_writer(lines.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            let logins = RefusedLogins::default();
            for minute in 0..100 {
                logins.handle_refusal(minute * WITHIN_MS, TokenProblem::Expired);
            }
            assert!(lines.0.lock().is_empty(), "one a minute is no burst");
            for number in 0..100 {
                logins.handle_refusal(200 * WITHIN_MS + number, TokenProblem::Invalid);
            }
            logins.handle_refusal(201 * WITHIN_MS + 1, TokenProblem::Expired);
        });
        let text = String::from_utf8(lines.0.lock().clone()).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("count=20 within_s=60 token_invalid=20"), "{text}");
        assert!(text.lines().nth(1).unwrap().contains("count=100"), "{text}");
    }
}
