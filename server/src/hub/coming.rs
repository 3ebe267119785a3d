//! How it comes to be known who is online: of this relay's people, and of those who are there by way of other relays.
//!
//! What is to be told of it, and when, is [`super::online`]'s.

use super::Hub;
use super::people::OnlineChange;
use super::wheel::Timer;
use crate::broker::ChannelKey;
use pulsewire_protocol::{ChannelName, Presence, PresentUser};
use std::collections::{BTreeMap, BTreeSet};

/// The channel on which a tenant's users are told who is online.
pub(super) fn is_tenant(key: &ChannelKey) -> bool {
    key.channel.kind() == "tenant"
}

impl Hub {
    /// Called with `people` locked.
    pub(super) fn announce_online(&self, tenant: &str, user: &str, change: OnlineChange) {
        let (name, due_ms) = match change {
            OnlineChange::None => return,
            OnlineChange::As(name) => (Some(name), self.online.lock().came(tenant, user, self.wheel.now_ms())),
            OnlineChange::Gone(name) => (None, self.online.lock().went(tenant, user, &name, self.wheel.now_ms())),
        };
        self.arm_online(tenant, due_ms);
        (self.announce)(&ChannelKey::new(tenant, ChannelName::tenant()), user, name.as_deref());
    }

    /// The users of other relays are told anew, with the room of their channel locked.
    pub(super) fn handle_online_elsewhere(&self, tenant: &str, now: Vec<String>, before: Option<&BTreeMap<String, String>>) {
        let mut online = self.online.lock();
        let Some(before) = before else { return online.were_there(tenant, now.into_iter()) };
        let now: BTreeSet<String> = now.into_iter().collect();
        let left = before.iter().filter(|(user, _)| !now.contains(*user));
        let mut due: Vec<_> = left.map(|(user, name)| online.went(tenant, user, name, self.wheel.now_ms())).collect();
        due.extend(now.iter().filter(|user| !before.contains_key(*user)).map(|user| online.came(tenant, user, self.wheel.now_ms())));
        drop(online);
        due.into_iter().for_each(|due_ms| self.arm_online(tenant, due_ms));
    }

    pub(super) fn arm_online(&self, tenant: &str, due_ms: Option<u64>) {
        if let Some(due_ms) = due_ms {
            self.wheel.at(due_ms, Timer::Online(tenant.into()));
        }
    }

    /// Who of the tenant came and left, where that is to be told now.
    pub fn online_news(&self, tenant: &str) -> Option<Presence> {
        let room = self.find(&ChannelKey::new(tenant, ChannelName::tenant()));
        let room = room.as_ref().map(|room| room.lock());
        let people = self.people.lock();
        let name =
            |user: &str| people.online_name(tenant, user).or_else(|| room.as_ref().and_then(|room| room.there(user)).map(str::to_owned));
        let (presence, due_ms) = self.online.lock().tell(tenant, self.wheel.now_ms(), name);
        self.arm_online(tenant, due_ms);
        presence.filter(|_| room.is_some())
    }

    /// Who of the tenant is online by way of this relay, or by whichever was within the last ten seconds.
    pub fn online(&self, tenant: &str) -> Vec<PresentUser> {
        let people = self.people.lock();
        let now_ms = self.wheel.now_ms();
        let mut online = self.online.lock();
        let due_ms = online.ask(tenant, now_ms);
        let mut users: Vec<_> = online.leaving(tenant, now_ms).collect();
        drop(online);
        self.arm_online(tenant, due_ms);
        users.extend(people.online(tenant));
        users
    }
}
