//! The devices of one tenant whose use is followed: those that are registered for a patient.
//!
//! Pure, and quick where telemetry comes in: a point of a second that is known costs a comparison. What is to be kept and told is
//! asked for now and then ([`Usages::turns`]) and taken as done once it is kept ([`Usages::confirm`]).

use super::finder::{Finder, Session};
use crate::domain::registry::DeviceView;
use pulsewire_protocol::Telemetry;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A point may come so late, in seconds: what is older changes no session.
pub const LATE_S: u64 = 3_600;
/// A point may be so far ahead of the relay's clock, in seconds.
const AHEAD_S: u64 = 60;
/// Where nothing but the newest seconds changed, it is kept again after so long, in seconds.
const KEPT_EVERY_S: u64 = 10;
/// The metric that says itself whether the device is in use.
pub const IN_USE: &str = "inUse";

/// One device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracked {
    patient: String,
    finder: Finder,
    /// The sessions that are not settled, as they are kept.
    told: Vec<Session>,
    /// Settled, and not kept yet.
    #[serde(skip)]
    settled: Vec<Session>,
    #[serde(skip)]
    newest_s: u64,
    #[serde(skip)]
    changed: bool,
    #[serde(skip)]
    kept_s: u64,
}

/// What became of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It began, or goes on after all.
    Goes(Session),
    /// It ended, or ended otherwise than was known.
    Ended(Session),
    /// Late points made it part of another one.
    Gone(Session),
}

/// What is to be kept of one device.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The device.
    pub device: String,
    /// Whose use it is.
    pub patient: String,
    /// Its sessions, where they changed.
    pub changes: Vec<Change>,
    /// Its state, as JSON; `None`: nothing is left of it.
    pub state: Option<String>,
    now_s: u64,
    told: Vec<Session>,
    settled: usize,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Usages {
    /// A device that was given to another patient has two for a while: what was the one's stays theirs.
    devices: BTreeMap<String, Vec<Tracked>>,
}

impl Usages {
    /// Points of a device that is registered for somebody.
    pub fn handle_telemetry(&mut self, device: &DeviceView, telemetry: &Telemetry, now_ms: u64) {
        let Some(patient) = &device.patient_id else { return };
        let now_s = now_ms / 1_000;
        if self.find(&device.device_id, patient).is_none() {
            let mut tracked = Tracked { patient: patient.clone(), ..Tracked::default() };
            tracked.finder.settle(now_s.saturating_sub(LATE_S));
            self.devices.entry(device.device_id.clone()).or_default().push(tracked);
        }
        let Some(tracked) = self.find(&device.device_id, patient) else { return };
        let said = telemetry.series.0.iter().find(|(metric, _)| metric == IN_USE);
        if let Some((_, series)) = said {
            series.t.0.iter().zip(&series.v.0).for_each(|(t, v)| tracked.add(*t, *v != 0.0, now_s));
        } else {
            telemetry.series.0.iter().flat_map(|(_, series)| &series.t.0).for_each(|t| tracked.add(*t, true, now_s));
        }
    }

    fn find(&mut self, device: &str, patient: &str) -> Option<&mut Tracked> {
        self.devices.get_mut(device)?.iter_mut().find(|tracked| tracked.patient == patient)
    }

    /// Takes over what was kept; what came meanwhile stays.
    pub fn restore(&mut self, device: &str, state: Tracked) {
        match self.find(device, &state.patient) {
            None => self.devices.entry(device.to_owned()).or_default().push(state),
            Some(tracked) => {
                let live = std::mem::replace(tracked, state);
                live.finder.seconds(|second, in_use| tracked.changed |= tracked.finder.add(second, in_use));
            }
        }
    }

    /// What is to be kept now.
    pub fn turns(&mut self, now_s: u64) -> Vec<Turn> {
        let all = self.devices.iter_mut().flat_map(|(device, of)| of.iter_mut().map(move |tracked| (device, tracked)));
        all.filter_map(|(device, tracked)| tracked.turn(device, now_s)).collect()
    }

    /// It is kept.
    pub fn confirm(&mut self, turn: &Turn) {
        let Some(tracked) = self.find(&turn.device, &turn.patient) else { return };
        tracked.settled.drain(..turn.settled.min(tracked.settled.len()));
        tracked.told.clone_from(&turn.told);
        tracked.kept_s = turn.now_s;
        if turn.state.is_none()
            && tracked.finder.is_idle()
            && tracked.settled.is_empty()
            && let Some(of) = self.devices.get_mut(&turn.device)
        {
            of.retain(|tracked| tracked.patient != turn.patient);
            if of.is_empty() {
                self.devices.remove(&turn.device);
            }
        }
    }

    /// It could not be kept: it is asked for again.
    pub fn give_back(&mut self, turn: &Turn) {
        if let Some(tracked) = self.find(&turn.device, &turn.patient) {
            tracked.changed = true;
        }
    }
}

impl Tracked {
    fn add(&mut self, t_ms: f64, in_use: bool, now_s: u64) {
        // A cast saturates: what is no time is 0, and too late.
        let second = (t_ms / 1_000.0) as u64;
        if (second == self.newest_s && in_use) || second > now_s.saturating_add(AHEAD_S) {
            return;
        }
        if in_use {
            self.newest_s = second;
        }
        self.changed |= self.finder.add(second, in_use);
    }

    fn turn(&mut self, device: &str, now_s: u64) -> Option<Turn> {
        self.settled.extend(self.finder.settle(now_s.saturating_sub(LATE_S)));
        let told = self.finder.sessions(now_s);
        let now: Vec<Session> = self.settled.iter().chain(&told).copied().collect();
        let mut changes: Vec<Change> = self
            .told
            .iter()
            .filter(|before| !now.iter().any(|session| session.from_s == before.from_s))
            .map(|gone| Change::Gone(*gone))
            .collect();
        for session in &now {
            let before = self.told.iter().find(|before| before.from_s == session.from_s);
            match (before, session.ended) {
                (Some(before), true) if before == session => {}
                (Some(before), false) if !before.ended => {}
                (_, true) => changes.push(Change::Ended(*session)),
                (_, false) => changes.push(Change::Goes(*session)),
            }
        }
        let over = self.finder.is_idle();
        let due = self.changed && now_s >= self.kept_s.saturating_add(KEPT_EVERY_S);
        if changes.is_empty() && !due && !over {
            return None;
        }
        self.changed = false;
        let kept = Self { told: told.clone(), settled: Vec::new(), ..self.clone() };
        // Numbers and an id: writing them cannot fail; should it, the state is only kept later.
        let state = if over { None } else { serde_json::to_string(&kept).ok() };
        Some(Turn { device: device.to_owned(), patient: self.patient.clone(), changes, state, now_s, told, settled: self.settled.len() })
    }
}
