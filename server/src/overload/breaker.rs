//! The circuit breaker as a pure state machine: samples and arrivals in, who may come in out.
//!
//! It opens after several samples over a threshold in a row, never after one, and it closes only by way of half-open, where a
//! few are let in between two samples and the load decides. Between the two thresholds nothing changes its mind (hysteresis).
//!
//! It knows nothing of connections that exist: those are never its business.

/// How a sample stands against the thresholds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Everything is below where the breaker may close.
    Fine,
    /// Something is above that, nothing over its threshold.
    Between,
    /// Something is over its threshold.
    Over,
}

/// Where the breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Everybody may come in.
    Closed {
        /// Samples over a threshold in a row.
        over: u32,
    },
    /// Nobody new may come in.
    Open {
        /// Fine samples in a row.
        fine: u32,
    },
    /// A few may come in, to see whether it holds.
    HalfOpen {
        /// Fine samples in a row.
        fine: u32,
        /// How many more may come in until the next sample.
        left: u32,
    },
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A sample was taken.
    Sample(Level),
    /// Somebody wants in.
    Arrival,
}

/// Its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// So many samples in a row change its mind; at least 1.
    pub sustain: u32,
    /// So many are let in between two samples while it is half-open.
    pub trials: u32,
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { over: 0 }
    }
}

impl State {
    /// What follows, and whether the one who arrived may come in. All transitions stand here.
    #[must_use]
    pub fn next(self, happening: Happening, rules: Rules) -> (Self, bool) {
        use Happening::{Arrival, Sample};
        use Level::{Between, Fine, Over};
        let trials = rules.trials;
        let enough = |count: u32| count.saturating_add(1) >= rules.sustain;
        let next = match (self, happening) {
            (Self::Closed { over }, Sample(Over)) if enough(over) => Self::Open { fine: 0 },
            (Self::Closed { over }, Sample(Over)) => Self::Closed { over: over.saturating_add(1) },
            (Self::Closed { .. }, Sample(Fine | Between)) => Self::Closed { over: 0 },

            (Self::Open { fine }, Sample(Fine)) if enough(fine) => Self::HalfOpen { fine: 0, left: trials },
            (Self::Open { fine }, Sample(Fine)) => Self::Open { fine: fine.saturating_add(1) },
            (Self::Open { .. }, Sample(Between | Over)) => Self::Open { fine: 0 },

            (Self::HalfOpen { .. }, Sample(Over)) => Self::Open { fine: 0 },
            (Self::HalfOpen { fine, .. }, Sample(Fine)) if enough(fine) => Self::Closed { over: 0 },
            (Self::HalfOpen { fine, .. }, Sample(Fine)) => Self::HalfOpen { fine: fine.saturating_add(1), left: trials },
            (Self::HalfOpen { .. }, Sample(Between)) => Self::HalfOpen { fine: 0, left: trials },

            (Self::Closed { .. } | Self::HalfOpen { left: 1.., .. }, Arrival) => return (self.after_entry(), true),
            (Self::Open { .. } | Self::HalfOpen { left: 0, .. }, Arrival) => self,
        };
        (next, false)
    }

    fn after_entry(self) -> Self {
        match self {
            Self::HalfOpen { fine, left } => Self::HalfOpen { fine, left: left.saturating_sub(1) },
            other => other,
        }
    }

    /// The words for its states in logs and metrics.
    pub const WORDS: [&'static str; 3] = ["closed", "open", "half_open"];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn happening() -> impl Strategy<Value = Happening> {
        prop_oneof![
            3 => Just(Happening::Sample(Level::Fine)),
            1 => Just(Happening::Sample(Level::Between)),
            3 => Just(Happening::Sample(Level::Over)),
            4 => Just(Happening::Arrival),
        ]
    }

    fn rules() -> impl Strategy<Value = Rules> {
        (1_u32..5, 0_u32..4).prop_map(|(sustain, trials)| Rules { sustain, trials })
    }

    proptest! {
        #[test]
        fn it_moves_by_its_table_only_whatever_happens(rules in rules(), happenings in prop::collection::vec(happening(), 0..200)) {
            let mut state = State::default();
            let mut over_in_a_row = 0;
            let mut entered_since_sample = 0;
            for happening in happenings {
                let (next, entered) = state.next(happening, rules);
                match happening {
                    Happening::Sample(level) => {
                        prop_assert!(!entered);
                        over_in_a_row = if level == Level::Over { over_in_a_row + 1 } else { 0 };
                        entered_since_sample = 0;
                    }
                    Happening::Arrival => {
                        prop_assert_eq!(state.as_str(), next.as_str(), "an arrival moves nothing");
                        entered_since_sample += u32::from(entered);
                    }
                }
                match (state.as_str(), next.as_str()) {
                    ("closed", "open") => prop_assert!(over_in_a_row >= rules.sustain, "opened by {over_in_a_row} samples"),
                    ("open", "closed") => prop_assert!(false, "closed without trying"),
                    ("closed", "half_open") => prop_assert!(false, "half open from closed"),
                    ("half_open", "open") => prop_assert_eq!(happening, Happening::Sample(Level::Over)),
                    _ => {}
                }
                if happening == Happening::Arrival {
                    match state {
                        State::Closed { .. } => prop_assert!(entered),
                        State::Open { .. } => prop_assert!(!entered),
                        State::HalfOpen { .. } => prop_assert!(entered_since_sample <= rules.trials),
                    }
                }
                state = next;
            }
        }

        #[test]
        fn it_recovers_once_samples_are_good_whatever_was_before(rules in rules(), happenings in prop::collection::vec(happening(), 0..100)) {
            let mut state = happenings.into_iter().fold(State::default(), |state, happening| state.next(happening, rules).0);
            for _ in 0..2 * rules.sustain {
                state = state.next(Happening::Sample(Level::Fine), rules).0;
            }
            prop_assert_eq!(state, State::Closed { over: 0 });
        }

        #[test]
        fn samples_between_the_thresholds_open_and_close_nothing(rules in rules(), happenings in prop::collection::vec(happening(), 0..100), count in 1_usize..50) {
            let before = happenings.into_iter().fold(State::default(), |state, happening| state.next(happening, rules).0);
            let after = (0..count).fold(before, |state, _| state.next(Happening::Sample(Level::Between), rules).0);
            prop_assert_eq!(before.as_str(), after.as_str());
        }
    }
}
