//! What was really published, seen at the relay's own tap: the independent witness that pages are judged by.

use pulsewire_protocol::{ChannelName, DeviceState, DeviceStatus, Payload, Publication, RawJson, UnixMs};
use pulsewire_relay::relay::Tap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// One publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Which life of the history.
    pub life: u64,
    pub channel: String,
    pub offset: u64,
}

#[derive(Default)]
pub struct Facts {
    pub life: u64,
    /// By the number that stands in the publication.
    pub notes: BTreeMap<u64, Fact>,
    /// Numbers that were stored and then refused as `unavailable`, because the connection to the store broke before its answer: nobody
    /// who was told so can know.
    pub doubtful: BTreeSet<u64>,
    /// The newest offset of each channel in this life.
    pub newest: BTreeMap<String, u64>,
    /// The number of the newest status of each device in this life.
    pub statuses: BTreeMap<String, u64>,
    /// What the relay did that it must never do. A panic in its own tasks would be lost.
    pub broken: Option<String>,
}

#[derive(Clone, Default)]
pub struct Truth(pub Arc<Mutex<Facts>>);

impl Truth {
    pub fn note(number: u64) -> Payload {
        Payload::Custom { event: "note".to_owned(), data: RawJson::from_text_unchecked(number.to_string()) }
    }
    /// A retained status; its number stands where the time of the last sign of life does.
    pub fn status(device: &str, number: u64) -> Payload {
        let status = if number.is_multiple_of(2) { DeviceState::Online } else { DeviceState::Maintenance };
        Payload::DeviceStatus(DeviceStatus {
            device_id: device.to_owned(),
            status,
            battery: None,
            last_seen: Some(UnixMs::from_millis(number)),
        })
    }
    pub fn number(payload: &Payload) -> Option<u64> {
        match payload {
            Payload::Custom { data, .. } => Some(data.as_str().parse().expect("a note")),
            _ => None,
        }
    }
    pub fn status_number(payload: &Payload) -> Option<(&str, u64)> {
        match payload {
            Payload::DeviceStatus(status) => Some((&status.device_id, status.last_seen.expect("a number").as_millis())),
            _ => None,
        }
    }
    /// The history is lost: the relay starts anew, knowing nothing.
    pub fn begin_life(&self) {
        let mut facts = self.0.lock().unwrap();
        facts.life += 1;
        facts.newest.clear();
        facts.statuses.clear();
    }
    pub fn life(&self) -> u64 {
        self.0.lock().unwrap().life
    }
    pub fn fact(&self, number: u64) -> Option<Fact> {
        self.0.lock().unwrap().notes.get(&number).cloned()
    }
    /// It was stored, and whoever asked for it is told that it is not known.
    pub fn doubt(&self, payload: &Payload) {
        if let Some(number) = Self::number(payload) {
            self.0.lock().unwrap().doubtful.insert(number);
        }
    }
    pub fn is_doubtful(&self, number: u64) -> bool {
        self.0.lock().unwrap().doubtful.contains(&number)
    }
    pub fn break_it(&self, what: String) {
        self.0.lock().unwrap().broken.get_or_insert(what);
    }
    /// Fails where the relay did what it must never do.
    pub fn check(&self) {
        let broken = self.0.lock().unwrap().broken.clone();
        assert_eq!(broken, None);
    }
    pub fn newest(&self, channel: &str) -> u64 {
        self.0.lock().unwrap().newest.get(channel).copied().unwrap_or(0)
    }
    pub fn newest_status(&self, device: &str) -> Option<u64> {
        self.0.lock().unwrap().statuses.get(device).copied()
    }
}

/// The tap of one relay, or of the store of many.
pub struct Witness {
    pub truth: Truth,
    pub life: u64,
}

impl Tap for Witness {
    fn handle_publication(&self, _tenant: &str, channel: &ChannelName, publication: &Publication) {
        let Some(offset) = publication.offset else { return };
        let mut facts = self.truth.0.lock().unwrap();
        if facts.life == self.life {
            let before = facts.newest.insert(channel.as_str().to_owned(), offset);
            if offset != before.unwrap_or(0) + 1 {
                facts.broken = Some(format!("{channel}: {offset} follows {before:?}: the relay skipped or repeated a number"));
            }
            if let Some((device, number)) = Truth::status_number(&publication.payload) {
                facts.statuses.insert(device.to_owned(), number);
            }
        }
        if let Some(number) = Truth::number(&publication.payload) {
            let fact = Fact { life: self.life, channel: channel.as_str().to_owned(), offset };
            let first = facts.notes.insert(number, fact);
            // Where nobody could know, it may be asked for again once the store has lost the first, and with it the key.
            let may_be_again = |first: &Fact| first.life != self.life && facts.doubtful.contains(&number);
            if let Some(first) = first.filter(|first| !may_be_again(first)) {
                facts.broken = Some(format!("the relay stored note {number} twice, first as {first:?}"));
            }
        }
    }
    fn handle_viewers(&self, _tenant: &str) {}
}
