//! What a page asked for, and what it was told of it: every request settled once, every message accepted once or reported.

use crate::truth::Truth;
use pulsewire_client_core::{Delivery, Failure, RequestId, Settlement};
use std::collections::{BTreeMap, BTreeSet};

pub struct Ledger {
    truth: Truth,
    /// By request: the number of the note, where it is one.
    open: BTreeMap<RequestId, Option<u64>>,
    /// By request, for good: its note.
    notes: BTreeMap<RequestId, u64>,
    /// By the outbox's id: notes whose end is still to be told.
    waiting: BTreeMap<String, u64>,
    /// Notes that went through the outbox, but for those whose page went away with them.
    queued: BTreeSet<u64>,
    /// Notes of the outbox whose end was told.
    ended: BTreeSet<u64>,
    not_sent: BTreeSet<u64>,
    pub settled: u64,
    pub delivered: u64,
    pub reported: u64,
}

impl Ledger {
    pub fn new(truth: Truth) -> Self {
        Self {
            truth,
            open: BTreeMap::new(),
            notes: BTreeMap::new(),
            waiting: BTreeMap::new(),
            queued: BTreeSet::new(),
            ended: BTreeSet::new(),
            not_sent: BTreeSet::new(),
            settled: 0,
            delivered: 0,
            reported: 0,
        }
    }

    pub fn handle_request(&mut self, request: RequestId, number: Option<u64>, queue: bool) {
        assert_eq!(self.open.insert(request, number), None);
        if let Some(number) = number {
            self.notes.insert(request, number);
            if queue {
                self.queued.insert(number);
            }
        }
    }

    /// The page was reloaded: what it had asked, nobody waits for any more, but for the messages that were kept.
    pub fn handle_reload(&mut self, kept: impl Fn(&str) -> bool) {
        self.open.clear();
        for (id, number) in std::mem::take(&mut self.waiting) {
            if kept(&id) {
                self.waiting.insert(id, number);
            } else {
                self.queued.remove(&number);
            }
        }
        // Those that were not even told to wait yet.
        self.queued.retain(|number| self.ended.contains(number) || self.waiting.values().any(|waiting| waiting == number));
    }

    pub fn handle_settled(&mut self, request: RequestId, result: Result<Settlement, Failure>) {
        let number = self.open.remove(&request).expect("settled twice, or never asked for");
        self.settled += 1;
        let Some(number) = number else { return };
        match result {
            Ok(Settlement::Published { offset }) => self.confirm(number, offset),
            Ok(other) => panic!("a publication settled as {other:?}"),
            Err(failure) => self.fail(number, &failure),
        }
    }

    pub fn handle_delivery(&mut self, id: String, request: Option<RequestId>, state: Delivery) {
        let note = request.map(|request| *self.notes.get(&request).expect("a delivery of a request that was never made"));
        let number = note.or_else(|| self.waiting.get(&id).copied()).expect("a delivery of a message that nobody wrote");
        match state {
            Delivery::Queued | Delivery::Sent => {
                assert!(!self.ended.contains(&number), "note {number} waits again after its end was told");
                self.waiting.insert(id, number);
            }
            Delivery::Confirmed { offset } => {
                self.end(&id, number);
                self.delivered += 1;
                self.confirm(number, offset);
            }
            Delivery::Failed(failure) => {
                // Here the relay takes whatever it is sent: who says that it refused has believed somebody else.
                assert!(!matches!(failure, Failure::Refused(_)), "note {number} was given up as refused: {failure:?}");
                self.end(&id, number);
                self.reported += 1;
                self.fail(number, &failure);
                if failure == Failure::Unknown {
                    // Given up, but perhaps still on its way: no order is promised any more.
                    self.queued.remove(&number);
                }
            }
        }
    }

    fn end(&mut self, id: &str, number: u64) {
        self.waiting.remove(id);
        assert!(self.ended.insert(number), "the end of note {number} was told twice");
    }

    fn confirm(&self, number: u64, offset: u64) {
        let fact = self.truth.fact(number).expect("confirmed, but never published");
        let is_right = fact.offset == offset || self.truth.is_doubtful(number);
        assert!(is_right, "note {number} was confirmed as {offset} instead of {}", fact.offset);
    }

    fn fail(&mut self, number: u64, failure: &Failure) {
        if *failure != Failure::Unknown && !self.truth.is_doubtful(number) {
            assert!(self.truth.fact(number).is_none(), "note {number} was reported as not sent ({}), and published", failure.code());
            self.not_sent.insert(number);
        }
    }

    /// What nobody has been told the end of yet.
    pub fn lacks(&self) -> Option<String> {
        if !self.open.is_empty() {
            return Some(format!("requests that were never settled: {:?}", self.open));
        }
        (!self.waiting.is_empty()).then(|| format!("messages that still wait: {:?}", self.waiting))
    }

    /// Once all is well again: what was said of this page's own notes must be true for good.
    pub fn handle_end(&self) {
        for number in self.not_sent.iter().filter(|number| !self.truth.is_doubtful(**number)) {
            assert!(self.truth.fact(*number).is_none(), "note {number} was reported as not sent, and published later");
        }
        self.check_order();
        let silent = self.queued.difference(&self.ended).next();
        assert_eq!(silent, None, "a message of which no end was ever told");
    }

    /// Messages of the outbox reach a channel in the order in which they were written. What is sent at once may overtake them, and
    /// each other where one went by a post and the next by a new socket.
    fn check_order(&self) {
        let mut last: BTreeMap<(u64, String), u64> = BTreeMap::new();
        for number in self.queued.iter().filter(|number| !self.truth.is_doubtful(**number)) {
            let Some(fact) = self.truth.fact(*number) else { continue };
            let before = last.insert((fact.life, fact.channel), fact.offset);
            assert!(before.is_none_or(|before| before < fact.offset), "note {number} overtook one that was written before it");
        }
    }
}
