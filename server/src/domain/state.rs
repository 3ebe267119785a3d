//! One tenant's ward as its events tell it, and the statistics of it.
//!
//! Counts are kept as events come, because telling a device's status must not walk all devices; a property test holds them
//! equal to a recomputation from all events.
//!
//! Limits: everything is bounded by [`MAX_ENTRIES`]; a usage session without an end counts as active for [`SESSION_ACTIVE_MS`].
//! Alerts are none of it: the store counts those that nobody has resolved.

use super::registry::Registry;
use super::usage::tracked::{Turn, Usages};
use crate::clock::Moment;
use pulsewire_protocol::{DashboardStats, Payload, Publication, SessionPhase, UsageSession};
use std::collections::{BTreeSet, HashMap};

/// How long a usage session whose end was never told counts as under way.
pub const SESSION_ACTIVE_MS: u64 = 24 * 3_600_000;
/// Sessions and patients of one tenant that are kept; what comes beyond is not counted.
pub const MAX_ENTRIES: usize = 100_000;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct WardState {
    devices: Registry,
    usages: Usages,
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
    pub fn apply(&mut self, publication: &Publication, now: Moment) -> bool {
        match &publication.payload {
            Payload::DeviceStatus(_) => self.devices.handle_told_status(publication, now),
            Payload::Telemetry(telemetry) => {
                let changed = self.devices.handle_telemetry(telemetry, now);
                if let Some(device) = self.devices.get(&telemetry.device_id) {
                    self.usages.handle_telemetry(device, telemetry, now.unix_ms);
                }
                changed
            }
            Payload::Alert(alert) => {
                if let Some(device) = &alert.device_id {
                    self.devices.hear(device, now);
                }
                false
            }
            Payload::UsageSession(session) => self.handle_session(session, now.unix_ms),
            _ => false,
        }
    }

    /// Forgets what has ended; returns whether the statistics changed.
    pub fn expire(&mut self, now_ms: u64) -> bool {
        let mut changed = false;
        while self.session_ends.first().is_some_and(|(end, _, _)| *end <= now_ms) {
            if let Some((_, patient, device)) = self.session_ends.pop_first() {
                changed |= self.sessions.remove(&(patient, device)).is_some();
            }
        }
        changed
    }

    /// When [`WardState::expire`] will next have something to do.
    pub fn next_expiry_ms(&self) -> Option<u64> {
        self.session_ends.first().map(|(end, _, _)| *end)
    }

    /// The statistics; the store knows the active alerts, the hub knows who views.
    pub fn stats(&self, active_alerts: u64, viewers: u64) -> DashboardStats {
        let patients = self.compliance.len();
        let mean = if patients == 0 { 0.0 } else { self.compliance_sum as f64 / patients as f64 / MILLION };
        DashboardStats {
            devices: self.devices.len() as u64,
            online: self.devices.online(),
            active_alerts,
            active_sessions: self.sessions.len() as u64,
            // Four digits: more would be a new message for nothing that anyone sees.
            average_compliance: (mean * 10_000.0).round() / 10_000.0,
            viewers,
        }
    }

    /// The devices.
    pub fn devices(&self) -> &Registry {
        &self.devices
    }
    /// The use of devices, to be changed.
    pub fn usages_mut(&mut self) -> &mut Usages {
        &mut self.usages
    }
    /// What is to be kept of their use now, each with the device's target for a day.
    pub fn usage_turns(&mut self, now_s: u64) -> Vec<(Turn, Option<u64>)> {
        let turns = self.usages.turns(now_s).into_iter();
        turns
            .map(|turn| (self.devices.get(&turn.device).and_then(|device| device.target_use_ms_per_day), turn))
            .map(|(target, turn)| (turn, target))
            .collect()
    }
    /// The devices, to be changed.
    pub fn devices_mut(&mut self) -> &mut Registry {
        &mut self.devices
    }

    /// A usage session began or ended; whether the statistics changed.
    pub fn handle_session(&mut self, session: &UsageSession, now_ms: u64) -> bool {
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
