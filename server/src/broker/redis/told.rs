//! How often a trouble is told that may come again and again: a line each time would bury what else is in the log.

/// One line in this time, for each connection and kind of trouble.
pub(super) const TOLD_EVERY_NS: u64 = 10_000_000_000;

/// When a kind of trouble was last told, and how often it came since.
#[derive(Debug, Default)]
pub(super) struct Seldom {
    at_ns: Option<u64>,
    unsaid: u64,
}

impl Seldom {
    /// How many went unsaid before this one; `None` where this one goes unsaid, too.
    pub(super) fn tell(&mut self, now_ns: u64) -> Option<u64> {
        if self.at_ns.is_some_and(|at_ns| now_ns < at_ns.saturating_add(TOLD_EVERY_NS)) {
            self.unsaid = self.unsaid.saturating_add(1);
            return None;
        }
        self.at_ns = Some(now_ns);
        Some(std::mem::take(&mut self.unsaid))
    }
}

/// A connection that comes and goes: that it is back is told where it was told that it went, and no more often.
#[derive(Debug, Default)]
pub(super) struct ComesAndGoes {
    seldom: Seldom,
    said_lost: bool,
}

impl ComesAndGoes {
    /// It is lost: how many times that went unsaid before, or `None` where it goes unsaid, too.
    pub(super) fn lost(&mut self, now_ns: u64) -> Option<u64> {
        let unsaid = self.seldom.tell(now_ns);
        self.said_lost |= unsaid.is_some();
        unsaid
    }

    /// It is back: whether to say so.
    pub(super) fn back(&mut self) -> bool {
        std::mem::take(&mut self.said_lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    #[test]
    fn a_trouble_that_comes_with_every_command_is_told_once_in_a_while_with_how_often() {
        let mut seldom = Seldom::default();
        assert_eq!([5, 6, 14].map(|at_s| seldom.tell(at_s * SECOND_NS)), [Some(0), None, None]);
        assert_eq!([15, 24, 100, 110].map(|at_s| seldom.tell(at_s * SECOND_NS)), [Some(2), None, Some(1), Some(0)]);
    }

    #[test]
    fn a_link_to_a_replica_that_comes_and_goes_every_two_seconds_is_told_as_one() {
        let mut link = ComesAndGoes::default();
        let mut lines = Vec::new();
        for at_s in (0..30).step_by(2) {
            lines.extend(link.lost(at_s * SECOND_NS).map(|unsaid| format!("lost, {unsaid} unsaid")));
            lines.extend(link.back().then(|| "back".to_owned()));
        }
        assert_eq!(lines, ["lost, 0 unsaid", "back", "lost, 4 unsaid", "back", "lost, 4 unsaid", "back"]);
    }
}
