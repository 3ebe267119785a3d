//! How often a subscriber is told, at most: the rates of `maxHz` and of `[throttle]`.
//!
//! Why few: every rate in use on a channel is a tier whose merged events are made and encoded once for all its members.

/// The rates there are, in publications a second.
pub const RATES: [u8; 7] = [1, 2, 5, 10, 20, 30, 60];

/// One of [`RATES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u8);

impl Rate {
    /// The highest that is not above `hz`. Below 1 it is 1: a subscription that is told seldom is better than none.
    pub fn at_most(hz: u32) -> Self {
        let [lowest, ..] = RATES;
        Self(RATES.iter().rev().copied().find(|rate| u32::from(*rate) <= hz).unwrap_or(lowest))
    }
    /// Times a second.
    pub fn hz(self) -> u32 {
        u32::from(self.0)
    }
    /// The time between two, rounded up: never more often than it says.
    pub fn period_ms(self) -> u64 {
        1_000_u64.div_ceil(u64::from(self.0.max(1)))
    }
    /// Times are rounded up to this, so that many channels of one rate share a wake-up. Every period is a multiple of its
    /// own grain, so the rounding does not add up.
    pub fn grain_ms(self) -> u64 {
        (self.period_ms() / 20).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_rounded_down_and_nothing_is_below_one() {
        let rates: Vec<u32> = [0, 1, 2, 4, 5, 9, 10, 19, 25, 30, 59, 60, 1_000, u32::MAX].map(|hz| Rate::at_most(hz).hz()).to_vec();
        assert_eq!(rates, [1, 1, 2, 2, 5, 5, 10, 10, 20, 30, 30, 60, 60, 60]);
    }

    #[test]
    fn a_period_is_never_shorter_than_its_rate_allows_and_a_multiple_of_its_grain() {
        for rate in RATES.map(|hz| Rate::at_most(u32::from(hz))) {
            assert!(rate.period_ms() * u64::from(rate.hz()) >= 1_000, "{rate:?}");
            assert_eq!(rate.period_ms() % rate.grain_ms(), 0, "{rate:?}");
        }
    }
}
