//! What the page asks for.

use crate::client::Client;
use crate::connection::Happening;
use crate::input::{AlertIds, Command, RequestId};
use crate::output::{ClientEvent, Failure, Slices, channel_problem};
use crate::requests::Purpose;
use pulsewire_protocol::{Call, ChannelName, ClientMessage, Ping, RawJson};

impl Client {
    pub(crate) fn handle_command(&mut self, command: Command) {
        match command {
            Command::Connect => self.step(Happening::Start),
            Command::Close => self.step(Happening::Stop),
            Command::SignOut => {
                self.step(Happening::Stop);
                self.clear_outbox();
                self.sending.owner = None;
                self.forget_user();
                self.status.user = None;
                self.status.tenant = None;
            }
            Command::Subscribe { channel, options } => match ChannelName::parse(&channel) {
                Ok(_) => {
                    self.subscriptions.handle_subscribe(self.now.monotonic, &channel, options);
                    self.changed |= Slices::CHANNELS;
                }
                Err(error) => self.error("invalid_channel", channel_problem(error), Some(channel)),
            },
            Command::Resume { channel, position } => self.subscriptions.handle_resume(&channel, position),
            Command::Release { channel } => {
                if !self.subscriptions.handle_release(self.now.monotonic, &channel, self.config.linger_ms) {
                    self.error("not_subscribed", "released, but nobody holds it: release each hold once", Some(channel));
                }
            }
            Command::Publish { request, channel, payload, key, queue } => self.publish(request, channel, payload, key, queue),
            Command::Call { request, method, params } => {
                let params = params.map(RawJson::from_text_unchecked);
                self.request(request, Purpose::Call(request), |id| ClientMessage::Call(Call { id, method, params }));
            }
            Command::Ping { request } => self.request(request, Purpose::Ping(request), |id| ClientMessage::Ping(Ping { id })),
            Command::HoldTelemetry { device, metric, capacity } => {
                let known = self.telemetry.series(&device, &metric).is_some();
                if !self.telemetry.handle_hold(&device, &metric, capacity) {
                    self.too_many_series();
                } else {
                    self.mark(!known, Slices::METRICS);
                }
            }
            Command::ReleaseTelemetry { device, metric } => self.telemetry.handle_release(&device, &metric),
            Command::MarkAlertsRead(AlertIds::All) => {
                let changed = self.alerts.handle_all_read();
                self.mark(changed, Slices::ALERTS);
            }
            Command::MarkAlertsRead(AlertIds::Some(ids)) => {
                let changed = self.alerts.handle_read(&ids);
                self.mark(changed, Slices::ALERTS);
            }
            Command::MarkNotifications { id, dismiss } => self.handle_mark_notifications(id.as_deref(), dismiss),
            Command::Typing { conversation, active } => self.handle_typing(&conversation, active),
            Command::WatchPresence => {
                if !std::mem::replace(&mut self.presence_wanted, true) {
                    self.ask_presence();
                }
            }
            Command::Present { user, name } => self.handle_present(&user, &name),
            Command::DismissToast { id } => {
                let changed = self.toasts.handle_dismiss(self.now, &id);
                self.mark(changed, Slices::TOASTS);
            }
            Command::ClickToast { id } => {
                if let Some(toast) = self.toasts.take(self.now, &id) {
                    self.emit(ClientEvent::ToastClicked(toast));
                    self.changed |= Slices::TOASTS;
                }
            }
            Command::HoldToasts(held) => {
                let changed = self.toasts.handle_hold(self.now, held);
                self.mark(changed, Slices::TOASTS);
            }
        }
    }

    pub(crate) fn too_many_series(&mut self) {
        let text = "too many telemetry series: this metric is not stored; hold fewer devices or raise telemetry.max_series";
        self.error("too_many_series", text, None);
    }

    /// Sends a request of the page, or settles it at once.
    pub(crate) fn request(&mut self, request: RequestId, purpose: Purpose, message: impl FnOnce(u64) -> ClientMessage) {
        if !self.connection.is_connected() {
            let failure = if self.connection.is_polling() { Failure::NotWhilePolling } else { Failure::NotConnected };
            self.settle(request, Err(failure));
        } else if self.requests.len() >= self.config.max_requests {
            self.settle(request, Err(Failure::TooManyRequests));
        } else {
            let id = self.requests.begin(self.now.monotonic, purpose);
            if !self.send(&message(id)) {
                self.requests.take(id);
                self.settle(request, Err(Failure::TooLarge { limit: self.limits.max_message_bytes }));
            }
        }
    }
}
