//! What is held on one relay of several, as in `broker/redis/held.rs`: put in order by the relay's own [`Sequence`], compared with the store
//! where something may be missing.
//!
//! Checked here, where the hub is handed it: every publication of a held channel, once and in order, or a gap.

use crate::node::{Node, Told};
use pulsewire_protocol::{ErrorBody, Position, Publication};
use pulsewire_relay::broker::redis::sequence::{Behind, Sequence, Step};
use pulsewire_relay::broker::{ChannelKey, Item, ReadRequest, Stored};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::sleep;

const GRACE: Duration = Duration::from_millis(20);
const LOOK_AGAIN: Duration = Duration::from_millis(250);

pub struct Held {
    key: ChannelKey,
    holds: Mutex<usize>,
    open: tokio::sync::Mutex<bool>,
    place: Mutex<Place>,
}

#[derive(Default)]
struct Place {
    sequence: Option<Sequence>,
    early: Vec<(String, u64, Arc<Publication>)>,
    looking: bool,
    look_again: bool,
    /// Where the hub was led.
    handed: Position,
}

impl Node {
    /// To the hub, and looked at on its way.
    fn hand_over(&self, key: &ChannelKey, epoch: &str, due: &[Arc<Publication>], handed: &mut Position) {
        for publication in due {
            let offset = publication.offset.unwrap_or_default();
            if handed.epoch != epoch || offset != handed.offset + 1 {
                self.store
                    .truth()
                    .break_it(format!("node {}: {} is handed {offset} of {epoch} after {handed:?}", self.number, key.channel));
            }
            *handed = Position { epoch: epoch.to_owned(), offset };
            self.deliver(key, epoch, publication);
        }
    }

    fn find(&self, key: &ChannelKey) -> Option<Arc<Held>> {
        self.held.lock().unwrap().get(key).map(Arc::clone)
    }

    pub fn handle_told(&self, told: &Told) {
        let Some(held) = self.find(&told.key) else { return };
        match told.publication.offset {
            // Its own it delivered when it was accepted.
            None if told.publisher != self.number => self.deliver(&told.key, "", &told.publication),
            None => {}
            Some(offset) => self.offer(&held, &told.epoch, offset, Arc::clone(&told.publication)),
        }
    }

    /// One of its own was stored.
    pub fn handle_own(&self, item: Item, stored: &Stored) {
        let Stored::Fresh(position) = stored else { return };
        let numbered = !position.epoch.is_empty();
        let publication = Arc::new(Publication { offset: numbered.then_some(position.offset), ..item.publication });
        match self.find(&item.key).filter(|_| numbered) {
            Some(held) => self.offer(&held, &position.epoch, position.offset, publication),
            None => self.deliver(&item.key, &position.epoch, &publication),
        }
    }

    fn offer(&self, held: &Arc<Held>, epoch: &str, offset: u64, publication: Arc<Publication>) {
        let mut place = held.place.lock().unwrap();
        let place = &mut *place;
        let Some(sequence) = &mut place.sequence else {
            place.early.push((epoch.to_owned(), offset, publication));
            return;
        };
        match sequence.offer(epoch, offset, publication) {
            Step::Deliver(due) => self.hand_over(&held.key, epoch, &due, &mut place.handed),
            Step::Look => self.look_later(held, Duration::ZERO),
            Step::Wait => self.look_later(held, GRACE),
        }
    }

    fn look_later(&self, held: &Arc<Held>, after: Duration) {
        let (me, held) = (self.me.clone(), Arc::clone(held));
        tokio::spawn(async move {
            sleep(after).await;
            let is_due = after.is_zero() || held.place.lock().unwrap().sequence.as_ref().is_some_and(Sequence::has_hole);
            if let Some(node) = me.upgrade().filter(|_| is_due) {
                node.look(&held);
            }
        });
    }

    /// Compares a channel with the store until that has worked or nobody holds it any more.
    pub fn look(&self, held: &Arc<Held>) {
        {
            let mut place = held.place.lock().unwrap();
            if place.looking || place.sequence.is_none() {
                place.look_again = true;
                return;
            }
            place.looking = true;
        }
        let (me, held) = (self.me.clone(), Arc::clone(held));
        tokio::spawn(async move {
            loop {
                let Some(node) = me.upgrade().filter(|node| !node.is_dead()) else { return };
                let is_done = node.look_once(&held).await;
                drop(node);
                if *held.holds.lock().unwrap() == 0 {
                    return;
                }
                {
                    let mut place = held.place.lock().unwrap();
                    let has_hole = place.sequence.as_ref().is_some_and(Sequence::has_hole);
                    if is_done && !place.look_again && !has_hole {
                        place.looking = false;
                        return;
                    }
                }
                sleep(LOOK_AGAIN).await;
            }
        });
    }

    async fn look_once(&self, held: &Held) -> bool {
        let from = {
            let mut place = held.place.lock().unwrap();
            place.look_again = false;
            let Some(sequence) = &place.sequence else { return true };
            sequence.position()
        };
        let request = ReadRequest { recover: Some(from.clone()), history: 0, max_bytes: usize::MAX };
        let Ok(snapshot) = self.read_from(&held.key, request).await else { return false };
        let mut place = held.place.lock().unwrap();
        let place = &mut *place;
        let Some(sequence) = &mut place.sequence else { return true };
        let epoch = &snapshot.position.epoch;
        if snapshot.recovered {
            let due = sequence.catch_up(&snapshot.position, snapshot.publications);
            self.hand_over(&held.key, epoch, &due, &mut place.handed);
            return true;
        }
        match sequence.falls_behind(&from, &snapshot.position) {
            Behind::Nothing => true,
            Behind::LookAgain => false,
            Behind::Lost(due) => {
                place.handed = snapshot.position.clone();
                if let Some(deliver) = self.deliver.get() {
                    deliver.handle_gap(&held.key, &snapshot.position);
                }
                self.hand_over(&held.key, epoch, &due, &mut place.handed);
                true
            }
        }
    }

    pub async fn hold_one(&self, key: &ChannelKey) -> Result<(), ErrorBody> {
        let held = {
            let mut all = self.held.lock().unwrap();
            let fresh = || Held { key: key.clone(), holds: Mutex::default(), open: tokio::sync::Mutex::default(), place: Mutex::default() };
            let held = all.entry(key.clone()).or_insert_with(|| Arc::new(fresh()));
            *held.holds.lock().unwrap() += 1;
            Arc::clone(held)
        };
        let mut undo = Undo(Some((self, key)));
        let mut open = held.open.lock().await;
        if !*open {
            let position = self.read_from(key, ReadRequest::default()).await?.position;
            let (early, look) = {
                let mut place = held.place.lock().unwrap();
                place.handed = position.clone();
                place.sequence = Some(Sequence::at(position));
                (std::mem::take(&mut place.early), std::mem::take(&mut place.look_again))
            };
            for (epoch, offset, publication) in early {
                self.offer(&held, &epoch, offset, publication);
            }
            if look {
                self.look(&held);
            }
            *open = true;
        }
        undo.0 = None;
        Ok(())
    }

    pub fn let_go(&self, key: &ChannelKey) {
        let mut all = self.held.lock().unwrap();
        let Some(held) = all.get(key) else { return };
        let left = {
            let mut holds = held.holds.lock().unwrap();
            *holds = holds.saturating_sub(1);
            *holds
        };
        if left == 0 {
            all.remove(key);
        }
    }
}

/// Gives a hold back unless the opening came to its end.
struct Undo<'a>(Option<(&'a Node, &'a ChannelKey)>);

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        if let Some((node, key)) = self.0.take() {
            node.let_go(key);
        }
    }
}
