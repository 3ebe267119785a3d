//! Who listens to one channel on this relay: the fan-out path and the viewers.
//!
//! A member joins *pending*: what is published meanwhile is set aside. When its `subscribed` is ready it is *activated*: the
//! answer goes out, then what was set aside and is newer than the answer, then everything as it comes. That is what keeps a
//! publication from being lost or doubled between the reading of the history and the live feed.
//!
//! A member that wants to be told at a rate belongs to the room's tier of that rate from its activation on. What the tier
//! holds for it goes out before it is joined again, moved to another rate or unsubscribed.

use super::broadcast::Broadcast;
use super::connection::{Connection, ConnectionId};
use super::merge::{Live, merge};
use super::outbox::Outbox;
use super::tier::{Burst, Offer, Tier};
use crate::rate::Rate;
use bytes::Bytes;
use pulsewire_protocol::{Format, MAX_VIEWER_NAMES, Position, ServerMessage, Subscribed, ViewerCount, Viewers};
use std::collections::BTreeMap;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// More publications than this may not pass while one member's history is read; beyond it the connection is closed as slow.
const MAX_SET_ASIDE: usize = 1_024;

enum Feed {
    /// `subscribed` has not gone out yet.
    Pending(Vec<Live>),
    /// Everything with an offset above this one goes out; without offset always.
    After(u64),
}

/// Of the connection only what a delivery needs: every line of memory that it touches besides comes from far away.
struct Member {
    outbox: Arc<Outbox>,
    format: Format,
    feed: Feed,
    /// The rate it is told at; absent: everything at once.
    rate: Option<Rate>,
    /// The first publication of its tier that it has not got yet, by the tier's number.
    number: u64,
    /// The digest of the viewers it was last told, in its `subscribed` or by `viewers`.
    viewers_known: u64,
    /// What was lost while it was pending: the answer that is under way may be older than that.
    gap: Option<Box<Position>>,
}

struct Viewer {
    name: String,
    connections: usize,
}

/// What a viewer's coming or going changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Whether the user is here by way of this relay.
    pub here: bool,
    /// Who views at all.
    pub changed: bool,
}

/// See the module.
#[derive(Default)]
pub struct Room {
    /// The epoch of the latest numbered publication or activation; empty while there was none.
    epoch: String,
    /// By number, so that fan-out has one order.
    members: Vec<(ConnectionId, Member)>,
    /// One for each rate that a member wants.
    tiers: Vec<Tier>,
    /// Pollers that wait for news.
    watchers: BTreeMap<u64, Arc<Notify>>,
    viewers: BTreeMap<String, Viewer>,
    /// Users who are here by way of other relays, with their names; absent until that was told.
    elsewhere: Option<BTreeMap<String, String>>,
    /// How many are both here and there.
    on_both: usize,
    /// When the viewers were last told.
    told_at_ms: Option<u64>,
    /// Set when the room left the hub's table: whoever still holds it looks it up again.
    pub gone: bool,
}

impl Member {
    /// Hands it its part of a burst; returns how many events that is.
    fn take(&self, channel: &str, burst: &mut Burst) -> usize {
        let Feed::After(offset) = self.feed else { return 0 };
        let events = burst.events(channel, self.number, offset);
        for bytes in events.iter().filter_map(|event| event.bytes(self.format)) {
            self.outbox.push(bytes);
        }
        events.len()
    }
}

/// Sets a timer for a tier.
pub(super) type Arm<'a> = dyn FnMut(Rate, u64) + 'a;

impl Room {
    fn place(&self, number: ConnectionId) -> Result<usize, usize> {
        self.members.binary_search_by_key(&number, |(number, _)| *number)
    }

    /// Adds a member, pending; one that is already in gets what is held for it and becomes pending again.
    pub fn join(&mut self, channel: &str, connection: &Arc<Connection>) {
        match self.place(connection.number) {
            Ok(place) => {
                self.flush_member(channel, connection.number);
                if let Some((_, member)) = self.members.get_mut(place)
                    && let Feed::After(_) = member.feed
                {
                    member.feed = Feed::Pending(Vec::new());
                }
            }
            Err(place) => {
                let (outbox, format) = (Arc::clone(&connection.outbox), connection.format);
                let member = Member { outbox, format, feed: Feed::Pending(Vec::new()), rate: None, number: 0, viewers_known: 0, gap: None };
                if self.members.is_empty() {
                    // Most rooms have one member for ever: its own user's.
                    self.members.reserve_exact(1);
                }
                self.members.insert(place, (connection.number, member));
            }
        }
    }

    /// Sends the answer, where there is one of its own, and opens the feed behind `position` at that rate.
    pub fn activate(&mut self, channel: &str, number: ConnectionId, position: &Position, rate: Option<Rate>, answer: Option<Bytes>) {
        let next = self.move_to_tier(number, rate);
        let Ok(place) = self.place(number) else { return };
        // They may have changed, and been told to the others, while this one's answer was made.
        let known = self.members.get(place).map_or(0, |(_, member)| member.viewers_known);
        let changed = Some(known).filter(|known| *known != 0).map(|_| self.digest()).filter(|digest| *digest != known);
        let viewers = changed.map(|digest| (digest, viewers_message(channel, &self.viewer_count())));
        let Some((_, member)) = self.members.get_mut(place) else { return };
        member.number = next;
        let outbox = &member.outbox;
        if let Some(answer) = answer {
            outbox.push_uncounted(answer);
        }
        // The answer may be older than what was lost while it was made.
        let gap = member.gap.take().filter(|gap| gap.epoch != position.epoch || gap.offset > position.offset);
        if let Some(bytes) = gap.as_deref().and_then(|gap| resync(channel, gap).bytes(member.format)) {
            outbox.push(bytes);
        }
        let position = gap.as_deref().unwrap_or(position);
        let before = std::mem::replace(&mut member.feed, Feed::After(position.offset));
        if let Feed::Pending(mut set_aside) = before {
            set_aside.retain(|live| live.offset().is_none_or(|offset| offset > position.offset));
            let events = match rate {
                None => set_aside.into_iter().map(|live| live.message).collect(),
                Some(_) => merge(channel, &set_aside),
            };
            for bytes in events.iter().filter_map(|event| event.bytes(member.format)) {
                outbox.push(bytes);
            }
        }
        if let Some((digest, message)) = viewers
            && let Some(bytes) = message.bytes(member.format)
        {
            member.viewers_known = digest;
            outbox.push(bytes);
        }
        if !position.epoch.is_empty() {
            self.epoch.clone_from(&position.epoch);
        }
    }

    /// A member stays as it was: whatever was set aside goes out.
    pub fn resume(&mut self, channel: &str, number: ConnectionId) {
        let member = self.place(number).ok().and_then(|place| self.members.get(place));
        let rate = member.and_then(|(_, member)| member.rate);
        self.activate(channel, number, &Position::default(), rate, None);
    }

    /// Removes a member.
    pub fn leave(&mut self, number: ConnectionId) {
        self.move_to_tier(number, None);
        if let Ok(place) = self.place(number) {
            self.members.remove(place);
        }
    }

    /// Takes a member from its tier to the one of that rate; returns the number of the next publication there.
    fn move_to_tier(&mut self, number: ConnectionId, rate: Option<Rate>) -> u64 {
        let Ok(place) = self.place(number) else { return 0 };
        let Some((_, member)) = self.members.get_mut(place) else { return 0 };
        let before = std::mem::replace(&mut member.rate, rate);
        let queue_bytes = member.outbox.limits().bytes;
        if before != rate {
            if let Some(tier) = self.tiers.iter_mut().find(|tier| Some(tier.rate) == before) {
                tier.members = tier.members.saturating_sub(1);
            }
            self.tiers.retain(|tier| tier.members > 0);
        }
        let Some(rate) = rate else { return 0 };
        if !self.tiers.iter().any(|tier| tier.rate == rate) {
            self.tiers.push(Tier::new(rate, queue_bytes));
        }
        let Some(tier) = self.tiers.iter_mut().find(|tier| tier.rate == rate) else { return 0 };
        if before != Some(rate) {
            tier.members += 1;
        }
        tier.next_number()
    }

    /// Hands one member what its tier holds; the others go on waiting for it.
    pub fn flush_member(&mut self, channel: &str, number: ConnectionId) -> usize {
        let Ok(place) = self.place(number) else { return 0 };
        let Some((_, member)) = self.members.get_mut(place) else { return 0 };
        let Some(tier) = self.tiers.iter().find(|tier| Some(tier.rate) == member.rate) else { return 0 };
        let told = member.take(channel, &mut tier.copy());
        member.number = tier.next_number();
        told
    }

    /// The timer of a tier rang: what it holds goes out. Returns how many events that is.
    pub fn handle_timer(&mut self, channel: &str, rate: Rate, now_ms: u64, arm: &mut Arm<'_>) -> usize {
        let Some(tier) = self.tiers.iter_mut().find(|tier| tier.rate == rate) else { return 0 };
        match tier.handle_timer(now_ms) {
            Offer::Now(mut burst) => self.tell(channel, rate, &mut burst),
            Offer::Held(due_ms) => {
                due_ms.into_iter().for_each(|due_ms| arm(rate, due_ms));
                0
            }
        }
    }

    /// Everything that any tier holds goes out. Returns how many events that is.
    pub fn flush(&mut self, channel: &str, now_ms: u64) -> usize {
        let bursts: Vec<_> = self.tiers.iter_mut().filter_map(|tier| Some((tier.rate, tier.flush(now_ms)?))).collect();
        bursts.into_iter().map(|(rate, mut burst)| self.tell(channel, rate, &mut burst)).sum()
    }

    fn tell(&self, channel: &str, rate: Rate, burst: &mut Burst) -> usize {
        self.members.iter().filter(|(_, member)| member.rate == Some(rate)).map(|(_, member)| member.take(channel, burst)).sum()
    }

    /// The hot path: hands one publication to everyone, to whom it may wait so long for others; returns how many events that is.
    pub fn deliver(&mut self, channel: &str, epoch: &str, live: &Live, delay: Duration, now_ms: u64, arm: &mut Arm<'_>) -> usize {
        let mut told = 0;
        if let Some(offset) = live.offset()
            && self.epoch != epoch
        {
            told += self.flush(channel, now_ms);
            self.start_epoch(channel, epoch, offset);
        }
        let mut bursts = Vec::new();
        for tier in &mut self.tiers {
            match tier.offer(live, now_ms) {
                Offer::Now(burst) => bursts.push((tier.rate, burst)),
                Offer::Held(due_ms) => due_ms.into_iter().for_each(|due_ms| arm(tier.rate, due_ms)),
            }
        }
        for (_, member) in &mut self.members {
            match &mut member.feed {
                Feed::Pending(set_aside) if set_aside.len() < MAX_SET_ASIDE => set_aside.push(live.clone()),
                Feed::Pending(_) => {
                    let closing = super::Closing::new(pulsewire_protocol::CloseCode::SLOW_CONSUMER, "slow_consumer");
                    member.outbox.close(closing);
                }
                Feed::After(offset) if live.offset().is_some_and(|this| this <= *offset) => continue,
                Feed::After(_) if member.rate.is_some() => {
                    if let Some((_, burst)) = bursts.iter_mut().find(|(rate, _)| Some(*rate) == member.rate) {
                        told += member.take(channel, burst);
                    }
                    continue;
                }
                Feed::After(_) => {
                    if let Some(bytes) = live.message.bytes(member.format) {
                        member.outbox.push_within(bytes, delay);
                    }
                }
            }
            told += 1;
        }
        for watcher in self.watchers.values() {
            watcher.notify_one();
        }
        told
    }

    /// The history was lost while members listened: each is told where it now stands, so that the client resyncs.
    fn start_epoch(&mut self, channel: &str, epoch: &str, first: u64) {
        if !self.epoch.is_empty() {
            let message = resync(channel, &Position { epoch: epoch.to_owned(), offset: first.saturating_sub(1) });
            for (_, member) in &mut self.members {
                if let Feed::After(offset) = &mut member.feed {
                    *offset = 0;
                    if let Some(bytes) = message.bytes(member.format) {
                        member.outbox.push(bytes);
                    }
                }
            }
        }
        epoch.clone_into(&mut self.epoch);
    }

    /// Something was missed and cannot be had any more: each member is told where the channel stands, so that the client asks.
    pub fn tell_gap(&mut self, channel: &str, position: &Position, now_ms: u64) {
        self.flush(channel, now_ms);
        position.epoch.clone_into(&mut self.epoch);
        let message = resync(channel, position);
        for (_, member) in &mut self.members {
            match &mut member.feed {
                Feed::Pending(set_aside) => {
                    set_aside.clear();
                    member.gap = Some(Box::new(position.clone()));
                }
                Feed::After(offset) => {
                    *offset = position.offset;
                    if let Some(bytes) = message.bytes(member.format) {
                        member.outbox.push(bytes);
                    }
                }
            }
        }
        for watcher in self.watchers.values() {
            watcher.notify_one();
        }
    }

    /// A poller waits here.
    pub fn watch(&mut self, watcher: u64, notify: Arc<Notify>) {
        self.watchers.insert(watcher, notify);
    }

    /// A poller has gone.
    pub fn unwatch(&mut self, watcher: u64) {
        self.watchers.remove(&watcher);
    }

    /// Counts a connection of a user.
    pub fn add_viewer(&mut self, user: &str, name: &str) -> Seen {
        if let Some(viewer) = self.viewers.get_mut(user) {
            viewer.connections += 1;
            return Seen::default();
        }
        self.viewers.insert(user.to_owned(), Viewer { name: name.to_owned(), connections: 1 });
        let there = self.there(user);
        let changed = there != Some(name);
        self.on_both += usize::from(there.is_some());
        Seen { here: true, changed }
    }

    /// What a user is called who is here by way of another relay.
    pub fn there(&self, user: &str) -> Option<&str> {
        self.elsewhere.as_ref()?.get(user).map(String::as_str)
    }

    /// Whether it was told who is here by way of other relays.
    pub fn knows_elsewhere(&self) -> bool {
        self.elsewhere.is_some()
    }

    /// Takes the place of all that was known of other relays; gives that.
    pub fn set_all_elsewhere(&mut self, users: BTreeMap<String, String>) -> Option<BTreeMap<String, String>> {
        self.on_both = users.keys().filter(|user| self.viewers.contains_key(*user)).count();
        self.elsewhere.replace(users)
    }

    /// A user came or went by way of another relay; returns whether that changed anything. Nothing where the whole was not told
    /// yet: it comes with this, too.
    pub fn set_elsewhere(&mut self, user: &str, name: Option<&str>) -> bool {
        let Some(elsewhere) = &mut self.elsewhere else { return false };
        let before = match name {
            Some(name) => elsewhere.insert(user.to_owned(), name.to_owned()),
            None => elsewhere.remove(user),
        };
        if self.viewers.contains_key(user) {
            self.on_both = (self.on_both + usize::from(name.is_some())).saturating_sub(usize::from(before.is_some()));
        }
        before.as_deref() != name
    }

    /// Names a viewer anew; returns whether that changed anything.
    pub fn rename_viewer(&mut self, user: &str, name: &str) -> bool {
        let Some(viewer) = self.viewers.get_mut(user).filter(|viewer| viewer.name != name) else { return false };
        name.clone_into(&mut viewer.name);
        true
    }

    /// Takes a connection of a user out.
    pub fn remove_viewer(&mut self, user: &str) -> Seen {
        let Some(viewer) = self.viewers.get_mut(user) else { return Seen::default() };
        viewer.connections = viewer.connections.saturating_sub(1);
        if viewer.connections > 0 {
            return Seen::default();
        }
        let name = self.viewers.remove(user).map(|viewer| viewer.name);
        let there = self.there(user);
        let changed = there != name.as_deref();
        self.on_both = self.on_both.saturating_sub(usize::from(there.is_some()));
        Seen { here: true, changed }
    }

    /// Distinct users and the first of their names.
    pub fn viewer_count(&self) -> ViewerCount {
        ViewerCount { count: u32::try_from(self.viewing()).unwrap_or(u32::MAX), names: self.told_names().map(str::to_owned).collect() }
    }

    /// Distinct users who view, by whichever relay.
    fn viewing(&self) -> usize {
        (self.viewers.len() + self.elsewhere.as_ref().map_or(0, BTreeMap::len)).saturating_sub(self.on_both)
    }

    fn told_names(&self) -> impl Iterator<Item = &str> {
        self.viewers().take(MAX_VIEWER_NAMES).map(|(_, name)| name)
    }

    /// Tells one state of what is told of the viewers from another; never 0, which stands for "not told".
    fn digest(&self) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        self.viewing().hash(&mut hasher);
        self.told_names().for_each(|name| name.hash(&mut hasher));
        hasher.finish().max(1)
    }

    /// How many users view by way of this relay.
    pub fn viewers_here(&self) -> usize {
        self.viewers.len()
    }

    /// Users who view, with their names, in the order of their ids: the same on every relay.
    pub fn viewers(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut here = self.viewers.iter().map(|(user, viewer)| (user.as_str(), viewer.name.as_str())).peekable();
        let there = self.elsewhere.iter().flatten();
        let mut there = there.map(|(user, name)| (user.as_str(), name.as_str())).peekable();
        std::iter::from_fn(move || match (here.peek(), there.peek()) {
            (Some((ours, _)), Some((theirs, _))) if ours == theirs => {
                there.next();
                here.next()
            }
            (Some((ours, _)), Some((theirs, _))) if ours > theirs => there.next(),
            (Some(_), _) => here.next(),
            (None, _) => there.next(),
        })
    }

    /// The viewers as a member is told them in its answer.
    pub fn viewer_count_for(&mut self, number: ConnectionId) -> ViewerCount {
        let known = self.digest();
        if let Ok(place) = self.place(number)
            && let Some((_, member)) = self.members.get_mut(place)
        {
            member.viewers_known = known;
        }
        self.viewer_count()
    }

    /// When the viewers may be told again.
    pub fn tell_viewers_at_ms(&self, interval_ms: u64) -> u64 {
        self.told_at_ms.map_or(0, |at_ms| at_ms + interval_ms)
    }

    /// Tells the viewers to every member that was last told something else.
    pub fn tell_viewers(&mut self, channel: &str, now_ms: u64) {
        let known = self.digest();
        let message = viewers_message(channel, &self.viewer_count());
        for (_, member) in &mut self.members {
            // A pending member gets the count with its answer.
            if let Feed::After(_) = member.feed
                && member.viewers_known != known
                && let Some(bytes) = message.bytes(member.format)
            {
                member.viewers_known = known;
                member.outbox.push(bytes);
                self.told_at_ms = Some(now_ms);
            }
        }
    }

    /// How many connections listen.
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody is left, and nobody needs to be remembered.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.watchers.is_empty()
    }
}

/// Says without being asked where a channel stands: the client takes what it knew for lost.
fn resync(channel: &str, position: &Position) -> Broadcast {
    Broadcast::new(ServerMessage::Subscribed(Subscribed {
        id: None,
        channel: channel.to_owned(),
        epoch: position.epoch.clone(),
        offset: position.offset,
        recovered: false,
        publications: Vec::new(),
        state: Vec::new(),
        viewers: None,
    }))
}

fn viewers_message(channel: &str, count: &ViewerCount) -> Broadcast {
    Broadcast::new(ServerMessage::Viewers(Viewers { channel: channel.to_owned(), count: count.count, names: count.names.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn property_25_users_count_once_whether_they_are_here_or_elsewhere_or_both(steps in proptest::collection::vec((0..5_u8, 0..4_u8), 0..60)) {
            let mut room = Room::default();
            let (mut here, mut there) = (BTreeMap::<String, usize>::new(), BTreeSet::new());
            for (step, user) in steps {
                let user = format!("u{user}");
                match step {
                    0 => {
                        room.add_viewer(&user, &user);
                        *here.entry(user).or_default() += 1;
                    }
                    1 => {
                        room.remove_viewer(&user);
                        if let Some(count) = here.get_mut(&user) {
                            *count -= 1;
                        }
                        here.retain(|_, count| *count > 0);
                    }
                    2 | 3 => {
                        let comes = step == 2;
                        let knew = room.knows_elsewhere();
                        let changed = room.set_elsewhere(&user, comes.then_some(&*user));
                        let differs = if comes { there.insert(user) } else { there.remove(&user) };
                        prop_assert_eq!(changed, knew && differs);
                        if !knew {
                            there.clear();
                        }
                    }
                    _ => {
                        there = [user.clone(), "u0".to_owned()].into();
                        room.set_all_elsewhere(there.iter().map(|user| (user.clone(), user.clone())).collect());
                    }
                }
                let expected: BTreeSet<&str> = here.keys().chain(&there).map(String::as_str).collect();
                prop_assert_eq!(room.viewers().map(|(user, _)| user).collect::<Vec<_>>(), expected.iter().copied().collect::<Vec<_>>());
                prop_assert_eq!(room.viewer_count().count as usize, expected.len());
                prop_assert_eq!(room.viewers_here(), here.len());
            }
        }
    }
}
