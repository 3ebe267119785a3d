//! Puts one channel's publications in order, each once, from two ways that know nothing of each other: the answers to this
//! relay's own publishing, and what Redis tells of everybody's.
//!
//! Pure: no clock, no I/O. Whoever feeds it reads the stream where it says [`Step::Look`].

use pulsewire_protocol::{Position, Publication};
use std::collections::BTreeMap;
use std::sync::Arc;

/// More than this do not wait for one that is missing: the stream has them anyway.
const MAX_WAITING: usize = 1_024;

/// What follows from a publication.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Deliver these, in this order; nothing where it was there before or waits.
    Deliver(Vec<Arc<Publication>>),
    /// One is missing before it: it may be a moment behind on the other way. Look at the stream unless it comes soon.
    Wait,
    /// The history is another one than this sequence knows, or too many wait: look at the stream now.
    Look,
}

/// Where one channel stands on this relay.
#[derive(Clone, Debug, Default)]
pub(super) struct Sequence {
    epoch: String,
    /// The newest that was delivered.
    offset: u64,
    waiting: BTreeMap<u64, Arc<Publication>>,
}

impl Sequence {
    /// One that stands there.
    pub(super) fn at(position: Position) -> Self {
        Self { epoch: position.epoch, offset: position.offset, waiting: BTreeMap::new() }
    }
    /// Up to where everything was delivered.
    pub(super) fn position(&self) -> Position {
        Position { epoch: self.epoch.clone(), offset: self.offset }
    }
    /// The newest that is known to be there.
    pub(super) fn seen(&self) -> u64 {
        self.waiting.last_key_value().map_or(self.offset, |(offset, _)| (*offset).max(self.offset))
    }
    /// Whether one is missing.
    pub(super) fn has_hole(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// A numbered publication came, by whichever way.
    pub(super) fn offer(&mut self, epoch: &str, offset: u64, publication: Arc<Publication>) -> Step {
        if epoch != self.epoch {
            return Step::Look;
        }
        if offset <= self.offset {
            return Step::Deliver(Vec::new());
        }
        if offset > self.offset + 1 {
            if self.waiting.len() >= MAX_WAITING {
                return Step::Look;
            }
            self.waiting.insert(offset, publication);
            return Step::Wait;
        }
        self.offset = offset;
        let mut due = vec![publication];
        self.take_waiting(&mut due);
        Step::Deliver(due)
    }

    /// The stream was read from [`Sequence::position`] on, up to `position`: `missed` is all that lies between. Gives what is new.
    pub(super) fn catch_up(&mut self, position: &Position, missed: Vec<Arc<Publication>>) -> Vec<Arc<Publication>> {
        if position.epoch != self.epoch {
            return Vec::new();
        }
        let mut due: Vec<_> = missed.into_iter().filter(|one| one.offset.is_some_and(|offset| offset > self.offset)).collect();
        self.offset = self.offset.max(position.offset);
        self.waiting.retain(|offset, _| *offset > position.offset);
        self.take_waiting(&mut due);
        due
    }

    /// The history is another one, or what is missing cannot be had any more: goes on from there.
    pub(super) fn start_over(&mut self, position: Position) {
        *self = Self::at(position);
    }

    fn take_waiting(&mut self, due: &mut Vec<Arc<Publication>>) {
        while let Some(next) = self.waiting.remove(&(self.offset + 1)) {
            self.offset += 1;
            due.push(next);
        }
        let offset = self.offset;
        self.waiting.retain(|waiting, _| *waiting > offset);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use pulsewire_protocol::{Payload, RawJson, UnixMs};

    fn one(offset: u64) -> Arc<Publication> {
        let payload = Payload::Custom { event: "n".to_owned(), data: RawJson::from_text_unchecked("1".to_owned()) };
        Arc::new(Publication { offset: Some(offset), first_offset: None, payload, ts: UnixMs(1.0), from: None })
    }
    fn at(offset: u64) -> Position {
        Position { epoch: "a".to_owned(), offset }
    }

    proptest! {
        /// Properties 31 and 34, in small: whichever way each publication comes by, once or twice, in whatever order, and
        /// wherever the stream is read in between, every one is delivered once and in order.
        #[test]
        fn whatever_the_ways_each_is_delivered_once_and_in_order(
            arrivals in Just((1_u64..=20).flat_map(|n| [n, n]).collect::<Vec<_>>()).prop_shuffle(),
            lost in proptest::collection::btree_set(1_u64..=20, 0..10),
            looks in proptest::collection::btree_set(0_usize..40, 0..4),
        ) {
            let mut sequence = Sequence::at(at(0));
            let mut delivered = Vec::new();
            let mut stored = 0;
            for (place, offset) in arrivals.into_iter().enumerate() {
                stored = stored.max(offset);
                if !lost.contains(&offset)
                    && let Step::Deliver(due) = sequence.offer("a", offset, one(offset))
                {
                    delivered.extend(due);
                }
                if looks.contains(&place) {
                    let missed = (sequence.position().offset + 1..=stored).map(one).collect();
                    delivered.extend(sequence.catch_up(&at(stored), missed));
                }
            }
            let missed = (sequence.position().offset + 1..=20).map(one).collect();
            delivered.extend(sequence.catch_up(&at(20), missed));
            let offsets: Vec<u64> = delivered.iter().filter_map(|one| one.offset).collect();
            prop_assert_eq!(offsets, (1..=20).collect::<Vec<_>>());
            prop_assert!(!sequence.has_hole());
        }
    }

    #[test]
    fn another_epoch_is_looked_at_and_never_delivered_blindly() {
        let mut sequence = Sequence::at(at(3));
        assert_eq!(sequence.offer("b", 1, one(1)), Step::Look);
        assert_eq!(sequence.offer("a", 5, one(5)), Step::Wait);
        sequence.start_over(Position { epoch: "b".to_owned(), offset: 1 });
        assert!(!sequence.has_hole());
        assert_eq!(sequence.offer("a", 4, one(4)), Step::Look, "what is late of the old one");
        assert_eq!(sequence.offer("b", 2, one(2)), Step::Deliver(vec![one(2)]));
    }

    #[test]
    fn what_waits_is_bounded_and_what_did_not_fit_is_looked_for() {
        let mut sequence = Sequence::at(at(0));
        for offset in 2..2 + MAX_WAITING as u64 {
            assert_eq!(sequence.offer("a", offset, one(offset)), Step::Wait);
        }
        let beyond = 2 + MAX_WAITING as u64;
        assert_eq!(sequence.seen(), beyond - 1);
        assert_eq!(sequence.offer("a", beyond, one(beyond)), Step::Look);
        let due = sequence.catch_up(&at(beyond), (1..=beyond).map(one).collect());
        assert_eq!(due.len() as u64, beyond);
        assert!(!sequence.has_hole());
    }
}
