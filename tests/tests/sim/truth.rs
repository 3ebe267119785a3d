//! What was really published, seen at the relay's own tap: the independent witness that pages are judged by.

use pulsewire_protocol::{ChannelName, Payload, Publication, RawJson};
use pulsewire_relay::relay::Tap;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// One publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Which life of the relay.
    pub life: u64,
    pub channel: String,
    pub offset: u64,
}

#[derive(Default)]
pub struct Facts {
    pub life: u64,
    /// By the number that stands in the publication.
    pub notes: BTreeMap<u64, Fact>,
    /// The newest offset of each channel in this life.
    pub newest: BTreeMap<String, u64>,
}

#[derive(Clone, Default)]
pub struct Truth(pub Arc<Mutex<Facts>>);

impl Truth {
    pub fn note(number: u64) -> Payload {
        Payload::Custom { event: "note".to_owned(), data: RawJson::from_text_unchecked(number.to_string()) }
    }
    pub fn number(payload: &Payload) -> Option<u64> {
        match payload {
            Payload::Custom { data, .. } => Some(data.as_str().parse().expect("a note")),
            _ => None,
        }
    }
    /// The relay starts anew, knowing nothing.
    pub fn begin_life(&self) {
        let mut facts = self.0.lock().unwrap();
        facts.life += 1;
        facts.newest.clear();
    }
    pub fn life(&self) -> u64 {
        self.0.lock().unwrap().life
    }
    pub fn fact(&self, number: u64) -> Option<Fact> {
        self.0.lock().unwrap().notes.get(&number).cloned()
    }
    pub fn newest(&self, channel: &str) -> u64 {
        self.0.lock().unwrap().newest.get(channel).copied().unwrap_or(0)
    }
}

/// The tap of one life.
pub struct Witness {
    pub truth: Truth,
    pub life: u64,
}

impl Tap for Witness {
    fn handle_publication(&self, _tenant: &str, channel: &ChannelName, publication: &Publication) {
        let Some(offset) = publication.offset else { return };
        let mut facts = self.truth.0.lock().unwrap();
        if facts.life == self.life {
            facts.newest.insert(channel.as_str().to_owned(), offset);
        }
        if let Some(number) = Truth::number(&publication.payload) {
            let fact = Fact { life: self.life, channel: channel.as_str().to_owned(), offset };
            assert_eq!(facts.notes.insert(number, fact), None, "the relay stored one note twice");
        }
    }
    fn handle_viewers(&self, _tenant: &str) {}
}
