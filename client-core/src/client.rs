//! The client: takes inputs, routes them to the parts, hands out actions.

use crate::alerts::Alerts;
use crate::config::Config;
use crate::dashboard::Dashboard;
use crate::devices::Devices;
use crate::input::{AlertIds, Command, Input};
use crate::output::{ClientEvent, Output, Slices};
use crate::status::ConnectionStatus;
use crate::subscriptions::ChannelView;
use crate::telemetry::{Freshness, Telemetry};
use crate::time::{Millis, Now};
use crate::toasts::Toasts;
use crate::viewers::Viewers;
use std::collections::VecDeque;

/// What came and what was wrong with it, since the client was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames received.
    pub frames: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Messages read.
    pub messages: u64,
    /// Messages or frames that could not be read.
    pub unreadable: u64,
    /// Publications that were there already.
    pub duplicates: u64,
    /// Events of channels that are not subscribed.
    pub strays: u64,
    /// Holes in the numbering of a live channel, each mended by a recovery.
    pub gaps: u64,
    /// Connections that were welcomed.
    pub welcomes: u64,
}

/// One client.
#[derive(Debug)]
pub struct Client {
    config: Config,
    now: Now,
    status: ConnectionStatus,
    devices: Devices,
    alerts: Alerts,
    dashboard: Dashboard,
    viewers: Viewers,
    toasts: Toasts,
    telemetry: Telemetry,
    counters: Counters,
    outputs: VecDeque<Output>,
    changed: Slices,
}

impl Client {
    /// A client at rest. The seed decides the jitter: give each client its own.
    pub fn new(config: Config, _seed: u64, now: Now) -> Self {
        Self {
            status: ConnectionStatus { since: now.unix, ..ConnectionStatus::default() },
            devices: Devices::default(),
            alerts: Alerts::default(),
            dashboard: Dashboard::default(),
            viewers: Viewers::default(),
            toasts: Toasts::new(config.toasts.clone()),
            telemetry: Telemetry::new(config.telemetry.clone()),
            counters: Counters::default(),
            outputs: VecDeque::new(),
            changed: Slices::NONE,
            config,
            now,
        }
    }

    /// Takes one input. Drain [`poll_output`](Self::poll_output) afterwards.
    pub fn handle(&mut self, now: Now, input: Input<'_>) {
        self.now = now;
        if let Input::Command(command) = input {
            self.handle_command(command);
        }
        if self.toasts.handle_expiry(now) {
            self.changed |= Slices::TOASTS;
        }
    }
    /// The next action, until there is none.
    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some(output) = self.outputs.pop_front() {
            return Some(output);
        }
        let changed = std::mem::take(&mut self.changed);
        (!changed.is_empty()).then_some(Output::Changed(changed))
    }
    /// When to call `handle` with [`Input::Tick`] (monotonic clock), if at all.
    pub fn poll_timeout(&self) -> Option<Millis> {
        self.toasts.deadline()
    }

    /// The connection.
    pub fn connection(&self) -> &ConnectionStatus {
        &self.status
    }
    /// Device statuses.
    pub fn devices(&self) -> &Devices {
        &self.devices
    }
    /// Alerts.
    pub fn alerts(&self) -> &Alerts {
        &self.alerts
    }
    /// Statistics.
    pub fn dashboard(&self) -> &Dashboard {
        &self.dashboard
    }
    /// Viewers.
    pub fn viewers(&self) -> &Viewers {
        &self.viewers
    }
    /// Toasts.
    pub fn toasts(&self) -> &Toasts {
        &self.toasts
    }
    /// Rings.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }
    /// How fresh a metric is, and the age of its newest point in milliseconds.
    pub fn freshness(&self, _unix_now: Millis, _device: &str, _metric: &str) -> (Freshness, Option<f64>) {
        (Freshness::Empty, None)
    }
    /// A held channel; `None` where nobody holds it.
    pub fn channel(&self, _name: &str) -> Option<ChannelView<'_>> {
        None
    }
    /// What came and what was wrong with it.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    fn handle_command(&mut self, command: Command) {
        match command {
            Command::MarkAlertsRead(AlertIds::All) => {
                if self.alerts.handle_all_read() {
                    self.changed |= Slices::ALERTS;
                }
            }
            Command::MarkAlertsRead(AlertIds::Some(ids)) => {
                if self.alerts.handle_read(&ids) {
                    self.changed |= Slices::ALERTS;
                }
            }
            Command::ClickToast { id } => {
                if let Some(toast) = self.toasts.take(self.now, &id) {
                    self.outputs.push_back(Output::Emit(ClientEvent::ToastClicked(toast)));
                    self.changed |= Slices::TOASTS;
                }
            }
            _ => {}
        }
    }
}
