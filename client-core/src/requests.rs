//! Commands that were sent and not answered yet.
//!
//! Ids rise within one connection and the relay answers in order, so a short list sorted by id serves. Every entry leaves it in
//! exactly one way: answered, timed out, or lost with its connection.

use crate::input::RequestId;
use crate::time::Millis;

/// What a command was sent for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Connect,
    Subscribe(String),
    Unsubscribe,
    Refresh,
    /// Is the socket alive?
    Probe,
    /// How long does a round trip take?
    Measure,
    /// Who is online?
    Presence,
    /// Something of the client's own whose answer changes nothing.
    Own,
    Publish(RequestId),
    /// A message of the outbox, by its number there.
    Message(u32),
    Call(RequestId),
    Ping(RequestId),
}

impl Purpose {
    /// The page's number, where the page waits for it.
    pub(crate) fn request(&self) -> Option<RequestId> {
        match self {
            Self::Publish(request) | Self::Call(request) | Self::Ping(request) => Some(*request),
            _ => None,
        }
    }
}

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InFlight {
    pub(crate) id: u64,
    pub(crate) sent_at: Millis,
    pub(crate) purpose: Purpose,
}

/// All of one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests {
    last_id: u64,
    in_flight: Vec<InFlight>,
}

impl Requests {
    /// Starts a command and gives its id.
    pub(crate) fn begin(&mut self, now: Millis, purpose: Purpose) -> u64 {
        self.last_id += 1;
        self.in_flight.push(InFlight { id: self.last_id, sent_at: now, purpose });
        self.last_id
    }
    /// Ends a command.
    pub(crate) fn take(&mut self, id: u64) -> Option<InFlight> {
        let index = self.in_flight.binary_search_by(|entry| entry.id.cmp(&id)).ok()?;
        Some(self.in_flight.remove(index))
    }
    /// Ends one command that was sent at or before the given moment.
    pub(crate) fn take_sent_until(&mut self, moment: Millis) -> Option<InFlight> {
        let oldest = self.in_flight.first()?;
        if oldest.sent_at <= moment { Some(self.in_flight.remove(0)) } else { None }
    }
    /// The connection is gone: ends every command and starts the ids over.
    pub(crate) fn drain(&mut self) -> Vec<InFlight> {
        self.last_id = 0;
        std::mem::take(&mut self.in_flight)
    }
    pub(crate) fn len(&self) -> usize {
        self.in_flight.len()
    }
    /// When the oldest was sent.
    pub(crate) fn oldest(&self) -> Option<Millis> {
        self.in_flight.first().map(|entry| entry.sent_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_ends_once_answered_late_or_lost() {
        let mut requests = Requests::default();
        let ids: Vec<u64> = (0..4).map(|n| requests.begin(Millis(n), Purpose::Ping(RequestId(n as u32)))).collect();
        assert_eq!(ids, [1, 2, 3, 4]);
        assert_eq!(requests.take(2).unwrap().purpose.request(), Some(RequestId(1)));
        assert_eq!(requests.take(2), None);
        assert_eq!(requests.oldest(), Some(Millis(0)));
        assert_eq!(requests.take_sent_until(Millis(0)).unwrap().id, 1);
        assert_eq!(requests.take_sent_until(Millis(0)), None);
        assert_eq!(requests.drain().len(), 2);
        assert_eq!(requests.begin(Millis(9), Purpose::Unsubscribe), 1);
    }
}
