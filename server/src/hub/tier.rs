//! The members of a room that want to be told at one rate, and what is held back for them meanwhile.
//!
//! The first publication after a quiet time goes out at once; what follows within the period waits for its end and is then
//! merged ([`super::merge`]). What must not wait takes everything that waits along, so the order stays. One timer for each
//! tier that holds something, none for one that does not.
//!
//! Bounds: a tier holds publications that the history shares, up to [`MAX_HELD`] of them and a share of a connection's
//! queue; beyond it they go out early. Nothing is dropped.

use super::broadcast::Broadcast;
use super::merge::{Live, merge};
use crate::broker::size::approximate_bytes;
use crate::rate::Rate;
use std::sync::Arc;

/// So many publications wait at most.
pub(super) const MAX_HELD: usize = 1_024;
/// So many bytes of them.
const MAX_HELD_BYTES: usize = 64 * 1024;

/// See the module.
pub(super) struct Tier {
    /// The rate.
    pub(super) rate: Rate,
    /// How many members it has.
    pub(super) members: usize,
    held: Vec<Live>,
    held_bytes: usize,
    max_bytes: usize,
    /// The number of the first one held: every publication that comes to the tier has one.
    number: u64,
    /// Not before then does a publication that may wait go out.
    next_at_ms: u64,
    /// A timer is set.
    armed: bool,
}

/// What becomes of a publication.
pub(super) enum Offer {
    /// It waits; a timer is to be set for then, where a time is given.
    Held(Option<u64>),
    /// It goes out now, with everything that waited.
    Now(Burst),
}

/// What goes out at once, for each member from where it came in.
pub(super) struct Burst {
    items: Vec<Live>,
    number: u64,
    /// Merged from this item on. As a rule all members want it from the first.
    merged: Vec<(usize, Vec<Arc<Broadcast>>)>,
}

impl Tier {
    /// An empty one, for connections whose queue takes so many bytes.
    pub(super) fn new(rate: Rate, queue_bytes: usize) -> Self {
        // JSON is about twice the estimate; one merged event must never fill a queue.
        let max_bytes = MAX_HELD_BYTES.min(queue_bytes / 4);
        Self { rate, members: 0, held: Vec::new(), held_bytes: 0, max_bytes, number: 1, next_at_ms: 0, armed: false }
    }

    /// The number that the next publication will have.
    pub(super) fn next_number(&self) -> u64 {
        self.number + self.held.len() as u64
    }

    /// A publication came.
    pub(super) fn offer(&mut self, live: &Live, now_ms: u64) -> Offer {
        let may_wait = live.may_wait();
        if !may_wait && self.held.is_empty() {
            // It does not count against the rate.
            let number = self.number;
            self.number += 1;
            return Offer::Now(Burst { items: vec![live.clone()], number, merged: Vec::new() });
        }
        let at_once = !may_wait || (self.held.is_empty() && now_ms >= self.next_at_ms);
        self.held_bytes = self.held_bytes.saturating_add(approximate_bytes(&live.publication));
        self.held.push(live.clone());
        if at_once || self.held.len() >= MAX_HELD || self.held_bytes > self.max_bytes {
            self.next_at_ms = self.aligned(now_ms + self.rate.period_ms());
            return Offer::Now(self.take());
        }
        let unarmed = !std::mem::replace(&mut self.armed, true);
        Offer::Held(unarmed.then_some(self.next_at_ms))
    }

    /// The timer rang: what waits, if its time has come; else when to ring again, if anything waits.
    pub(super) fn handle_timer(&mut self, now_ms: u64) -> Offer {
        self.armed = false;
        if self.held.is_empty() {
            return Offer::Held(None);
        }
        if now_ms < self.next_at_ms {
            self.armed = true;
            return Offer::Held(Some(self.next_at_ms));
        }
        // A timer that rings a little late must not make the rate lower and lower.
        let period_ms = self.rate.period_ms();
        let late_ms = now_ms - self.next_at_ms;
        self.next_at_ms =
            if late_ms < period_ms / 2 { self.next_at_ms + period_ms } else { self.aligned(now_ms.saturating_add(period_ms)) };
        Offer::Now(self.take())
    }

    /// Everything that waits, now.
    pub(super) fn flush(&mut self, now_ms: u64) -> Option<Burst> {
        if self.held.is_empty() {
            return None;
        }
        self.next_at_ms = self.aligned(now_ms + self.rate.period_ms());
        Some(self.take())
    }

    /// What waits, for one member alone; for the others it goes on waiting.
    pub(super) fn copy(&self) -> Burst {
        Burst { items: self.held.clone(), number: self.number, merged: Vec::new() }
    }

    fn take(&mut self) -> Burst {
        let number = self.number;
        self.number = self.next_number();
        self.held_bytes = 0;
        Burst { items: std::mem::take(&mut self.held), number, merged: Vec::new() }
    }

    fn aligned(&self, at_ms: u64) -> u64 {
        at_ms.next_multiple_of(self.rate.grain_ms())
    }
}

impl Burst {
    /// The events for a member that came in before the publication of that number and has everything up to that offset.
    pub(super) fn events(&mut self, channel: &str, number: u64, after: u64) -> &[Arc<Broadcast>] {
        let skipped = usize::try_from(number.saturating_sub(self.number)).unwrap_or(usize::MAX);
        let wanted = self.items.iter().enumerate().skip(skipped).find(|(_, live)| live.offset().is_none_or(|offset| offset > after));
        let Some((start, _)) = wanted else { return &[] };
        let known = self.merged.iter().position(|(from, _)| *from == start);
        let place = known.unwrap_or_else(|| {
            self.merged.push((start, merge(channel, self.items.get(start..).unwrap_or_default())));
            self.merged.len() - 1
        });
        self.merged.get(place).map_or(&[], |(_, events)| events)
    }
}
