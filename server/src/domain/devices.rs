//! Devices (D3): registered by a backend, known by what they send, told to be offline once they have been silent for too long.
//!
//! What was registered is kept before it is answered. What a device did last (status, charge, when it was heard, its metrics) lives in
//! memory ([`Registry`](super::registry::Registry)), where telemetry does not wait for a disk, and is written every some seconds: a
//! relay that is killed forgets the last [`SAVED_EVERY`] of it, one that ends in order forgets nothing.

use super::dashboard::Dashboard;
use super::params::{Fields, LINE_BYTES};
use super::registry::{DeviceView, Found, FoundStatus, Registration, Saved, Turn, is_by_silence, later};
use super::rights;
use super::service::{Service, answer};
use crate::auth::{Principal, Publisher};
use crate::broker::{ChannelKey, ReadRequest};
use crate::observe::faults::fault;
use crate::relay::{Methods, Refusal, Relay};
use crate::store::{Store, StoreError};
use futures_util::future::BoxFuture;
use pulsewire_protocol::{ChannelName, DeviceState, ErrorBody, ErrorCode, Payload, RawJson, UnixMs};
use rusqlite::Row;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

/// The most devices of one answer, and how many come unasked.
const MAX_LIMIT: u64 = 1_000;
/// Who has fallen silent is looked for so often.
const LOOKED_EVERY: Duration = Duration::from_secs(1);
/// What changed is written so often, in turns of the above.
const SAVED_EVERY: u32 = 5;
/// Devices of one write: others come in between.
const SAVED_AT_ONCE: usize = 1_000;
/// Devices of a tenant whose status is looked up in one turn.
const LOOKED_UP_AT_ONCE: usize = 500;
const DAY_MS: u64 = 86_400_000;

#[derive(Serialize)]
struct List {
    items: Vec<DeviceView>,
    next: Option<String>,
}

/// See the module.
pub struct Devices {
    store: Store,
    dashboard: Arc<Dashboard>,
    /// 0: silence means nothing.
    offline_after_ms: u64,
    /// What was kept has been read.
    loaded: OnceCell<()>,
}

impl Methods for Devices {
    fn handle_call<'a>(
        &'a self,
        by: &'a Principal,
        method: &'a str,
        params: Option<&'a RawJson>,
    ) -> Option<BoxFuture<'a, Result<RawJson, Refusal>>> {
        Some(match method {
            "devices.list" => Box::pin(self.list(by, params)),
            "devices.get" => Box::pin(self.get(by, params)),
            "devices.put" => Box::pin(self.put(by, params)),
            _ => return None,
        })
    }
}

/// Devices are no publications to be kept: what they say lives in memory first.
impl Service for Devices {}

impl Devices {
    /// On that store, with the state that the dashboard gathers.
    pub fn new(store: Store, dashboard: Arc<Dashboard>, offline_after_ms: u64) -> Arc<Self> {
        Arc::new(Self { store, dashboard, offline_after_ms, loaded: OnceCell::new() })
    }

    /// Reads what was kept, the first time.
    pub async fn load(&self) -> Result<(), StoreError> {
        let load = || async {
            let saved = self.store.read("devices", |db| {
                let mut find = db.prepare_cached(
                    "SELECT tenant, device, name, patient, target_use_ms_per_day, status, by_silence, battery, last_seen_ms, metrics FROM devices",
                )?;
                let mut rows = find.query([])?;
                let mut saved = Vec::new();
                while let Some(row) = rows.next()? {
                    saved.push(read_saved(row)?);
                }
                Ok(saved)
            });
            let saved = saved.await?;
            let now = self.store.clock().moment();
            for (tenant, saved) in saved {
                self.dashboard.with_devices(&tenant, |devices| devices.restore(saved, now));
                // The statistics of before are told again by a relay that starts.
                self.dashboard.mark(&tenant);
            }
            Ok::<_, StoreError>(())
        };
        self.loaded.get_or_try_init(load).await?;
        Ok(())
    }

    async fn list(&self, by: &Principal, params: Option<&RawJson>) -> Result<RawJson, Refusal> {
        let mut fields = Fields::read(params)?;
        let patient = fields.optional_id("patientId");
        let status = fields.optional_word::<DeviceState>("status", "online, offline, maintenance");
        let limit = fields.optional_whole("limit", 1, MAX_LIMIT).unwrap_or(MAX_LIMIT) as usize;
        // A list in the order of ids is continued behind one of them.
        let before = fields.optional_id("before").unwrap_or_default();
        fields.finish()?;
        self.load().await?;
        let wanted = |device: &&DeviceView| {
            (patient.is_none() || device.patient_id == patient)
                && (status.is_none() || device.status == status)
                && ChannelName::parse(&format!("device:{}", device.device_id)).is_ok_and(|channel| by.may_subscribe(&channel))
        };
        let found = self.dashboard.with_devices(&by.tenant, |devices| {
            devices.after(&before).filter(wanted).take(limit.saturating_add(1)).cloned().collect::<Vec<_>>()
        });
        let mut items = found.unwrap_or_default();
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| last.device_id.clone());
        answer(&List { items, next })
    }

    async fn get(&self, by: &Principal, params: Option<&RawJson>) -> Result<RawJson, Refusal> {
        let mut fields = Fields::read(params)?;
        let id = fields.id("deviceId");
        fields.finish()?;
        rights::may_read(by, &format!("device:{id}"))?;
        self.load().await?;
        match self.dashboard.with_devices(&by.tenant, |devices| devices.get(&id).cloned()).flatten() {
            Some(device) => answer(&device),
            None => Err(ErrorBody::new(ErrorCode::NotFound, format!("there is no device {id:?}: none registered, nothing heard")).into()),
        }
    }

    async fn put(&self, by: &Principal, params: Option<&RawJson>) -> Result<RawJson, Refusal> {
        let mut fields = Fields::read(params)?;
        let id = fields.id("deviceId");
        let registration = Registration {
            name: fields.optional_text("name", LINE_BYTES),
            patient_id: fields.optional_id("patientId"),
            target_use_ms_per_day: fields.optional_whole("targetUseMsPerDay", 1, DAY_MS),
        };
        fields.finish()?;
        rights::may_tell(by, "devices.put", &format!("device:{id}"))?;
        self.load().await?;
        let (tenant, device, kept) = (by.tenant.clone(), id.clone(), registration.clone());
        let written = self.store.write("devices.put", move |tx| {
            let target = kept.target_use_ms_per_day.map(u64::cast_signed);
            tx.prepare_cached(
                "INSERT INTO devices (tenant, device, name, patient, target_use_ms_per_day) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (tenant, device) DO UPDATE SET name = excluded.name, patient = excluded.patient,
                 target_use_ms_per_day = excluded.target_use_ms_per_day",
            )?
            .execute((&tenant, &device, &kept.name, &kept.patient_id, target))?;
            Ok(())
        });
        written.await?;
        let view = self.dashboard.with_devices(&by.tenant, |devices| {
            devices.put(&id, registration);
            devices.get(&id).cloned()
        });
        self.dashboard.mark(&by.tenant);
        match view.flatten() {
            Some(device) => answer(&device),
            None => {
                Err(ErrorBody::new(ErrorCode::Unavailable, "there are too many devices: it is kept, and not shown until others are gone")
                    .into())
            }
        }
    }

    /// Tells who has fallen silent and who is back, and writes what changed, until the shutdown.
    pub async fn run(&self, relay: &Relay, shutdown: &CancellationToken) {
        let mut turn: u32 = 0;
        loop {
            if let Err(error) = self.load().await {
                fault!(error, Store, %error, "the devices that are kept could not be read: it is tried again");
            }
            let stopping = shutdown.run_until_cancelled(tokio::time::sleep(LOOKED_EVERY)).await.is_none();
            if !stopping && self.offline_after_ms > 0 {
                self.tell_turns(relay).await;
            }
            turn = turn.wrapping_add(1);
            if stopping || turn.is_multiple_of(SAVED_EVERY) {
                self.save().await;
            }
            if stopping {
                return;
            }
        }
    }

    async fn tell_turns(&self, relay: &Relay) {
        for (tenant, doubts) in self.dashboard.of_each(|devices| devices.take_doubts(LOOKED_UP_AT_ONCE)) {
            for id in doubts {
                let found = self.find(relay, &tenant, &id).await;
                self.dashboard.with_devices(&tenant, |devices| match found {
                    Ok(found) => devices.settle(&id, &found),
                    Err(_) => devices.give_back_doubt(id),
                });
            }
        }
        let now = self.store.clock().moment();
        for (tenant, turns) in self.dashboard.of_each(|devices| devices.turns(now, self.offline_after_ms)) {
            for turn in turns {
                self.tell_turn(relay, &tenant, &turn).await;
            }
        }
    }

    async fn tell_turn(&self, relay: &Relay, tenant: &str, turn: &Turn) {
        let channel = format!("device:{}", turn.status.device_id);
        let payload = Payload::DeviceStatus(turn.status.clone());
        let told = match self.find(relay, tenant, &turn.status.device_id).await {
            Ok(found) => {
                let now = self.store.clock().moment();
                if self.dashboard.with_devices(tenant, |devices| devices.confirm(turn, &found, now)) != Some(true) {
                    self.dashboard.mark(tenant);
                    return;
                }
                relay.publish(Publisher::System { tenant }, &channel, payload, None).await
            }
            Err(error) => Err(error),
        };
        self.dashboard.with_devices(tenant, |devices| match &told {
            Ok(_) => devices.handle_told(turn),
            Err(_) => devices.give_back(turn),
        });
        if let Err(error) = told {
            fault!(warning, Broker, tenant, device = turn.status.device_id, %error, "a device's status could not be told: it is tried again");
        }
    }

    /// What the broker holds of a device: other relays may have heard it, or told of it.
    async fn find(&self, relay: &Relay, tenant: &str, id: &str) -> Result<Found, ErrorBody> {
        let Ok(channel) = ChannelName::parse(&format!("device:{id}")) else { return Ok(Found::default()) };
        let request = ReadRequest { recover: None, history: 1, max_bytes: relay.config().limits.recovery_bytes };
        let held = relay.broker().read(&ChannelKey::new(tenant, channel), request).await?;
        let status = held.state.iter().find_map(|retained| match &retained.payload {
            Payload::DeviceStatus(status) if status.device_id == id => {
                Some(FoundStatus { status: status.clone(), ts: retained.ts, by_silence: is_by_silence(retained, self.offline_after_ms) })
            }
            _ => None,
        });
        let newest = later(held.publications.last().map(|newest| newest.ts), status.as_ref().map(|status| status.ts));
        Ok(Found { status, newest })
    }

    async fn save(&self) {
        let unsaved: BTreeMap<String, Vec<Saved>> = self.dashboard.of_each(super::registry::Registry::take_unsaved);
        for (tenant, saved) in unsaved {
            for some in saved.chunks(SAVED_AT_ONCE) {
                let (of, devices) = (tenant.clone(), some.to_vec());
                let written = self.store.write("devices", move |tx| {
                    let mut put = tx.prepare_cached(
                        "INSERT INTO devices (tenant, device, status, by_silence, battery, last_seen_ms, metrics) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                         ON CONFLICT (tenant, device) DO UPDATE SET status = excluded.status, by_silence = excluded.by_silence,
                         battery = excluded.battery, last_seen_ms = excluded.last_seen_ms, metrics = excluded.metrics",
                    )?;
                    for Saved { view, by_silence } in &devices {
                        let status = view.status.map(DeviceState::as_str);
                        let seen_ms = view.last_seen.map(|ts| i64::try_from(ts.as_millis()).unwrap_or(i64::MAX));
                        let metrics = serde_json::to_string(&view.metrics)?;
                        put.execute((&of, &view.device_id, status, by_silence, view.battery, seen_ms, metrics))?;
                    }
                    Ok(())
                });
                if let Err(error) = written.await {
                    fault!(warning, Store, %error, "what devices did could not be kept: it is tried again");
                    let ids = some.iter().map(|saved| saved.view.device_id.as_str());
                    self.dashboard.with_devices(&tenant, |devices| devices.give_back_unsaved(ids));
                }
            }
        }
    }
}

fn read_saved(row: &Row<'_>) -> Result<(String, Saved), StoreError> {
    let status: Option<String> = row.get(5)?;
    let metrics: String = row.get(9)?;
    let view = DeviceView {
        device_id: row.get(1)?,
        name: row.get(2)?,
        patient_id: row.get(3)?,
        target_use_ms_per_day: row.get::<_, Option<i64>>(4)?.map(i64::unsigned_abs),
        status: status.and_then(|word| DeviceState::ALL.iter().copied().find(|state| state.as_str() == word)),
        battery: row.get(7)?,
        last_seen: row.get::<_, Option<i64>>(8)?.map(|ms| UnixMs::from_millis(ms.unsigned_abs())),
        metrics: serde_json::from_str(&metrics)?,
    };
    Ok((row.get(0)?, Saved { view, by_silence: row.get(6)? }))
}
