//! Keeps each tenant's [`WardState`], publishes `dashboard_stats` when they change, and answers `stats.get`,
//! `devices.list`, `devices.get` and `alerts.list` from it.
//!
//! As a tap it sees every publication under the channel's lock: it takes one short lock of its own and wakes a task; the
//! task publishes, at most once a second for a tenant, and only what differs from what was told last.

use super::state::WardState;
use crate::auth::{Principal, Publisher};
use crate::hub::Hub;
use crate::observe::faults::fault;
use crate::observe::metrics::Door;
use crate::relay::{Methods, Refusal, Relay, Tap};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use pulsewire_protocol::{ChannelName, DashboardStats, ErrorBody, ErrorCode, Payload, Publication, RawJson};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Statistics of one tenant are told at most once in this time.
const INTERVAL: Duration = Duration::from_secs(1);
/// Tenants beyond this many get no statistics: memory is bounded.
const MAX_TENANTS: usize = 10_000;
/// The most entries of one answer, and how many come unasked.
const MAX_LIMIT: usize = 1_000;
const DEFAULT_LIMIT: usize = 200;

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
}

impl Dashboard {
    /// Watches the relay from now on and answers its calls. [`Dashboard::run`] must be running for statistics to be told.
    pub fn attach(relay: &Relay) -> Arc<Self> {
        let dashboard =
            Arc::new(Self { tenants: Mutex::default(), dirty: Mutex::default(), wake: Notify::new(), clock: relay.clock().clone() });
        relay.add_tap(Arc::clone(&dashboard) as Arc<dyn Tap>);
        relay.add_methods(Arc::new(Answers { dashboard: Arc::clone(&dashboard), hub: Arc::downgrade(relay.hub()) }));
        dashboard
    }

    /// The statistics of a tenant at this moment.
    pub fn stats(&self, tenant: &str, viewers: usize) -> DashboardStats {
        self.with_ward(tenant, |ward| ward.stats(viewers as u64)).unwrap_or_else(|| WardState::default().stats(viewers as u64))
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

    /// Waits until something changed or the next alert ends.
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
        for (tenant, stats) in self.take_changes(relay) {
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
    fn take_changes(&self, relay: &Relay) -> Vec<(String, DashboardStats)> {
        let now_ms = self.clock.now_ms();
        let mut dirty = std::mem::take(&mut *self.dirty.lock());
        for (name, tenant) in self.tenants.lock().iter_mut() {
            if tenant.ward.expire(now_ms) {
                dirty.insert(name.clone());
            }
        }
        let mut changes = Vec::new();
        for name in dirty {
            // Asked before the lock: the hub has locks of its own.
            let viewers = relay.viewing_users(&name) as u64;
            if let Some(tenant) = self.tenants.lock().get_mut(&name) {
                let stats = tenant.ward.stats(viewers);
                if tenant.told.as_ref() != Some(&stats) {
                    tenant.told = Some(stats.clone());
                    changes.push((name, stats));
                }
            }
        }
        changes
    }

    fn mark(&self, tenant: &str) {
        if self.dirty.lock().insert(tenant.to_owned()) {
            self.wake.notify_one();
        }
    }

    fn with_tenant<T>(&self, tenant: &str, then: impl FnOnce(&mut Tenant) -> T) -> Option<T> {
        let mut tenants = self.tenants.lock();
        if let Some(state) = tenants.get_mut(tenant) {
            return Some(then(state));
        }
        (tenants.len() < MAX_TENANTS).then(|| then(tenants.entry(tenant.to_owned()).or_default()))
    }
}

impl Dashboard {
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
    fn handle_publication(&self, tenant: &str, _channel: &ChannelName, publication: &Publication) {
        let now_ms = self.clock.now_ms();
        if self.with_tenant(tenant, |state| state.ward.apply(publication, now_ms)) == Some(true) {
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

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ListParams {
    device_id: Option<String>,
    patient_id: Option<String>,
    severity: Option<pulsewire_protocol::Severity>,
    limit: Option<usize>,
}

#[derive(Serialize)]
struct Items<T> {
    items: Vec<T>,
}

impl Methods for Answers {
    fn handle_call<'a>(
        &'a self,
        by: &'a Principal,
        method: &'a str,
        params: Option<&'a RawJson>,
    ) -> Option<BoxFuture<'a, Result<RawJson, Refusal>>> {
        let answer = match method {
            "stats.get" => self.stats(by),
            "devices.list" => parse(params).and_then(|params| self.devices(by, &params)),
            "devices.get" => parse(params).and_then(|params| self.device(by, &params)),
            "alerts.list" => parse(params).and_then(|params| self.alerts(by, &params)),
            _ => return None,
        };
        Some(Box::pin(std::future::ready(answer.map_err(Refusal::from))))
    }
}

impl Answers {
    fn stats(&self, by: &Principal) -> Result<RawJson, ErrorBody> {
        allowed(by, "dashboard")?;
        let viewers = self.hub.upgrade().map_or(0, |hub| hub.people(|people| people.viewing(&by.tenant)));
        json(&self.dashboard.stats(&by.tenant, viewers))
    }

    fn devices(&self, by: &Principal, params: &ListParams) -> Result<RawJson, ErrorBody> {
        let limit = params.limit.unwrap_or(MAX_LIMIT).min(MAX_LIMIT);
        let visible = |id: &str| ChannelName::parse(&format!("device:{id}")).is_ok_and(|channel| by.may_subscribe(&channel));
        let items = self
            .dashboard
            .with_ward(&by.tenant, |ward| ward.devices().filter(|device| visible(&device.device_id)).take(limit).cloned().collect());
        json(&Items { items: items.unwrap_or_default() })
    }

    fn device(&self, by: &Principal, params: &ListParams) -> Result<RawJson, ErrorBody> {
        let id = params.device_id.as_deref().ok_or_else(|| ErrorBody::new(ErrorCode::BadRequest, "params.deviceId: is missing"))?;
        allowed(by, &format!("device:{id}"))?;
        let found = self.dashboard.with_ward(&by.tenant, |ward| ward.device(id).cloned()).flatten();
        match found {
            Some(device) => json(&device),
            None => {
                Err(ErrorBody::new(ErrorCode::NotFound, format!("nothing has been heard of the device {id:?} since the relay started")))
            }
        }
    }

    fn alerts(&self, by: &Principal, params: &ListParams) -> Result<RawJson, ErrorBody> {
        let limit = params.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT);
        let everywhere = by.may_subscribe(&ChannelName::tenant());
        let visible = |alert: &pulsewire_protocol::Alert| {
            let of_patient = || ChannelName::parse(&format!("patient:{}", alert.patient_id));
            params.patient_id.as_ref().is_none_or(|wanted| *wanted == alert.patient_id)
                && params.severity.is_none_or(|wanted| wanted == alert.severity)
                && (everywhere || of_patient().is_ok_and(|channel| by.may_subscribe(&channel)))
        };
        let items: Option<Vec<_>> =
            self.dashboard.with_ward(&by.tenant, |ward| ward.alerts().filter(|alert| visible(alert)).take(limit).cloned().collect());
        json(&Items { items: items.unwrap_or_default() })
    }
}

fn allowed(by: &Principal, channel: &str) -> Result<(), ErrorBody> {
    match ChannelName::parse(channel) {
        Ok(channel) if by.may_subscribe(&channel) => Ok(()),
        Ok(channel) => {
            Err(ErrorBody::new(ErrorCode::Forbidden, format!("the token's subscribe patterns, or the role's, do not allow {channel}")))
        }
        Err(error) => Err(ErrorBody::new(ErrorCode::InvalidChannel, format!("{channel:?} is no channel: {error}"))),
    }
}

fn parse(params: Option<&RawJson>) -> Result<ListParams, ErrorBody> {
    match params {
        None => Ok(ListParams::default()),
        Some(params) => {
            serde_json::from_str(params.as_str()).map_err(|error| ErrorBody::new(ErrorCode::BadRequest, format!("params: {error}")))
        }
    }
}

fn json<T: Serialize>(value: &T) -> Result<RawJson, ErrorBody> {
    RawJson::from_value(value).map_err(|error| ErrorBody::new(ErrorCode::Internal, format!("the answer cannot be written: {error}")))
}
