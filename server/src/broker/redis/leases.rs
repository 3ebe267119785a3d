//! Who is present by way of this relay, as the others are told it: one lease in Redis for each channel that it has users in.
//!
//! Never counts that go up and down: a relay that is killed takes nothing back, so what it said must run out by itself. A lease is a
//! hash of this life of the relay with its users, which Redis drops after [`LEASE`]; it is renewed as a whole, so 10,000 users who
//! look at one channel cost what one costs. Changes carry a version: whoever missed one reads the hash.
//!
//! Writes go one after another, joined into scripts of about [`WRITTEN_AT_ONCE`] users or channels; changes before renewals. What
//! could not be written, or what Redis has otherwise, is written again whole.
//!
//! Limit: a relay that dies is seen for up to [`LEASE`] longer, and [`super::present`] looks every ten seconds.

use super::Inner;
use super::link::unavailable;
use super::scripts::Leased;
use crate::broker::ChannelKey;
use crate::observe::faults::fault;
use parking_lot::Mutex;
use pulsewire_protocol::ErrorBody;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

/// How long a lease lasts, and how often it is renewed.
pub(super) const LEASE: Duration = Duration::from_secs(60);
const RENEW_EVERY: Duration = Duration::from_secs(25);
/// Changes that come together go together.
const COLLECT: Duration = Duration::from_millis(20);
/// Before leases are written again that could not be.
const WRITE_AGAIN: Duration = Duration::from_millis(500);
/// Users and channels in one script, about.
const WRITTEN_AT_ONCE: usize = 500;
/// What a message about leases begins with: no id of a relay does.
pub(super) const MARK: u8 = b'!';

/// One channel's users by way of one relay, as they changed: the message, and what is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Change {
    /// This life of the relay.
    pub(super) node: String,
    /// Whether `users` are all there are.
    pub(super) whole: bool,
    /// What this is a change of; 0 where nobody was there.
    pub(super) from: u64,
    /// The same as `from` where nothing changed: a renewal.
    pub(super) version: u64,
    /// Ids with names; without one who went.
    pub(super) users: Vec<(String, Option<String>)>,
}

/// A change of the channel of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Write {
    pub(super) place: String,
    pub(super) change: Change,
}

#[derive(Default)]
struct Place {
    users: BTreeMap<String, String>,
    /// Users that differ from what was written.
    changed: BTreeSet<String>,
    /// Nobody knows what Redis has: all of them are to be written.
    whole: bool,
    /// What was written last; 0: nothing.
    version: u64,
}

#[derive(Default)]
struct State {
    places: BTreeMap<String, Place>,
    changed: BTreeSet<String>,
    renewing: BTreeSet<String>,
    version: u64,
}

/// See the module.
#[derive(Default)]
pub(super) struct Own {
    /// Held for look-ups only.
    state: Mutex<State>,
    wake: Notify,
    /// One script at a time: a later change must not be overtaken by an earlier one.
    writing: tokio::sync::Mutex<()>,
}

impl State {
    fn set(&mut self, place: String, user: &str, name: Option<&str>) {
        let known = self.places.entry(place.clone()).or_default();
        match name {
            Some(name) => drop(known.users.insert(user.to_owned(), name.to_owned())),
            None => drop(known.users.remove(user)),
        }
        if known.users.is_empty() && known.version == 0 && !known.whole {
            // Nobody was told of them.
            self.places.remove(&place);
            return;
        }
        if !known.whole {
            known.changed.insert(user.to_owned());
        }
        self.changed.insert(place);
    }

    /// Everything may be gone from Redis.
    fn write_all(&mut self) {
        for (name, place) in &mut self.places {
            place.whole = true;
            place.changed.clear();
            self.changed.insert(name.clone());
        }
    }

    /// As much as fits one script; nothing where nothing is to be written.
    fn take(&mut self, node: &str) -> Vec<Write> {
        let (mut writes, mut weight) = (Vec::new(), 0);
        while weight < WRITTEN_AT_ONCE {
            let Some(name) = self.changed.pop_first().or_else(|| self.renewing.pop_first()) else { break };
            self.renewing.remove(&name);
            let Some(place) = self.places.get_mut(&name) else { continue };
            let changed = std::mem::take(&mut place.changed);
            let whole = std::mem::take(&mut place.whole);
            let users: Vec<_> = if whole {
                place.users.iter().map(|(user, name)| (user.clone(), Some(name.clone()))).collect()
            } else {
                changed.into_iter().map(|user| (place.users.get(&user).cloned(), user)).map(|(name, user)| (user, name)).collect()
            };
            let from = place.version;
            if whole || !users.is_empty() {
                self.version += 1;
                place.version = self.version;
            }
            let change = Change { node: node.to_owned(), whole, from, version: place.version, users };
            if place.users.is_empty() {
                self.places.remove(&name);
            }
            weight += 1 + change.users.len();
            writes.push(Write { place: name, change });
        }
        writes
    }

    fn put_back<'w>(&mut self, writes: impl Iterator<Item = &'w Write>) {
        for write in writes {
            let place = self.places.entry(write.place.clone()).or_default();
            place.whole = true;
            place.changed.clear();
            self.changed.insert(write.place.clone());
        }
    }
}

impl Own {
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Redis may have lost all of it.
    pub(super) fn write_all_soon(&self) {
        self.state.lock().write_all();
        self.wake();
    }

    fn renew_all(&self) {
        let mut state = self.state.lock();
        state.renewing = state.places.keys().cloned().collect();
    }
}

/// Writes and renews leases until the broker is gone.
pub(super) async fn run(inner: Weak<Inner>, own: Arc<Own>) {
    let mut renewal = interval_at(Instant::now() + RENEW_EVERY, RENEW_EVERY);
    renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = own.wake.notified() => sleep(COLLECT).await,
            _ = renewal.tick() => own.renew_all(),
        }
        let Some(broker) = inner.upgrade() else { return };
        let written = broker.write_leases().await;
        drop(broker);
        if !written {
            sleep(WRITE_AGAIN).await;
            own.wake();
        }
    }
}

impl Inner {
    pub(super) fn set_present(&self, key: &ChannelKey, user: &str, name: Option<&str>) {
        self.own.state.lock().set(self.scripts.name(key), user, name);
        self.own.wake();
    }

    /// Whether all that is to be written could be.
    pub(super) async fn write_leases(&self) -> bool {
        let _turn = self.own.writing.lock().await;
        loop {
            let writes = self.own.state.lock().take(&self.node);
            if writes.is_empty() {
                return true;
            }
            match self.write_some(&writes).await {
                // Written whole in the next round.
                Ok(lost) => self.own.state.lock().put_back(lost.into_iter().filter_map(|place| writes.get(place))),
                Err(_) => {
                    self.own.state.lock().put_back(writes.iter());
                    return false;
                }
            }
        }
    }

    /// The places of those of which Redis has another version.
    async fn write_some(&self, writes: &[Write]) -> Result<Vec<usize>, ErrorBody> {
        // Over one connection: several channels share a script.
        let link = self.links.of(&self.canary)?;
        let up = link.up().await?;
        let call = self.scripts.lease(&self.links.moment(&up, link), writes);
        let answer: Vec<redis::Value> = link.run(&up, &call).await?;
        match super::scripts::leased(&answer) {
            Some(Leased::Done(lost)) => Ok(lost),
            Some(Leased::Late) => {
                link.drop_it(&up, "a lease came too late");
                Err(unavailable("it did not begin in time"))
            }
            None => Err(unavailable("its answer to a lease cannot be understood")),
        }
    }

    /// Tells the others who left, as far as Redis can be reached.
    pub(super) async fn give_leases_back(&self) {
        if !self.write_leases().await {
            fault!(warning, Broker, "redis could not be told who left: they are seen until their leases run out");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(of: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
        of.iter().map(|(user, name)| ((*user).to_owned(), name.map(str::to_owned))).collect()
    }

    fn take_one(state: &mut State) -> Change {
        let mut writes = state.take("n");
        assert_eq!(writes.len(), 1);
        writes.remove(0).change
    }

    #[test]
    fn each_change_is_one_of_the_last_and_a_renewal_is_none() {
        let mut state = State::default();
        state.set("p".to_owned(), "a", Some("Anna"));
        state.set("p".to_owned(), "b", Some("Bo"));
        let first = take_one(&mut state);
        assert_eq!((first.whole, first.from, first.version), (false, 0, 1));
        assert_eq!(first.users, users(&[("a", Some("Anna")), ("b", Some("Bo"))]));
        state.set("p".to_owned(), "a", None);
        assert_eq!(take_one(&mut state).users, users(&[("a", None)]));
        state.renewing.insert("p".to_owned());
        let renewal = take_one(&mut state);
        assert_eq!((renewal.from, renewal.version, renewal.users), (2, 2, Vec::new()));
        state.set("p".to_owned(), "b", None);
        assert_eq!(take_one(&mut state).users, users(&[("b", None)]));
        assert!(state.places.is_empty() && state.take("n").is_empty(), "nobody is left to renew anything for");
    }

    #[test]
    fn what_could_not_be_written_is_written_whole_as_it_is_by_then_also_where_nobody_is_left() {
        let mut state = State::default();
        state.set("p".to_owned(), "a", Some("Anna"));
        state.set("q".to_owned(), "a", Some("Anna"));
        let lost = state.take("n");
        state.put_back(lost.iter());
        state.set("p".to_owned(), "a", None);
        state.set("p".to_owned(), "b", Some("Bo"));
        state.set("q".to_owned(), "a", None);
        let again = state.take("n");
        assert!(again.iter().all(|write| write.change.whole && write.change.version > 2));
        let said: Vec<_> = again.iter().map(|write| (write.place.as_str(), write.change.users.clone())).collect();
        assert_eq!(said, [("p", users(&[("b", Some("Bo"))])), ("q", users(&[]))]);
        assert_eq!(state.places.keys().collect::<Vec<_>>(), ["p"]);
    }

    #[test]
    fn who_came_and_went_before_anybody_was_told_leaves_nothing() {
        let mut state = State::default();
        state.set("p".to_owned(), "a", Some("Anna"));
        state.set("p".to_owned(), "a", None);
        assert!(state.take("n").is_empty() && state.places.is_empty());
    }

    #[test]
    fn ten_thousand_channels_are_renewed_in_scripts_of_a_bounded_size_and_changes_go_first() {
        let mut state = State::default();
        for n in 0..10_000 {
            state.set(format!("p{n:05}"), "a", Some("Anna"));
        }
        while !state.take("n").is_empty() {}
        state.renewing = state.places.keys().cloned().collect();
        assert!(state.take("n").len() <= WRITTEN_AT_ONCE);
        state.set("p09999".to_owned(), "b", Some("Bo"));
        let next = state.take("n");
        assert_eq!(next[0].place, "p09999");
        assert_eq!(next[0].change.users.len(), 1);
        let rest: usize = std::iter::from_fn(|| Some(state.take("n").len()).filter(|count| *count > 0)).sum();
        assert_eq!(rest + next.len(), 10_000 - WRITTEN_AT_ONCE);
    }
}
