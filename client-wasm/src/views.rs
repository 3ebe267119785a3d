//! What JavaScript sees of the core's state: plain objects, made by `serde_wasm_bindgen::to_value`.

use pulsewire_client_core::{AlertItem, ChannelView, Client, Failure, Slices, Toast};
use pulsewire_protocol::{ErrorBody, RawJson};
use serde::{Serialize, Serializer};
use wasm_bindgen::prelude::*;

/// A value as JavaScript has it: maps as plain objects, what is absent left out.
pub(crate) fn to_js<T: Serialize + ?Sized>(value: &T) -> Result<JsValue, JsValue> {
    let serializer = serde_wasm_bindgen::Serializer::new().serialize_maps_as_objects(true);
    Ok(value.serialize(&serializer)?)
}

/// JSON text as the page's own parser reads it. What it cannot read (a peer's mistake) is left out.
pub(crate) fn parsed(json: &RawJson) -> JsValue {
    js_sys::JSON::parse(json.as_str()).unwrap_or(JsValue::UNDEFINED)
}

/// Puts a parsed JSON text into an object.
pub(crate) fn put_json(object: &JsValue, name: &str, json: Option<&RawJson>) -> Result<(), JsValue> {
    if let Some(json) = json {
        js_sys::Reflect::set(object, &JsValue::from_str(name), &parsed(json))?;
    }
    Ok(())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConnectionView<'a> {
    state: &'static str,
    attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_retry_at: Option<f64>,
    since: f64,
    ever_connected: bool,
    interrupted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    close_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a str>,
}

fn connection(client: &Client) -> Result<JsValue, JsValue> {
    let status = client.connection();
    to_js(&ConnectionView {
        state: status.state.as_str(),
        attempt: status.attempt,
        next_retry_at: status.next_retry_at.map(|at| at.0 as f64),
        since: status.since.0 as f64,
        ever_connected: status.ever_connected,
        interrupted: status.interrupted,
        close_code: status.close_code,
        reason: status.reason,
        latency_ms: status.latency_ms.map(|ms| ms as f64),
        connection_id: status.connection_id.as_deref(),
        user: status.user.as_deref(),
        tenant: status.tenant.as_deref(),
    })
}

/// An alert without its metadata, which is JSON text.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertView<'a> {
    id: &'a str,
    patient_id: &'a str,
    patient_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<&'a str>,
    #[serde(rename = "type")]
    alert_type: &'a str,
    severity: &'static str,
    message: &'a str,
    ts: f64,
    read: bool,
}

fn alert(item: &AlertItem) -> Result<JsValue, JsValue> {
    let object = to_js(&AlertView {
        id: &item.id,
        patient_id: &item.patient_id,
        patient_name: &item.patient_name,
        device_id: item.device_id.as_deref(),
        alert_type: &item.alert_type,
        severity: item.severity.as_str(),
        message: &item.message,
        ts: item.ts,
        read: item.read,
    })?;
    put_json(&object, "metadata", item.metadata.as_ref())?;
    Ok(object)
}

/// `{items, unread}`; the items go in one by one because of their metadata.
fn alerts(client: &Client) -> Result<JsValue, JsValue> {
    let items = js_sys::Array::new();
    for item in client.alerts().items() {
        items.push(&alert(item)?);
    }
    let state = js_sys::Object::new();
    js_sys::Reflect::set(&state, &JsValue::from_str("items"), &items)?;
    js_sys::Reflect::set(&state, &JsValue::from_str("unread"), &JsValue::from_f64(client.alerts().unread() as f64))?;
    Ok(state.into())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToastView<'a> {
    id: &'a str,
    kind: &'static str,
    severity: &'static str,
    title: &'a str,
    message: &'a str,
    ts: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patient_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
}

impl<'a> ToastView<'a> {
    fn of(toast: &'a Toast) -> Self {
        Self {
            id: &toast.id,
            kind: toast.kind.as_str(),
            severity: toast.severity.as_str(),
            title: &toast.title,
            message: &toast.message,
            ts: toast.ts.0 as f64,
            expires_at: toast.expires_at.map(|at| at.0 as f64),
            patient_id: toast.patient_id.as_deref(),
            device_id: toast.device_id.as_deref(),
            link: toast.link.as_deref(),
        }
    }
}

pub(crate) fn toast(toast: &Toast) -> Result<JsValue, JsValue> {
    to_js(&ToastView::of(toast))
}

#[derive(Serialize)]
struct ToastsView<'a> {
    visible: Vec<ToastView<'a>>,
    waiting: usize,
    held: bool,
}

fn toasts(client: &Client) -> Result<JsValue, JsValue> {
    let toasts = client.toasts();
    to_js(&ToastsView { visible: toasts.visible().map(ToastView::of).collect(), waiting: toasts.waiting(), held: toasts.held() })
}

/// A table as an object by name.
struct ByName<'a, V>(&'a pulsewire_client_core::Table<V>);

impl<V: Serialize> Serialize for ByName<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter())
    }
}

/// One slice of the state, by its bit.
pub(crate) fn slice(client: &Client, which: Slices) -> Result<JsValue, JsValue> {
    match which {
        Slices::CONNECTION => connection(client),
        Slices::DEVICES => to_js(&ByName(client.devices().statuses())),
        Slices::ALERTS => alerts(client),
        Slices::DASHBOARD => client.dashboard().stats().map_or(Ok(JsValue::UNDEFINED), to_js),
        Slices::VIEWERS => to_js(&ByName(client.viewers().counts())),
        Slices::TOASTS => toasts(client),
        _ => Ok(JsValue::UNDEFINED),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorView<'a> {
    code: &'static str,
    message: &'a str,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<f64>,
}

impl<'a> ErrorView<'a> {
    fn of(body: &'a ErrorBody) -> Self {
        Self {
            code: body.code.as_str(),
            message: &body.message,
            retryable: body.retryable,
            retry_after_ms: body.retry_after_ms.map(|ms| ms as f64),
        }
    }
}

pub(crate) fn failure(failure: &Failure) -> Result<JsValue, JsValue> {
    to_js(&ErrorView {
        code: failure.code(),
        message: &failure.message(),
        retryable: failure.retryable(),
        retry_after_ms: failure.retry_after_ms().map(|ms| ms as f64),
    })
}

#[derive(Serialize)]
struct ChannelStateView<'a> {
    phase: &'static str,
    epoch: &'a str,
    offset: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorView<'a>>,
}

pub(crate) fn channel(view: &ChannelView<'_>) -> Result<JsValue, JsValue> {
    to_js(&ChannelStateView {
        phase: view.phase.as_str(),
        epoch: view.epoch,
        offset: view.offset as f64,
        error: view.error.map(ErrorView::of),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CountersView {
    frames: f64,
    bytes: f64,
    messages: f64,
    unreadable: f64,
    duplicates: f64,
    strays: f64,
    gaps: f64,
    welcomes: f64,
}

pub(crate) fn counters(client: &Client) -> Result<JsValue, JsValue> {
    let counters = client.counters();
    to_js(&CountersView {
        frames: counters.frames as f64,
        bytes: counters.bytes as f64,
        messages: counters.messages as f64,
        unreadable: counters.unreadable as f64,
        duplicates: counters.duplicates as f64,
        strays: counters.strays as f64,
        gaps: counters.gaps as f64,
        welcomes: counters.welcomes as f64,
    })
}
