//! Reads the configuration object that the façade makes of the page's options.

use crate::convert::{bad, number, optional_number, optional_text, optional_u32, property, text};
use pulsewire_client_core::Config;
use pulsewire_protocol::{ClientInfo, Severity};
use wasm_bindgen::prelude::*;

/// Everything that the driver is made from.
pub(crate) struct Settings {
    pub(crate) core: Config,
    pub(crate) seed: u64,
    /// The relay's address.
    pub(crate) url: String,
    /// The constructor of the socket; absent is the page's own.
    pub(crate) web_socket: Option<js_sys::Function>,
}

fn ms(object: &JsValue, name: &str, into: &mut u64) -> Result<(), JsValue> {
    if let Some(value) = optional_number(&property(object, name), name)? {
        *into = value as u64;
    }
    Ok(())
}

pub(crate) fn read(given: &JsValue) -> Result<Settings, JsValue> {
    let mut core = Config::default();
    ms(given, "heartbeatTimeoutMs", &mut core.heartbeat_timeout_ms)?;
    ms(given, "handshakeTimeoutMs", &mut core.handshake_timeout_ms)?;
    ms(given, "lingerMs", &mut core.linger_ms)?;

    let backoff = property(given, "backoff");
    ms(&backoff, "baseMs", &mut core.backoff.base_ms)?;
    ms(&backoff, "capMs", &mut core.backoff.cap_ms)?;
    if let Some(factor) = optional_number(&property(&backoff, "factor"), "factor")? {
        core.backoff.factor = factor;
    }
    if property(&backoff, "jitter").as_bool() == Some(false) {
        core.backoff.jitter = false;
    }

    let telemetry = property(given, "telemetry");
    if let Some(capacity) = optional_u32(&property(&telemetry, "capacity"), "telemetry.capacity")? {
        core.telemetry.capacity = capacity as usize;
    }
    let capacities = property(&telemetry, "capacities");
    if let Some(capacities) = capacities.dyn_ref::<js_sys::Object>() {
        for entry in js_sys::Object::entries(capacities).iter() {
            let metric = text(&js_sys::Reflect::get_u32(&entry, 0)?, "telemetry.capacities")?;
            let capacity = number(&js_sys::Reflect::get_u32(&entry, 1)?, "telemetry.capacities")? as usize;
            core.telemetry.capacities.push((metric, capacity));
        }
    }

    let toasts = property(given, "toasts");
    ms(&toasts, "durationMs", &mut core.toasts.duration_ms)?;
    if let Some(visible) = optional_u32(&property(&toasts, "maxVisible"), "toasts.maxVisible")? {
        core.toasts.max_visible = visible as usize;
    }
    if let Some(word) = optional_text(&property(&toasts, "minSeverity"), "toasts.minSeverity")? {
        let severity = Severity::ALL.iter().find(|severity| severity.as_str() == word);
        core.toasts.min_severity = *severity.ok_or_else(|| bad("toasts.minSeverity", "must be one of critical, high, medium and low"))?;
    }

    core.client = ClientInfo {
        name: text(&property(given, "clientName"), "clientName")?,
        version: text(&property(given, "clientVersion"), "clientVersion")?,
        session: text(&property(given, "session"), "session")?,
    };
    let seed = (number(&property(given, "seedHigh"), "seedHigh")? as u32, number(&property(given, "seedLow"), "seedLow")? as u32);
    Ok(Settings {
        core,
        seed: (u64::from(seed.0) << 32) | u64::from(seed.1),
        url: text(&property(given, "url"), "url")?,
        web_socket: property(given, "WebSocket").dyn_into().ok(),
    })
}
