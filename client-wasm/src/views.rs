//! What JavaScript sees of the core's state: plain objects.

use crate::clock;
use crate::events;
use crate::events::record;
use crate::object::{Object, parsed};
use pulsewire_client_core::{AlertItem, ChannelView, Client, Failure, Kept, Slices, Table, Toast};
use pulsewire_protocol::{ErrorBody, EventKind};
use wasm_bindgen::prelude::*;

fn connection(client: &Client) -> JsValue {
    let status = client.connection();
    Object::new()
        .text("state", status.state.as_str())
        .number("attempt", f64::from(status.attempt))
        .number_if("nextRetryAt", status.next_retry_at.map(|at| at.0 as f64))
        .number("since", status.since.0 as f64)
        .flag("everConnected", status.ever_connected)
        .flag("interrupted", status.interrupted)
        .number_if("closeCode", status.close_code.map(f64::from))
        .text_if("reason", status.reason)
        .number_if("latencyMs", status.latency_ms.map(|ms| ms as f64))
        .text_if("connectionId", status.connection_id.as_deref())
        .text_if("user", status.user.as_deref())
        .text_if("tenant", status.tenant.as_deref())
        .done()
}

fn alert(item: &AlertItem) -> JsValue {
    let object = Object::new()
        .text("id", &item.id)
        .text("patientId", &item.patient_id)
        .text("patientName", &item.patient_name)
        .text_if("deviceId", item.device_id.as_deref())
        .text("type", &item.alert_type)
        .text("severity", item.severity.as_str())
        .text("message", &item.message)
        .number("ts", item.ts)
        .flag("read", item.read);
    match &item.metadata {
        Some(json) => object.value("metadata", &parsed(json.as_str())).done(),
        None => object.done(),
    }
}

#[inline(never)]
fn list(items: &mut dyn Iterator<Item = JsValue>) -> JsValue {
    let array = js_sys::Array::new();
    for item in items {
        array.push(&item);
    }
    array.into()
}

pub(crate) fn toast(toast: &Toast) -> JsValue {
    toast_object(toast).done()
}

#[inline(never)]
fn toast_object(toast: &Toast) -> Object {
    Object::new()
        .text("id", &toast.id)
        .text("kind", toast.kind.as_str())
        .text("severity", toast.severity.as_str())
        .text("title", &toast.title)
        .text("message", &toast.message)
        .number("ts", toast.ts.0 as f64)
        .number_if("expiresAt", toast.expires_at.map(|at| at.0 as f64))
        .text_if("patientId", toast.patient_id.as_deref())
        .text_if("deviceId", toast.device_id.as_deref())
        .text_if("link", toast.link.as_deref())
        .text_if("group", Some(toast.group.as_str()).filter(|group| !group.is_empty()))
}

/// A table as an object by name.
fn by_name<V>(table: &Table<V>, view: impl Fn(&V) -> JsValue) -> JsValue {
    table.iter().fold(Object::new(), |object, (name, value)| object.value(name, &view(value))).done()
}

/// The records of a list, oldest first; of one scope, where it is named.
fn records(client: &Client, list: Kept, scope: &str) -> JsValue {
    let kind = match list {
        Kept::Notifications => Some(EventKind::Notification),
        Kept::Executions => Some(EventKind::ExecutionUpdate),
        Kept::Messages => Some(EventKind::MessageNew),
        _ => None,
    };
    let all = js_sys::Array::new();
    for item in client.kept(list).filter(|item| scope.is_empty() || item.scope == scope) {
        all.push(&record(item, kind));
    }
    all.into()
}

/// One slice of the state, by its bit; `undefined` where there is nothing yet.
pub(crate) fn slice(client: &Client, which: Slices, name: &str) -> JsValue {
    match which {
        Slices::CONNECTION => connection(client),
        Slices::DEVICES => by_name(client.devices().statuses(), |device| {
            Object::new()
                .text("deviceId", &device.device_id)
                .text("status", device.status.as_str())
                .number_if("battery", device.battery)
                .number_if("lastSeen", device.last_seen.map(|at| at.0))
                .done()
        }),
        Slices::ALERTS => Object::new()
            .value("items", &list(&mut client.alerts().items().map(alert)))
            .number("unread", client.alerts().unread() as f64)
            .done(),
        Slices::DASHBOARD => client.dashboard().stats().map_or(JsValue::UNDEFINED, |stats| {
            Object::new()
                .number("devices", stats.devices as f64)
                .number("online", stats.online as f64)
                .number("activeAlerts", stats.active_alerts as f64)
                .number("activeSessions", stats.active_sessions as f64)
                .number("averageCompliance", stats.average_compliance)
                .number("viewers", stats.viewers as f64)
                .done()
        }),
        Slices::VIEWERS => by_name(client.viewers().counts(), |viewers| {
            Object::new()
                .number("count", f64::from(viewers.count))
                .value("names", &list(&mut viewers.names.iter().map(|name| JsValue::from_str(name))))
                .done()
        }),
        Slices::OUTBOX => list(&mut client.outbox().items().iter().map(|item| {
            // What the page gave was JSON.
            let data = events::data(&item.payload).unwrap_or(JsValue::NULL);
            Object::new()
                .text("id", &item.id)
                .text("channel", &item.channel)
                .text("event", item.payload.event())
                .value("data", &data)
                .number("queuedAt", item.queued_at.0 as f64)
                .text("state", if item.is_sent() { "sent" } else { "queued" })
                .done()
        })),
        Slices::TOASTS => Object::new()
            .value(
                "visible",
                &list(
                    &mut client
                        .toasts()
                        .visible()
                        .map(|shown| toast_object(shown).value("others", &list(&mut client.toasts().behind(shown).map(toast))).done()),
                ),
            )
            .number("waiting", client.toasts().waiting() as f64)
            .flag("held", client.toasts().held())
            .done(),
        which => Kept::of(which).map_or(JsValue::UNDEFINED, |list| records(client, list, name)),
    }
}

fn error(code: &str, message: &str, retryable: bool, retry_after_ms: Option<u64>) -> JsValue {
    Object::new()
        .text("code", code)
        .text("message", message)
        .flag("retryable", retryable)
        .number_if("retryAfterMs", retry_after_ms.map(|ms| ms as f64))
        .done()
}

fn error_body(body: &ErrorBody) -> JsValue {
    error(body.code.as_str(), &body.message, body.retryable, body.retry_after_ms)
}

pub(crate) fn failure(failure: &Failure) -> JsValue {
    error(failure.code(), failure.message(), failure.retryable(), failure.retry_after_ms())
}

pub(crate) fn channel(view: &ChannelView<'_>) -> JsValue {
    let state = Object::new().text("phase", view.phase.as_str()).text("epoch", view.epoch).number("offset", view.offset as f64);
    match view.error {
        Some(body) => state.value("error", &error_body(body)).done(),
        None => state.done(),
    }
}

pub(crate) fn metrics(client: &Client, device: &str) -> JsValue {
    let names: Vec<&str> = client.telemetry().metrics(device).map(|series| series.metric()).collect();
    serde_wasm_bindgen::to_value(&names).unwrap_or_default()
}

/// How good the connection is now.
pub(crate) fn quality(client: &Client) -> JsValue {
    let quality = client.quality(clock::now().monotonic);
    Object::new()
        .text("grade", quality.grade.as_str())
        .number_if("latencyMs", quality.latency_ms.map(f64::from))
        .number_if("latencyP50Ms", quality.latency_p50_ms.map(f64::from))
        .number_if("latencyP95Ms", quality.latency_p95_ms.map(f64::from))
        .number("jitterMs", quality.jitter_ms)
        .number("uptime", quality.uptime)
        .number("reconnects", client.counters().welcomes.saturating_sub(1) as f64)
        .number("messagesPerSecond", quality.messages_per_second)
        .number("bytesPerSecond", quality.bytes_per_second)
        .done()
}

/// What came and what was wrong with it.
pub(crate) fn counters(client: &Client) -> JsValue {
    let counters = client.counters();
    Object::new()
        .number("frames", counters.frames as f64)
        .number("bytes", counters.bytes as f64)
        .number("messages", counters.messages as f64)
        .number("unreadable", counters.unreadable as f64)
        .number("duplicates", counters.duplicates as f64)
        .number("strays", counters.strays as f64)
        .number("gaps", counters.gaps as f64)
        .number("welcomes", counters.welcomes as f64)
        .done()
}
