//! Which channels the broker in memory keeps, and which one goes when there is no room.
//!
//! Two lists for each tenant, least recently used first: `kept` holds channels that were published to and counts against
//! `history.channels`; `empty` holds those that were only asked for. Asking is cheap for anybody, so it must never cost
//! somebody else's history: empty channels make room for empty ones only.
//!
//! Room is taken from the tenant that uses the most. A tenant that floods the relay therefore pushes out its own channels,
//! never those of a smaller one. Where the larger ones hold all of theirs (someone listens), a tenant below its fair share
//! gets its room nevertheless: together they can exceed the limit by as much again, no more.
//!
//! Limit: the tenants are walked once for each eviction, under the lock of the table.

use super::ChannelKey;
use lru::LruCache;
use pulsewire_protocol::ChannelName;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many channels of a tenant are looked at for one to evict before giving up.
const EVICTION_TRIES: usize = 64;

/// See the module. `C` is a handle of a channel.
pub(super) struct Table<C> {
    /// Ordered, so that a simulation evicts the same channels twice.
    tenants: BTreeMap<Arc<str>, Tenant<C>>,
    /// Channels of all tenants in each list.
    totals: [usize; 2],
    most: usize,
    /// Takes the channel out of use unless it is in use.
    retire: fn(&C) -> bool,
}

/// The lists of one tenant, by [`List`].
type Tenant<C> = [LruCache<ChannelName, C>; 2];

#[derive(Clone, Copy)]
enum List {
    Kept,
    Empty,
}

impl<C: Clone> Table<C> {
    /// An empty one for so many channels.
    pub(super) fn new(most: usize, retire: fn(&C) -> bool) -> Self {
        Self { tenants: BTreeMap::new(), totals: [0; 2], most, retire }
    }

    /// How many channels there are.
    pub(super) fn len(&self) -> usize {
        self.totals.iter().sum()
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &C> {
        self.tenants.values().flatten().flat_map(|list| list.iter().map(|(_, channel)| channel))
    }

    /// The channel, if there is one; looking is no sign of life.
    pub(super) fn peek(&self, key: &ChannelKey) -> Option<&C> {
        self.tenants.get(&key.tenant)?.iter().find_map(|list| list.peek(&key.channel))
    }

    /// The channel, for reading or listening: made where there is none, always.
    pub(super) fn find_or_make(&mut self, key: &ChannelKey, make: impl FnOnce() -> C) -> C {
        let found = self.tenants.get_mut(&key.tenant).and_then(|lists| lists.iter_mut().find_map(|list| list.get(&key.channel)));
        if let Some(found) = found {
            return found.clone();
        }
        if self.total(List::Empty) >= self.most && !self.evict_from_larger(List::Empty, &key.tenant) {
            // Where all are in use one more is let in: the limits of connections and subscriptions bound those.
            self.evict_from(List::Empty, &key.tenant);
        }
        let channel = make();
        self.put(List::Empty, key, channel.clone());
        channel
    }

    /// The channel, for publishing: `None` where there is no room for it.
    pub(super) fn find_or_keep(&mut self, key: &ChannelKey, make: impl FnOnce() -> C) -> Option<C> {
        if let Some([kept, _]) = self.tenants.get_mut(&key.tenant)
            && let Some(found) = kept.get(&key.channel)
        {
            return Some(found.clone());
        }
        let room = self.total(List::Kept) < self.most
            || self.evict_from_larger(List::Kept, &key.tenant)
            || self.is_below_fair_share(&key.tenant)
            || self.evict_from(List::Kept, &key.tenant);
        if !room {
            return None;
        }
        let known = self.tenants.get_mut(&key.tenant).and_then(|[_, empty]| empty.pop(&key.channel));
        if known.is_some() {
            self.removed(List::Empty, &key.tenant);
        }
        let channel = known.unwrap_or_else(make);
        self.put(List::Kept, key, channel.clone());
        Some(channel)
    }

    fn total(&self, list: List) -> usize {
        let [kept, empty] = self.totals;
        if matches!(list, List::Kept) { kept } else { empty }
    }

    fn put(&mut self, list: List, key: &ChannelKey, channel: C) {
        let lists = self.tenants.entry(Arc::clone(&key.tenant)).or_insert_with(|| [LruCache::unbounded(), LruCache::unbounded()]);
        pick(lists, list).put(key.channel.clone(), channel);
        *pick(&mut self.totals, list) += 1;
    }

    /// One channel of that tenant was taken out of the list.
    fn removed(&mut self, list: List, tenant: &str) {
        *pick(&mut self.totals, list) -= 1;
        if self.tenants.get(tenant).is_some_and(|lists| lists.iter().all(LruCache::is_empty)) {
            self.tenants.remove(tenant);
        }
    }

    fn is_below_fair_share(&self, tenant: &str) -> bool {
        let own = self.tenants.get(tenant).map_or(0, |[kept, _]| kept.len());
        let others = self.tenants.iter().filter(|(name, [kept, _])| &***name != tenant && !kept.is_empty()).count();
        own < self.most / (others + 1)
    }

    /// Evicts one channel of the tenants that have more than this one, the largest first.
    fn evict_from_larger(&mut self, list: List, tenant: &str) -> bool {
        let own = self.tenants.get_mut(tenant).map_or(0, |lists| pick(lists, list).len());
        let sizes = self.tenants.iter_mut().map(|(name, lists)| (pick(lists, list).len(), name));
        let mut larger: Vec<_> = sizes.filter(|(size, _)| *size > own).map(|(size, name)| (size, Arc::clone(name))).collect();
        larger.sort_unstable_by(|a, b| b.cmp(a));
        larger.into_iter().any(|(_, name)| self.evict_from(list, &name))
    }

    /// Evicts the longest idle channel of that tenant that is not in use.
    fn evict_from(&mut self, list: List, tenant: &str) -> bool {
        let retire = self.retire;
        let Some(lists) = self.tenants.get_mut(tenant) else { return false };
        let channels = pick(lists, list);
        for _ in 0..EVICTION_TRIES.min(channels.len()) {
            let Some((name, channel)) = channels.pop_lru() else { return false };
            if retire(&channel) {
                self.removed(list, tenant);
                return true;
            }
            channels.put(name, channel);
        }
        false
    }
}

fn pick<T>([kept, empty]: &mut [T; 2], list: List) -> &mut T {
    match list {
        List::Kept => kept,
        List::Empty => empty,
    }
}
