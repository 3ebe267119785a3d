//! What is held on this relay: each channel's publications come by two ways, are put in order, and compared with the stream
//! where something may be missing.

use super::envelope::{self, Told};
use super::feed::Ask;
use super::leases::MARK;
use super::link::unavailable;
use super::present::Elsewhere;
use super::sequence::{Behind, Sequence, Step};
use super::{Inner, ReadRequest, Snapshot};
use crate::broker::ChannelKey;
use crate::observe::Metrics;
use crate::observe::faults::fault;
use parking_lot::Mutex;
use pulsewire_protocol::{ErrorBody, Position, Publication};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a publication may be behind the next one, on another connection, before the stream is read.
const GRACE: Duration = Duration::from_millis(20);
/// Before a stream is read again that could not be read, or that told too little.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Publications that may come while a channel is opened; more make it look at the stream.
const MAX_EARLY: usize = 1_024;
/// Channels that are compared with their streams at a time: after an outage all of them want to be.
pub(super) const LOOKS_AT_ONCE: usize = 32;

/// A channel that someone holds.
pub(super) struct Held {
    pub(super) key: ChannelKey,
    name: String,
    /// Changed under the table's lock.
    holds: Mutex<usize>,
    /// Whether it is listened to; whoever opens it holds this across the opening, the others wait.
    open: tokio::sync::Mutex<bool>,
    /// Held for a delivery, never across an await: that keeps deliveries in order.
    place: Mutex<Place>,
    /// Who is present by way of other relays. Held while it is told, never across an await.
    pub(super) elsewhere: Mutex<Elsewhere>,
    /// The leases are to be read with the next look.
    pub(super) look_who: AtomicBool,
}

#[derive(Default)]
struct Place {
    /// Absent until the channel is open.
    sequence: Option<Sequence>,
    /// What came before that.
    early: Vec<(String, u64, Arc<Publication>)>,
    looking: bool,
    look_again: bool,
}

impl Held {
    fn new(key: &ChannelKey, name: String) -> Self {
        Self {
            key: key.clone(),
            name,
            holds: Mutex::default(),
            open: tokio::sync::Mutex::default(),
            place: Mutex::default(),
            elsewhere: Mutex::default(),
            look_who: AtomicBool::new(false),
        }
    }
    /// Whether it is the one in the table. One that was given back while it was being looked at has nobody to tell any more; who
    /// holds the channel since then has another, which tells for itself.
    pub(super) fn is_held(&self) -> bool {
        *self.holds.lock() > 0
    }
    /// Whether the channel is open, so that what is known of it here is what there is.
    pub(super) fn is_followed(&self) -> bool {
        self.place.lock().sequence.is_some()
    }
}

/// Gives a hold back unless the opening came to its end.
struct Undo<'a>(Option<(&'a Inner, &'a ChannelKey)>);

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        if let Some((inner, key)) = self.0.take() {
            inner.release(key);
        }
    }
}

impl Inner {
    pub(super) fn held_names(&self) -> Vec<String> {
        self.held.lock().keys().cloned().collect()
    }
    pub(super) fn all_held(&self) -> Vec<Arc<Held>> {
        self.held.lock().values().map(Arc::clone).collect()
    }
    pub(super) fn find(&self, name: &str) -> Option<Arc<Held>> {
        self.held.lock().get(name).map(Arc::clone)
    }

    /// Another relay, or this one, published.
    pub(super) fn handle_told(self: &Arc<Self>, name: &str, bytes: &[u8]) {
        let Some(held) = self.find(name) else { return };
        if let [MARK, lease @ ..] = bytes {
            return self.handle_lease(&held, lease);
        }
        let Some(told) = Told::parse(bytes) else { return };
        let Some(offset) = told.offset else {
            // One of this relay's own was delivered when it was accepted.
            if told.node != self.node.as_bytes()
                && let Some(publication) = envelope::decode(told.body, None)
            {
                self.deliver(&held.key, "", &publication);
            }
            return;
        };
        // Most often one of this relay's own, whose answer came first: not worth decoding.
        let is_old = held.place.lock().sequence.as_ref().is_some_and(|sequence| {
            let position = sequence.position();
            position.epoch == told.epoch && offset <= position.offset
        });
        if is_old {
            return;
        }
        match envelope::decode(told.body, Some(offset)) {
            Some(publication) => self.offer(&held, told.epoch, offset, publication),
            None => {
                fault!(error, Broker, name, offset, "a publication of another relay cannot be read: is it a newer version?");
                self.look(&held);
            }
        }
    }

    /// A numbered publication of a held channel, by whichever way it came.
    pub(super) fn offer(self: &Arc<Self>, held: &Arc<Held>, epoch: &str, offset: u64, publication: Arc<Publication>) {
        let mut place = held.place.lock();
        let Some(sequence) = &mut place.sequence else {
            if place.early.len() < MAX_EARLY {
                place.early.push((epoch.to_owned(), offset, publication));
            } else {
                place.look_again = true;
            }
            return;
        };
        match sequence.offer(epoch, offset, publication) {
            Step::Deliver(due) => due.iter().for_each(|publication| self.deliver(&held.key, epoch, publication)),
            Step::Look => {
                drop(place);
                self.look(held);
            }
            Step::Wait => {
                drop(place);
                let (inner, held) = (Arc::clone(self), Arc::clone(held));
                tokio::spawn(async move {
                    tokio::time::sleep(GRACE).await;
                    let has_hole = held.place.lock().sequence.as_ref().is_some_and(Sequence::has_hole);
                    if has_hole {
                        inner.look(&held);
                    }
                });
            }
        }
    }

    /// Compares a channel with its stream, until that has worked or nobody holds it any more. One look at a time.
    pub(super) fn look(self: &Arc<Self>, held: &Arc<Held>) {
        {
            let mut place = held.place.lock();
            if place.looking || place.sequence.is_none() {
                place.look_again = true;
                return;
            }
            place.looking = true;
        }
        let (inner, held) = (Arc::clone(self), Arc::clone(held));
        tokio::spawn(async move {
            loop {
                let is_done = inner.look_once(&held).await;
                if !held.is_held() {
                    return;
                }
                {
                    let mut place = held.place.lock();
                    let has_hole = place.sequence.as_ref().is_some_and(Sequence::has_hole);
                    if is_done && !place.look_again && !has_hole {
                        place.looking = false;
                        return;
                    }
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        });
    }

    /// Whether the stream could be read, and told enough.
    async fn look_once(&self, held: &Held) -> bool {
        // Closed with the broker, which is then gone.
        let Ok(_turn) = self.looks.acquire().await else { return true };
        let (from, seen) = {
            let mut place = held.place.lock();
            place.look_again = false;
            let Some(sequence) = &place.sequence else { return true };
            (sequence.position(), sequence.seen())
        };
        let request = ReadRequest { recover: Some(from.clone()), history: 0, max_bytes: self.max_bytes };
        match self.read(&held.key, &request, Some(seen)).await {
            Ok(snapshot) => self.compare(held, &from, snapshot) && self.look_who_if_asked(held).await,
            Err(_) => false,
        }
    }

    /// What the stream, read from `from` on, holds behind what was delivered is delivered; where it does not reach back, everyone
    /// is told. False where another look has to decide.
    fn compare(&self, held: &Held, from: &Position, snapshot: Snapshot) -> bool {
        let mut place = held.place.lock();
        if !held.is_held() {
            return true;
        }
        let Some(sequence) = &mut place.sequence else { return true };
        let epoch = &snapshot.position.epoch;
        if snapshot.recovered {
            let due = sequence.catch_up(&snapshot.position, snapshot.publications);
            self.count(|metrics| metrics.caught_up(due.len()));
            due.iter().for_each(|publication| self.deliver(&held.key, epoch, publication));
            return true;
        }
        let new_epoch = sequence.position().epoch != *epoch;
        let due = match sequence.falls_behind(from, &snapshot.position) {
            Behind::Nothing => return true,
            Behind::LookAgain => return false,
            Behind::Lost(due) => due,
        };
        fault!(
            warning,
            Broker,
            tenant = %held.key.tenant,
            channel = %held.key.channel,
            new_epoch,
            "publications are lost, or the history does not reach back: subscribers are told"
        );
        self.count(Metrics::gap_told);
        if let Some(deliver) = self.deliver.get() {
            deliver.handle_gap(&held.key, &snapshot.position);
        }
        due.iter().for_each(|publication| self.deliver(&held.key, epoch, publication));
        true
    }

    pub(super) async fn hold(self: &Arc<Self>, key: &ChannelKey) -> Result<(), ErrorBody> {
        let name = self.scripts.name(key);
        let held = {
            let mut all = self.held.lock();
            let held = all.entry(name.clone()).or_insert_with(|| Arc::new(Held::new(key, name)));
            *held.holds.lock() += 1;
            Arc::clone(held)
        };
        let mut undo = Undo(Some((self, key)));
        let mut open = held.open.lock().await;
        if *open {
            self.tell_elsewhere(&held, false);
        } else {
            self.open(&held).await?;
            *open = true;
        }
        undo.0 = None;
        Ok(())
    }

    /// Listens first and reads then where the channel stands: what comes in between is early.
    async fn open(self: &Arc<Self>, held: &Arc<Held>) -> Result<(), ErrorBody> {
        let (answer, answered) = oneshot::channel();
        let away = || unavailable("it is not listened to at the moment");
        self.asks.send(Ask::Subscribe(held.name.clone(), answer)).map_err(|_| away())?;
        let answered = tokio::time::timeout(self.ask_within, answered).await;
        if !matches!(answered, Ok(Ok(true))) {
            return Err(away());
        }
        let position = self.read(&held.key, &ReadRequest::default(), None).await?.position;
        // Alerts do not wait for who is present: with nobody elsewhere until that can be read.
        let knows_who = self.look_who(held).await.is_ok();
        if !knows_who {
            held.look_who.store(true, Ordering::Relaxed);
        }
        let (early, look) = {
            let mut place = held.place.lock();
            place.sequence = Some(Sequence::at(position));
            (std::mem::take(&mut place.early), std::mem::take(&mut place.look_again) || !knows_who)
        };
        self.tell_elsewhere(held, true);
        for (epoch, offset, publication) in early {
            self.offer(held, &epoch, offset, publication);
        }
        if look {
            self.look(held);
        }
        Ok(())
    }

    pub(super) fn release(&self, key: &ChannelKey) {
        let name = self.scripts.name(key);
        let mut all = self.held.lock();
        let Some(held) = all.get(&name) else { return };
        let left = {
            let mut holds = held.holds.lock();
            *holds = holds.saturating_sub(1);
            *holds
        };
        if left == 0 {
            all.remove(&name);
            // Under the lock, so that a hold that comes now is asked for after this. Nobody hears it where the feed has ended.
            let _ = self.asks.send(Ask::Unsubscribe(name));
        }
    }
}
