//! Ids of what is stored: UUIDs of version 7 (RFC 9562), so that their order as text is the order in which they were made.
//!
//! The one place that makes them. Milliseconds come from the relay's clock, 12 bits count within one of them, 62 bits are chance: a
//! process never gives the same one twice nor one below an earlier one, also where the clock is set back. Order across restarts is
//! the clock's; lists page by row numbers (`seq`), which never go back.

use crate::clock::Clock;
use crate::entropy::Entropy;
use parking_lot::Mutex;

/// The counter fills the 12 bits that the version leaves beside it.
const COUNTS: u16 = 1 << 12;

/// Makes ids.
#[derive(Debug)]
pub struct Ids {
    clock: Clock,
    entropy: Entropy,
    /// The millisecond and the count of the newest one. Held for one id.
    newest: Mutex<(u64, u16)>,
}

impl Ids {
    /// From that clock and that chance.
    pub fn new(clock: Clock, entropy: Entropy) -> Self {
        Self { clock, entropy, newest: Mutex::new((0, 0)) }
    }

    /// A fresh one: 36 characters, a valid channel id.
    pub fn make(&self) -> String {
        let (ms, count) = {
            let mut newest = self.newest.lock();
            let now_ms = self.clock.now_ms();
            *newest = match *newest {
                (ms, _) if now_ms > ms => (now_ms, 0),
                (ms, count) if count + 1 < COUNTS => (ms, count + 1),
                // The next millisecond begins early rather than that two ids are out of order.
                (ms, _) => (ms + 1, 0),
            };
            *newest
        };
        let mut rest = [0; 10];
        let (counted, chance) = rest.split_at_mut(2);
        counted.copy_from_slice(&count.to_be_bytes());
        chance.copy_from_slice(&self.entropy.between(0, u64::MAX).to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(ms, &rest).into_uuid().hyphenated().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ids_rise_within_a_millisecond_and_when_their_counter_overflows() {
        let ids = Ids::new(Clock::starting_at(1_800_000_000_000), Entropy::from_seed(1));
        let mut made: Vec<String> = (0..10_000).map(|_| ids.make()).collect();
        tokio::time::advance(std::time::Duration::from_millis(50)).await;
        made.extend((0..10).map(|_| ids.make()));
        assert!(made.is_sorted_by(|a, b| a < b));
        assert!(made.iter().all(|id| pulsewire_protocol::channel::is_id(id) && id.as_bytes()[14] == b'7'), "{:?}", made.first());
    }
}
