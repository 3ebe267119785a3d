//! How a publication is written in Redis: the CBOR of its `event` message, without offset and channel, which stand beside it.
//!
//! Between relays it travels as `node LF epoch LF offset LF publication`; beside a retained event as `epoch LF offset LF publication`.
//! Trap: relays of different versions may share a Redis; what cannot be read is reported and leaves a hole, which is looked after.

use pulsewire_protocol::{Event, Publication, ServerMessage, cbor};
use std::sync::Arc;

/// The publication as it is stored.
pub(super) fn encode(mut publication: Publication) -> Vec<u8> {
    publication.offset = None;
    cbor::encode_server(&ServerMessage::Event(Event { channel: String::new(), publication }))
}

/// A stored publication with its place.
pub(super) fn decode(bytes: &[u8], offset: Option<u64>) -> Option<Arc<Publication>> {
    match cbor::decode_server(bytes).next()? {
        Ok(ServerMessage::Event(event)) => Some(Arc::new(Publication { offset, ..event.publication })),
        _ => None,
    }
}

/// What one relay tells the others.
pub(super) struct Told<'a> {
    pub(super) node: &'a [u8],
    /// Empty where the publication is not numbered.
    pub(super) epoch: &'a str,
    pub(super) offset: Option<u64>,
    pub(super) body: &'a [u8],
}

impl<'a> Told<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (node, rest) = split(bytes)?;
        let (epoch, offset, body) = placed(rest)?;
        Some(Self { node, epoch, offset, body })
    }
}

/// A retained event: the epoch it was numbered in, its offset, and the publication.
pub(super) fn placed(bytes: &[u8]) -> Option<(&str, Option<u64>, &[u8])> {
    let (epoch, rest) = split(bytes)?;
    let (offset, body) = split(rest)?;
    let epoch = std::str::from_utf8(epoch).ok()?;
    let offset = std::str::from_utf8(offset).ok()?.parse::<u64>().ok()?;
    Some((epoch, (!epoch.is_empty()).then_some(offset), body))
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use pulsewire_protocol::testing::publication;

    proptest! {
        #[test]
        fn what_is_stored_comes_back_with_its_place(publication in publication(), offset in proptest::option::of(1_u64..1 << 50)) {
            let bytes = encode(publication.clone());
            let back = decode(&bytes, offset).unwrap();
            prop_assert_eq!(&back.payload, &publication.payload);
            prop_assert_eq!((back.offset, back.ts), (offset, publication.ts));
        }
        #[test]
        fn any_bytes_are_refused_or_read_and_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Some(told) = Told::parse(&bytes) { decode(told.body, told.offset); }
            decode(&bytes, None);
        }
    }
}
