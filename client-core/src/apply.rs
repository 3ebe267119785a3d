//! Where each publication goes: to its reducer, perhaps to a toast, and to the page.

use crate::client::Client;
use crate::digits::push_number;
use crate::output::{ChannelEvent, ClientEvent, Slices};
use crate::time::Millis;
use crate::toasts::ToastKind;
use pulsewire_protocol::{EventKind, Known, Publication, Severity};
use std::borrow::Cow;

/// A publication that was missed is still worth a toast if it is no older than this: a night's sleep must not end in a flood. What
/// is critical or high (an alert, a notification, an execution that failed) is worth one however old it is: the relay's history and
/// the queue bound their number, and one that nobody was shown harms someone. What a first subscribe brings (history, retained
/// state) is never worth one.
const TOAST_MAX_AGE_MS: f64 = 60_000.0;
/// What keeps many: older ones that come later still have a place.
const KEPT: [EventKind; 7] = [
    EventKind::ExecutionUpdate,
    EventKind::Notification,
    EventKind::NotificationRead,
    EventKind::NotificationDismissed,
    EventKind::MessageNew,
    EventKind::MessageUpdated,
    EventKind::MessageStatus,
];

/// Where a publication comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Just published.
    Live,
    /// Missed and recovered.
    Recovered,
    /// There before the page asked.
    History,
}

impl Client {
    /// A publication, once and in order: to its reducer, perhaps to a toast, and to the page.
    pub(crate) fn apply(&mut self, channel: String, publication: Publication, origin: Origin) {
        let age_ms = (self.now.unix.0 as f64 + self.status.clock_offset_ms as f64) - publication.ts.0;
        let worth = match origin {
            Origin::History => None,
            Origin::Recovered if age_ms > TOAST_MAX_AGE_MS => Some(Severity::High),
            _ => Some(Severity::Low),
        };
        match &*publication.payload.known() {
            Known::DeviceStatus(status) => {
                let changed = self.devices.handle_status(status, self.config.max_devices);
                self.mark(changed, Slices::DEVICES);
            }
            Known::Telemetry(points) => {
                let change = self.telemetry.handle_points(points);
                self.mark(change.points, Slices::TELEMETRY);
                self.mark(change.metrics, Slices::METRICS);
                if change.refused && self.telemetry.refused_series() == 1 {
                    self.too_many_series();
                }
            }
            Known::DashboardStats(stats) => {
                let changed = self.dashboard.handle_stats(stats);
                self.mark(changed, Slices::DASHBOARD);
            }
            Known::AlertRead(read) => {
                let changed = self.alerts.handle_read(&read.ids);
                self.mark(changed, Slices::ALERTS);
            }
            Known::Alert(alert) => {
                let id = alert_id(alert.id.as_deref(), &channel, &publication);
                let changed = self.alerts.handle_alert(&id, alert, publication.ts.0, self.config.max_alerts);
                self.mark(changed, Slices::ALERTS);
                if Some(alert.severity) <= worth {
                    let mut toast = self.new_toast(&id, ToastKind::Alert, alert.severity, &alert.patient_name, &alert.message);
                    toast.ts = Millis(alert.ts.unwrap_or(publication.ts).as_millis());
                    toast.patient_id = Some(alert.patient_id.clone());
                    toast.device_id.clone_from(&alert.device_id);
                    toast.group.clone_from(&alert.alert_type);
                    self.add_toast(toast);
                }
            }
            _ => {
                if let Some(kind) = publication.payload.kind() {
                    self.apply_people(kind, &channel, &publication, worth);
                }
            }
        }
        let replayed = origin != Origin::Live;
        self.emit(ClientEvent::Event(ChannelEvent { channel, publication, replayed }));
    }

    /// A publication that the page saw before, or would have seen before: it only fills what keeps many.
    /// What only knows its newest state takes it where it is `retained`: an older one must not come back.
    pub(crate) fn backfill(&mut self, channel: &str, publication: &Publication, retained: bool) {
        match &*publication.payload.known() {
            Known::Telemetry(points) => {
                let changed = self.telemetry.handle_points(points).points;
                self.mark(changed, Slices::TELEMETRY);
            }
            Known::Alert(alert) => {
                let id = alert_id(alert.id.as_deref(), channel, publication);
                let changed = self.alerts.handle_alert(&id, alert, publication.ts.0, self.config.max_alerts);
                self.mark(changed, Slices::ALERTS);
            }
            Known::DeviceStatus(status) if retained => {
                let changed = self.devices.handle_status(status, self.config.max_devices);
                self.mark(changed, Slices::DEVICES);
            }
            Known::DashboardStats(stats) if retained => {
                let changed = self.dashboard.handle_stats(stats);
                self.mark(changed, Slices::DASHBOARD);
            }
            _ => {
                if let Some(kind) = publication.payload.kind().filter(|kind| KEPT.contains(kind)) {
                    self.apply_people(kind, channel, publication, None);
                }
            }
        }
    }

    /// A channel is no longer wanted: what only it told goes too.
    pub(crate) fn forget_channel(&mut self, name: &str) {
        self.changed |= Slices::CHANNELS;
        let changed = self.viewers.forget(name);
        self.mark(changed, Slices::VIEWERS);
        if let Some(device) = name.strip_prefix("device:") {
            let changed = self.devices.forget(device);
            self.mark(changed, Slices::DEVICES);
            let changed = self.telemetry.forget(device);
            self.mark(changed, Slices::METRICS);
        } else {
            self.forget_channel_of_people(name);
        }
        if name == "dashboard" && self.dashboard.clear() {
            self.changed |= Slices::DASHBOARD;
        }
    }
}

/// What an alert is known by. The relay fills in the id where a caller leaves it out; one that comes without all the same is known
/// by its place: shown twice (for its patient and for the tenant) harms less than not at all.
fn alert_id<'a>(id: Option<&'a str>, channel: &str, publication: &Publication) -> Cow<'a, str> {
    if let Some(id) = id {
        return Cow::Borrowed(id);
    }
    let mut made = String::from(channel);
    made.push('#');
    push_number(&mut made, publication.offset.unwrap_or_else(|| publication.ts.as_millis()));
    Cow::Owned(made)
}
