//! Who of a tenant came online or left, to be told: each user once, however many tabs on however many relays.
//!
//! Every relay tells its own listeners, of its own users and of those who are there by way of others; none of them is asked to
//! tell for all. A user who comes back within [`GRACE_MS`], to whichever relay, was not away. Until that has passed `presence.get`
//! still counts the user, else whoever asked in between would never hear of one who came back.
//!
//! Nothing is told in the first [`SILENT_MS`] of a relay, when everybody comes back at once. Whoever has asked by `presence.get` before
//! others came is told of those then, else of nobody: 10,000 users who come back are 10,000 lines for each of them. One message a second and tenant, of at most [`MOST_AT_ONCE`] users; the rest has to wait.
//!
//! Nobody has to be right about what others know: to say once more that a user is online does no harm, to say it never does.

use pulsewire_protocol::{Presence, PresentUser};
use std::collections::{BTreeMap, BTreeSet};

/// A user whose last connection is gone for so long is offline.
const GRACE_MS: u64 = 10_000;
/// Nothing is told for so long after the relay's start.
const SILENT_MS: u64 = 30_000;
/// Between two messages of a tenant.
const INTERVAL_MS: u64 = 1_000;
/// Users in one message: each goes to everybody who listens.
const MOST_AT_ONCE: usize = 200;

/// One that may be gone.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Leaving {
    name: String,
    due_ms: u64,
    /// Nobody was told that the user came.
    is_news: bool,
}

#[derive(Debug, Default)]
struct Tenant {
    /// Somebody may know that they are online.
    known: BTreeSet<String>,
    /// Came, and nobody was told.
    news: BTreeSet<String>,
    leaving: BTreeMap<String, Leaving>,
    /// Somebody asked in the silence.
    asked: bool,
    told_at_ms: Option<u64>,
    /// The earliest timer that is under way.
    armed_ms: Option<u64>,
}

impl Tenant {
    /// When it is worth looking, if nothing happens until then.
    fn due_ms(&self) -> Option<u64> {
        let leaving_ms = self.leaving.values().map(|leaving| leaving.due_ms).min();
        let again_ms = self.told_at_ms.map(|told_ms| told_ms + INTERVAL_MS);
        let due_ms = match leaving_ms {
            _ if !self.news.is_empty() => 0,
            Some(leaving_ms) => leaving_ms,
            // What is left of it is when the next message may come, and that somebody asked.
            None if self.known.is_empty() && (self.asked || again_ms.is_some()) => 0,
            None => return None,
        };
        Some(due_ms.max(SILENT_MS).max(again_ms.unwrap_or_default()))
    }

    /// Whether nothing of it needs to be known any more.
    fn is_over(&self, now_ms: u64) -> bool {
        let may_tell = self.told_at_ms.is_none_or(|told_ms| told_ms + INTERVAL_MS <= now_ms);
        may_tell && (!self.asked || now_ms >= SILENT_MS) && self.known.is_empty() && self.news.is_empty() && self.leaving.is_empty()
    }

    /// The time of a timer that is to be put in.
    fn arm(&mut self) -> Option<u64> {
        let due_ms = self.due_ms()?;
        if self.armed_ms.is_some_and(|armed_ms| armed_ms <= due_ms) {
            return None;
        }
        self.armed_ms = Some(due_ms);
        self.armed_ms
    }
}

/// See the module. Times are the wheel's.
#[derive(Debug, Default)]
pub(super) struct Online {
    tenants: BTreeMap<String, Tenant>,
}

impl Online {
    /// A user came, here or by way of another relay; gives the time of a timer that is to be put in.
    pub(super) fn came(&mut self, tenant: &str, user: &str, now_ms: u64) -> Option<u64> {
        let tenant = self.tenants.entry(tenant.to_owned()).or_default();
        if now_ms < SILENT_MS && !tenant.asked {
            tenant.known.insert(user.to_owned());
            return tenant.arm();
        }
        let is_news = match tenant.leaving.remove(user) {
            // Whoever asked after its time does not know of it.
            Some(leaving) => leaving.is_news || leaving.due_ms <= now_ms,
            None => !tenant.known.contains(user),
        };
        if is_news {
            tenant.news.insert(user.to_owned());
        }
        tenant.arm()
    }

    /// A user's last connection here, or by way of another relay, is gone.
    pub(super) fn went(&mut self, tenant: &str, user: &str, name: &str, now_ms: u64) -> Option<u64> {
        let found = self.tenants.entry(tenant.to_owned()).or_default();
        if now_ms < SILENT_MS && !found.asked {
            found.known.remove(user);
            if found.is_over(now_ms) {
                self.tenants.remove(tenant);
            }
            return None;
        }
        let is_news = found.news.remove(user) || found.leaving.get(user).is_some_and(|leaving| leaving.is_news);
        // Whoever asked in between knows of it.
        found.known.insert(user.to_owned());
        found.leaving.insert(user.to_owned(), Leaving { name: name.to_owned(), due_ms: now_ms + GRACE_MS, is_news });
        found.arm()
    }

    /// Somebody learns who is there: from now on changes matter.
    pub(super) fn ask(&mut self, tenant: &str, now_ms: u64) -> Option<u64> {
        if now_ms >= SILENT_MS {
            return None;
        }
        let tenant = self.tenants.entry(tenant.to_owned()).or_default();
        tenant.asked = true;
        tenant.arm()
    }

    /// Those were there before anybody listened here.
    pub(super) fn were_there(&mut self, tenant: &str, users: impl Iterator<Item = String>) {
        let tenant = self.tenants.entry(tenant.to_owned()).or_default();
        for user in users {
            tenant.leaving.remove(&user);
            tenant.news.remove(&user);
            tenant.known.insert(user);
        }
    }

    /// Nobody listens here any more, and nobody hears of other relays: only those count who are here themselves.
    pub(super) fn forget(&mut self, tenant: &str, here: impl Iterator<Item = String>, now_ms: u64) -> Option<u64> {
        let found = self.tenants.get_mut(tenant)?;
        found.known = here.collect();
        found.news.clear();
        found.leaving.clear();
        if found.is_over(now_ms) {
            self.tenants.remove(tenant);
            return None;
        }
        found.arm()
    }

    /// Who left so short a time ago that it does not count.
    pub(super) fn leaving(&self, tenant: &str, now_ms: u64) -> impl Iterator<Item = PresentUser> {
        let leaving = self.tenants.get(tenant).into_iter().flat_map(|tenant| &tenant.leaving);
        leaving
            .filter(move |(_, leaving)| leaving.due_ms > now_ms)
            .map(|(user, leaving)| PresentUser { user_id: user.clone(), name: leaving.name.clone() })
    }

    /// What is to be told now, and the time of the next timer. `name` says what a user is called who is online.
    pub(super) fn tell(&mut self, tenant: &str, now_ms: u64, name: impl Fn(&str) -> Option<String>) -> (Option<Presence>, Option<u64>) {
        let Some(found) = self.tenants.get_mut(tenant) else { return (None, None) };
        if found.armed_ms.is_some_and(|armed_ms| armed_ms <= now_ms) {
            found.armed_ms = None;
        }
        let mut presence = Presence { online: Vec::new(), offline: Vec::new() };
        // A timer of before may come too early.
        if found.due_ms().is_some_and(|due_ms| due_ms <= now_ms) {
            while presence.online.len() < MOST_AT_ONCE {
                let Some(user) = found.news.pop_first() else { break };
                if let Some(name) = name(&user) {
                    found.known.insert(user.clone());
                    presence.online.push(PresentUser { user_id: user, name });
                }
            }
            let due = found.leaving.iter().filter(|(_, leaving)| leaving.due_ms <= now_ms).map(|(user, _)| user.clone());
            let due: Vec<String> = due.take(MOST_AT_ONCE - presence.online.len()).collect();
            for user in due {
                let leaving = found.leaving.remove(&user);
                // It may be there by way of another relay.
                if name(&user).is_none() {
                    found.known.remove(&user);
                    presence.offline.push(user);
                } else if leaving.is_some_and(|leaving| leaving.is_news) {
                    found.news.insert(user);
                }
            }
        }
        let is_news = !presence.online.is_empty() || !presence.offline.is_empty();
        if is_news {
            found.told_at_ms = Some(now_ms);
        }
        if found.is_over(now_ms) {
            self.tenants.remove(tenant);
            return (None, None);
        }
        (is_news.then_some(presence), found.arm())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(presence: Option<Presence>) -> (Vec<String>, Vec<String>) {
        let presence = presence.unwrap_or(Presence { online: Vec::new(), offline: Vec::new() });
        (presence.online.into_iter().map(|user| user.user_id).collect(), presence.offline)
    }

    #[test]
    fn a_storm_is_told_in_messages_of_a_bounded_size_one_a_second() {
        let mut online = Online::default();
        assert_eq!(online.ask("t", 0), Some(SILENT_MS));
        let timers: Vec<_> = (0..1_000).filter_map(|n| online.came("t", &format!("u{n}"), 0)).collect();
        assert!(timers.is_empty(), "one is enough: {timers:?}");
        let name = |user: &str| Some(user.to_owned());
        assert_eq!(online.tell("t", SILENT_MS - 1, name), (None, None), "the timer is under way");
        let (mut now_ms, mut seen) = (SILENT_MS, BTreeSet::new());
        while seen.len() < 1_000 {
            let (presence, next_ms) = online.tell("t", now_ms, name);
            let (came, _) = told(presence);
            assert!(came.len() <= MOST_AT_ONCE);
            seen.extend(came);
            assert!(seen.len() == 1_000 || next_ms == Some(now_ms + INTERVAL_MS));
            now_ms += INTERVAL_MS;
        }
        assert_eq!(now_ms, SILENT_MS + 5 * INTERVAL_MS);
    }

    #[test]
    fn where_nobody_asked_in_the_silence_nobody_is_told_of_it() {
        let mut online = Online::default();
        let timers: Vec<_> = (0..1_000).filter_map(|n| online.came("t", &format!("u{n}"), 0)).collect();
        assert_eq!((timers.len(), online.went("t", "u1", "U", 100)), (0, None));
        assert_eq!(online.tell("t", SILENT_MS, |user| Some(user.to_owned())), (None, None));
        assert_eq!(online.went("t", "u2", "U", SILENT_MS), Some(SILENT_MS + GRACE_MS));
        let (presence, _) = online.tell("t", SILENT_MS + GRACE_MS, |_| None);
        assert_eq!(told(presence), (vec![], vec!["u2".to_owned()]));
    }

    proptest! {
        /// A listener who asked at any time for the whole, and then goes by what it is told, ends up with who is there.
        #[test]
        fn property_33_whoever_asks_once_and_listens_knows_who_is_online(
            steps in proptest::collection::vec((0..4_u8, 0..3_u8, 0..8_000_u64), 1..80),
            asked in 0..80_usize,
        ) {
            let mut online = Online::default();
            // Two relays that a user may be there by way of.
            let mut there = [BTreeSet::<String>::new(), BTreeSet::new()];
            let (mut now_ms, mut timer_ms) = (0, None::<u64>);
            let mut knows: Option<BTreeSet<String>> = None;
            let arm = |timer_ms: &mut Option<u64>, next: Option<u64>| {
                *timer_ms = [*timer_ms, next].into_iter().flatten().min();
            };
            let mut last_told = None::<u64>;
            let end = steps.len();
            for (number, (step, user, wait_ms)) in steps.into_iter().chain(std::iter::once((9, 0, 60_000))).enumerate() {
                let user = format!("u{user}");
                if number == asked.min(end) {
                    let next = online.ask("t", now_ms);
                    arm(&mut timer_ms, next);
                    let leaving = online.leaving("t", now_ms).map(|user| user.user_id);
                    knows = Some(there.iter().flatten().cloned().chain(leaving).collect());
                }
                let next = match step {
                    0 | 1 if there[usize::from(step)].insert(user.clone()) => online.came("t", &user, now_ms),
                    2 | 3 if there[usize::from(step - 2)].remove(&user) => online.went("t", &user, &user, now_ms),
                    _ => None,
                };
                arm(&mut timer_ms, next);
                let until_ms = now_ms + wait_ms;
                while let Some(due_ms) = timer_ms.filter(|due_ms| *due_ms <= until_ms) {
                    now_ms = now_ms.max(due_ms);
                    timer_ms = None;
                    let name = |user: &str| there.iter().any(|relay| relay.contains(user)).then(|| user.to_owned());
                    let (presence, next) = online.tell("t", now_ms, name);
                    arm(&mut timer_ms, next);
                    if presence.is_some() {
                        prop_assert!(now_ms >= SILENT_MS && last_told.is_none_or(|told_ms| now_ms >= told_ms + INTERVAL_MS));
                        last_told = Some(now_ms);
                    }
                    let (came, left) = told(presence);
                    for user in came.iter().chain(&left) {
                        prop_assert_eq!(came.contains(user), there.iter().any(|relay| relay.contains(user)), "what is told is so");
                    }
                    if let Some(knows) = &mut knows {
                        knows.extend(came);
                        knows.retain(|user| !left.contains(user));
                    }
                }
                now_ms = until_ms;
            }
            let is: BTreeSet<String> = there.iter().flatten().cloned().collect();
            prop_assert_eq!(knows.unwrap(), is.clone());
            prop_assert!(!is.is_empty() || online.tenants.is_empty(), "nobody is remembered for nothing");
        }
    }
}
