//! How far each user has received and read a conversation.
//!
//! A mark is a message, and covers all before it: whoever reads the newest one has read those above it. Marks only move forward, so
//! they merge by taking the greater one: in any order, from any number of a user's devices, as often as they come.

use pulsewire_protocol::DeliveryStatus;

/// A user's two marks, as numbers of messages; 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Received by one of their devices.
    pub delivered: i64,
    /// Read.
    pub read: i64,
}

impl Marks {
    /// That message came so far; what is read was received.
    pub fn reached(status: DeliveryStatus, message: i64) -> Self {
        match status {
            DeliveryStatus::Sent => Self::default(),
            DeliveryStatus::Delivered => Self { delivered: message, read: 0 },
            DeliveryStatus::Read => Self { delivered: message, read: message },
        }
    }

    /// Both together.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        Self { delivered: self.delivered.max(other.delivered), read: self.read.max(other.read) }
    }

    /// How far that message came for this user.
    pub fn status_of(self, message: i64) -> DeliveryStatus {
        if self.read >= message {
            DeliveryStatus::Read
        } else if self.delivered >= message {
            DeliveryStatus::Delivered
        } else {
            DeliveryStatus::Sent
        }
    }
}

/// How far a message of `sender` came: the furthest for anyone else.
pub fn status(marks: &[(String, Marks)], sender: &str, message: i64) -> DeliveryStatus {
    let others = marks.iter().filter(|(user, _)| user != sender);
    others.map(|(_, marks)| marks.status_of(message)).max_by_key(|status| status.code()).unwrap_or(DeliveryStatus::Sent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mark() -> impl Strategy<Value = (DeliveryStatus, i64)> {
        (proptest::sample::select(DeliveryStatus::ALL.to_vec()), 1..50_i64)
    }

    proptest! {
        #[test]
        fn read_state_merges_alike_in_any_order_and_as_often_as_it_comes(
            (marks, shuffled) in proptest::collection::vec(mark(), 0..30).prop_flat_map(|marks| (Just(marks.clone()), Just(marks).prop_shuffle())),
            again in 0..30_usize,
        ) {
            let merge = |marks: &[(DeliveryStatus, i64)]| {
                marks.iter().fold(Marks::default(), |so_far, (status, message)| so_far.merged(Marks::reached(*status, *message)))
            };
            let merged = merge(&marks);
            prop_assert_eq!(merge(&shuffled), merged);
            let mut repeated = shuffled.clone();
            repeated.extend(marks.iter().take(again));
            prop_assert_eq!(merge(&repeated), merged);
            prop_assert!(merged.read <= merged.delivered);
            // From scratch: a message is read where a mark at or above it says so.
            for message in 1..50 {
                let reached = |wanted: DeliveryStatus| {
                    marks.iter().any(|(status, at)| *at >= message && status.code() >= wanted.code())
                };
                let expected = if reached(DeliveryStatus::Read) {
                    DeliveryStatus::Read
                } else if reached(DeliveryStatus::Delivered) {
                    DeliveryStatus::Delivered
                } else {
                    DeliveryStatus::Sent
                };
                prop_assert_eq!(merged.status_of(message), expected);
            }
        }
    }

    #[test]
    fn a_message_is_as_far_as_it_came_for_anyone_but_its_sender() {
        let marks = vec![("ana".to_owned(), Marks { delivered: 9, read: 9 }), ("rui".to_owned(), Marks { delivered: 5, read: 3 })];
        assert_eq!(status(&marks, "ana", 6), DeliveryStatus::Sent);
        assert_eq!(status(&marks, "ana", 5), DeliveryStatus::Delivered);
        assert_eq!(status(&marks, "ana", 3), DeliveryStatus::Read);
        assert_eq!(status(&[], "ana", 1), DeliveryStatus::Sent);
    }
}
