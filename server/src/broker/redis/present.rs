//! Who is present by way of other relays, as far as this one holds the channel: what [`super::leases`] of theirs say.
//!
//! What is told changes what was read. A change of something else than what is known here, and every new connection to Redis, makes
//! the leases be read again; so nothing depends on publish/subscribe, which forgets whom it cannot reach.
//!
//! While Redis is away the last that was known counts: nobody leaves because nobody can be heard. A relay that is not among
//! what is read afterwards gets [`DOUBT`] of listening to be heard of, once: a Redis that lost everything is told again by each.

use super::Inner;
use super::held::Held;
use super::leases::{Change, LEASE};
use crate::broker::ChannelKey;
use crate::observe::faults::fault;
use pulsewire_protocol::{ErrorBody, PresentUser};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long a relay's users stay after a look that did not find its lease.
const DOUBT: Duration = Duration::from_secs(10);

/// Whether somebody may be present in such a channel.
fn counts(key: &ChannelKey) -> bool {
    key.channel.counts_viewers() || key.channel.kind() == "tenant"
}

/// One relay's users of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) version: u64,
    /// On this relay's own counter.
    pub(super) until_ns: u64,
    /// A look did not find it: further ones give it no more time.
    pub(super) in_doubt: bool,
    pub(super) users: BTreeMap<String, String>,
}

/// What is known of one held channel's users by way of other relays.
#[derive(Default)]
pub(super) struct Elsewhere {
    relays: BTreeMap<String, Lease>,
    /// What was heard, by relay, while the leases are being read: what is read may be older.
    heard: Option<BTreeMap<String, u64>>,
}

/// A user, and the name, or that it went.
type News = (String, Option<String>);

/// What a message came to.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    News(Vec<News>),
    /// It changes what is not known here.
    LookAgain,
}

impl Elsewhere {
    fn name(&self, user: &str) -> Option<&str> {
        self.relays.values().find_map(|lease| lease.users.get(user)).map(String::as_str)
    }

    /// Everyone, by id.
    fn all(&self) -> BTreeMap<String, String> {
        // The first relay's name counts, as in `name`.
        let users = self.relays.values().rev().flat_map(|lease| &lease.users);
        users.map(|(user, name)| (user.clone(), name.clone())).collect()
    }

    fn hear(&mut self, change: Change, until_ns: u64) -> Heard {
        let known = self.relays.get(&change.node).map_or(0, |lease| lease.version);
        if change.version < known || (change.whole && change.version == known) {
            // Older than what was read.
            return Heard::News(Vec::new());
        }
        if !change.whole && change.from != known {
            // Of what was read already, or of what nobody here knows.
            return if change.version == known { Heard::News(Vec::new()) } else { Heard::LookAgain };
        }
        if let Some(heard) = &mut self.heard {
            heard.insert(change.node.clone(), change.version);
        }
        let mut touched: Vec<String> = change.users.iter().map(|(user, _)| user.clone()).collect();
        if change.whole {
            touched.extend(self.relays.get(&change.node).into_iter().flat_map(|lease| lease.users.keys().cloned()));
            touched.sort();
            touched.dedup();
        }
        let before: Vec<Option<String>> = touched.iter().map(|user| self.name(user).map(str::to_owned)).collect();
        let lease = self.relays.entry(change.node.clone()).or_default();
        (lease.version, lease.until_ns, lease.in_doubt) = (change.version, until_ns, false);
        if change.whole {
            lease.users.clear();
        }
        for (user, name) in change.users {
            match name {
                Some(name) => drop(lease.users.insert(user, name)),
                None => drop(lease.users.remove(&user)),
            }
        }
        if lease.users.is_empty() {
            self.relays.remove(&change.node);
        }
        let now = touched.into_iter().map(|user| (self.name(&user).map(str::to_owned), user));
        Heard::News(now.zip(before).filter(|((now, _), before)| now != before).map(|((now, user), _)| (user, now)).collect())
    }

    /// Runs `work` and says who is another one for it.
    fn compared(&mut self, work: impl FnOnce(&mut Self)) -> Vec<News> {
        let mut before = self.all();
        work(self);
        let mut news = Vec::new();
        for (user, name) in self.all() {
            if before.remove(&user).as_ref() != Some(&name) {
                news.push((user, Some(name)));
            }
        }
        news.extend(before.into_keys().map(|user| (user, None)));
        news
    }

    /// All leases were read; who is not among them is in doubt.
    fn replace(&mut self, read: BTreeMap<String, Lease>, doubted_until_ns: u64) -> Vec<News> {
        let heard = self.heard.take().unwrap_or_default();
        self.compared(|known| {
            for (relay, lease) in &mut known.relays {
                if !lease.in_doubt && !read.contains_key(relay) && !heard.contains_key(relay) {
                    (lease.until_ns, lease.in_doubt) = (doubted_until_ns, true);
                }
            }
            for (relay, lease) in read {
                if heard.get(&relay).is_none_or(|version| *version < lease.version) {
                    known.relays.insert(relay, lease);
                }
            }
        })
    }

    /// So long nobody could be heard: that counts for no doubt.
    pub(super) fn was_deaf(&mut self, for_ns: u64) {
        for lease in self.relays.values_mut().filter(|lease| lease.in_doubt) {
            lease.until_ns = lease.until_ns.saturating_add(for_ns);
        }
    }

    fn expire(&mut self, now_ns: u64) -> Vec<News> {
        if self.heard.is_some() || self.relays.values().all(|lease| lease.until_ns > now_ns) {
            return Vec::new();
        }
        self.compared(|known| known.relays.retain(|_, lease| lease.until_ns > now_ns))
    }
}

impl Inner {
    /// The leases of other relays.
    async fn read_leases(&self, key: &ChannelKey) -> Result<BTreeMap<String, Lease>, ErrorBody> {
        let place = self.scripts.name(key);
        let link = self.links.of(&place)?;
        let up = link.up().await?;
        let call = self.scripts.present(&place);
        let answer: Vec<redis::Value> = link.run(&up, &call).await?;
        let leases = super::scripts::leases(&answer);
        let unreadable = leases.iter().filter(|lease| lease.is_none()).count();
        if unreadable > 0
            && let Some(unsaid) = self.unreadable.lock().tell(self.clock.elapsed_ns())
        {
            fault!(warning, Broker, place, unreadable, unsaid, "who is present by way of a relay cannot be read: is it a newer version?");
        }
        let leases = leases.into_iter().flatten();
        Ok(leases.map(|(relay, left, lease)| (relay, Lease { until_ns: self.end_ns(left), ..lease })).collect())
    }

    fn end_ns(&self, left: Duration) -> u64 {
        self.clock.elapsed_ns().saturating_add(u64::try_from(left.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Everyone who is present by way of other relays: as it is known here where the channel is held, for everybody who comes
    /// asks; else read.
    pub(super) async fn present_elsewhere(&self, key: &ChannelKey) -> Result<Vec<PresentUser>, ErrorBody> {
        if !counts(key) {
            return Ok(Vec::new());
        }
        let held = self.find(&self.scripts.name(key)).filter(|held| held.is_followed());
        let users = match held {
            Some(held) => held.elsewhere.lock().all(),
            None => Elsewhere { relays: self.read_leases(key).await?, heard: None }.all(),
        };
        Ok(users.into_iter().map(|(user_id, name)| PresentUser { user_id, name }).collect())
    }

    /// What another relay, or this one, says of its users.
    pub(super) fn handle_lease(self: &Arc<Self>, held: &Arc<Held>, bytes: &[u8]) {
        let Ok(change) = serde_json::from_slice::<Change>(bytes) else { return self.look_who_again(held) };
        if change.node == self.node {
            return;
        }
        let mut elsewhere = held.elsewhere.lock();
        match elsewhere.hear(change, self.end_ns(LEASE)) {
            Heard::News(news) => self.tell_news(held, news),
            Heard::LookAgain => {
                drop(elsewhere);
                self.look_who_again(held);
            }
        }
    }

    fn look_who_again(self: &Arc<Self>, held: &Arc<Held>) {
        held.look_who.store(true, Ordering::Relaxed);
        self.look(held);
    }

    /// With a look at the stream, where it is wanted; whether there was an answer.
    pub(super) async fn look_who_if_asked(&self, held: &Held) -> bool {
        if !held.look_who.swap(false, Ordering::Relaxed) {
            return true;
        }
        let done = self.look_who(held).await.is_ok();
        if !done {
            held.look_who.store(true, Ordering::Relaxed);
        }
        done
    }

    /// Reads who is present in a held channel, and tells what is news.
    pub(super) async fn look_who(&self, held: &Held) -> Result<(), ErrorBody> {
        if !counts(&held.key) {
            return Ok(());
        }
        held.elsewhere.lock().heard = Some(BTreeMap::new());
        let read = self.read_leases(&held.key).await;
        let mut elsewhere = held.elsewhere.lock();
        match read {
            Ok(read) => {
                let news = elsewhere.replace(read, self.end_ns(DOUBT));
                // Whoever opens the channel tells the whole.
                if held.is_followed() {
                    self.tell_news(held, news);
                }
                Ok(())
            }
            Err(error) => {
                elsewhere.heard = None;
                Err(error)
            }
        }
    }

    /// Leases that nobody renewed run out, where they could have been heard of.
    pub(super) fn expire_leases(&self) {
        if !self.listening.load(Ordering::Relaxed) {
            return;
        }
        let now_ns = self.clock.elapsed_ns();
        for held in self.all_held().iter().filter(|held| counts(&held.key) && !held.look_who.load(Ordering::Relaxed)) {
            let mut elsewhere = held.elsewhere.lock();
            let news = elsewhere.expire(now_ns);
            self.tell_news(held, news);
        }
    }

    /// Tells whoever listens the whole, where it is new or `anew`.
    pub(super) fn tell_elsewhere(&self, held: &Held, anew: bool) {
        let Some(deliver) = self.deliver.get().filter(|_| counts(&held.key)) else { return };
        let elsewhere = held.elsewhere.lock();
        if anew || !deliver.knows_elsewhere(&held.key) {
            deliver.handle_all_elsewhere(&held.key, elsewhere.all());
        }
    }

    /// Called with `held.elsewhere` locked: news are told in the order in which they came.
    fn tell_news(&self, held: &Held, news: Vec<News>) {
        let Some(deliver) = self.deliver.get().filter(|_| held.is_held()) else { return };
        for (user, name) in news {
            deliver.handle_elsewhere(&held.key, &user, name.as_deref());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(node: &str, from: u64, version: u64, users: &[(&str, Option<&str>)]) -> Change {
        let users = users.iter().map(|(user, name)| ((*user).to_owned(), name.map(str::to_owned))).collect();
        Change { node: node.to_owned(), whole: false, from, version, users }
    }

    fn whole(node: &str, version: u64, users: &[(&str, Option<&str>)]) -> Change {
        Change { whole: true, ..change(node, 0, version, users) }
    }

    fn news(of: &[(&str, Option<&str>)]) -> Vec<News> {
        of.iter().map(|(user, name)| ((*user).to_owned(), name.map(str::to_owned))).collect()
    }

    fn lease(version: u64, until_ns: u64, users: &[&str]) -> Lease {
        Lease { version, until_ns, in_doubt: false, users: users.iter().map(|user| ((*user).to_owned(), user.to_uppercase())).collect() }
    }

    #[test]
    fn a_user_on_two_relays_goes_with_the_last_of_them() {
        let mut known = Elsewhere::default();
        assert_eq!(known.hear(change("x", 0, 1, &[("u", Some("Una"))]), 10), Heard::News(news(&[("u", Some("Una"))])));
        assert_eq!(known.hear(change("y", 0, 1, &[("u", Some("Una"))]), 20), Heard::News(Vec::new()));
        assert_eq!(known.hear(change("x", 1, 2, &[("u", None)]), 30), Heard::News(Vec::new()));
        assert_eq!(known.expire(19), []);
        assert_eq!(known.expire(20), news(&[("u", None)]), "nobody renewed it");
        assert!(known.relays.is_empty());
    }

    #[test]
    fn a_renewal_keeps_a_lease_and_one_of_what_is_not_known_makes_it_look() {
        let mut known = Elsewhere::default();
        known.hear(change("x", 0, 3, &[("u", Some("Una"))]), 10);
        assert_eq!(known.hear(change("x", 3, 3, &[]), 50), Heard::News(Vec::new()));
        assert_eq!(known.expire(49), []);
        assert_eq!(known.hear(change("x", 4, 4, &[]), 60), Heard::LookAgain, "a change was missed");
        assert_eq!(known.hear(change("x", 5, 6, &[("v", Some("V"))]), 60), Heard::LookAgain);
        assert_eq!(known.hear(change("z", 7, 7, &[]), 60), Heard::LookAgain, "a relay that nobody here knows");
        assert_eq!(known.expire(50), news(&[("u", None)]), "what was not understood renews nothing");
    }

    #[test]
    fn a_whole_takes_the_place_of_all_that_was_and_an_older_one_of_nothing() {
        let mut known = Elsewhere::default();
        known.hear(change("x", 0, 3, &[("u", Some("Una")), ("v", Some("Vera"))]), 10);
        let said = known.hear(whole("x", 7, &[("v", Some("Vera")), ("w", Some("Wim"))]), 10);
        assert_eq!(said, Heard::News(news(&[("u", None), ("w", Some("Wim"))])));
        assert_eq!(known.hear(whole("x", 6, &[("u", Some("Una"))]), 10), Heard::News(Vec::new()));
        assert_eq!(known.hear(change("x", 3, 4, &[("u", Some("Una"))]), 10), Heard::News(Vec::new()));
        assert_eq!(known.hear(whole("x", 8, &[]), 10), Heard::News(news(&[("v", None), ("w", None)])));
        assert!(known.relays.is_empty());
    }

    #[test]
    fn what_is_heard_while_leases_are_read_is_newer_than_what_is_read() {
        let mut known = Elsewhere::default();
        known.hear(change("goes", 0, 1, &[("g", Some("G"))]), 10);
        known.hear(change("stays", 0, 1, &[("s", Some("S"))]), 10);
        known.heard = Some(BTreeMap::new());
        known.hear(change("goes", 1, 2, &[("g", None)]), 10);
        known.hear(change("comes", 0, 1, &[("c", Some("C"))]), 10);
        let read = BTreeMap::from([
            ("goes".to_owned(), lease(1, 20, &["g"])),
            ("stays".to_owned(), lease(1, 20, &["s"])),
            ("new".to_owned(), lease(4, 20, &["n"])),
        ]);
        assert_eq!(known.replace(read, 15), news(&[("n", Some("N"))]));
        assert_eq!(known.all().into_keys().collect::<Vec<_>>(), ["c", "n", "s"]);
    }

    #[test]
    fn a_relay_that_is_not_found_stays_in_doubt_until_it_is_heard_of_again() {
        let mut known = Elsewhere::default();
        known.hear(change("x", 0, 1, &[("u", Some("U"))]), 10);
        known.hear(change("y", 0, 1, &[("v", Some("V"))]), 10);
        known.heard = Some(BTreeMap::new());
        assert_eq!(known.expire(12), [], "nobody runs out while it is being looked");
        assert_eq!(known.replace(BTreeMap::new(), 20), []);
        assert_eq!(known.hear(whole("x", 2, &[("u", Some("U"))]), 60), Heard::News(Vec::new()));
        assert_eq!(known.expire(20), news(&[("v", None)]));
    }

    #[test]
    fn a_doubt_lasts_as_long_as_the_first_look_said_however_often_it_is_looked() {
        let mut known = Elsewhere::default();
        known.hear(change("x", 0, 1, &[("u", Some("U"))]), 10);
        known.hear(change("y", 0, 1, &[("v", Some("V"))]), 10);
        for doubted_until in [20, 25, 29] {
            assert_eq!(known.replace(BTreeMap::new(), doubted_until), []);
        }
        assert_eq!(known.expire(19), []);
        assert_eq!(known.hear(change("y", 1, 1, &[]), 60), Heard::News(Vec::new()));
        assert_eq!(known.expire(20), news(&[("u", None)]));
        assert_eq!(known.replace(BTreeMap::new(), 40), [], "it was heard of, so it is a new doubt");
        known.was_deaf(5);
        assert_eq!(known.expire(44), [], "who could not be heard is not missed");
        assert_eq!(known.replace(BTreeMap::from([("y".to_owned(), lease(1, 90, &["v"]))]), 45), []);
        assert_eq!(known.replace(BTreeMap::new(), 95), [], "it was read, so it is a new doubt");
        assert_eq!(known.expire(94), []);
        assert_eq!(known.expire(95), news(&[("v", None)]));
    }
}
