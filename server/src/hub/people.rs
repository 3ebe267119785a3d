//! Who is connected, by tenant and user, and who looks at something: each user counted once, however many connections.

use super::connection::ConnectionId;
use pulsewire_protocol::PresentUser;
use std::collections::BTreeMap;

#[derive(Default)]
struct Person {
    name: String,
    /// In order, and whether each is told to others: a backend's is not. A list, because nearly everybody has one connection, and
    /// a set of one takes ten times the memory.
    connections: Vec<(ConnectionId, bool)>,
    /// In how many rooms the user counts as a viewer.
    rooms_viewed: usize,
}

impl Person {
    fn is_online(&self) -> bool {
        self.connections.iter().any(|(_, visible)| *visible)
    }

    fn place(&self, connection: ConnectionId) -> Result<usize, usize> {
        self.connections.binary_search_by_key(&connection, |(known, _)| *known)
    }
}

/// What others are told of a user's coming and going.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnlineChange {
    /// Nothing.
    None,
    /// Online, under that name.
    As(String),
    /// No longer: who was called so.
    Gone(String),
}

impl OnlineChange {
    fn between(before: Option<String>, after: Option<String>) -> Self {
        match (before, after) {
            (before, after) if before == after => Self::None,
            (_, Some(name)) => Self::As(name),
            (Some(name), None) => Self::Gone(name),
            (None, None) => Self::None,
        }
    }
}

/// See the module. Ordered maps: what is told comes in the same order every time.
#[derive(Default)]
pub struct People {
    tenants: BTreeMap<String, BTreeMap<String, Person>>,
}

impl People {
    /// A connection said who it is, the first time or again.
    pub fn add(&mut self, tenant: &str, user: &str, name: &str, connection: ConnectionId, visible: bool) -> OnlineChange {
        let before = self.online_name(tenant, user);
        let person = self.tenants.entry(tenant.to_owned()).or_default().entry(user.to_owned()).or_default();
        name.clone_into(&mut person.name);
        match person.place(connection) {
            Ok(place) => {
                if let Some((_, was)) = person.connections.get_mut(place) {
                    // It may have been the other, by an earlier token.
                    *was = visible;
                }
            }
            Err(place) => {
                if person.connections.is_empty() {
                    person.connections.reserve_exact(1);
                }
                person.connections.insert(place, (connection, visible));
            }
        }
        OnlineChange::between(before, self.online_name(tenant, user))
    }

    /// The user's name where others are told that it is online.
    pub fn online_name(&self, tenant: &str, user: &str) -> Option<String> {
        let person = self.tenants.get(tenant)?.get(user)?;
        person.is_online().then(|| person.name.clone())
    }

    /// A connection has gone.
    pub fn remove(&mut self, tenant: &str, user: &str, connection: ConnectionId) -> OnlineChange {
        let before = self.online_name(tenant, user);
        self.change(tenant, user, |person| {
            if let Ok(place) = person.place(connection) {
                person.connections.remove(place);
            }
        });
        OnlineChange::between(before, self.online_name(tenant, user))
    }

    /// The user became a viewer of one more room, or of one less.
    pub fn view(&mut self, tenant: &str, user: &str, begins: bool) {
        if begins {
            self.tenants.entry(tenant.to_owned()).or_default().entry(user.to_owned()).or_default().rooms_viewed += 1;
        } else {
            self.change(tenant, user, |person| person.rooms_viewed = person.rooms_viewed.saturating_sub(1));
        }
    }

    fn change(&mut self, tenant: &str, user: &str, work: impl FnOnce(&mut Person)) {
        let Some(users) = self.tenants.get_mut(tenant) else { return };
        let Some(person) = users.get_mut(user) else { return };
        work(person);
        if person.connections.is_empty() && person.rooms_viewed == 0 {
            users.remove(user);
            if users.is_empty() {
                self.tenants.remove(tenant);
            }
        }
    }

    /// Connections of one user.
    pub fn connections_of(&self, tenant: &str, user: &str) -> usize {
        self.tenants.get(tenant).and_then(|users| users.get(user)).map_or(0, |person| person.connections.len())
    }

    /// Who of the tenant is online.
    pub fn online(&self, tenant: &str) -> Vec<PresentUser> {
        let users = self.tenants.get(tenant).into_iter().flatten();
        users
            .filter(|(_, person)| person.is_online())
            .map(|(user, person)| PresentUser { user_id: user.clone(), name: person.name.clone() })
            .collect()
    }

    /// Distinct users of the tenant who look at something.
    pub fn viewing(&self, tenant: &str) -> usize {
        self.tenants.get(tenant).map_or(0, |users| users.values().filter(|person| person.rooms_viewed > 0).count())
    }

    /// Distinct users online, of all tenants.
    pub fn users(&self) -> usize {
        self.tenants.values().map(|users| users.values().filter(|person| !person.connections.is_empty()).count()).sum()
    }
}
