//! One tenant's ward as its events tell it, and the statistics of it.
//!
//! Counts are kept as events come, because telling a device's status must not walk all devices; a property test holds them
//! equal to a recomputation from all events.
//!
//! Limits: everything is bounded by [`MAX_ENTRIES`]; an alert counts as active for [`ALERT_ACTIVE_MS`] (there is no store yet
//! in which it could be resolved), a usage session without an end for [`SESSION_ACTIVE_MS`].

use pulsewire_protocol::{
    Alert, DashboardStats, DeviceState, DeviceStatus, Payload, Publication, SessionPhase, Telemetry, UnixMs, UsageSession,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How long an alert counts as active.
pub const ALERT_ACTIVE_MS: u64 = 10 * 60_000;
/// How long a usage session whose end was never told counts as under way.
pub const SESSION_ACTIVE_MS: u64 = 24 * 3_600_000;
/// Devices, alerts, sessions and patients of one tenant that are kept; what comes beyond is not counted.
pub const MAX_ENTRIES: usize = 100_000;
/// Metrics of one device that are listed.
const MAX_METRICS: usize = 64;

/// A device as `devices.list` tells it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceView {
    /// The device.
    pub device_id: String,
    /// What it is doing; absent where only telemetry came yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<DeviceState>,
    /// Charge, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery: Option<f64>,
    /// When it was last heard of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<UnixMs>,
    /// The metrics it has sent, in order.
    pub metrics: BTreeSet<String>,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct WardState {
    devices: BTreeMap<String, DeviceView>,
    online: u64,
    alerts: HashMap<String, Alert>,
    /// The alerts by their end, so that expiry walks only what has ended.
    alert_ends: BTreeSet<(u64, String)>,
    /// Patient and device of each session under way, with when it counts no longer.
    sessions: HashMap<(String, String), u64>,
    session_ends: BTreeSet<(u64, String, String)>,
    /// The newest compliance of each patient, in millionths: sums of integers do not drift.
    compliance: HashMap<String, u64>,
    compliance_sum: u64,
}

const MILLION: f64 = 1_000_000.0;

impl WardState {
    /// Takes an event in; returns whether the statistics may have changed.
    pub fn apply(&mut self, publication: &Publication, now_ms: u64) -> bool {
        match &publication.payload {
            Payload::DeviceStatus(status) => self.apply_status(status),
            Payload::Telemetry(telemetry) => self.apply_telemetry(telemetry, publication.ts),
            Payload::Alert(alert) => self.apply_alert(alert, now_ms),
            Payload::UsageSession(session) => self.apply_session(session, now_ms),
            _ => false,
        }
    }

    /// Forgets what has ended; returns whether the statistics changed.
    pub fn expire(&mut self, now_ms: u64) -> bool {
        let mut changed = false;
        while self.alert_ends.first().is_some_and(|(end, _)| *end <= now_ms) {
            if let Some((_, id)) = self.alert_ends.pop_first() {
                changed |= self.alerts.remove(&id).is_some();
            }
        }
        while self.session_ends.first().is_some_and(|(end, _, _)| *end <= now_ms) {
            if let Some((_, patient, device)) = self.session_ends.pop_first() {
                changed |= self.sessions.remove(&(patient, device)).is_some();
            }
        }
        changed
    }

    /// When [`WardState::expire`] will next have something to do.
    pub fn next_expiry_ms(&self) -> Option<u64> {
        let alert = self.alert_ends.first().map(|(end, _)| *end);
        let session = self.session_ends.first().map(|(end, _, _)| *end);
        alert.into_iter().chain(session).min()
    }

    /// The statistics; who views, the hub knows.
    pub fn stats(&self, viewers: u64) -> DashboardStats {
        let patients = self.compliance.len();
        let mean = if patients == 0 { 0.0 } else { self.compliance_sum as f64 / patients as f64 / MILLION };
        DashboardStats {
            devices: self.devices.len() as u64,
            online: self.online,
            active_alerts: self.alerts.len() as u64,
            active_sessions: self.sessions.len() as u64,
            // Four digits: more would be a new message for nothing that anyone sees.
            average_compliance: (mean * 10_000.0).round() / 10_000.0,
            viewers,
        }
    }

    /// Every known device, in order of its id.
    pub fn devices(&self) -> impl Iterator<Item = &DeviceView> {
        self.devices.values()
    }
    /// One device.
    pub fn device(&self, id: &str) -> Option<&DeviceView> {
        self.devices.get(id)
    }
    /// Active alerts, the newest first.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alert_ends.iter().rev().filter_map(|(_, id)| self.alerts.get(id))
    }

    fn device_entry(&mut self, id: &str) -> Option<&mut DeviceView> {
        if !self.devices.contains_key(id) {
            if self.devices.len() >= MAX_ENTRIES {
                return None;
            }
            self.devices.insert(id.to_owned(), DeviceView { device_id: id.to_owned(), ..DeviceView::default() });
        }
        self.devices.get_mut(id)
    }

    fn apply_status(&mut self, status: &DeviceStatus) -> bool {
        let known = self.devices.len();
        let Some(device) = self.device_entry(&status.device_id) else { return false };
        let was = device.status == Some(DeviceState::Online);
        let is = status.status == DeviceState::Online;
        device.status = Some(status.status);
        device.battery = status.battery.or(device.battery);
        device.last_seen = status.last_seen.or(device.last_seen);
        self.online = self.online + u64::from(is && !was) - u64::from(was && !is);
        was != is || self.devices.len() != known
    }

    fn apply_telemetry(&mut self, telemetry: &Telemetry, ts: UnixMs) -> bool {
        let known = self.devices.len();
        let Some(device) = self.device_entry(&telemetry.device_id) else { return false };
        device.last_seen = Some(ts);
        for (metric, _) in &telemetry.series.0 {
            if !device.metrics.contains(metric) && device.metrics.len() < MAX_METRICS {
                device.metrics.insert(metric.clone());
            }
        }
        self.devices.len() != known
    }

    fn apply_alert(&mut self, alert: &Alert, now_ms: u64) -> bool {
        // The relay has filled the id in; the same one comes twice, for the patient and for the tenant.
        let Some(id) = &alert.id else { return false };
        if self.alerts.contains_key(id) || self.alerts.len() >= MAX_ENTRIES {
            return false;
        }
        let began_ms = alert.ts.map_or(now_ms, UnixMs::as_millis).min(now_ms);
        let until_ms = began_ms.saturating_add(ALERT_ACTIVE_MS);
        if until_ms <= now_ms {
            return false;
        }
        self.alert_ends.insert((until_ms, id.clone()));
        self.alerts.insert(id.clone(), alert.clone());
        true
    }

    fn apply_session(&mut self, session: &UsageSession, now_ms: u64) -> bool {
        let key = (session.patient_id.clone(), session.device_id.clone());
        let before = (self.sessions.len(), self.compliance_sum, self.compliance.len());
        if let Some(until_ms) = self.sessions.remove(&key) {
            self.session_ends.remove(&(until_ms, key.0.clone(), key.1.clone()));
        }
        let until_ms = session.started_at.as_millis().min(now_ms).saturating_add(SESSION_ACTIVE_MS);
        if session.phase == SessionPhase::Start && until_ms > now_ms && self.sessions.len() < MAX_ENTRIES {
            self.session_ends.insert((until_ms, key.0.clone(), key.1.clone()));
            self.sessions.insert(key, until_ms);
        }
        if let Some(share) = session.compliance {
            self.set_compliance(&session.patient_id, share);
        }
        before != (self.sessions.len(), self.compliance_sum, self.compliance.len())
    }

    fn set_compliance(&mut self, patient: &str, share: f64) {
        let new = (share.clamp(0.0, 1.0) * MILLION).round() as u64;
        if let Some(old) = self.compliance.get_mut(patient) {
            self.compliance_sum = self.compliance_sum - *old + new;
            *old = new;
        } else if self.compliance.len() < MAX_ENTRIES {
            self.compliance.insert(patient.to_owned(), new);
            self.compliance_sum += new;
        }
    }
}
