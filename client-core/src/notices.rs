//! Toasts of the client's own: what the connection and the sign-in have to say, and what publications are worth showing.

use crate::client::Client;
use crate::digits::push_number;
use crate::output::Slices;
use crate::status::ConnectionState;
use crate::toasts::{Toast, ToastKind};
use pulsewire_protocol::Severity;

impl Client {
    pub(crate) fn new_toast(&self, id: &str, kind: ToastKind, severity: Severity, title: &str, message: &str) -> Toast {
        Toast {
            id: id.to_owned(),
            kind,
            severity,
            title: title.to_owned(),
            message: message.to_owned(),
            ts: self.now.unix,
            expires_at: None,
            patient_id: None,
            device_id: None,
            link: None,
            group: String::new(),
        }
    }

    /// A toast of the client's own: its title is a key that the page translates.
    pub(crate) fn toast(&mut self, kind: ToastKind, title: &str, message: &str) {
        self.own_toasts = self.own_toasts.wrapping_add(1);
        let mut id = String::from(title);
        id.push(':');
        push_number(&mut id, u64::from(self.own_toasts));
        let toast = self.new_toast(&id, kind, Severity::High, title, message);
        self.add_toast(toast);
    }

    pub(crate) fn add_toast(&mut self, toast: Toast) {
        let changed = self.toasts.handle_new(self.now, toast);
        self.mark(changed, Slices::TOASTS);
    }

    /// The connection has been away long enough for people to be told.
    pub(crate) fn show_interruption(&mut self) {
        if matches!(self.status.state, ConnectionState::Connecting | ConnectionState::Reconnecting) {
            self.status.interrupted = true;
            self.changed |= Slices::CONNECTION;
            let reason = self.status.reason.unwrap_or("lost");
            self.toast(ToastKind::Connection, "connection_lost", reason);
        }
    }
}
