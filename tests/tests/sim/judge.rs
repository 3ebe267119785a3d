//! Reads what a page was told, and holds it to the promise.

use crate::ledger::Ledger;
use crate::truth::Truth;
use pulsewire_client_core::{ChannelPhase, Client, ClientEvent, ConnectionState};
use std::collections::{BTreeMap, BTreeSet};

/// What one page was told so far.
pub struct Judge {
    truth: Truth,
    /// As of the last input: one that is let go of may be told of once more with the answer that came just before.
    wanted: BTreeSet<String>,
    /// By channel: epoch and offset of the last publication accounted for.
    seen: BTreeMap<String, (String, u64)>,
    /// Channels whose place is being told anew in the answers at hand: what came last, and whether it was retained state, which may
    /// lie before what the history still holds.
    telling: BTreeMap<String, (u64, bool)>,
    /// By channel: the furthest place, whatever was announced as lost.
    furthest: BTreeMap<String, (String, u64)>,
    /// Each life of the history gives a channel one epoch.
    epochs: BTreeMap<(String, String), u64>,
    pub ledger: Ledger,
    alerts: BTreeSet<String>,
    /// Alerts that must be there in the end: published while the page had its place in `tenant`.
    expected_alerts: BTreeSet<String>,
    /// By device: the newest status shown, and in which life.
    statuses: BTreeMap<String, (u64, u64)>,
    /// Tokens since the last welcome that were no good when they were given, or that the relay refused.
    pub bad_tokens: u32,
    pub figures: Told,
}

/// Counted over what a page was told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    pub applied: u64,
    pub resyncs: u64,
    pub unauthorized: u64,
    pub polls: u64,
}

impl Judge {
    pub fn new(truth: Truth) -> Self {
        Self {
            ledger: Ledger::new(truth.clone()),
            truth,
            wanted: BTreeSet::new(),
            seen: BTreeMap::new(),
            telling: BTreeMap::new(),
            furthest: BTreeMap::new(),
            epochs: BTreeMap::new(),
            alerts: BTreeSet::new(),
            expected_alerts: BTreeSet::new(),
            statuses: BTreeMap::new(),
            bad_tokens: 0,
            figures: Told::default(),
        }
    }

    /// The page was reloaded: its list of alerts begins anew.
    pub fn handle_reload(&mut self, kept: impl Fn(&str) -> bool) {
        self.ledger.handle_reload(kept);
        self.alerts.clear();
        self.expected_alerts.clear();
        self.statuses.clear();
    }

    pub fn handle_event(&mut self, client: &Client, event: ClientEvent) {
        match event {
            ClientEvent::Event(event) => {
                let publication = event.publication;
                let Some(offset) = publication.offset else { return };
                let Some(view) = client.channel(&event.channel) else {
                    assert!(self.wanted.contains(&event.channel), "an event of a channel that nobody wants");
                    return;
                };
                let epoch = view.epoch.to_owned();
                if let Some(number) = Truth::number(&publication.payload) {
                    let fact = self.truth.fact(number).expect("an event that was never published");
                    assert_eq!(fact.channel, event.channel, "a publication in a wrong channel");
                    // One that nobody could be sure of may have been stored in two lives, once in each.
                    if !self.truth.is_doubtful(number) {
                        assert_eq!(fact.offset, offset, "a publication under a wrong number");
                        let life = *self.epochs.entry((event.channel.clone(), epoch.clone())).or_insert(fact.life);
                        assert_eq!(life, fact.life, "{}: one epoch in two lives", event.channel);
                    }
                }
                let first = publication.first_offset.unwrap_or(offset);
                if let Some((known_epoch, known)) = self.seen.get_mut(&event.channel) {
                    assert_eq!(known_epoch, &epoch, "{}: another history without a resync", event.channel);
                    assert!(offset > *known, "{}: {offset} after {known}: a duplicate, or out of order", event.channel);
                    assert!(first <= *known + 1, "{}: {first} after {known}: a gap", event.channel);
                    *known = offset;
                } else {
                    let told = self.telling.insert(event.channel.clone(), (offset, publication.payload.is_retained()));
                    if let Some((known, retained)) = told {
                        assert!(offset > known, "{}: {offset} after {known}: out of order", event.channel);
                        assert!(retained || first <= known + 1, "{}: {first} after {known}: a gap in the history", event.channel);
                    }
                }
                self.figures.applied += 1;
            }
            ClientEvent::Resync { channel } => {
                self.seen.remove(&channel);
                self.telling.remove(&channel);
                self.figures.resyncs += 1;
            }
            ClientEvent::Settled { request, result } => self.ledger.handle_settled(request, result),
            ClientEvent::Delivery { id, request, state, .. } => self.ledger.handle_delivery(id, request, state),
            ClientEvent::Unauthorized { .. } => {
                assert!(self.bad_tokens >= 2, "sent to the sign-in after {} bad tokens", self.bad_tokens);
                self.bad_tokens = 0;
                self.figures.unauthorized += 1;
            }
            ClientEvent::Error { code: "unreadable_message", message, .. } => panic!("{message}"),
            _ => {}
        }
    }

    /// After each input, once its events are read: whatever the position says was seen must have been told.
    pub fn handle_state(&mut self, client: &Client) {
        for (channel, (offset, _)) in std::mem::take(&mut self.telling) {
            let place = client.channel(&channel).map_or(0, |view| view.offset);
            assert!(place >= offset, "{channel}: {offset} was told, and the place is {place}");
        }
        self.seen.retain(|channel, _| client.channel(channel).is_some());
        self.furthest.retain(|channel, _| client.channel(channel).is_some());
        self.wanted = client.channels().map(str::to_owned).collect();
        for channel in client.channels() {
            let Some(view) = client.channel(channel).filter(|view| !view.epoch.is_empty()) else { continue };
            let place = (view.epoch.to_owned(), view.offset);
            match self.seen.get(channel) {
                Some(seen) => assert_eq!(seen, &place, "{channel}: a position that moved without events"),
                // A fresh subscription, or a resync: counted from here on.
                None => {
                    self.seen.insert(channel.to_owned(), place.clone());
                }
            }
            if let Some((epoch, offset)) = self.furthest.insert(channel.to_owned(), place) {
                assert!(epoch != view.epoch || offset <= view.offset, "{channel}: back from {offset} to {}", view.offset);
            }
        }
        for alert in client.alerts().items() {
            self.alerts.insert(alert.id.clone());
        }
        assert!(client.alerts().items().len() <= self.alerts.len(), "an alert stands twice in the list");
        self.handle_statuses(client);
        if client.connection().state == ConnectionState::Connected {
            self.bad_tokens = 0;
        }
        let config = client.config();
        assert!(client.requests_in_flight() <= config.max_requests + 300, "{} requests in flight", client.requests_in_flight());
        assert!(client.alerts().items().len() <= config.max_alerts, "more alerts than are kept");
        assert!(client.toasts().count() <= config.toasts.max_kept, "more toasts than are kept");
    }

    /// A status never goes back within a life of the history.
    fn handle_statuses(&mut self, client: &Client) {
        let life = self.truth.life();
        let shown = client.devices().statuses();
        self.statuses.retain(|device, _| shown.at(device).is_some());
        for (device, status) in shown.iter() {
            let number = status.last_seen.expect("a number").as_millis();
            let before = self.statuses.insert(device.to_owned(), (life, number));
            let went_back = before.is_some_and(|(before_life, before)| before_life == life && before > number);
            assert!(!went_back, "{device}: status {number} after {before:?}");
        }
    }

    /// What is not well again yet, if anything.
    pub fn lacks(&self, client: &Client, held: &BTreeSet<String>) -> Option<String> {
        let state = client.connection().state;
        if state != ConnectionState::Connected {
            return Some(format!("it is {}", state.as_str()));
        }
        for channel in held.iter().map(String::as_str).chain(["tenant"]) {
            let Some(view) = client.channel(channel) else { return Some(format!("{channel} is not wanted any more")) };
            if view.phase != ChannelPhase::Subscribed {
                return Some(format!("{channel} was not restored"));
            }
            let newest = self.truth.newest(channel);
            if view.offset != newest {
                return Some(format!("{channel} stands at {} of {newest}", view.offset));
            }
        }
        let stray = client.channels().find(|channel| !held.contains(*channel) && *channel != "tenant" && !channel.starts_with("user:"));
        if let Some(stray) = stray {
            return Some(format!("{stray} was never let go of"));
        }
        if let Some(lack) = self.ledger.lacks() {
            return Some(lack);
        }
        if held.contains("device:d1") {
            let shown = client.devices().statuses().at("d1").and_then(|status| status.last_seen).map(|number| number.as_millis());
            let newest = self.truth.newest_status("d1");
            // A device that has not spoken since the history was lost may still show what it last said.
            if newest.is_some() && shown != newest {
                return Some(format!("d1 shows status {shown:?} of {newest:?}"));
            }
        }
        None
    }

    /// An alert is about to be published.
    pub fn expect_alert(&mut self, client: &Client, id: &str) {
        if client.channel("tenant").is_some_and(|view| !view.epoch.is_empty()) {
            self.expected_alerts.insert(id.to_owned());
        }
    }
    /// The history is lost, and with it what nobody had read.
    pub fn forget_expected_alerts(&mut self) {
        self.expected_alerts.clear();
    }
    pub fn missing_alerts(&self) -> Vec<&String> {
        self.expected_alerts.difference(&self.alerts).collect()
    }
}
