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
pub enum Step {
    /// Deliver these, in this order; nothing where it was there before or waits.
    Deliver(Vec<Arc<Publication>>),
    /// One is missing before it: it may be a moment behind on the other way. Look at the stream unless it comes soon.
    Wait,
    /// The history is another one than this sequence knows, or too many wait: look at the stream now.
    Look,
}

/// What follows where the stream does not reach back to where it was read from.
#[derive(Clone, Debug, PartialEq)]
pub enum Behind {
    /// What was missing came meanwhile by itself.
    Nothing,
    /// That says nothing certain: read the stream once more.
    LookAgain,
    /// Something cannot be had any more. The sequence goes on from there: tell everyone, then deliver these.
    Lost(Vec<Arc<Publication>>),
}

/// Where one channel stands on this relay.
#[derive(Clone, Debug, Default)]
pub struct Sequence {
    epoch: String,
    /// The newest that was delivered.
    offset: u64,
    waiting: BTreeMap<u64, Arc<Publication>>,
    /// Where it stood when the stream did not reach back to it for the first time.
    doubted: Option<u64>,
}

impl Sequence {
    /// One that stands there.
    pub fn at(position: Position) -> Self {
        Self { epoch: position.epoch, offset: position.offset, waiting: BTreeMap::new(), doubted: None }
    }
    /// Up to where everything was delivered.
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch.clone(), offset: self.offset }
    }
    /// The newest that is known to be there.
    pub fn seen(&self) -> u64 {
        self.waiting.last_key_value().map_or(self.offset, |(offset, _)| (*offset).max(self.offset))
    }
    /// Whether one is missing.
    pub fn has_hole(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// A numbered publication came, by whichever way.
    pub fn offer(&mut self, epoch: &str, offset: u64, publication: Arc<Publication>) -> Step {
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
    pub fn catch_up(&mut self, position: &Position, missed: Vec<Arc<Publication>>) -> Vec<Arc<Publication>> {
        if position.epoch != self.epoch {
            return Vec::new();
        }
        let mut due: Vec<_> = missed.into_iter().filter(|one| one.offset.is_some_and(|offset| offset > self.offset)).collect();
        self.offset = self.offset.max(position.offset);
        self.waiting.retain(|offset, _| *offset > position.offset);
        self.take_waiting(&mut due);
        due
    }

    /// The stream was read from `from` on, stands at `position` and does not reach back so far.
    ///
    /// A read takes its time, and publications come while it is under way: only one that began where the sequence still stands
    /// says something about it. And what it says is believed the second time: what Redis told before it answered may still lie
    /// in the other connection.
    pub fn falls_behind(&mut self, from: &Position, position: &Position) -> Behind {
        if position.epoch != self.epoch {
            *self = Self::at(position.clone());
            return Behind::Lost(Vec::new());
        }
        if self.offset >= position.offset {
            return if self.has_hole() { Behind::LookAgain } else { Behind::Nothing };
        }
        if *from != self.position() || self.doubted != Some(self.offset) {
            self.doubted = Some(self.offset);
            return Behind::LookAgain;
        }
        self.offset = position.offset;
        // What waits behind the stream's end has come and comes no second time.
        let mut due = Vec::new();
        self.take_waiting(&mut due);
        Behind::Lost(due)
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

    proptest! {
        /// Nothing is lost on the way here, only late. Reads are slow, what they found is old when it is there, and the stream
        /// keeps so few that most do not reach back.
        #[test]
        fn however_old_a_read_is_nothing_that_comes_is_passed_over_or_delivered_twice(
            disorder in proptest::collection::vec(0_u64..12, 60),
            reads in proptest::collection::vec((0_usize..60, 0_usize..25, 0_u64..12), 0..12),
            kept in 1_u64..12,
        ) {
            let mut arrivals: Vec<(u64, u64)> = disorder.iter().zip(1_u64..).map(|(late, offset)| (offset + late, offset)).collect();
            arrivals.sort_unstable();
            let mut sequence = Sequence::at(at(0));
            let mut delivered = Vec::new();
            let mut under_way: Vec<(usize, Position, u64)> = Vec::new();
            for (place, (_, offset)) in arrivals.into_iter().enumerate() {
                for (_, lasts, ahead) in reads.iter().filter(|(begins, _, _)| *begins == place) {
                    let stored = (sequence.seen() + ahead).min(60);
                    under_way.push((place + lasts, sequence.position(), stored));
                }
                if let Step::Deliver(due) = sequence.offer("a", offset, one(offset)) {
                    delivered.extend(due);
                }
                for (_, from, stored) in under_way.extract_if(.., |(ends, _, _)| *ends <= place) {
                    if from.offset + kept >= stored {
                        delivered.extend(sequence.catch_up(&at(stored), (from.offset + 1..=stored).map(one).collect()));
                        continue;
                    }
                    let before = sequence.position();
                    match sequence.falls_behind(&from, &at(stored)) {
                        Behind::Nothing => prop_assert!(before.offset >= stored && !sequence.has_hole()),
                        Behind::LookAgain => prop_assert_eq!(sequence.position(), before),
                        Behind::Lost(due) => {
                            prop_assert_eq!(&from, &before, "an old read proves no loss");
                            prop_assert!(stored > before.offset);
                            // Told, so not in silence.
                            delivered.extend((before.offset + 1..=stored).map(one));
                            delivered.extend(due);
                        }
                    }
                }
            }
            let offsets: Vec<u64> = delivered.iter().filter_map(|one| one.offset).collect();
            prop_assert_eq!(offsets, (1..=60).collect::<Vec<_>>());
            prop_assert!(!sequence.has_hole());
        }
    }

    #[test]
    fn another_epoch_is_looked_at_and_never_delivered_blindly() {
        let mut sequence = Sequence::at(at(3));
        assert_eq!(sequence.offer("b", 1, one(1)), Step::Look);
        assert_eq!(sequence.offer("a", 5, one(5)), Step::Wait);
        let other = Position { epoch: "b".to_owned(), offset: 1 };
        assert_eq!(sequence.falls_behind(&at(3), &other), Behind::Lost(Vec::new()));
        assert_eq!(sequence.position(), other);
        assert!(!sequence.has_hole());
        assert_eq!(sequence.offer("a", 4, one(4)), Step::Look, "what is late of the old one");
        assert_eq!(sequence.offer("b", 2, one(2)), Step::Deliver(vec![one(2)]));
    }

    #[test]
    fn a_read_that_is_older_than_what_came_meanwhile_loses_nothing() {
        // As it was seen under load: ten are kept, the read began at 481 and found 483 to 492; 482 to 488 had come meanwhile.
        let mut sequence = Sequence::at(at(488));
        assert_eq!(sequence.offer("a", 490, one(490)), Step::Wait);
        assert_eq!(sequence.falls_behind(&at(481), &at(492)), Behind::LookAgain);
        assert_eq!(sequence.offer("a", 489, one(489)), Step::Deliver(vec![one(489), one(490)]));
        // One that is older than all that was delivered never takes it back, whether or not there is a hole behind.
        assert_eq!(sequence.falls_behind(&at(475), &at(487)), Behind::Nothing);
        assert_eq!(sequence.offer("a", 493, one(493)), Step::Wait);
        assert_eq!(sequence.falls_behind(&at(475), &at(487)), Behind::LookAgain);
        assert_eq!(sequence.position(), at(490));
    }

    #[test]
    fn what_is_lost_is_told_once_it_is_certain_and_what_waits_behind_it_is_delivered() {
        let mut sequence = Sequence::at(at(3));
        for offset in [5, 21, 22, 24] {
            assert_eq!(sequence.offer("a", offset, one(offset)), Step::Wait);
        }
        assert_eq!(sequence.falls_behind(&at(3), &at(20)), Behind::LookAgain, "it may lie in the other connection");
        assert_eq!(sequence.falls_behind(&at(3), &at(20)), Behind::Lost(vec![one(21), one(22)]));
        assert_eq!(sequence.position(), at(22));
        assert!(sequence.has_hole(), "24 still waits");
        assert_eq!(sequence.offer("a", 23, one(23)), Step::Deliver(vec![one(23), one(24)]));
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
