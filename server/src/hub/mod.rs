//! Who is here: every connection by user, tenant and channel, and the fan-out to them.
//!
//! Locks, in the order in which they may be taken together: `rooms`, then one room, then `people`, then `online`. `connections`
//! is taken alone. All are held for look-ups and pushes only, never across an await. A push into an [`Outbox`] never waits.

mod broadcast;
mod coming;
mod connection;
mod flusher;
mod frame;
mod merge;
mod online;
mod outbox;
mod people;
mod room;
mod tier;
mod wheel;
mod wire;

pub use broadcast::{Broadcast, encode};
pub use connection::{Connection, ConnectionId};
pub use flusher::Flusher;
pub use merge::{Live, merge};
pub use outbox::{Closing, Due, Outbox, OutboxLimits};
pub use people::{OnlineChange, People};
pub use room::Room;
pub use wheel::{GRAIN_MS, Timer, Wheel};
pub use wire::{FRAME_BYTES, Scratch, Wire};

use crate::auth::Principal;
use crate::broker::{ChannelKey, Deliver};
use crate::observe::Metrics;
use crate::rate::Rate;
use bytes::Bytes;
use coming::is_tenant;
use online::Online;
use parking_lot::Mutex;
use pulsewire_protocol::{ChannelName, EventKind, Position, PresentUser, Publication, ViewerCount};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// Viewers of a channel are told at most once in this time.
const VIEWERS_INTERVAL_MS: u64 = 1_000;

/// How long publications may wait for others on their way to a socket.
#[derive(Clone, Debug, Default)]
pub struct WriteDelays {
    /// By kind of channel; a kind that is not here waits only with its telemetry.
    pub kinds: BTreeMap<String, Duration>,
    /// Telemetry on a kind that is not there.
    pub telemetry: Duration,
}

impl WriteDelays {
    /// Alerts never wait, whatever their channel's kind may.
    fn of(&self, key: &ChannelKey, publication: &Publication) -> Duration {
        let delay = match publication.payload.kind() {
            Some(EventKind::Alert) => return Duration::ZERO,
            Some(EventKind::Telemetry) => self.telemetry,
            _ => Duration::ZERO,
        };
        self.kinds.get(key.channel.kind()).copied().unwrap_or(delay)
    }
}

/// Told when who views changes, with the tenant.
pub type ViewersChanged = Box<dyn Fn(&str) + Send + Sync>;

/// Told that a user of this relay is present in a channel, under that name, or is no longer.
pub type Announce = Box<dyn Fn(&ChannelKey, &str, Option<&str>) + Send + Sync>;

/// See the module.
pub struct Hub {
    /// Looked up by name only; nothing is ever sent in the order of this map.
    rooms: Mutex<HashMap<ChannelKey, Arc<Mutex<Room>>>>,
    connections: Mutex<BTreeMap<ConnectionId, Arc<Connection>>>,
    people: Mutex<People>,
    online: Mutex<Online>,
    next_number: AtomicU64,
    /// What happens at a time.
    pub wheel: Wheel,
    /// One for each worker of the runtime.
    flushers: Vec<Arc<Flusher>>,
    write_delays: WriteDelays,
    metrics: Arc<Metrics>,
    viewers_changed: ViewersChanged,
    /// Called under the lock of what changed, so that changes are told in their order.
    announce: Announce,
}

impl Hub {
    /// An empty hub, whose connections are written by so many flushers.
    pub fn new(
        metrics: Arc<Metrics>,
        viewers_changed: ViewersChanged,
        announce: Announce,
        flushers: usize,
        write_delays: WriteDelays,
    ) -> Self {
        Self {
            rooms: Mutex::default(),
            connections: Mutex::default(),
            people: Mutex::default(),
            online: Mutex::default(),
            next_number: AtomicU64::new(1),
            wheel: Wheel::new(),
            flushers: std::iter::repeat_with(Arc::default).take(flushers.max(1)).collect(),
            write_delays,
            metrics,
            viewers_changed,
            announce,
        }
    }

    /// A number for a new connection, or for a poller.
    pub fn next_number(&self) -> u64 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }

    /// The tasks that write to sockets: whoever makes the hub runs them.
    pub fn flushers(&self) -> &[Arc<Flusher>] {
        &self.flushers
    }

    /// Gives a connection its socket: from now on a flusher writes to it.
    pub fn attach(&self, connection: &Connection, wire: Arc<dyn Wire>) {
        let count = self.flushers.len().max(1) as u64;
        let place = usize::try_from(connection.number % count).unwrap_or_default();
        if let Some(flusher) = self.flushers.get(place) {
            connection.outbox.attach(wire, connection.format, Arc::clone(flusher));
        }
    }

    /// Registers a connection.
    pub fn add(&self, connection: &Arc<Connection>) {
        self.connections.lock().insert(connection.number, Arc::clone(connection));
    }

    /// The connection said who it is.
    pub fn identify(&self, connection: &Connection) {
        if let Some(who) = connection.principal() {
            let mut people = self.people.lock();
            let change = people.add(&who.tenant, &who.user, &who.name, connection.number, who.counts_as_viewer);
            self.announce_online(&who.tenant, &who.user, change);
        }
    }

    /// The same the first time, where the user has fewer connections than `limit`. Counted and entered in one step: of two
    /// that come at once for one place only one gets it.
    pub fn identify_within(&self, connection: &Connection, who: &Arc<Principal>, limit: usize) -> bool {
        let mut people = self.people.lock();
        if people.connections_of(&who.tenant, &who.user) >= limit {
            return false;
        }
        let change = people.add(&who.tenant, &who.user, &who.name, connection.number, who.counts_as_viewer);
        self.announce_online(&who.tenant, &who.user, change);
        drop(people);
        connection.set_principal(Arc::clone(who));
        true
    }

    /// Forgets a connection. Its rooms are left by whoever joined them.
    pub fn remove(&self, connection: &Connection) {
        self.connections.lock().remove(&connection.number);
        if let Some(who) = connection.principal() {
            let mut people = self.people.lock();
            let change = people.remove(&who.tenant, &who.user, connection.number);
            self.announce_online(&who.tenant, &who.user, change);
        }
    }

    /// A connection by its number.
    pub fn connection(&self, number: ConnectionId) -> Option<Arc<Connection>> {
        self.connections.lock().get(&number).map(Arc::clone)
    }

    /// All connections, in the order in which they came.
    pub fn connections(&self) -> Vec<Arc<Connection>> {
        self.connections.lock().values().map(Arc::clone).collect()
    }

    /// How many connections there are.
    pub fn connection_count(&self) -> usize {
        self.connections.lock().len()
    }

    /// Runs `work` on the people.
    pub fn people<R>(&self, work: impl FnOnce(&People) -> R) -> R {
        work(&self.people.lock())
    }

    /// The tenants in which somebody listens to the channel of that name. Walks all rooms: for rare news.
    pub fn tenants_listening(&self, channel: &ChannelName) -> BTreeSet<String> {
        self.rooms.lock().keys().filter(|key| key.channel == *channel).map(|key| key.tenant.to_string()).collect()
    }

    fn find(&self, key: &ChannelKey) -> Option<Arc<Mutex<Room>>> {
        self.rooms.lock().get(key).map(Arc::clone)
    }

    /// Runs `work` on the room, made where there is none.
    fn with_room<R>(&self, key: &ChannelKey, mut work: impl FnMut(&mut Room) -> R) -> R {
        loop {
            let room = {
                let mut rooms = self.rooms.lock();
                match rooms.get(key) {
                    Some(room) => Arc::clone(room),
                    None => Arc::clone(rooms.entry(key.clone()).or_default()),
                }
            };
            let mut room = room.lock();
            if !room.gone {
                return work(&mut room);
            }
        }
    }

    /// Runs `work` on the room, if there is one, and drops the room where nobody is left in it.
    fn leave_room<R>(&self, key: &ChannelKey, work: impl FnOnce(&mut Room) -> R) -> Option<R> {
        let room = self.find(key)?;
        let (result, empty) = {
            let mut room = room.lock();
            (work(&mut room), room.is_empty())
        };
        if empty {
            // Both locks, in their order, so that nobody joins a room on its way out; only here, because the room of a
            // large channel may be locked for a whole fan-out, and the table must not wait for that.
            let mut rooms = self.rooms.lock();
            let mut room = room.lock();
            if room.is_empty() && !room.gone {
                room.gone = true;
                rooms.remove(key);
                if is_tenant(key) {
                    let people = self.people.lock();
                    let here = people.online(&key.tenant).into_iter().map(|user| user.user_id);
                    let due_ms = self.online.lock().forget(&key.tenant, here, self.wheel.now_ms());
                    self.arm_online(&key.tenant, due_ms);
                }
            }
        }
        Some(result)
    }

    /// Adds a connection to a channel, pending until [`Hub::activate`].
    pub fn join(&self, key: &ChannelKey, connection: &Arc<Connection>) {
        self.with_room(key, |room| room.join(key.channel.as_str(), connection));
    }

    /// Sends the answer and opens the feed behind `position`: at that rate, or everything at once.
    pub fn activate(&self, key: &ChannelKey, number: ConnectionId, position: &Position, rate: Option<Rate>, answer: Option<Bytes>) {
        self.with_room(key, |room| room.activate(key.channel.as_str(), number, position, rate, answer.clone()));
    }

    /// Opens the feed of a member again that was joined again and got no answer.
    pub fn resume(&self, key: &ChannelKey, number: ConnectionId) {
        if let Some(room) = self.find(key) {
            room.lock().resume(key.channel.as_str(), number);
        }
    }

    /// Sends a member what is held back for it.
    pub fn flush_member(&self, key: &ChannelKey, number: ConnectionId) {
        if let Some(room) = self.find(key) {
            let told = room.lock().flush_member(key.channel.as_str(), number);
            self.metrics.events_out(told as u64);
        }
    }

    /// Sends what a channel holds back for one rate, if its time has come.
    pub fn handle_held(&self, key: &ChannelKey, rate: Rate) {
        let Some(room) = self.find(key) else { return };
        let told = room.lock().handle_timer(key.channel.as_str(), rate, self.wheel.now_ms(), &mut self.arm(key));
        self.metrics.events_out(told as u64);
    }

    /// Sends everything that is held back anywhere.
    pub fn flush(&self) {
        let rooms: Vec<_> = self.rooms.lock().iter().map(|(key, room)| (key.clone(), Arc::clone(room))).collect();
        for (key, room) in rooms {
            let told = room.lock().flush(key.channel.as_str(), self.wheel.now_ms());
            self.metrics.events_out(told as u64);
        }
    }

    fn arm<'a>(&'a self, key: &'a ChannelKey) -> impl FnMut(Rate, u64) + 'a {
        |rate, due_ms| self.wheel.within(due_ms, rate.grain_ms(), Timer::Held(Box::new(key.clone()), rate))
    }

    /// Takes a connection out of a channel.
    pub fn leave(&self, key: &ChannelKey, number: ConnectionId) {
        self.leave_room(key, |room| room.leave(number));
    }

    /// Counts a viewer, and tells the others soon.
    pub fn add_viewer(&self, key: &ChannelKey, user: &str, name: &str) {
        let changed = self.with_room(key, |room| {
            let came = room.add_viewer(user, name);
            if came.here {
                self.people.lock().view(&key.tenant, user, true);
                (self.announce)(key, user, Some(name));
            }
            came.changed
        });
        if changed {
            self.viewers_changed(key);
        }
    }

    /// Names a viewer anew, and tells the others soon.
    pub fn rename_viewer(&self, key: &ChannelKey, user: &str, name: &str) {
        let changed = self.find(key).is_some_and(|room| {
            let mut room = room.lock();
            let changed = room.rename_viewer(user, name);
            if changed {
                (self.announce)(key, user, Some(name));
            }
            changed
        });
        if changed {
            self.viewers_changed(key);
        }
    }

    /// Takes a viewer out, and tells the others soon.
    pub fn remove_viewer(&self, key: &ChannelKey, user: &str) {
        let Some(room) = self.find(key) else { return };
        let changed = {
            let mut room = room.lock();
            let went = room.remove_viewer(user);
            if went.here {
                self.people.lock().view(&key.tenant, user, false);
                (self.announce)(key, user, None);
            }
            went.changed
        };
        if changed {
            self.viewers_changed(key);
        }
    }

    fn viewers_changed(&self, key: &ChannelKey) {
        let Some(room) = self.find(key) else { return };
        let due_ms = room.lock().tell_viewers_at_ms(VIEWERS_INTERVAL_MS);
        self.wheel.at(due_ms.max(self.wheel.now_ms()), Timer::Viewers(Box::new(key.clone())));
        (self.viewers_changed)(&key.tenant);
    }

    /// Tells a channel who views it, if that changed and it was not told within the last second.
    pub fn tell_viewers(&self, key: &ChannelKey) {
        let now_ms = self.wheel.now_ms();
        let Some(room) = self.find(key) else { return };
        let mut room = room.lock();
        // Several changes leave several timers; the first that is late enough tells, the others find nothing new to tell.
        if room.tell_viewers_at_ms(VIEWERS_INTERVAL_MS) <= now_ms {
            room.tell_viewers(key.channel.as_str(), now_ms);
        }
    }

    /// Who views a channel.
    pub fn viewer_count(&self, key: &ChannelKey) -> ViewerCount {
        self.find(key).map(|room| room.lock().viewer_count()).unwrap_or_default()
    }

    /// Who views a channel, as it is told to a member in its answer.
    pub fn viewer_count_for(&self, key: &ChannelKey, number: ConnectionId) -> ViewerCount {
        self.find(key).map(|room| room.lock().viewer_count_for(number)).unwrap_or_default()
    }

    /// Who views a channel, with ids.
    pub fn viewers(&self, key: &ChannelKey) -> Vec<PresentUser> {
        let present = |(user, name): (&str, &str)| PresentUser { user_id: user.to_owned(), name: name.to_owned() };
        self.find(key).map(|room| room.lock().viewers().map(present).collect()).unwrap_or_default()
    }

    /// Wakes `notify` at every publication of the channel, until [`Hub::unwatch`].
    pub fn watch(&self, key: &ChannelKey, watcher: u64, notify: &Arc<Notify>) {
        self.with_room(key, |room| room.watch(watcher, Arc::clone(notify)));
    }

    /// Ends a [`Hub::watch`].
    pub fn unwatch(&self, key: &ChannelKey, watcher: u64) {
        self.leave_room(key, |room| room.unwatch(watcher));
    }

    /// How many users view a channel by way of this relay, summed over the channels.
    pub fn viewers_in_all(&self) -> usize {
        let rooms: Vec<_> = self.rooms.lock().values().map(Arc::clone).collect();
        rooms.iter().map(|room| room.lock().viewers_here()).sum()
    }

    /// How many channels have listeners, and how many subscriptions they are.
    pub fn room_counts(&self) -> (usize, usize) {
        let rooms: Vec<_> = self.rooms.lock().values().map(Arc::clone).collect();
        (rooms.len(), rooms.iter().map(|room| room.lock().members()).sum())
    }
}

impl Deliver for Hub {
    fn handle_gap(&self, key: &ChannelKey, position: &Position) {
        if let Some(room) = self.find(key) {
            room.lock().tell_gap(key.channel.as_str(), position, self.wheel.now_ms());
        }
    }
    fn knows_elsewhere(&self, key: &ChannelKey) -> bool {
        // Nobody is there to be told.
        self.find(key).is_none_or(|room| room.lock().knows_elsewhere())
    }
    fn handle_all_elsewhere(&self, key: &ChannelKey, users: BTreeMap<String, String>) {
        let Some(room) = self.find(key) else { return };
        let mut room = room.lock();
        let now: Vec<String> = users.keys().cloned().collect();
        let before = room.set_all_elsewhere(users);
        if is_tenant(key) {
            self.handle_online_elsewhere(&key.tenant, now, before.as_ref());
        } else if (!now.is_empty() || before.is_some()) && key.channel.counts_viewers() {
            drop(room);
            self.viewers_changed(key);
        }
    }
    fn handle_elsewhere(&self, key: &ChannelKey, user: &str, name: Option<&str>) {
        let Some(room) = self.find(key) else { return };
        let mut room = room.lock();
        let before = room.there(user).map(str::to_owned);
        let changed = room.set_elsewhere(user, name);
        if changed && is_tenant(key) {
            let mut online = self.online.lock();
            let due_ms = match (before, name) {
                (_, Some(_)) => online.came(&key.tenant, user, self.wheel.now_ms()),
                (Some(before), None) => online.went(&key.tenant, user, &before, self.wheel.now_ms()),
                (None, None) => None,
            };
            drop(online);
            self.arm_online(&key.tenant, due_ms);
        } else if changed && key.channel.counts_viewers() {
            drop(room);
            self.viewers_changed(key);
        }
    }
    fn handle_publication(&self, key: &ChannelKey, epoch: &str, publication: &Arc<Publication>) {
        let recipients = match self.find(key) {
            None => 0,
            Some(room) => {
                let message = Arc::new(Broadcast::of_publication(key.channel.clone(), Arc::clone(publication)));
                let live = Live { publication: Arc::clone(publication), message };
                let delay = self.write_delays.of(key, publication);
                room.lock().deliver(key.channel.as_str(), epoch, &live, delay, self.wheel.now_ms(), &mut self.arm(key))
            }
        };
        self.metrics.events_out(recipients as u64);
        let event = publication.payload.event();
        // Telemetry flows many times a second: its lines are for whoever asks for them.
        if publication.payload.kind() == Some(EventKind::Telemetry) {
            tracing::debug!(target: "pulsewire_relay::events", tenant = %key.tenant, channel = %key.channel, event, recipients, "event sent");
        } else {
            tracing::info!(target: "pulsewire_relay::events", tenant = %key.tenant, channel = %key.channel, event, recipients, "event sent");
        }
    }
}
