//! Every timer of the client, by name, with one next deadline: the driver arms a single timer of its own.

use crate::time::Millis;

/// What can be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// The next try.
    Retry,
    /// The page owes a token.
    Token,
    /// The relay owes `welcome`.
    Handshake,
    /// Nothing at all was heard.
    Silence,
    /// The answer to the ping after waking up.
    Probe,
    /// The connection has been up long enough to count as good.
    Stable,
    /// The interruption has lasted long enough to be shown.
    Interrupted,
    /// The token ends soon.
    Refresh,
    /// The oldest unanswered command.
    Requests,
    /// A channel is to be asked for (again), or its linger is over.
    Subscriptions,
    /// A toast goes.
    Toasts,
    /// Somebody who wrote did not go on.
    Typing,
    /// The next poll, or the answer to the one under way is overdue.
    Poll,
    /// The answer to a post is overdue.
    Post,
    /// A message that waits may be sent (again), or has waited long enough.
    Outbox,
}

impl Timer {
    const ALL: [Self; 15] = [
        Self::Retry,
        Self::Token,
        Self::Handshake,
        Self::Silence,
        Self::Probe,
        Self::Stable,
        Self::Interrupted,
        Self::Refresh,
        Self::Requests,
        Self::Subscriptions,
        Self::Toasts,
        Self::Typing,
        Self::Poll,
        Self::Post,
        Self::Outbox,
    ];
}

/// The deadlines (monotonic clock).
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    deadlines: [Option<Millis>; Timer::ALL.len()],
}

impl Timers {
    /// Arms a timer, or disarms it.
    pub(crate) fn set(&mut self, timer: Timer, deadline: Option<Millis>) {
        if let Some(slot) = self.deadlines.get_mut(timer as usize) {
            *slot = deadline;
        }
    }
    pub(crate) fn at(&self, timer: Timer) -> Option<Millis> {
        self.deadlines.get(timer as usize).copied().flatten()
    }
    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Millis> {
        self.deadlines.iter().flatten().min().copied()
    }
    /// Disarms and gives the earliest timer that is due.
    pub(crate) fn pop_due(&mut self, now: Millis) -> Option<Timer> {
        let next = self.next().filter(|deadline| *deadline <= now)?;
        let timer = Timer::ALL.into_iter().find(|timer| self.at(*timer) == Some(next))?;
        self.set(timer, None);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_timers_come_in_the_order_of_their_deadlines_and_once() {
        let mut timers = Timers::default();
        timers.set(Timer::Toasts, Some(Millis(5)));
        timers.set(Timer::Retry, Some(Millis(9)));
        timers.set(Timer::Silence, Some(Millis(7)));
        timers.set(Timer::Silence, None);
        assert_eq!(timers.next(), Some(Millis(5)));
        assert_eq!(timers.pop_due(Millis(4)), None);
        assert_eq!(timers.pop_due(Millis(9)), Some(Timer::Toasts));
        assert_eq!(timers.pop_due(Millis(9)), Some(Timer::Retry));
        assert_eq!(timers.pop_due(Millis(9)), None);
    }

    #[test]
    fn every_timer_has_its_own_slot() {
        for (index, timer) in Timer::ALL.into_iter().enumerate() {
            assert_eq!(timer as usize, index);
        }
    }
}
