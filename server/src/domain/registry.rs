//! The devices of one tenant: what was registered of them, what they said last, and whether they have fallen silent.
//!
//! Pure: time comes in, what is to be told goes out. Silence is measured on the clock that nobody sets: a wall clock that is put
//! ahead by a minute must not take the whole ward offline, nor one that is put back keep a device online that fell silent. Hearing a device costs a look-up and a number, however often it is heard: a
//! device has at most one place in the list of those to be looked at, and is moved there only when its time has come.
//!
//! A device that was heard of and then is silent for too long is told to be `offline` by the relay; the next that is heard of it
//! tells it to be `online` again. What a backend says itself (`offline`, `maintenance`) is never undone by telemetry.
//!
//! Other relays of the same store hear what this one does not, and tell of it, too. So what the broker holds of a device
//! ([`Found`]) is looked at before anything is told ([`Registry::confirm`]), and where a device is heard of which others may have
//! told silent meanwhile: for the first time, or after a long pause ([`Registry::settle`]).
//!
//! Limits: [`MAX_DEVICES`], the [`MAX_METRICS`] first metrics of each.

use crate::clock::Moment;
use pulsewire_protocol::{DeviceState, DeviceStatus, Payload, Publication, Telemetry, UnixMs};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Devices of one tenant that are kept; what comes beyond is not counted.
pub const MAX_DEVICES: usize = 100_000;
/// Metrics of one device that are listed.
const MAX_METRICS: usize = 64;
/// Hearing alone is written again after so long.
const SEEN_SAVED_EVERY_MS: u64 = 60_000;

/// What a backend says of a device (`devices.put`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registration {
    /// A name for people.
    pub name: Option<String>,
    /// Whose device it is.
    pub patient_id: Option<String>,
    /// For how long it is to be used each day.
    pub target_use_ms_per_day: Option<u64>,
}

/// A device as `devices.list` tells it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceView {
    /// The device.
    pub device_id: String,
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whose device it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient_id: Option<String>,
    /// For how long it is to be used each day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_use_ms_per_day: Option<u64>,
    /// What it is doing; absent where only telemetry came yet, or nothing.
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

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    published: UnixMs,
    status: UnixMs,
}

#[derive(Clone, Debug, Default)]
struct Device {
    view: DeviceView,
    /// When anything came from it, in the relay's uptime.
    heard_ms: Option<u64>,
    /// Whether it has a place among those to be looked at.
    watched: bool,
    /// The relay itself is about to tell that it is offline.
    going: bool,
    /// The relay itself has told so.
    by_silence: bool,
    /// It was heard since, and is to be told online.
    coming: bool,
    /// Its status is what the broker had when this relay last looked, or heard it.
    sure: bool,
    /// Its status is to be looked up.
    doubted: bool,
    /// The newest publication of its channel that this relay knows of, and the newest status.
    known: Known,
    /// It waits to be written.
    unsaved: bool,
    saved_seen_ms: u64,
}

/// A device as it is kept through a restart.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// What is known of it.
    pub view: DeviceView,
    /// Whether `offline` was the relay's own word.
    pub by_silence: bool,
}

/// What the relay is to tell of a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// The status.
    pub status: DeviceStatus,
    /// When it was decided, in the relay's uptime: what is heard later speaks against it.
    pub decided_ms: u64,
}

/// What the broker holds of a device, whichever relay it came by.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The status that is retained.
    pub status: Option<FoundStatus>,
    /// When the newest publication of the device's channel was accepted.
    pub newest: Option<UnixMs>,
}

/// A status as the broker holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundStatus {
    /// The status.
    pub status: DeviceStatus,
    /// When it was accepted.
    pub ts: UnixMs,
    /// A relay told it, not a backend ([`is_by_silence`]).
    pub by_silence: bool,
}

/// Whether that is told because of silence, as relays do: `offline` of a device that was last seen that long before. What a backend
/// says without `lastSeen` was seen just then.
pub fn is_by_silence(publication: &Publication, offline_after_ms: u64) -> bool {
    let Payload::DeviceStatus(status) = &publication.payload else { return false };
    // Wall clocks are set by a little all the time.
    let silence_ms = offline_after_ms - offline_after_ms / 10;
    let long_ago = |seen: UnixMs| publication.ts.as_millis().saturating_sub(seen.as_millis()) >= silence_ms;
    offline_after_ms > 0 && publication.from.is_none() && status.status == DeviceState::Offline && status.last_seen.is_some_and(long_ago)
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    devices: BTreeMap<String, Device>,
    online: u64,
    /// Each device that is watched, by when it was heard, as it was known then.
    looks: BTreeSet<(u64, String)>,
    coming: Vec<String>,
    /// Those whose status is to be looked up.
    doubts: Vec<String>,
    unsaved: Vec<String>,
    /// Silence of so long counts; 0: none does.
    offline_after_ms: u64,
}

impl Registry {
    /// What others tell of silence is known by how long silence must be.
    pub fn set_offline_after_ms(&mut self, offline_after_ms: u64) {
        self.offline_after_ms = offline_after_ms;
    }
    /// How many are known.
    pub fn len(&self) -> usize {
        self.devices.len()
    }
    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }
    /// How many are online.
    pub fn online(&self) -> u64 {
        self.online
    }
    /// Every device behind that id, in order.
    pub fn after<'a>(&'a self, id: &str) -> impl Iterator<Item = &'a DeviceView> + use<'a> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.devices.range::<str, _>((Excluded(id), Unbounded)).map(|(_, device)| &device.view)
    }
    /// One device.
    pub fn get(&self, id: &str) -> Option<&DeviceView> {
        self.devices.get(id).map(|device| &device.view)
    }

    fn entry(&mut self, id: &str) -> Option<&mut Device> {
        if !self.devices.contains_key(id) {
            if self.devices.len() >= MAX_DEVICES {
                return None;
            }
            let view = DeviceView { device_id: id.to_owned(), ..DeviceView::default() };
            self.devices.insert(id.to_owned(), Device { view, ..Device::default() });
        }
        self.devices.get_mut(id)
    }

    /// Takes over what was kept; what was heard meanwhile is newer.
    pub fn restore(&mut self, saved: Saved, now: Moment) {
        let id = saved.view.device_id.clone();
        let Some(device) = self.entry(&id) else { return };
        let live = std::mem::replace(&mut device.view, saved.view);
        if device.heard_ms.is_some() {
            device.view.status = live.status.or(device.view.status);
            device.view.battery = live.battery.or(device.view.battery);
            device.view.last_seen = live.last_seen.or(device.view.last_seen);
            device.view.metrics.extend(live.metrics);
        }
        let came = device.view.status == Some(DeviceState::Online) && live.status != Some(DeviceState::Online);
        device.by_silence = saved.by_silence && device.view.status == Some(DeviceState::Offline) && live.status.is_none();
        device.saved_seen_ms = device.view.last_seen.unwrap_or_default().as_millis();
        // The relay's own absence is no silence of the device's: it counts from now on.
        if device.heard_ms.is_none() && (device.view.last_seen.is_some() || device.view.status.is_some()) {
            device.heard_ms = Some(now.uptime_ms);
            self.watch(&id);
        }
        self.online += u64::from(came);
    }

    /// Takes over what a backend says; there is room, or `false`.
    pub fn put(&mut self, id: &str, registration: Registration) -> bool {
        let Some(device) = self.entry(id) else { return false };
        let Registration { name, patient_id, target_use_ms_per_day } = registration;
        device.view = DeviceView { name, patient_id, target_use_ms_per_day, ..std::mem::take(&mut device.view) };
        true
    }

    /// A status, from a backend or told by the relay itself; whether the statistics changed.
    pub fn handle_status(&mut self, status: &DeviceStatus, now: Moment) -> bool {
        self.take_status(status, false, now)
    }

    /// A publication of a device's status; whether the statistics changed.
    pub fn handle_told_status(&mut self, publication: &Publication, now: Moment) -> bool {
        let Payload::DeviceStatus(status) = &publication.payload else { return false };
        let changed = self.take_status(status, is_by_silence(publication, self.offline_after_ms), now);
        if let Some(device) = self.devices.get_mut(&status.device_id) {
            device.known.status = publication.ts;
        }
        changed
    }

    /// Something was published on the device's channel, and this relay knows of it.
    pub fn handle_published(&mut self, id: &str, ts: UnixMs) {
        if let Some(device) = self.devices.get_mut(id) {
            device.known.published = ts;
        }
    }

    /// `by_silence`: another relay's word.
    fn take_status(&mut self, status: &DeviceStatus, by_silence: bool, now: Moment) -> bool {
        let known = self.devices.len();
        let Some(device) = self.entry(&status.device_id) else { return false };
        let was = device.view.status == Some(DeviceState::Online);
        let is = status.status == DeviceState::Online;
        // What the relay itself tells is no sign of the device.
        let goes = (std::mem::take(&mut device.going) || by_silence) && status.status == DeviceState::Offline;
        let comes = std::mem::take(&mut device.coming) && status.status == DeviceState::Online;
        device.by_silence = goes;
        (device.sure, device.doubted) = (true, false);
        device.view.status = Some(status.status);
        device.view.battery = status.battery.or(device.view.battery);
        device.view.last_seen = status.last_seen.or(device.view.last_seen);
        if !goes && !comes {
            device.heard_ms = Some(now.uptime_ms);
        }
        self.online = self.online + u64::from(is && !was) - u64::from(was && !is);
        self.watch(&status.device_id);
        self.mark_unsaved(&status.device_id);
        was != is || self.devices.len() != known
    }

    /// Points of a device; whether the statistics changed.
    pub fn handle_telemetry(&mut self, telemetry: &Telemetry, now: Moment) -> bool {
        let known = self.devices.len();
        let Some(device) = self.entry(&telemetry.device_id) else { return false };
        let mut more = false;
        for (metric, _) in &telemetry.series.0 {
            if device.view.metrics.len() < MAX_METRICS && !device.view.metrics.contains(metric) {
                more |= device.view.metrics.insert(metric.clone());
            }
        }
        if more {
            self.mark_unsaved(&telemetry.device_id);
        }
        self.hear(&telemetry.device_id, now);
        self.devices.len() != known
    }

    /// Anything else of a device that is known.
    pub fn hear(&mut self, id: &str, now: Moment) {
        let Some(device) = self.devices.get_mut(id) else { return };
        let pause_ms = device.heard_ms.map_or(0, |heard_ms| now.uptime_ms.saturating_sub(heard_ms));
        let is_long = pause_ms >= self.offline_after_ms / 2;
        if self.offline_after_ms > 0 && (is_long || !device.sure) && !device.doubted && !device.by_silence {
            device.doubted = true;
            self.doubts.push(id.to_owned());
        }
        device.heard_ms = Some(now.uptime_ms);
        device.view.last_seen = Some(UnixMs::from_millis(now.unix_ms));
        if device.by_silence && !device.coming {
            device.coming = true;
            self.coming.push(id.to_owned());
        }
        // Either way: the wall clock may have been set back.
        let unsaved = now.unix_ms.abs_diff(device.saved_seen_ms) >= SEEN_SAVED_EVERY_MS;
        self.watch(id);
        if unsaved {
            self.mark_unsaved(id);
        }
    }

    fn watch(&mut self, id: &str) {
        let Some(device) = self.devices.get_mut(id) else { return };
        if let Some(heard_ms) = device.heard_ms
            && !device.watched
            && is_watched(device.view.status)
        {
            device.watched = true;
            self.looks.insert((heard_ms, id.to_owned()));
        }
    }

    fn mark_unsaved(&mut self, id: &str) {
        if let Some(device) = self.devices.get_mut(id)
            && !device.unsaved
        {
            device.unsaved = true;
            self.unsaved.push(id.to_owned());
        }
    }

    /// What is to be told now: who has been silent for so long is offline, who was heard again is online. Told or not, say so
    /// ([`Registry::handle_status`], [`Registry::give_back`]).
    pub fn turns(&mut self, now: Moment, offline_after_ms: u64) -> Vec<Turn> {
        let now_ms = now.uptime_ms;
        let is_silent = |heard_ms: Option<u64>| heard_ms.is_none_or(|heard_ms| heard_ms.saturating_add(offline_after_ms) <= now_ms);
        let mut turns = Vec::new();
        for id in std::mem::take(&mut self.coming) {
            let Some(device) = self.devices.get_mut(&id).filter(|device| device.coming) else { continue };
            // It could not be told until it was silent again.
            if is_silent(device.heard_ms) {
                device.coming = false;
            } else {
                turns.push(turn(&device.view, DeviceState::Online, now_ms));
            }
        }
        while let Some((then_ms, id)) = self.looks.first().cloned() {
            if then_ms.saturating_add(offline_after_ms) > now_ms {
                break;
            }
            self.looks.pop_first();
            let Some(device) = self.devices.get_mut(&id) else { continue };
            device.watched = false;
            if !is_watched(device.view.status) {
                continue;
            }
            if is_silent(device.heard_ms) {
                device.going = true;
                turns.push(turn(&device.view, DeviceState::Offline, now_ms));
            } else {
                self.watch(&id);
            }
        }
        turns
    }

    /// Whether that is still to be told, now that it is known what the broker holds. Where it is not, what was found is taken over.
    pub fn confirm(&mut self, turn: &Turn, found: &Found, now: Moment) -> bool {
        let id = turn.status.device_id.clone();
        let goes = turn.status.status == DeviceState::Offline;
        let Some(device) = self.devices.get_mut(&id) else { return false };
        // Its status was told since this was decided.
        if !(if goes { device.going } else { device.coming }) {
            return false;
        }
        let news = found.status.as_ref().filter(|status| status.ts != device.known.status);
        // Silence that others have told is no reason against telling that it is back.
        if let Some(status) = news.filter(|found| (goes && found.status.status != DeviceState::Online) || (!goes && !found.by_silence)) {
            (device.going, device.coming) = (false, false);
            self.take_over(status);
            return false;
        }
        let newest = found.newest.filter(|newest| *newest != device.known.published);
        let age_ms = newest.map(|newest| now.unix_ms.saturating_sub(newest.as_millis()));
        let Some((newest, age_ms)) = newest.zip(age_ms).filter(|(_, age_ms)| goes && *age_ms < self.offline_after_ms) else { return true };
        // Another relay heard it.
        device.going = false;
        device.known.published = newest;
        device.heard_ms = device.heard_ms.max(Some(now.uptime_ms.saturating_sub(age_ms)));
        device.view.last_seen = later(device.view.last_seen, Some(newest));
        self.watch(&id);
        self.mark_unsaved(&id);
        false
    }

    /// Some of those that are heard of here, and that others may have told of meanwhile. Say what was found ([`Registry::settle`]),
    /// or that it could not be ([`Registry::give_back_doubt`]).
    pub fn take_doubts(&mut self, most: usize) -> Vec<String> {
        let rest = self.doubts.split_off(self.doubts.len().min(most));
        std::mem::replace(&mut self.doubts, rest)
    }

    /// It could not be looked up: it is tried again.
    pub fn give_back_doubt(&mut self, id: String) {
        self.doubts.push(id);
    }

    /// What the broker holds of a device that is heard of here: silence that another relay has told is over.
    pub fn settle(&mut self, id: &str, found: &Found) {
        // Its status was heard since.
        let Some(device) = self.devices.get_mut(id).filter(|device| device.doubted) else { return };
        (device.sure, device.doubted) = (true, false);
        let Some(status) = found.status.as_ref().filter(|status| status.ts != device.known.status) else { return };
        self.take_over(status);
        if let Some(device) = self.devices.get_mut(id)
            && device.by_silence
            && !device.coming
        {
            device.coming = true;
            self.coming.push(id.to_owned());
        }
    }

    /// A status that was told elsewhere. It says nothing of when the device was heard.
    fn take_over(&mut self, found: &FoundStatus) {
        let id = &found.status.device_id;
        let Some(device) = self.devices.get_mut(id) else { return };
        let was = device.view.status == Some(DeviceState::Online);
        let is = found.status.status == DeviceState::Online;
        device.view.status = Some(found.status.status);
        device.view.battery = found.status.battery.or(device.view.battery);
        device.view.last_seen = later(device.view.last_seen, found.status.last_seen);
        device.by_silence = found.by_silence;
        device.known.status = found.ts;
        self.online = self.online + u64::from(is && !was) - u64::from(was && !is);
        self.watch(id);
        self.mark_unsaved(id);
    }

    /// A turn could not be told: it is tried again.
    pub fn give_back(&mut self, turn: &Turn) {
        let id = &turn.status.device_id;
        let Some(device) = self.devices.get_mut(id) else { return };
        if turn.status.status == DeviceState::Online {
            self.coming.push(id.clone());
        } else {
            device.going = false;
            self.watch(id);
        }
    }

    /// After a device was told offline: what was heard meanwhile brings it back.
    pub fn handle_told(&mut self, turn: &Turn) {
        let id = &turn.status.device_id;
        if let Some(device) = self.devices.get_mut(id)
            && device.by_silence
            && !device.coming
            && device.heard_ms > Some(turn.decided_ms)
        {
            device.coming = true;
            self.coming.push(id.clone());
        }
    }

    /// Those that changed since the last time.
    pub fn take_unsaved(&mut self) -> Vec<Saved> {
        let ids = std::mem::take(&mut self.unsaved);
        let saved = ids.iter().filter_map(|id| {
            let device = self.devices.get_mut(id)?;
            device.unsaved = false;
            device.saved_seen_ms = device.view.last_seen.unwrap_or_default().as_millis();
            Some(Saved { view: device.view.clone(), by_silence: device.by_silence })
        });
        saved.collect()
    }

    /// They could not be written.
    pub fn give_back_unsaved<'a>(&mut self, ids: impl Iterator<Item = &'a str>) {
        ids.for_each(|id| self.mark_unsaved(id));
    }
}

/// The later of two times.
pub(super) fn later(one: Option<UnixMs>, other: Option<UnixMs>) -> Option<UnixMs> {
    one.into_iter().chain(other).max_by_key(|ts| ts.as_millis())
}

fn is_watched(status: Option<DeviceState>) -> bool {
    !matches!(status, Some(DeviceState::Offline | DeviceState::Maintenance))
}

fn turn(view: &DeviceView, status: DeviceState, decided_ms: u64) -> Turn {
    let status = DeviceStatus { device_id: view.device_id.clone(), status, battery: view.battery, last_seen: view.last_seen };
    Turn { status, decided_ms }
}
