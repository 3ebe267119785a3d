//! Keeps each tenant's [`WardState`], publishes `dashboard_stats` when they change, and answers `stats.get`. Active alerts are counted
//! in the store.
//!
//! As a tap it sees every publication under the channel's lock: it takes one short lock of its own and wakes a task; the
//! task publishes, at most once a second for a tenant, and only what differs from what was told last.

use super::alerts::{UPDATED, count_active};
use super::registry::Registry;
use super::rights;
use super::service::answer;
use super::state::WardState;
use crate::auth::{Principal, Publisher};
use crate::hub::Hub;
use crate::observe::faults::fault;
use crate::observe::metrics::Door;
use crate::relay::{Methods, Refusal, Relay, Tap};
use crate::store::{Store, StoreError};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use pulsewire_protocol::{ChannelName, DashboardStats, Payload, Publication, RawJson};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Statistics of one tenant are told at most once in this time.
const INTERVAL: Duration = Duration::from_secs(1);
/// Tenants beyond this many get no statistics: memory is bounded.
const MAX_TENANTS: usize = 10_000;

/// The kind of a device's channel.
const DEVICE: &str = "device";

#[derive(Default)]
struct Tenant {
    ward: WardState,
    told: Option<DashboardStats>,
}

/// See the module.
pub struct Dashboard {
    /// Held for one event or one answer at a time, never across an await.
    tenants: Mutex<BTreeMap<String, Tenant>>,
    /// Tenants whose statistics may have changed since they were told.
    dirty: Mutex<BTreeSet<String>>,
    wake: Notify,
    clock: crate::clock::Clock,
    store: Store,
    offline_after_ms: u64,
}

impl Dashboard {
    /// Watches the relay from now on and answers its calls. [`Dashboard::run`] must be running for statistics to be told.
    pub fn attach(relay: &Relay, store: Store) -> Arc<Self> {
        let clock = relay.clock().clone();
        let offline_after_ms = relay.config().devices.offline_after_ms;
        let (tenants, dirty, wake) = (Mutex::default(), Mutex::default(), Notify::new());
        let dashboard = Arc::new(Self { tenants, dirty, wake, clock, store, offline_after_ms });
        relay.add_tap(Arc::clone(&dashboard) as Arc<dyn Tap>);
        relay.add_methods(Arc::new(Answers { dashboard: Arc::clone(&dashboard), hub: Arc::downgrade(relay.hub()) }));
        dashboard
    }

    /// The statistics of a tenant at this moment.
    pub async fn stats(&self, tenant: &str, viewers: usize) -> Result<DashboardStats, StoreError> {
        let active = count_active(&self.store, tenant).await?;
        let stats = |ward: &WardState| ward.stats(active, viewers as u64);
        Ok(self.with_ward(tenant, stats).unwrap_or_else(|| stats(&WardState::default())))
    }

    /// Publishes what changed until the shutdown.
    pub async fn run(self: Arc<Self>, relay: Relay, shutdown: CancellationToken) {
        while shutdown.run_until_cancelled(self.until_due()).await.is_some() {
            self.publish_changes(&relay).await;
            if shutdown.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_none() {
                return;
            }
        }
    }

    /// Waits until something changed or the next session ends.
    async fn until_due(&self) {
        let now_ms = self.clock.now_ms();
        let next = self.tenants.lock().values().filter_map(|tenant| tenant.ward.next_expiry_ms()).min();
        match next {
            None => self.wake.notified().await,
            Some(end_ms) => {
                // An end that is far off is looked at again now and then: the clock may be set.
                let wait = Duration::from_millis(end_ms.saturating_sub(now_ms).min(60_000));
                let _changed_or_due = tokio::time::timeout(wait, self.wake.notified()).await;
            }
        }
    }

    async fn publish_changes(&self, relay: &Relay) {
        for (tenant, stats) in self.take_changes(relay).await {
            let by = Publisher::System { tenant: &tenant };
            if let Err(error) = relay.publish(by, "dashboard", Payload::DashboardStats(stats), None).await {
                fault!(error, Broker, %tenant, %error, "dashboard statistics could not be published");
                // Not told: they count as changed until they are.
                if let Some(state) = self.tenants.lock().get_mut(&tenant) {
                    state.told = None;
                }
                self.mark(&tenant);
            } else {
                relay.metrics().events_in(Door::Relay, 1);
            }
        }
    }

    /// The statistics that differ from what was told last, marked as told.
    async fn take_changes(&self, relay: &Relay) -> Vec<(String, DashboardStats)> {
        let mut changes = Vec::new();
        for name in self.take_dirty() {
            // Both before the lock: the hub has locks of its own, and the store takes its time.
            let viewers = relay.viewing_users(&name) as u64;
            let active = match count_active(&self.store, &name).await {
                Ok(active) => active,
                Err(error) => {
                    fault!(warning, Store, tenant = %name, %error, "alerts could not be counted: the statistics are told later");
                    self.mark(&name);
                    continue;
                }
            };
            if let Some(tenant) = self.tenants.lock().get_mut(&name) {
                let stats = tenant.ward.stats(active, viewers);
                if tenant.told.as_ref() != Some(&stats) {
                    tenant.told = Some(stats.clone());
                    changes.push((name, stats));
                }
            }
        }
        changes
    }

    fn take_dirty(&self) -> BTreeSet<String> {
        let now_ms = self.clock.now_ms();
        let mut dirty = std::mem::take(&mut *self.dirty.lock());
        for (name, tenant) in self.tenants.lock().iter_mut() {
            if tenant.ward.expire(now_ms) {
                dirty.insert(name.clone());
            }
        }
        dirty
    }

    /// The statistics of that tenant may have changed.
    pub(super) fn mark(&self, tenant: &str) {
        if self.dirty.lock().insert(tenant.to_owned()) {
            self.wake.notify_one();
        }
    }

    fn with_tenant<T>(&self, tenant: &str, then: impl FnOnce(&mut Tenant) -> T) -> Option<T> {
        let mut tenants = self.tenants.lock();
        if let Some(state) = tenants.get_mut(tenant) {
            return Some(then(state));
        }
        (tenants.len() < MAX_TENANTS).then(|| {
            let state = tenants.entry(tenant.to_owned()).or_default();
            state.ward.devices_mut().set_offline_after_ms(self.offline_after_ms);
            then(state)
        })
    }
}

impl Dashboard {
    /// The devices of a tenant; `None` where there are too many tenants.
    pub(super) fn with_devices<T>(&self, tenant: &str, then: impl FnOnce(&mut Registry) -> T) -> Option<T> {
        self.with_tenant(tenant, |state| then(state.ward.devices_mut()))
    }

    /// The ward of a tenant; `None` where there are too many tenants.
    pub(super) fn with_ward_mut<T>(&self, tenant: &str, then: impl FnOnce(&mut WardState) -> T) -> Option<T> {
        self.with_tenant(tenant, |state| then(&mut state.ward))
    }

    /// What each tenant's devices give, where they give anything.
    pub(super) fn of_each<T>(&self, mut take: impl FnMut(&mut Registry) -> Vec<T>) -> BTreeMap<String, Vec<T>> {
        self.of_each_ward(|ward| take(ward.devices_mut()))
    }

    /// What each tenant's ward gives, where it gives anything.
    pub(super) fn of_each_ward<T>(&self, mut take: impl FnMut(&mut WardState) -> Vec<T>) -> BTreeMap<String, Vec<T>> {
        let mut tenants = self.tenants.lock();
        let given = tenants.iter_mut().map(|(name, state)| (name, take(&mut state.ward)));
        given.filter(|(_, given)| !given.is_empty()).map(|(name, given)| (name.clone(), given)).collect()
    }

    /// Reads a tenant's ward as it is now; `None` where nothing is known of the tenant.
    fn with_ward<T>(&self, tenant: &str, read: impl FnOnce(&WardState) -> T) -> Option<T> {
        let now_ms = self.clock.now_ms();
        let (expired, read) = {
            let mut tenants = self.tenants.lock();
            let state = tenants.get_mut(tenant)?;
            (state.ward.expire(now_ms), read(&state.ward))
        };
        if expired {
            self.mark(tenant);
        }
        Some(read)
    }
}

impl Tap for Dashboard {
    fn handle_publication(&self, tenant: &str, channel: &ChannelName, publication: &Publication) {
        let now = self.clock.moment();
        let of_alerts = match &publication.payload {
            Payload::Alert(_) => true,
            Payload::Custom { event, .. } => {
                if let (DEVICE, Some(id)) = (channel.kind(), channel.id()) {
                    self.with_devices(tenant, |devices| devices.hear(id, now));
                }
                event == UPDATED
            }
            _ => false,
        };
        let is_changed = self.with_tenant(tenant, |state| {
            let is_changed = state.ward.apply(publication, now);
            if let (DEVICE, Some(id)) = (channel.kind(), channel.id()) {
                state.ward.devices_mut().handle_published(id, publication.ts);
            }
            is_changed || of_alerts
        });
        if is_changed == Some(true) {
            self.mark(tenant);
        }
    }
    fn handle_viewers(&self, tenant: &str) {
        if self.with_tenant(tenant, |_| ()).is_some() {
            self.mark(tenant);
        }
    }
}

/// The calls that are answered from the state. Holds the hub weakly: the relay holds both of them.
struct Answers {
    dashboard: Arc<Dashboard>,
    hub: Weak<Hub>,
}

impl Methods for Answers {
    fn handle_call<'a>(
        &'a self,
        by: &'a Principal,
        method: &'a str,
        _params: Option<&'a RawJson>,
    ) -> Option<BoxFuture<'a, Result<RawJson, Refusal>>> {
        (method == "stats.get").then(|| Box::pin(self.stats(by)) as BoxFuture<'a, _>)
    }
}

impl Answers {
    async fn stats(&self, by: &Principal) -> Result<RawJson, Refusal> {
        rights::may_read(by, "dashboard")?;
        let viewers = self.hub.upgrade().map_or(0, |hub| hub.people(|people| people.viewing(&by.tenant)));
        answer(&self.dashboard.stats(&by.tenant, viewers).await?)
    }
}
