//! A relay with a store, what it tells, and users to call it.

use crate::support::*;
use pulsewire_protocol::{ChannelName, Pattern, Payload, Publication, RawJson};
use pulsewire_relay::config::Config;
use pulsewire_relay::domain::Domain;
use pulsewire_relay::relay::{Refusal, Tap};
use pulsewire_relay::store::{Place, Store};
use pulsewire_relay::{Clock, Entropy, Principal, Relay};
use serde_json::Value;
use std::sync::{Arc, Mutex};

/// What was told, in order.
#[derive(Default)]
pub struct Told(pub Mutex<Vec<(String, Payload)>>);

impl Tap for Told {
    fn handle_publication(&self, _: &str, channel: &ChannelName, publication: &Publication) {
        self.0.lock().unwrap().push((channel.to_string(), publication.payload.clone()));
    }
    fn handle_viewers(&self, _: &str) {}
}

pub struct World {
    pub relay: Relay,
    pub domain: Domain,
    pub told: Arc<Told>,
}

pub fn world(place: &Place) -> World {
    let relay = Relay::new(Config::development(), Clock::starting_at(START_MS), Entropy::from_seed(7));
    let store = Store::open(place, relay.clock().clone(), relay.entropy().clone(), Arc::clone(relay.metrics())).unwrap();
    let domain = Domain::attach(&relay, store);
    let told = Arc::new(Told::default());
    relay.add_tap(Arc::clone(&told) as Arc<dyn Tap>);
    World { relay, domain, told }
}

impl World {
    pub fn told(&self) -> usize {
        self.told.0.lock().unwrap().len()
    }

    /// What was told since the last time, as `(channel, event)`.
    pub fn news(&self) -> Vec<(String, String)> {
        let told = std::mem::take(&mut *self.told.0.lock().unwrap());
        told.into_iter().map(|(channel, payload)| (channel, payload.event().to_owned())).collect()
    }

    pub async fn call(&self, by: &Principal, method: &str, params: &str) -> Result<Value, Refusal> {
        let answer = self.relay.call(by, method, Some(&RawJson::parse(params).unwrap())).await?;
        Ok(serde_json::from_str(answer.as_str()).unwrap())
    }

    /// The same where it must be refused: what it is refused with.
    pub async fn refused(&self, by: &Principal, method: &str, params: &str) -> String {
        let refusal = self.call(by, method, params).await.unwrap_err();
        format!("{}: {}", refusal.body.code, refusal.body.message)
    }
}

pub fn principal(user: &str, role: &str) -> Principal {
    of_tenant("ward", user, role)
}

pub fn of_tenant(tenant: &str, user: &str, role: &str) -> Principal {
    let everything = vec![Pattern::Everything];
    Principal {
        user: user.to_owned(),
        name: user.to_uppercase(),
        tenant: tenant.to_owned(),
        role: Some(role.to_owned()),
        expires_at_ms: START_MS + 3_600_000,
        counts_as_viewer: true,
        subscribe: everything.clone(),
        publish: everything,
    }
}
