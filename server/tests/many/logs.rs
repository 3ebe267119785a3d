//! What clients were told, channel by channel, and what must be true of it.

use super::publishers::Accepted;
use pulsewire_protocol::{Payload, Position, Publication, Subscribed};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What a client was told of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Publication {
        offset: u64,
        number: u64,
    },
    /// What came before is lost, or another history: it stands here now.
    Resync(Position),
}

impl Entry {
    pub fn publication(&self) -> Option<(u64, u64)> {
        match self {
            Self::Publication { offset, number } => Some((*offset, *number)),
            Self::Resync(_) => None,
        }
    }
}

/// By client and channel.
pub type Logs = Rc<RefCell<BTreeMap<(usize, String), Vec<Entry>>>>;

/// A client's places in its channels: the least that a client of the protocol has to keep. It mends nothing.
pub struct Places {
    client: usize,
    logs: Logs,
    positions: BTreeMap<String, Option<Position>>,
}

impl Places {
    pub fn new(client: usize, channels: impl IntoIterator<Item = String>, logs: &Logs) -> Self {
        let positions: BTreeMap<_, _> = channels.into_iter().map(|channel| (channel, None)).collect();
        for name in positions.keys() {
            logs.borrow_mut().insert((client, name.clone()), Vec::new());
        }
        Self { client, logs: Rc::clone(logs), positions }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&String, &Option<Position>)> {
        self.positions.iter()
    }
    pub fn len(&self) -> usize {
        self.positions.len()
    }
    pub fn has(&self, channel: &str) -> bool {
        self.positions.contains_key(channel)
    }
    pub fn of(&self, channel: &str) -> Option<Position> {
        self.positions.get(channel)?.clone()
    }
    /// Whether it stands somewhere in each of them.
    pub fn are_all_known(&self) -> bool {
        self.positions.values().all(Option::is_some)
    }

    fn log(&self, channel: &str, entry: Entry) {
        self.logs.borrow_mut().get_mut(&(self.client, channel.to_owned())).unwrap().push(entry);
    }

    pub fn handle_subscribed(&mut self, told: &Subscribed) {
        let Some(position) = self.positions.get_mut(&told.channel) else { return };
        if let (Some(_), true) = (&position, told.recovered) {
            told.publications.iter().for_each(|publication| self.handle_publication(&told.channel, publication));
            return;
        }
        let now = Position { epoch: told.epoch.clone(), offset: told.offset };
        if position.replace(now.clone()).is_some() {
            self.log(&told.channel, Entry::Resync(now));
        }
    }

    pub fn handle_publication(&mut self, channel: &str, publication: &Publication) {
        let (Payload::Custom { data, .. }, Some(offset)) = (&publication.payload, publication.offset) else { return };
        if let Some(Some(position)) = self.positions.get_mut(channel) {
            position.offset = offset;
            self.log(channel, Entry::Publication { offset, number: data.as_str().parse().unwrap() });
        }
    }
}

/// Whether every client has everything that was accepted, once and in order, and nobody was told of a loss.
pub fn have_all(logs: &Logs, accepted: &[Accepted]) -> Result<(), String> {
    for ((client, channel), log) in logs.borrow().iter() {
        let got: Vec<(u64, u64)> = log.iter().filter_map(Entry::publication).collect();
        if let Some(loss) = log.iter().find(|entry| matches!(entry, Entry::Resync(_))) {
            return Err(format!("client {client} was told of a loss in {channel}: {loss:?}"));
        }
        if let Some(((offset, _), at)) = got.iter().zip(1..).find(|((offset, _), at)| offset != at) {
            return Err(format!("client {client}, {channel}: {offset} came as number {at}"));
        }
        if got.iter().map(|(_, number)| number).collect::<BTreeSet<_>>().len() != got.len() {
            return Err(format!("client {client}, {channel}: one came twice, under two offsets: {got:?}"));
        }
        let got: BTreeSet<(u64, u64)> = got.into_iter().collect();
        let mut expected = accepted.iter().filter(|one| one.channel == *channel).map(|one| (one.offset, one.number));
        if let Some((offset, number)) = expected.find(|one| !got.contains(one)) {
            return Err(format!("client {client}, {channel}: {number} was accepted as {offset}, and {} came", got.len()));
        }
    }
    Ok(())
}

/// Whether every client was told once of each channel that it began anew, and has since then everything up to the last that was
/// accepted, once and in order.
pub fn have_all_since_the_loss(logs: &Logs, last: &BTreeMap<String, Accepted>) -> Result<(), String> {
    for ((client, channel), log) in logs.borrow().iter() {
        let losses: Vec<_> = log.iter().enumerate().filter(|(_, entry)| matches!(entry, Entry::Resync(_))).collect();
        let [(place, Entry::Resync(anew))] = losses.as_slice() else {
            return Err(format!("client {client} was told {} times that {channel} began anew: {losses:?}", losses.len()));
        };
        let last = &last[channel];
        if last.epoch.as_ref() != Some(&anew.epoch) {
            return Err(format!("client {client}, {channel}: it stands in {anew:?}, and {last:?} was accepted"));
        }
        let before: BTreeSet<u64> = log[..*place].iter().filter_map(Entry::publication).map(|(_, number)| number).collect();
        let since: Vec<(u64, u64)> = log[*place..].iter().filter_map(Entry::publication).collect();
        if since.last().map_or(anew.offset, |(offset, _)| *offset) != last.offset {
            return Err(format!("client {client}, {channel}: the last is {:?} after {anew:?}, and not {last:?}", since.last()));
        }
        if let Some(((offset, _), at)) = since.iter().zip(anew.offset + 1..).find(|((offset, _), at)| offset != at) {
            return Err(format!("client {client}, {channel}: {offset} came as {at}"));
        }
        // What was not answered when Redis died is asked for again by its key, which died, too: those alone may come a second time.
        let twice = since.iter().filter(|(_, number)| before.contains(number)).count();
        if twice > super::publishers::COUNT {
            return Err(format!("client {client}, {channel}: {twice} of before the loss came again"));
        }
    }
    Ok(())
}
