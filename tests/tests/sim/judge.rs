//! Reads what a page was told, and holds it to the promise.

use crate::truth::Truth;
use pulsewire_client_core::{ChannelPhase, Client, ClientEvent, RequestId, Settlement};
use std::collections::{BTreeMap, BTreeSet};

/// What one page was told so far.
pub struct Judge {
    truth: Truth,
    /// By channel: epoch and offset of the last publication accounted for.
    seen: BTreeMap<String, (String, u64)>,
    /// Each life of the relay gives a channel one epoch.
    epochs: BTreeMap<(String, String), u64>,
    open_requests: BTreeMap<RequestId, u64>,
    alerts: BTreeSet<String>,
    pub applied: u64,
    pub resyncs: u64,
    pub unauthorized: u64,
}

impl Judge {
    pub fn new(truth: Truth) -> Self {
        Self {
            truth,
            seen: BTreeMap::new(),
            epochs: BTreeMap::new(),
            open_requests: BTreeMap::new(),
            alerts: BTreeSet::new(),
            applied: 0,
            resyncs: 0,
            unauthorized: 0,
        }
    }

    pub fn handle_request(&mut self, request: RequestId, number: u64) {
        assert_eq!(self.open_requests.insert(request, number), None);
    }

    pub fn handle_event(&mut self, client: &Client, event: ClientEvent) {
        match event {
            ClientEvent::Event(event) => {
                let publication = event.publication;
                let Some(offset) = publication.offset else { return };
                let view = client.channel(&event.channel).expect("an event of a channel that nobody wants");
                let epoch = view.epoch.to_owned();
                if let Some(number) = Truth::number(&publication.payload) {
                    let fact = self.truth.fact(number).expect("an event that was never published");
                    assert_eq!((&fact.channel, fact.offset), (&event.channel, offset), "a publication under a wrong name");
                    let life = *self.epochs.entry((event.channel.clone(), epoch.clone())).or_insert(fact.life);
                    assert_eq!(life, fact.life, "{}: one epoch in two lives", event.channel);
                }
                if let Some((known_epoch, known)) = self.seen.get(&event.channel) {
                    assert_eq!(known_epoch, &epoch, "{}: another history without a resync", event.channel);
                    assert!(offset > *known, "{}: {offset} after {known}: a duplicate, or out of order", event.channel);
                    let first = publication.first_offset.unwrap_or(offset);
                    assert!(first <= known + 1, "{}: {first} after {known}: a gap", event.channel);
                }
                self.seen.insert(event.channel, (epoch, offset));
                self.applied += 1;
            }
            ClientEvent::Resync { channel } => {
                self.seen.remove(&channel);
                self.resyncs += 1;
            }
            ClientEvent::Settled { request, result } => {
                let number = self.open_requests.remove(&request).expect("settled twice, or never asked for");
                if let Ok(Settlement::Published { offset }) = result {
                    let fact = self.truth.fact(number).expect("confirmed, but never published");
                    assert_eq!(fact.offset, offset, "confirmed under a wrong number");
                }
            }
            ClientEvent::Unauthorized { .. } => self.unauthorized += 1,
            ClientEvent::Error { code: "unreadable_message", message, .. } => panic!("{message}"),
            ClientEvent::Error { .. } | ClientEvent::Delivery { .. } | ClientEvent::ToastShown(_) | ClientEvent::ToastClicked(_) => {}
        }
    }

    /// After each input, once its events are read: whatever the position says was seen must have been told.
    pub fn handle_state(&mut self, client: &Client) {
        self.seen.retain(|channel, _| client.channel(channel).is_some());
        for channel in client.channels() {
            let Some(view) = client.channel(channel).filter(|view| !view.epoch.is_empty()) else { continue };
            match self.seen.get(channel) {
                Some(seen) => {
                    assert_eq!(seen, &(view.epoch.to_owned(), view.offset), "{channel}: a position that moved without events");
                }
                // A fresh subscription, or a resync: counted from here on.
                None => {
                    self.seen.insert(channel.to_owned(), (view.epoch.to_owned(), view.offset));
                }
            }
        }
        for alert in client.alerts().items() {
            self.alerts.insert(alert.id.clone());
        }
        assert!(client.alerts().items().len() <= self.alerts.len(), "an alert stands twice in the list");
    }

    /// Once all is well again.
    pub fn handle_end(&self, client: &Client, held: &BTreeSet<String>) {
        for channel in held.iter().map(String::as_str).chain(["tenant"]) {
            let view = client.channel(channel).unwrap_or_else(|| panic!("{channel} is not wanted any more"));
            assert_eq!(view.phase, ChannelPhase::Subscribed, "{channel} was not restored");
            assert_eq!(view.offset, self.truth.newest(channel), "{channel} is behind");
        }
        for channel in client.channels() {
            assert!(held.contains(channel) || channel == "tenant" || channel.starts_with("user:"), "{channel} was never let go of");
        }
        assert!(self.open_requests.is_empty(), "requests that were never settled: {:?}", self.open_requests);
    }

    pub fn alerts(&self) -> &BTreeSet<String> {
        &self.alerts
    }
}
