//! Traffic: events by the door they came through, messages and bytes both ways, and how long a command takes.

use super::labels::{Door, Transport};
use super::register::{counter, counters, gauge, histogram, set};
use super::{Metrics, Snapshot};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DoorLabel {
    source: Door,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TransportLabel {
    transport: Transport,
}

/// The counters of labels are kept apart, so that counting is one atomic add without a look-up.
pub(super) struct Traffic {
    events_in: [Counter; 4],
    events_out: Counter,
    messages_in: Counter,
    messages_out: Counter,
    bytes_in: [Counter; 2],
    bytes_out: [Counter; 2],
    command_seconds: Histogram,
    channels: Gauge,
}

impl Traffic {
    pub(super) fn register(r: &mut Registry) -> Self {
        let doors = counters(
            r,
            "events_in",
            "Events accepted, by the door they came through",
            Door::ALL.iter().map(|door| DoorLabel { source: *door }),
        );
        let both = || Transport::ALL.iter().map(|transport| TransportLabel { transport: *transport });
        let bytes_in = counters(r, "bytes_in", "Bytes of messages and bodies received", both());
        let bytes_out = counters(r, "bytes_out", "Bytes of messages and bodies sent", both());
        let of = |transport| TransportLabel { transport };
        Self {
            events_in: [Door::WebSocket, Door::Http, Door::Feed, Door::Relay]
                .map(|source| doors.get_or_create_owned(&DoorLabel { source })),
            events_out: counter(r, "events_out", "Events queued for subscribers"),
            messages_in: counter(r, "messages_in", "Messages from clients"),
            messages_out: counter(r, "messages_out", "Messages written to clients"),
            bytes_in: [Transport::WebSocket, Transport::Http].map(|transport| bytes_in.get_or_create_owned(&of(transport))),
            bytes_out: [Transport::WebSocket, Transport::Http].map(|transport| bytes_out.get_or_create_owned(&of(transport))),
            command_seconds: histogram(
                r,
                "command_seconds",
                "Handling of one command of a client, its waiting for room in the queue left out",
            ),
            channels: gauge(r, "channels", "Channels with a subscriber or a history"),
        }
    }

    pub(super) fn fill(&self, now: &Snapshot) {
        set(&self.channels, now.channels as u64);
    }
}

impl Metrics {
    /// Bytes of messages and bodies so far, in and out.
    pub fn bytes(&self) -> (u64, u64) {
        let sum = |counters: &[Counter; 2]| counters.iter().map(Counter::get).sum();
        (sum(&self.traffic.bytes_in), sum(&self.traffic.bytes_out))
    }
    /// Events were accepted.
    pub fn events_in(&self, door: Door, count: u64) {
        let [websocket, http, feed, relay] = &self.traffic.events_in;
        match door {
            Door::WebSocket => websocket,
            Door::Http => http,
            Door::Feed => feed,
            Door::Relay => relay,
        }
        .inc_by(count);
    }
    /// An event was queued for this many subscribers.
    pub fn events_out(&self, receivers: u64) {
        self.traffic.events_out.inc_by(receivers);
    }
    /// A frame came in.
    pub fn received(&self, transport: Transport, messages: u64, bytes: u64) {
        self.traffic.messages_in.inc_by(messages);
        let [websocket, http] = &self.traffic.bytes_in;
        if transport == Transport::WebSocket { websocket } else { http }.inc_by(bytes);
    }
    /// Frames went out.
    pub fn sent(&self, transport: Transport, messages: u64, bytes: u64) {
        self.traffic.messages_out.inc_by(messages);
        let [websocket, http] = &self.traffic.bytes_out;
        if transport == Transport::WebSocket { websocket } else { http }.inc_by(bytes);
    }
    /// One message of a client was handled in so long.
    pub fn command_took(&self, seconds: f64) {
        self.traffic.command_seconds.observe(seconds);
    }
}
